"""Transposed convolutions of an open batch, in every shape that their arithmetic distinguishes."""

import numpy as np
import pytest

from octavo.ir.build import Builder
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph
from octavo.ir.interpret import interpret
from octavo.ir.type import Type
from octavo.ops.shape import runtime_dims
from octavo.ops.transpose_conv import TransposeConv
from octavo.optimize.engine import optimize
from octavo.optimize.rule import rules
from octavo.schema.enums import Activation, Padding

(RULE,) = (rule for rule in rules() if rule.name == "transposed_is_convolution")
IN, OUT, BATCH = 2, 3, 2


def lengths(size, taps, stride, padding):
    """Every length of output whose convolution gives `size` pixels."""
    least = (size - 1) * stride + (1 if padding is Padding.SAME else taps)
    return range(least, least + stride)


def transposed(op, window, size, length):
    """A graph of one transposed convolution of an open batch, and numbers for its input."""
    random = np.random.default_rng(window[0] * 10 + window[1])
    graph = Graph("main")
    image = graph.input("x", Type(np.dtype(np.float32), (symbol("batch"), *size, IN)))
    build = Builder(graph)
    shape = runtime_dims(build, [symbol("batch"), *length, OUT], image)
    weights = random.standard_normal((OUT, *window, IN)).astype(np.float32)
    bias = random.standard_normal(OUT).astype(np.float32)
    graph.outputs = [build(op, shape, weights, image, bias)]
    return graph, random.standard_normal((BATCH, *size, IN)).astype(np.float32)


def answer(graph, numbers):
    return interpret(graph, {graph.inputs[0].name: numbers})[graph.outputs[0]]


def hold_against_itself(op, window, size, length):
    """The graph after the rule, which computes what it computed before."""
    graph, numbers = transposed(op, window, size, length)
    expected = answer(graph, numbers)
    optimize(graph, only=[RULE])
    codes = {node.op.code for node in graph}
    assert codes <= {"PAD", "CONV_2D", "DEPTH_TO_SPACE", "RESHAPE", "SLICE"}, codes
    # float32 sums of fifty terms of size 1 at most, in another order
    np.testing.assert_allclose(answer(graph, numbers), expected, rtol=0, atol=1e-5, err_msg=f"{size} to {length}")
    return [node.op.code for node in graph]


@pytest.mark.parametrize("padding", [Padding.SAME, Padding.VALID])
@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 7])
def test_every_kernel_stride_and_size_keeps_its_results(taps, stride, padding):
    op = TransposeConv(padding=padding, stride_h=stride, stride_w=stride, fused_activation_function=Activation.RELU)
    for size in (1, 2, 3, 5):
        other = 4  # the columns go through another case than the rows
        for rows in lengths(size, taps, stride, padding):
            columns = lengths(other, 3, stride, padding)[-1]
            hold_against_itself(op, (taps, 3), (size, other), (rows, columns))
            hold_against_itself(op, (3, taps), (other, size), (columns, rows))
