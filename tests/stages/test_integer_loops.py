"""Loops and branches in integers: what goes into a body and comes out of it has one grid everywhere."""

import numpy as np
import pytest

import octavo
from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.type import Type
from octavo.ops.activation import Tanh
from octavo.ops.binary import Add, Mul
from octavo.ops.comparison import Greater, Less
from octavo.ops.control_flow import branch, loop
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.reduce import Sum
from octavo.ops.unary import Sin
from octavo.plan import Plan
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

F32 = np.dtype(np.float32)
RANDOM = np.random.default_rng(0)
WEIGHT = (RANDOM.standard_normal((8, 8)) / 2).astype(np.float32)
SAMPLES = [{"x": RANDOM.standard_normal((2, 8)).astype(np.float32)} for _ in range(16)]
TURNS = 6


def looping(body, *, first=None, results=slice(None)) -> bytes:
    """A file whose main graph runs `body(build, *state)` six times from `first(x)`; by default from `x` itself."""
    graph = Graph("main")
    build = Builder(graph, origin=("model/loop",))
    x = graph.input("x", Type(F32, (2, 8)))
    state = [x] if first is None else first(build, x)
    made = loop(
        build,
        [np.int32(0), *state],
        condition=lambda b, i, *_: b(Less(), i, np.int32(TURNS)),
        body=lambda b, i, *s: (b(Add(), i, np.int32(1)), *body(b, *s)),
        name="model/loop",
    )
    graph.outputs = list(made[1:][results])
    return stored(graph)


def stored(graph: Graph) -> bytes:
    model = Model(
        [graph], [Signature("serving_default", graph, ("x",), tuple(f"y{i}" for i in range(len(graph.outputs))))]
    )
    model.gather()
    return to_bytes(model)


def decibels(content: bytes, made, samples=SAMPLES) -> float:
    """The least signal-to-noise ratio of the outputs over the samples."""
    pairs = [
        (np.concatenate([run[name].ravel() for run in wanted]), np.concatenate([run[name].ravel() for run in got]))
        for wanted, got in [
            ([Runtime(content).run(s) for s in samples], [Runtime(made.content).run(s) for s in samples])
        ]
        for name in wanted[0]
    ]
    return min(10 * np.log10((a**2).sum() / max(((a - b) ** 2).sum(), 1e-12)) for a, b in pairs)


def dtypes(made) -> dict[str, set[str]]:
    """The dtypes of the activations of each graph that stand for real numbers."""
    return {
        graph.name: {v.dtype.name for v in graph.values if v.const is None and v.name and v.dtype.name in DTYPES}
        for graph in read_tflite(made.content).graphs
    }


DTYPES = ("float32", "int8", "int16")


def recurrent(b, h):
    return [b(Tanh(), b(FullyConnected(), h, WEIGHT, None))]


@pytest.mark.parametrize(("precision", "dtype", "least"), [("int8", "int8", 20), ("int16x8", "int16", 35)])
def test_a_loop_has_no_float_in_it(precision, dtype, least):
    content = looping(recurrent)
    made = octavo.convert(content, recipe={"precision": precision, "inputs": dtype, "outputs": dtype}, samples=SAMPLES)
    assert not made.plan.left_float
    assert all(found == {dtype} for found in dtypes(made).values())
    made = octavo.convert(content, recipe=precision, samples=SAMPLES)
    assert decibels(content, made) > least


def test_one_grid_holds_a_state_before_and_after_each_turn():
    content = looping(recurrent)
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    model = read_tflite(made.content)
    (node,) = (node for node in model.main if node.op.code == "WHILE")
    cond, body = node.op.graphs
    grids = {(float(v.quant.scale[0]), int(v.quant.zero_point[0])) for v in (
        node.inputs[1], node.outputs[1], cond.inputs[1], body.inputs[1], body.outputs[1])}  # fmt: skip
    assert len(grids) == 1
    ((scale, zero_point),) = grids
    reach = max(np.abs(sample["x"]).max() for sample in SAMPLES)
    assert scale * (127 + abs(zero_point)) >= reach * 0.99  # tanh's own grid ends at 1, and what comes in does not


def test_a_plan_for_a_loop_is_stored_and_replayed(tmp_path):
    content = looping(recurrent)
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    made.plan.save(tmp_path / "plan.json")
    assert octavo.convert(content, plan=Plan.load(tmp_path / "plan.json")).content == made.content


