"""Families: the values whose channels can only be multiplied by the same factors, and the constants that take these."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np
from msgspec import Struct, field

from octavo.ir.build import Builder
from octavo.ir.channels import Together, Weighed
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array

Sum = tuple[Node, Weighed]
"""A node that sums weighted channels, and how."""


class Family(Struct, eq=False):
    """Values whose `length` channels have common factors; a value with more has them several times over, in a row.

    `makers` make members, `readers` read them; `added` are constants that are added to members, by their place.
    `bounded` are readers that need members without factors. What is `fixed` takes none.
    """

    values: dict[Value, None] = field(default_factory=dict)
    length: int = 1
    makers: list[Sum] = field(default_factory=list)
    readers: list[Sum] = field(default_factory=list)
    added: list[tuple[Node, int]] = field(default_factory=list)
    bounded: list[Node] = field(default_factory=list)
    fixed: bool = False

    @property
    def is_free(self) -> bool:
        """Whether factors on its channels can be taken up all around."""
        taken = [_length(node, link.weight, link.takes) for node, link in self.readers if link.takes is not None]
        fits = not any(
            length % (self.length * link.repeat) for length, (_, link) in zip(taken, self.readers, strict=False)
        )
        return not self.fixed and bool(self.makers) and bool(self.readers) and self.length > 1 and fits


def families(graph: Graph) -> list[Family]:
    """Those families of the graph that factors can be put on."""
    of: dict[Value, Family] = {}
    for value in graph.values:
        if value.const is None and value.dtype == np.float32:
            length = value.shape[-1] if value.rank else None
            is_open = not isinstance(length, int) or value.state or value in graph.inputs or value in graph.outputs
            of[value] = Family({value: None}, length if isinstance(length, int) else 1, fixed=is_open)
    for node in graph:
        _enter(node, of)
    return [family for family in dict.fromkeys(of.values()) if family.is_free]


def put(graph: Graph, family: Family, factors: Array) -> None:
    """Divide the channels of the family's values by `factors`, float[length]; outside of it nothing changes.

    With powers of two nothing changes at all, to the last bit.
    """
    factors = np.asarray(factors, np.float32)
    for node, link in family.makers:
        for operand, axis in ((link.weight, link.gives), (link.bias, -1)):
            if operand is not None and operand < len(node.inputs) and node.inputs[operand] is not None:
                _scale(graph, node, operand, _along(node, operand, axis, 1 / factors))
    for node, link in family.readers:
        assert link.takes is not None
        _scale(graph, node, link.weight, _along(node, link.weight, link.takes, np.repeat(factors, link.repeat)))
    for node, operand in family.added:
        _scale(graph, node, operand, _along(node, operand, -1, 1 / factors))
    for node in family.bounded:
        _undo(graph, node, factors)


def _enter(node: Node, of: dict[Value, Family]) -> None:
    """What the node says about the families of its operands and results."""
    link = node.op.channels(node) if node.outputs and node.outputs[0] in of else None
    operands = [(place, of[value]) for place, value in enumerate(node.inputs) if value in of]
    results = [of[value] for value in node.outputs if value in of]
    match link:
        case Together():
            _join(node, link, of)
        case Weighed():
            _weigh(node, link, of)
        case None if node.op.bounded and len(operands) == 1:
            operands[0][1].bounded.append(node)
            _fix(results)
        case None:
            _fix([*(family for _, family in operands), *results])
        case _:
            assert_never(link)


def _join(node: Node, link: Together, of: dict[Value, Family]) -> None:
    result = of[node.output]
    for place, value in enumerate(node.inputs):
        if value is None:
            continue
        if value.const is not None and place in link.operands:
            result.added.append((node, place))
        elif value in of and place not in link.operands:
            of[value].fixed = True
        elif value in of:
            result = _merged(result, of[value], of)


def _merged(one: Family, other: Family, of: dict[Value, Family]) -> Family:
    """One family of two, or both fixed where their channels do not match."""
    if one is other:
        return one
    short, long = sorted((one, other), key=lambda family: family.length)
    if long.length % short.length:
        _fix([one, other])
        return one
    short.values |= long.values
    for parts in ("makers", "readers", "added", "bounded"):
        getattr(short, parts).extend(getattr(long, parts))
    short.fixed |= long.fixed
    for value in long.values:
        of[value] = short
    return short


def _weigh(node: Node, link: Weighed, of: dict[Value, Family]) -> None:
    constants = [
        node.inputs[place] for place in (link.weight, link.bias) if place is not None and place < len(node.inputs)
    ]
    are_known = all(v is None or (v.const is not None and v.dtype == np.float32) for v in constants)
    input = node.inputs[link.input]
    _fix([of[value] for value in node.inputs if value is not input and value in of])
    if input is not None and input in of:
        of[input].readers.append((node, link))
        of[input].fixed |= not are_known or link.takes is None
    if node.output in of:
        of[node.output].makers.append((node, link))
        of[node.output].fixed |= not are_known or not link.even


def _fix(families: Sequence[Family]) -> None:
    for family in families:
        family.fixed = True


def _along(node: Node, operand: int, axis: int, factors: Array) -> Array:
    """The factors in a shape that broadcasts against the operand, repeated as often as they fit along `axis`."""
    value = node.inputs[operand]
    assert value is not None
    rank = max(value.rank, 1)
    tiled = np.tile(factors, _length(node, operand, axis) // len(factors))
    return tiled.reshape([-1 if i == axis % rank else 1 for i in range(rank)])


def _length(node: Node, operand: int, axis: int) -> int:
    """How many channels a constant has for the node: one that stretches has those of the result."""
    value = node.inputs[operand]
    assert value is not None
    length = value.shape[axis] if value.rank else 1
    channels = node.output.shape[-1]
    assert isinstance(length, int)
    return channels if length == 1 and axis == -1 and isinstance(channels, int) else length


def _scale(graph: Graph, node: Node, operand: int, factors: Array) -> None:
    value = node.inputs[operand]
    assert value is not None
    assert value.const is not None
    graph.rewire(node, operand, graph.const((value.const * factors).astype(np.float32), value.name))


def _undo(graph: Graph, node: Node, factors: Array) -> None:
    """Let the node read the channels as they were, through an operation in front of it.

    A depthwise convolution has a scale for each factor in integers; where there are no images, MUL has one for all.
    """
    from octavo.ops.binary import Mul
    from octavo.ops.depthwise_conv_2d import DepthwiseConv2D

    value = node.inputs[0]
    assert value is not None
    build = Builder(graph, before=node, origin=node.origin)
    tiled = np.tile(factors, int(value.shape[-1]) // len(factors))
    filter = tiled.reshape(1, 1, 1, -1)
    whole = (
        build(DepthwiseConv2D(), value, filter, np.zeros(len(tiled), np.float32))
        if value.rank == 4
        else build(Mul(), value, tiled)
    )
    graph.rewire(node, 0, whole)
