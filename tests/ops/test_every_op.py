"""Every operation, held to the same promises. An operation gets tested by adding samples, not test code."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from integers import integer_case, objection, real, step
from kernel import run
from sample import VARIANTS, Sample, drawn, samples

from octavo.ir.graph import Node, Value
from octavo.ir.interpret import interpret
from octavo.ir.op import Op
from octavo.ir.port import Handed, Weight
from octavo.ir.source import Array
from octavo.ir.text import parse, show
from octavo.ops import registry
from octavo.schema.enums import Activation
from octavo.schema.layout import layout, operator

CLASSES = sorted(registry().ops.items())
ALL = list(samples())
DRAWN = drawn()
SCALED = {"QUANTIZE"}  # what it means is said by the scales of values: test_quantize.py draws these
EXAMPLES = 12
"""Of each operation, the same in every run; a search for new failures takes some hundred."""
MEANT = [(name, sample) for name, sample in ALL if not sample.meaningless]
every_op = pytest.mark.parametrize("op", [pytest.param(op, id=code) for code, op in CLASSES])


def _params(chosen):
    return pytest.mark.parametrize("sample", [pytest.param(s, id=f"{s.node().op.code}-{n}") for n, s in chosen])


def _integer_forms() -> list[object]:
    """Each sample on each integer form that its op allows: activations and, if it has one, the weight's dtype."""
    forms = []
    for name, sample in MEANT:
        op = type(sample.node().op)
        weight = next((port for port in op.ports.values() if isinstance(port, Weight)), None)
        for activations in ("float32", "int8", "int16"):
            if any(isinstance(port, Handed) for port in op.ports.values()):
                continue  # what it runs is in integers, or not, with it
            kinds = weight.dtypes.get(activations, ()) if weight else ("int8",) if activations != "float32" else ()
            lacks = op.kernels.objection(activations) or sample.node().op.lacks(sample.node(), activations)
            if activations != "float32" and (lacks or activations not in sample.integers):
                continue
            for kind in kinds if sample.runs else ():
                forms.append(pytest.param(sample, activations, kind, id=f"{op.code}-{name}-{activations}-{kind}"))
    return forms


@every_op
def test_every_op_has_a_sample(op: type[Op]) -> None:
    sampled = any(isinstance(sample.node().op, op) for _, sample in ALL)
    assert sampled, f"tests/ops/samples has none for {op.code}"


@every_op
def test_every_op_has_samples_to_draw(op: type[Op]) -> None:
    assert op.code in DRAWN or op.code in SCALED, f"DRAWN of tests/ops/samples has none for {op.code}"


@pytest.mark.parametrize("op", [pytest.param(op, id=code) for code, op in CLASSES if code.isupper()])
def test_the_schema_has_the_op_with_the_same_options(op: type[Op]) -> None:
    table = operator(op.code).options
    assert {f.name for f in fields(op)} == {f.name for f in (layout(table) if table else ())}


@pytest.mark.parametrize("code", sorted(DRAWN))
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_the_kernel_means_the_same_whatever_the_shapes_and_attributes(code: str, data: st.DataObject) -> None:
    sample = data.draw(DRAWN[code])
    assert sample.node().op.code == code
    graph = sample.graph()
    inputs = sample.numbers(graph)
    results = run(graph, inputs) if sample.runs else []
    if sample.meaningless:
        assert [result.shape for result in results] == [value.shape for value in graph.outputs]
        return
    expected = interpret(graph, inputs)
    for value in graph.nodes[-1].outputs:
        assert expected[value].shape == sample.lengths_of(value.shape)
        assert expected[value].dtype == value.dtype
    for value, result in zip(graph.outputs, results, strict=sample.runs):
        _assert_near(result, expected[value], within=sample.tolerance * _largest(expected[value]))


@_params(MEANT)
def test_types_are_those_of_the_numbers(sample: Sample) -> None:
    node, numbers = _evaluated(sample)
    for value in node.outputs:
        assert numbers[value].shape == sample.lengths_of(value.shape)
        assert numbers[value].dtype == value.dtype


@_params(ALL)
def test_the_text_form_reads_back(sample: Sample) -> None:
    text = show(sample.graph())
    assert show(parse(text, registry().ops)) == text


@_params([(n, s) for n, s in MEANT if s.runs])
def test_the_float_kernel_means_the_same(sample: Sample) -> None:
    graph = sample.graph()
    inputs = sample.numbers(graph)
    expected = interpret(graph, inputs)
    for value, result in zip(graph.outputs, run(graph, inputs), strict=True):
        _assert_near(result, expected[value], within=sample.tolerance * _largest(expected[value]))


@pytest.mark.parametrize(("sample", "activations", "weights"), _integer_forms())
def test_the_integer_kernel_means_the_same_on_numbers_of_any_size(
    sample: Sample, activations: str, weights: str
) -> None:
    steps = {"int8": sample.int8_steps, "int16": sample.int16_steps, "float32": 0.0}[activations]
    for factor, shift in VARIANTS.values():
        with np.errstate(all="ignore"):
            node, numbers = _evaluated(sample.varied(factor, shift))
        if not all(np.isfinite(numbers[v]).all() for v in node.outputs if v.dtype.kind == "f"):
            continue  # it has no meaning there
        case = integer_case(node, numbers, activations=activations, weights=weights)
        if objection(case, node, numbers) or (activations == "float32" and factor + shift > 1 and _bends(node)):
            continue  # it would stay in float; or a step of what goes in is all the way from −1 to 1
        results = run(case.graph, case.inputs)
        for value, result, expected in zip(case.graph.outputs, results, case.expected, strict=True):
            within = sample.hybrid * _largest(expected) if activations == "float32" else steps * step(value)
            _assert_near(real(result, value), expected, within=within * (1 + 1e-5))


def _bends(node: Node) -> bool:
    return getattr(node.op, "fused_activation_function", Activation.NONE) not in (Activation.NONE, Activation.RELU)


def _evaluated(sample: Sample) -> tuple[Node, dict[Value, Array]]:
    graph = sample.graph()
    return graph.nodes[-1], interpret(graph, sample.numbers(graph))


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=1e-3)) if array.dtype.kind in "fc" else 0.0


def _assert_near(result: Array, expected: Array, *, within: float) -> None:
    assert result.shape == expected.shape
    if expected.dtype.kind in "fc":
        assert np.abs(result.astype(np.complex128) - expected).max(initial=0) <= within
    else:
        np.testing.assert_array_equal(result, expected)
