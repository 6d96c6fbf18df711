"""Every operation that LiteRT computes rightly in integers becomes integers when asked; others say why not."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sample import Sample, samples

import octavo
from octavo.ir.graph import Model, Signature
from octavo.ir.port import Weight
from octavo.read.tflite import read_tflite
from octavo.write.tflite import to_bytes

BOTH = [
    "ABS",
    "ADD",
    "ADD_N",
    "AVERAGE_POOL_2D",
    "BATCH_MATMUL",
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "DEPTH_TO_SPACE",
    "DYNAMIC_UPDATE_SLICE",
    "ELU",
    "EXP",
    "EXPAND_DIMS",
    "FILL",
    "FULLY_CONNECTED",
    "GATHER",
    "GATHER_ND",
    "GELU",
    "GREATER",
    "GREATER_EQUAL",
    "HARD_SWISH",
    "L2_NORMALIZATION",
    "L2_POOL_2D",
    "LEAKY_RELU",
    "LESS",
    "LESS_EQUAL",
    "LOG",
    "LOGISTIC",
    "LOG_SOFTMAX",
    "MAXIMUM",
    "MATRIX_SET_DIAG",
    "MAX_POOL_2D",
    "MEAN",
    "MINIMUM",
    "MIRROR_PAD",
    "MUL",
    "NEG",
    "PACK",
    "PAD",
    "PADV2",
    "PRELU",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "REDUCE_PROD",
    "RELU",
    "RELU6",
    "RELU_0_TO_1",
    "RELU_N1_TO_1",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "RSQRT",
    "SELECT",
    "SELECT_V2",
    "SLICE",
    "SOFTMAX",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQRT",
    "SQUARE",
    "SQUARED_DIFFERENCE",
    "SQUEEZE",
    "STRIDED_SLICE",
    "SUB",
    "SUM",
    "TANH",
    "TILE",
    "TOPK_V2",
    "TRANSPOSE",
    "TRANSPOSE_CONV",
    "UNPACK",
]
"""In int8 and int16, by a kernel or by what a rule makes of them."""
SOME = {
    "ARG_MAX": "int8", "ARG_MIN": "int8", "ONE_HOT": "int8",
    "REVERSE_SEQUENCE": "int16x8", "MATRIX_DIAG": "int16x8",
}  # fmt: skip
"""By one precision only: kernels of the other reject or compute wrongly."""
NEITHER = {
    "DIV": "fails where the divisor rounds to zero",
    "FLOOR_MOD": "divides the stored integers, whatever their scales",
    "SCATTER_ND": "writes zeros as they are stored",
    **dict.fromkeys(("SIN", "COS", "CEIL", "FLOOR", "ROUND", "SIGN", "POW", "LOCAL_RESPONSE_NORMALIZATION"), "has no integer"),
}  # fmt: skip
"""Operations that stay float, and the reason in the plan: what was measured, or that there is no kernel."""
FIXED = {
    "BATCH_TO_SPACE_ND": Sample("""
main(%x: float32[4,2,2,1]) {
  %b = const int32[2] [2, 2]
  %c = const int32[2,2] [[0, 0], [0, 0]]
  %y = BATCH_TO_SPACE_ND(%x, %b, %c)
  return %y
}"""),
    "REVERSE_SEQUENCE": Sample("""
main(%x: float32[1,5,3]) {
  %l = const int32[1] [3]
  %y = REVERSE_SEQUENCE(%x, %l) {seq_dim=1, batch_dim=0}
  return %y
}"""),
}
"""Of operations whose batch cannot be one."""


@cache
def first() -> dict[str, Sample]:
    """The first sample on real numbers of each operation."""
    found: dict[str, Sample] = dict(FIXED)
    for _, sample in samples():
        if sample.runs and not sample.meaningless:
            node = sample.node()
            real = [value for value in (*node.inputs, *node.outputs) if value is not None and value.dtype == np.float32]
            found.setdefault(node.op.code, sample) if real else None
    return found


def converted(code: str, precision: str) -> octavo.Conversion:
    sample = first()[code]
    graph = sample.graph()
    data = sample.numbers(graph)
    node = graph.nodes[-1]
    for at, (name, value) in enumerate(zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)):
        if isinstance(node.op.port(name), Weight) and value is not None and value.const is None:
            graph.rewire(node, at, graph.const(data.pop(value.name), f"{value.name}_known"))
            graph.inputs.remove(value)
    names = tuple(value.name for value in graph.inputs)
    signature = Signature("serving_default", graph, names, tuple(f"y{at}" for at in range(len(graph.outputs))))
    recipe = {"precision": precision, "mixed": False, "rules": [{"precision": precision}]}
    return octavo.convert(to_bytes(Model([graph], [signature])), recipe=recipe, samples=[data])


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("code", [*BOTH, *SOME])
def test_what_a_kernel_computes_rightly_becomes_integers(code: str, precision: str) -> None:
    made = converted(code, precision)
    rows = [row for row in made.plan.graphs[0].ops if row.precision != "exact"]
    if SOME.get(code, precision) != precision:
        assert [row.who for row in rows] == ["kernel"]
        assert rows[0].why
        return
    assert rows
    assert {row.precision for row in rows} == {precision}
    dtype = {"int8": "int8", "int16x8": "int16"}[precision]
    border = {"QUANTIZE", "DEQUANTIZE"}
    for node in read_tflite(made.content).main:
        real = [v for v in (*node.inputs, *node.outputs) if v is not None and v.dtype.kind == "f"]
        assert node.op.code in border or not real, f"{node.op.code} reads or makes floats"
    assert any(v.dtype.name == dtype and v.quant for v in read_tflite(made.content).main.values)


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("code", NEITHER)
def test_what_no_kernel_computes_rightly_stays_float_and_says_why(code: str, precision: str) -> None:
    row = next(row for row in converted(code, precision).plan.graphs[0].ops if row.op == code)
    assert (row.precision, row.who) == ("float32", "kernel")
    assert NEITHER[code] in row.why
