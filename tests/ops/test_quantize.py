"""QUANTIZE and DEQUANTIZE: their scale is a fact of the values, so they are tested apart from the other operations."""

import numpy as np
import pytest
from kernel import run

from octavo.ir.graph import Graph
from octavo.ir.type import Quantization, Type
from octavo.ops.quantize import Dequantize, Quantize, dequantized, quantized

REALS = np.random.default_rng(2).uniform(-3, 3, (4, 50)).astype(np.float32)
PER_ROW = Quantization(np.float32([0.01, 0.02, 0.5, 1.0]), np.zeros(4, np.int64), axis=0)


@pytest.mark.parametrize(
    ("dtype", "quant"),
    [("int8", Quantization.per_tensor(0.02, -3)), ("uint8", Quantization.per_tensor(0.02, 120)),
     ("int16", Quantization.per_tensor(0.0001, 0)), ("int8", PER_ROW)],
)  # fmt: skip
def test_integers_are_those_of_the_kernel(dtype, quant):
    graph = Graph()
    value = graph.input("x", Type(REALS.dtype, REALS.shape))
    node = graph.insert(Quantize(), [value], [Type(np.dtype(dtype), REALS.shape)], names=["q"])
    node.output.quant = quant
    graph.outputs = [node.output]
    (result,) = run(graph, {"x": REALS})
    np.testing.assert_array_equal(result, quantized(REALS, quant, np.dtype(dtype)))


@pytest.mark.parametrize(
    ("dtype", "quant"),
    [("int8", Quantization.per_tensor(0.02, -3)), ("int16", Quantization.per_tensor(0.0001, 0)), ("int8", PER_ROW)],
)
def test_reals_are_those_of_the_kernel(dtype, quant):
    stored = quantized(REALS, quant, np.dtype(dtype))
    graph = Graph()
    value = graph.input("q", Type(stored.dtype, stored.shape))
    value.quant = quant
    node = graph.insert(Dequantize(), [value], [Type(REALS.dtype, REALS.shape)], names=["x"])
    graph.outputs = [node.output]
    (result,) = run(graph, {"q": stored})
    np.testing.assert_allclose(result, dequantized(stored, quant), rtol=1e-6)


def test_four_bits_saturate_at_their_own_limits():
    import ml_dtypes

    stored = quantized(np.float32([-9, -8, 7, 8]), Quantization.per_tensor(1.0, 0), np.dtype(ml_dtypes.int4))
    np.testing.assert_array_equal(stored.astype(np.int8), [-8, -8, 7, 7])
