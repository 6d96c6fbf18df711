"""Integer kernels on shapes and attributes that are drawn, and on ranges that are lopsided, wide and narrow."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from integers import integer_case, objection, real, step
from kernel import run
from sample import VARIANTS, drawn, samples

from octavo.ir.interpret import interpret
from octavo.ir.port import Handed, Weight

DRAWN = drawn()
EXAMPLES = 4
"""Of each operation and form, the same in every run; a search for new failures takes a hundred."""
ELSEWHERE = {
    "DEQUANTIZE",  # test_quantize.py
    "UNIDIRECTIONAL_SEQUENCE_LSTM",  # drawn ones have no weights, and results as small as a step of the gates' 16 bits
}
STEPS = {
    ("EXP", "int16"): 16,  # these read tables of 513 entries and take the straight line between two of them, ...
    ("TANH", "int16"): 16,
    ("LOGISTIC", "int16"): 8,
    ("GELU", "int16"): 256,  # ... which where all results are negative is many of their small steps: 45 dB
    ("REDUCE_PROD", "int8"): 2,  # each product of two is rounded
    ("REDUCE_PROD", "int16"): 16,
    ("RESIZE_BILINEAR", "int16"): 128,  # it counts places in 1/1024, along two axes
}
"""How far results may be off, in steps; for others, what their samples allow."""


def _forms() -> list[object]:
    """Each operation on each integer form that its kernels may read: activations and, if it has one, the weight."""
    forms = []
    ops = {sample.node().op.code: type(sample.node().op) for _, sample in samples()}
    for code in sorted(DRAWN):
        op = ops[code]
        if any(isinstance(port, Handed) for port in op.ports.values()) or code in ELSEWHERE:
            continue  # what it runs is in integers, or not, with it
        weight = next((port for port in op.ports.values() if isinstance(port, Weight)), None)
        for activations in ("int8", "int16"):
            kinds = weight.dtypes.get(activations, ()) if weight else ("int8",)
            if not op.kernels.objection(activations):
                forms += [pytest.param(code, activations, kind, id=f"{code}-{activations}-{kind}") for kind in kinds]
    return forms


@cache
def _usual() -> dict[tuple[str, str], float]:
    found: dict[tuple[str, str], float] = {}
    for _, sample in samples():
        code = sample.node().op.code
        for dtype, steps in (("int8", sample.int8_steps), ("int16", sample.int16_steps)):
            found[code, dtype] = max(found.get((code, dtype), 0.0), steps)
    return found


@pytest.mark.parametrize(("code", "activations", "weights"), _forms())
@settings(
    max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_the_integer_kernel_means_the_same_whatever_the_shapes(
    code: str, activations: str, weights: str, data: st.DataObject
) -> None:
    sample = data.draw(DRAWN[code])
    node = sample.node()
    assume(sample.runs and not sample.meaningless and activations in sample.integers)
    assume(not node.op.lacks(node, activations))
    varied = sample.varied(*VARIANTS[data.draw(st.sampled_from(sorted(VARIANTS)))])
    graph = varied.graph()
    node = graph.nodes[-1]
    with np.errstate(all="ignore"):
        numbers = interpret(graph, varied.numbers(graph))
    assume(all(np.isfinite(numbers[v]).all() for v in node.outputs if v.dtype.kind == "f"))
    case = integer_case(node, numbers, activations=activations, weights=weights)
    assume(not objection(case, node, numbers))
    results = run(case.graph, case.inputs)
    for value, result, expected in zip(case.graph.outputs, results, case.expected, strict=True):
        found = real(result, value)
        assert found.shape == expected.shape
        if expected.dtype.kind in "fc":
            worst = np.abs(found.astype(np.float64) - expected).max(initial=0) / step(value)
            assert worst <= max(STEPS.get((code, activations), 0), _usual()[code, activations]) * (1 + 1e-5)
        else:
            np.testing.assert_array_equal(found, expected)
