"""What a loop need not do turn by turn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Node, Value
from octavo.ops.binary import Add
from octavo.ops.control_flow import While
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.gather import Gather
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, is_float, made_by
from octavo.schema.enums import Activation


@rewrites(While, phase="recognize")
def product_before_loop(node: Node, build: Rewriter) -> tuple[Value, ...] | None:
    """while: y = x[t] · w → z = x · w, while: y = z[t]

    The product of the inputs of a recurrent layer with their weights, for all steps at once: it reads the weights
    once. Only where turns are counted, so that a loop that picks a few rows of a long table keeps its small products.

    Before:
        main(%x: float32[9,batch,3], %h: float32[batch,2]) {
          %zero = const int32[] 0
          %t, %s, %y = WHILE(%zero, %x, %h) {cond_subgraph_index=@cond, body_subgraph_index=@body}
          return %y
        }
        cond(%t0: int32[], %x0: float32[9,batch,3], %h0: float32[batch,2]) {
          %nine = const int32[] 9
          %c: bool[] = LESS(%t0, %nine)
          return %c
        }
        body(%t1: int32[], %x1: float32[9,batch,3], %h1: float32[batch,2]) {
          %w = const float32[2,3]
          %b = const float32[2]
          %one = const int32[] 1
          %t2: int32[] = ADD(%t1, %one)
          %row: float32[batch,3] = GATHER(%x1, %t1)
          %p: float32[batch,2] = FULLY_CONNECTED(%row, %w, %b)
          %sum: float32[batch,2] = ADD(%p, %h1)
          %h2: float32[batch,2] = TANH(%sum)
          return %t2, %x1, %h2
        }

    After:
        main(%x: float32[9,batch,3], %h: float32[batch,2]) {
          %w = const float32[2,3]
          %b = const float32[2]
          %z: float32[9,batch,2] = FULLY_CONNECTED(%x, %w, %b) {keep_num_dims=True}
          %zero = const int32[] 0
          %t, %y, %s = WHILE(%zero, %h, %z) {cond_subgraph_index=@cond, body_subgraph_index=@body}
          return %y
        }
        cond(%t0: int32[], %h0: float32[batch,2], %z0: float32[9,batch,2]) {
          %nine = const int32[] 9
          %c: bool[] = LESS(%t0, %nine)
          return %c
        }
        body(%t1: int32[], %h1: float32[batch,2], %z1: float32[9,batch,2]) {
          %one = const int32[] 1
          %t2: int32[] = ADD(%t1, %one)
          %p: float32[batch,2] = GATHER(%z1, %t1)
          %sum: float32[batch,2] = ADD(%p, %h1)
          %h2: float32[batch,2] = TANH(%sum)
          return %t2, %h2, %z1
        }

    Unless:
        main(%x: float32[9,batch,3], %i: int32[], %h: float32[batch,2]) {
          %s, %t, %y = WHILE(%x, %i, %h) {cond_subgraph_index=@cond, body_subgraph_index=@body}
          return %y
        }
        cond(%x0: float32[9,batch,3], %i0: int32[], %h0: float32[batch,2]) {
          %nine = const int32[] 9
          %c: bool[] = LESS(%i0, %nine)
          return %c
        }
        body(%x1: float32[9,batch,3], %i1: int32[], %h1: float32[batch,2]) {
          %w = const float32[2,3]
          %b = const float32[2]
          %two = const int32[] 2
          %i2: int32[] = MUL(%i1, %two)
          %row: float32[batch,3] = GATHER(%x1, %i1)
          %p: float32[batch,2] = FULLY_CONNECTED(%row, %w, %b)
          return %x1, %i2, %p
        }
    """
    cond, body = node.op.graphs
    product = next(_products(body), None)
    if product is None:
        return None
    picked = product.inputs[0]
    assert picked is not None
    assert picked.producer is not None
    sequence, place = picked.producer.inputs
    assert sequence is not None
    at, given = body.inputs.index(sequence), list(node.inputs)
    build.origin = product.origin or build.origin
    weights = [None if value is None else value.const for value in product.inputs[1:]]
    whole = build(FullyConnected(keep_num_dims=True), given[at], *weights)
    name = product.output.name
    cond.input(name, whole.type)
    inner = body.input(name, whole.type)
    body.outputs.append(inner)
    row = Builder(body, before=product, origin=product.origin)(Gather(), inner, place, name=name)
    body.replace(product.output, row)
    body.erase(product)
    body.erase(picked.producer)
    idle = not sequence.uses and not cond.inputs[at].uses
    if idle:
        del cond.inputs[at], body.inputs[at], body.outputs[at], given[at]
    made = list(build.many(While(cond, body), *given, whole, name=node.name))
    made.pop()
    if idle:
        before = node.inputs[at]
        assert before is not None
        made.insert(at, before)
    return tuple(made)


def _products(body: Graph) -> Iterator[Node]:
    """Products of a row that each turn picks by its number from a tensor that stays as it is."""
    for node in body:
        picked = made_by(node.inputs[0] if node.inputs else None, Gather)
        if not isinstance(node.op, FullyConnected) or picked is None or not is_alone(picked.output, body):
            continue
        plain = node.op.fused_activation_function is Activation.NONE and picked.op == Gather()
        known = all(value is None or value.const is not None for value in node.inputs[1:])
        if plain and known and is_float(*picked.inputs[:1], node.inputs[1]) and _counted(body, picked):
            yield node


def _counted(body: Graph, picked: Node) -> bool:
    """Whether a row of a sequence of matrices is picked by a number that grows by one with each turn."""
    sequence, place = picked.inputs
    if sequence is None or place is None or sequence.rank != 3 or not {sequence, place} <= set(body.inputs):
        return False
    step = made_by(body.outputs[body.inputs.index(place)], Add)
    stays = body.outputs[body.inputs.index(sequence)] is sequence
    return stays and step is not None and step.inputs[0] is place and _is_one(step.inputs[1])


def _is_one(value: Value | None) -> bool:
    return value is not None and value.const is not None and bool(np.all(value.const == 1))
