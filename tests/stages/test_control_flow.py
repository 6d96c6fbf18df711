"""Branches and loops through every stage: what runs them, what they run, and the file that holds both."""

import numpy as np
import pytest

import octavo
from octavo.errors import InternalError
from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.text import parse, show
from octavo.ir.type import Type
from octavo.ir.verify import verify
from octavo.ops import registry
from octavo.ops.binary import Add, Mul
from octavo.ops.comparison import Less
from octavo.ops.control_flow import While, branch, loop
from octavo.ops.fully_connected import FullyConnected
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

F32, I32 = np.dtype(np.float32), np.dtype(np.int32)
WEIGHT = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32) / 8


def decaying() -> Model:
    """`x ← tanh-free dense(x)`, three times, between two dense layers of the same weight."""
    graph = Graph("main")
    build = Builder(graph, origin=("model/loop",))
    x = build(FullyConnected(), graph.input("x", Type(F32, (2, 64))), WEIGHT, None)
    _, y = loop(
        build,
        [np.int32(0), x],
        condition=lambda b, i, _: b(Less(), i, np.int32(3)),
        body=lambda b, i, s: (b(Add(), i, np.int32(1)), b(FullyConnected(), s, WEIGHT, None)),
        name="model/loop",
    )
    graph.outputs = [build(FullyConnected(), y, WEIGHT, None)]
    model = Model([graph], [Signature("serving_default", graph, ("x",), ("y",))])
    model.gather()
    return model


def expected(x: np.ndarray) -> np.ndarray:
    return x @ np.linalg.matrix_power(WEIGHT.T, 5)


SAMPLES = [{"x": np.random.default_rng(seed).standard_normal((2, 64)).astype(np.float32)} for seed in range(8)]


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic", "weight_only", "int8", "int16x8"])
def test_a_loop_is_converted_in_every_precision(precision: str) -> None:
    made = octavo.convert(to_bytes(decaying()), recipe=precision, samples=SAMPLES)
    inside = [op for graph in made.plan.graphs[1:] for op in graph.ops if op.op == "FULLY_CONNECTED"]
    outside = [op for op in made.plan.graphs[0].ops if op.op == "FULLY_CONNECTED"]
    small = (
        "weight_only" if precision == "dynamic" else precision
    )  # so small that its dynamic kernel is slower than float
    assert [op.precision for op in outside] == [small] * 2
    if precision in ("int8", "int16x8"):
        assert {op.precision for op in inside} == {precision}
    result = Runtime(made.content).run(SAMPLES[0])["y"]
    want = expected(SAMPLES[0]["x"])
    within = 1e-5 if precision == "float32" else 0.05  # a few hundredths after five layers: steps of 1/127, averaged
    np.testing.assert_allclose(result, want, atol=within * np.abs(want).max())


def test_the_weight_of_a_loop_and_of_what_surrounds_it_is_stored_once() -> None:
    assert len(to_bytes(decaying())) < 1.5 * WEIGHT.nbytes


def test_a_file_with_a_loop_reads_back() -> None:
    content = to_bytes(decaying())
    model = read_tflite(content)
    (node,) = (node for node in model.main if node.op.code == "WHILE")
    assert isinstance(node.op, While)
    assert list(node.op.graphs) == model.graphs[1:]
    assert to_bytes(model) == content


def test_a_loop_is_inspected_with_its_body() -> None:
    seen = octavo.inspect(to_bytes(decaying()))
    assert [graph.name for graph in seen.graphs] == ["main", "model/loop/cond", "model/loop/body"]
    assert seen.totals.operations["FULLY_CONNECTED"] == 3
    assert seen.totals.parameters == WEIGHT.size + 0


def test_a_branch_runs_one_of_two_graphs() -> None:
    graph = Graph("main")
    build = Builder(graph)
    c, x = graph.input("c", Type(np.dtype(bool), ())), graph.input("x", Type(F32, (3,)))
    graph.outputs = list(
        branch(
            build,
            c,
            [x],
            then=lambda b, v: [b(Add(), v, np.float32(1))],
            otherwise=lambda b, v: [b(Mul(), v, np.float32(2))],
            name="choice",
        )
    )
    model = Model([graph], [Signature("serving_default", graph, ("c", "x"), ("y",))])
    model.gather()
    runtime = Runtime(to_bytes(model))
    for chosen, want in ((True, [2.0, 3.0, 4.0]), (False, [2.0, 4.0, 6.0])):
        x_now = np.float32([1, 2, 3])
        np.testing.assert_array_equal(runtime.run({"c": np.bool_(chosen), "x": x_now})["y"], np.float32(want))


def test_a_loop_of_known_numbers_is_computed_at_once() -> None:
    build = Builder(Graph())
    _, total = loop(
        build,
        [np.int32(0), np.int32(0)],
        condition=lambda b, i, _: b(Less(), i, np.int32(5)),
        body=lambda b, i, s: (b(Add(), i, np.int32(1)), b(Add(), s, i)),
        name="sum",
    )
    assert total.const is not None
    assert total.const == 10
    assert not build.graph.nodes


def test_bodies_that_nothing_runs_leave_the_model() -> None:
    model = decaying()
    model.main.outputs = list(model.main.inputs)
    content = to_bytes(model)
    assert len(octavo.convert(content).plan.graphs) == 1


def test_values_of_a_body_have_names_of_their_own() -> None:
    names = [value.name for graph in decaying().graphs for value in graph.values]
    assert len(set(names)) == len(names)


def test_a_body_that_changes_a_type_is_refused() -> None:
    text = show(decaying().main)
    graph = parse(text, registry().ops)
    (node,) = (node for node in graph if node.op.code == "WHILE")
    body = node.op.graphs[1]
    body.outputs = body.outputs[::-1]
    with pytest.raises(InternalError, match="result 0 of 'model/loop/body' is float32"):
        verify(graph, after="a rule")


def test_a_graph_that_is_not_in_the_model_is_a_defect() -> None:
    model = decaying()
    model.graphs = model.graphs[:1]
    with pytest.raises(InternalError, match="not in the model"):
        to_bytes(model)
