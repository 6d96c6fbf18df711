"""Whether a model in int8 is said to be slower than in float: as a whole, not operation by operation."""

from itertools import pairwise

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.recipe import Recipe
from octavo.write.tflite import to_bytes


def convolving(*channels, side=56, kernel=3):
    """Convolutions one after the other, from so many channels to so many."""
    body = "".join(
        f"%w{i} = const float32[{made},{kernel},{kernel},{taken}]\n%b{i} = const float32[{made}]\n"
        f"%x{i + 1} = CONV_2D(%x{i}, %w{i}, %b{i})\n"
        for i, (taken, made) in enumerate(pairwise(channels))
    )
    return f"main(%x0: float32[1,{side},{side},{channels[0]}]) {{\n{body}return %x{len(channels) - 1}\n}}"


def told(text, **recipe):
    """What is said of the time that a model takes in int8."""
    graph = parse(text, registry().ops)
    content = to_bytes(Model([graph], [Signature("serving_default", graph, ("x0",), ("y",))]))
    sample = {"x0": np.random.default_rng(0).normal(size=graph.inputs[0].shape).astype(np.float32)}
    recipe = Recipe(**{"precision": "int8", "effort": "fast", **recipe})
    made = octavo.convert(content, recipe=recipe, samples=[sample] * 10)
    return [warning for warning in made.warnings if warning.startswith("slower than float")]


def test_windows_of_few_channels_make_int8_slower_than_float():
    (warning,) = told(convolving(3, 8, 8))
    assert "because of CONV_2D in int8" in warning
    assert "the recipe dynamic, or a rule such as op=CONV_2D, precision=float32, avoids it" in warning


def test_nothing_is_said_where_other_layers_outweigh_those_that_are_slower():
    assert told(convolving(3, 8, 128, 128, 128)) == []


@pytest.mark.parametrize("recipe", [{"target": "tflm"}, {"target": "xnnpack-dot"}, {"precision": "dynamic"}])
def test_nothing_is_said_where_the_times_were_not_measured_or_nothing_is_in_int8(recipe):
    assert told(convolving(3, 8, 8), **recipe) == []


def test_a_difference_that_nobody_notices_is_not_told():
    assert told(convolving(3, 8, side=8)) == []


def test_every_operation_has_a_duration():
    graph = parse(convolving(3, 8, 8), registry().ops)
    assert all(time > 0 for node in graph for time in node.op.duration(node))
