"""The optimizer's engine, with rules made for the test."""

import numpy as np
import pytest

from octavo.errors import InternalError
from octavo.ir.build import Builder
from octavo.ir.text import parse, show
from octavo.ops import registry
from octavo.ops.binary import Add
from octavo.ops.unary import Abs, Exp
from octavo.optimize.engine import optimize, share, sweep
from octavo.optimize.rule import rewrites


def graph(*lines: str):
    return parse("main(%x: float32[batch,4]) {\n" + "\n".join(lines) + "\n}", registry().ops)


@rewrites(Abs)
def abs_of_abs(node, build):
    """|(|x|)| → |x|."""
    (inner,) = node.inputs
    if inner.producer is None or inner.producer.op != Abs():
        return None
    return build(Abs(), inner.producer.inputs[0])


@rewrites(Abs)
def to_exp(node, build):
    """|x| → eˣ."""
    return build(Exp(), node.inputs[0])


@rewrites(Exp)
def to_abs(node, build):
    """eˣ → |x|."""
    return build(Abs(), node.inputs[0])


@rewrites(Abs)
def shy(node, build):
    """Never matches, and says so, after having emitted something."""
    build(Exp(), node.inputs[0])
    return build.miss("it is Tuesday")


def test_a_rule_runs_to_its_fixpoint_and_what_it_leaves_unread_goes():
    given = graph("%a = ABS(%x)", "%b = ABS(%a)", "%c = ABS(%b)", "return %c")
    record = optimize(given, only=[abs_of_abs.rule])
    assert [node.op.code for node in given] == ["ABS"]
    assert len(record.applied) == 2


def test_a_new_node_takes_the_name_and_the_origin_of_what_it_replaces():
    given = graph("%a = ABS(%x)", "%b = ABS(%a)", "return %b")
    for node, layer in zip(given, ("first", "second"), strict=True):
        node.origin = (layer,)
    optimize(given, only=[abs_of_abs.rule])
    (node,) = given
    assert node.output.name == "b"
    assert set(node.origin) == {"first", "second", "rule:abs_of_abs"}


def test_rules_that_undo_each_other_are_an_internal_error_that_names_one():
    with pytest.raises(InternalError, match="undo each other"):
        optimize(graph("%a = ABS(%x)", "return %a"), only=[to_exp.rule, to_abs.rule])


def test_a_near_miss_leaves_the_graph_alone_and_is_told():
    given = graph("%a = ABS(%x)", "return %a")
    before = show(given)
    record = optimize(given, only=[shy.rule])
    assert show(given) == before
    assert [missed.reason for missed in record.missed] == ["it is Tuesday"]


def test_unread_nodes_are_swept_and_equal_ones_shared():
    given = graph("%a = ABS(%x)", "%b = ABS(%x)", "%dead = EXP(%a)", "%c = ADD(%a, %b)", "return %c")
    sweep(given)
    share(given)
    assert [node.op.code for node in given] == ["ABS", "ADD"]


def test_two_outputs_that_compute_alike_keep_their_names():
    given = graph("%a = ABS(%x)", "%b = ABS(%x)", "return %a, %b")
    share(given)
    assert [value.name for value in given.outputs] == ["a", "b"]


def test_an_array_that_two_nodes_hold_is_held_once():
    given = graph("%a = ABS(%x)", "%b = EXP(%x)", "return %a, %b")
    array = np.ones(4, np.float32)
    build = Builder(given)
    given.outputs = [build(Add(), value, array) for value in given.outputs]
    share(given)
    first, second = (value.producer.inputs[1] for value in given.outputs)
    assert first is second
    assert len(first.uses) == 2