def test_a_state_that_is_added_to_is_kept_in_int16_and_the_products_stay_int8():
    def body(b, c, h):
        c = b(Add(), b(Mul(), c, np.float32(0.9)), b(Tanh(), b(FullyConnected(), h, WEIGHT, None)))
        return [c, b(Tanh(), c)]

    content = looping(body, first=lambda _, x: [np.zeros((2, 8), np.float32), x])
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    inside = {op.op: op for graph in made.plan.graphs for op in graph.ops if "body" in graph.graph}
    assert (inside["FULLY_CONNECTED"].precision, inside["ADD"].precision) == ("int8", "int16x8")
    assert "int16 keeps what int8 would round away" in inside["ADD"].why
    assert decibels(content, made) > 25


def test_states_that_begin_as_one_tensor_have_grids_of_their_own():
    content = looping(lambda b, g, h: [b(Mul(), g, np.float32(1.5)), b(Tanh(), h)], first=lambda _, x: [x, x])
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    (rows,) = (graph.inputs for graph in made.plan.graphs if "body" in graph.graph)
    assert rows[1].scale[0] > 5 * rows[2].scale[0]
    assert decibels(content, made) > 20


def test_a_constant_that_a_state_begins_with_is_not_cut_off():
    content = looping(
        lambda b, g, x: [b(Mul(), b(Add(), g, x), np.float32(0.3)), x],
        first=lambda _, x: [np.full((2, 8), 20, np.float32), x],
    )
    made = octavo.convert(content, recipe="int16x8", samples=SAMPLES)
    assert decibels(content, made) > 35


def test_states_that_change_places_share_a_grid():
    content = looping(lambda b, g, h: [b(Tanh(), h), g], first=lambda b, x: [x, b(Mul(), x, np.float32(3))])
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    (rows,) = (graph.inputs for graph in made.plan.graphs if "body" in graph.graph)
    assert rows[1].scale == rows[2].scale
    assert decibels(content, made) > 20


def test_an_operation_without_an_integer_kernel_stays_float_inside_of_an_integer_loop():
    content = looping(lambda b, h: [b(Tanh(), b(Add(), b(Sin(), h), h))])
    made = octavo.convert(content, recipe="int8", samples=SAMPLES)
    assert [op.op for op in made.plan.left_float] == ["SIN"]
    assert decibels(content, made) > 20


def test_a_rule_keeps_a_loop_s_state_in_float():
    made = octavo.convert(
        looping(recurrent),
        recipe={"precision": "int8", "rules": [{"op": "WHILE", "precision": "float32"}]},
        samples=SAMPLES,
    )
    (node,) = (node for node in read_tflite(made.content).main if node.op.code == "WHILE")
    assert node.inputs[1].dtype == np.float32


def choosing(*, samples_reach_both: bool) -> tuple[bytes, list[dict[str, np.ndarray]]]:
    graph = Graph("main")
    build = Builder(graph, origin=("model/branch",))
    x = graph.input("x", Type(F32, (2, 8)))
    total = build(Sum(), x, np.array([0, 1], np.int32))
    (y,) = branch(
        build,
        build(Greater(), total, np.float32(0)),
        [x],
        then=lambda b, x: [b(FullyConnected(), x, WEIGHT, None)],
        otherwise=lambda b, x: [b(Tanh(), b(Mul(), x, np.float32(0.5)))],
        name="model/branch",
    )
    graph.outputs = [y]
    samples = [{"x": s["x"] if samples_reach_both else np.abs(s["x"])} for s in SAMPLES]
    return stored(graph), samples


def test_both_branches_compute_in_integers_and_give_one_grid():
    content, samples = choosing(samples_reach_both=True)
    made = octavo.convert(content, recipe="int8", samples=samples)
    precisions = {op.op: op.precision for graph in made.plan.graphs for op in graph.ops}
    assert precisions["FULLY_CONNECTED"] == precisions["MUL"] == precisions["IF"] == "int8"
    assert decibels(content, made) > 25


def test_a_branch_that_no_sample_takes_stays_float():
    content, samples = choosing(samples_reach_both=False)
    made = octavo.convert(content, recipe="int8", samples=samples)
    left = {op.op: op.why for op in made.plan.left_float}
    assert "nothing tells the range of" in left["MUL"]
    assert any("pass samples" in warning for warning in made.warnings)
    assert decibels(content, made, samples) > 20
