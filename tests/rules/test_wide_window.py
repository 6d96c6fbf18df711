"""Depthwise convolutions with wide windows, as sums of narrower ones, in every way in which they are divided."""

import numpy as np
import pytest

import octavo
from octavo.ir.build import Builder
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.interpret import interpret
from octavo.ir.type import Type
from octavo.ops.depthwise_conv_2d import TAPS, DepthwiseConv2D
from octavo.optimize.engine import optimize
from octavo.optimize.rule import rules
from octavo.recipe import Recipe
from octavo.schema.enums import Activation, Padding
from octavo.write.tflite import to_bytes

(RULE,) = (rule for rule in rules() if rule.name == "wide_window")
CHANNELS = 3


def wide(window, *, size=None, multiplier=1, **options):
    """A graph of one convolution of an open batch (and size, by default), and numbers for its input."""
    random = np.random.default_rng(window)
    graph = Graph("main")
    image = graph.input("x", Type(np.dtype(np.float32), (symbol("batch"), *(size or map(symbol, "hw")), CHANNELS)))
    op = DepthwiseConv2D(depth_multiplier=multiplier, fused_activation_function=Activation.RELU6, **options)
    weights = random.normal(size=(1, *window, CHANNELS * multiplier)).astype(np.float32)
    bias = random.normal(size=CHANNELS * multiplier).astype(np.float32)
    graph.outputs = [Builder(graph)(op, image, weights, bias)]
    return graph, random.normal(size=(2, *(size or (11, 14)), CHANNELS)).astype(np.float32)


def answer(graph, numbers):
    return interpret(graph, {graph.inputs[0].name: numbers})[graph.outputs[0]]


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize(
    ("window", "parts"), [((7, 7), 3), ((9, 9), 4), ((5, 7), 2), ((7, 5), 2), ((9, 7), 4), ((1, 31), 2), ((49, 1), 2)]
)
def test_the_parts_add_up_to_the_whole(window, parts, multiplier):
    graph, numbers = wide(window, multiplier=multiplier)
    expected = answer(graph, numbers)
    optimize(graph, only=[RULE])
    filters = [node.inputs[1].shape for node in graph if node.op.code == "DEPTHWISE_CONV_2D"]
    assert len(filters) == parts
    assert all(height * width <= TAPS for _, height, width, _ in filters)
    # float32 sums of some fifty terms in another order, below 6
    np.testing.assert_allclose(answer(graph, numbers), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("window", [(7, 7), (9, 9), (5, 7)])
def test_parts_of_a_dilated_window_are_dilated_as_much_more(window):
    graph, numbers = wide(window, dilation_h_factor=2, dilation_w_factor=3)
    expected = answer(graph, numbers)
    optimize(graph, only=[RULE])
    assert len(graph.nodes) > 1
    np.testing.assert_allclose(answer(graph, numbers), expected, rtol=0, atol=2e-5)  # as above


@pytest.mark.parametrize(
    ("window", "options"),
    [
        ((5, 5), {}), ((8, 8), {}), ((7, 7), {"padding": Padding.VALID}), ((7, 7), {"stride_h": 2, "stride_w": 2}),
        ((13, 13), {}), ((7, 7), {"size": (20, 20)}),
    ],
)  # fmt: skip
def test_what_fits_a_kernel_or_has_no_such_parts_or_is_small_stays_whole(window, options):
    graph, _ = wide(window, **options)
    optimize(graph, only=[RULE])
    assert [node.op.code for node in graph] == ["DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize(("target", "parts"), [("xnnpack", 3), ("gpu", 1)])
def test_only_what_runs_on_the_cpu_is_divided(target, parts):
    graph, _ = wide((7, 7), size=(64, 300))
    model = to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))
    result = octavo.convert(model, recipe=Recipe(precision="float32", target=target))
    assert sum(op.op == "DEPTHWISE_CONV_2D" for op in result.plan.graphs[0].ops) == parts


@pytest.mark.parametrize(("precision", "parts"), [("int8", 3), ("dynamic", 1), ("int16x8", 1)])
def test_small_layers_are_divided_in_int8_alone(precision, parts):
    graph, numbers = wide((7, 7), size=(12, 12))
    model = to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))
    samples = [{"x": each[None]} for each in numbers]
    result = octavo.convert(model, recipe=Recipe(precision=precision, effort="fast"), samples=samples)
    assert sum(op.op == "DEPTHWISE_CONV_2D" for op in result.plan.graphs[0].ops) == parts
