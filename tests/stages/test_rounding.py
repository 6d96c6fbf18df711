"""Weights rounded by what their inputs look like: outputs change less, and the plan can replay it."""

import zlib

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import octavo
import octavo.solving
from octavo.ir.graph import Model
from octavo.ir.grid import quantize, weight_scale
from octavo.ir.text import parse
from octavo.ir.type import Quantization
from octavo.ops import registry
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.fully_connected import FullyConnected
from octavo.plan import Grid, Plan
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.quantize.rounding import covariances, least_output_error, searched, unfolded
from octavo.quantize.solving import Pairs, solved
from octavo.recipe import Recipe
from octavo.runtime import Runtime
from octavo.schema.enums import Padding
from octavo.statistics import Products, Range, Spread, Statistics
from octavo.write.tflite import to_bytes

LAYERS = [
    (Conv2D(padding=Padding.SAME, stride_h=2), (2, 7, 6, 4), (6, 3, 3, 4)),
    (Conv2D(padding=Padding.VALID, dilation_w_factor=2), (1, 8, 9, 4), (6, 2, 3, 2)),
    (DepthwiseConv2D(padding=Padding.SAME, depth_multiplier=2), (2, 5, 5, 3), (1, 3, 3, 6)),
    (DepthwiseConv2D(padding=Padding.VALID, depth_multiplier=1, stride_w=2), (1, 6, 7, 4), (1, 3, 2, 4)),
    (FullyConnected(), (5, 7), (4, 7)),
]


@pytest.mark.parametrize(("op", "input", "weight"), LAYERS, ids=str)
def test_outputs_are_sums_of_what_is_unfolded_times_the_weights_by_group(op, input, weight):
    random = np.random.default_rng(0)
    x, w = (random.standard_normal(shape).astype(np.float32) for shape in (input, weight))
    rows = op.unfold(x, w, 10**6)
    made = rows @ op.by_group(w, len(rows)).transpose(0, 2, 1)
    exact = op.evaluate(x, w)
    np.testing.assert_allclose(made.transpose(1, 0, 2).reshape(exact.shape), exact, rtol=1e-4, atol=1e-5)
    assert op.unfold(x, w, 3).shape[1] <= 3


@settings(deadline=None)  # how long it takes is up to the machine
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 70))
def test_rounding_never_lets_outputs_vary_more_than_the_nearest_integers_do(seed, groups, taken):
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((groups, taken, taken)).astype(np.float32)
    rows = random.standard_normal((groups, 200, taken)).astype(np.float32) @ mixed + 3
    steps = random.uniform(-127, 127, (groups, 5, taken)).astype(np.float32)
    products = Products.of(rows)
    integers = least_output_error(steps, products)
    assert np.abs(integers.astype(int)).max() <= 127

    def noise(rounded):
        return ((rounded - steps) @ rows.transpose(0, 2, 1)).var(axis=2)

    # the damping weighs a little of the error evenly over all inputs, and may cost this much
    assert (noise(integers) <= 1.05 * noise(np.rint(steps)) + 1e-3 * rows.var()).all()


def test_correlated_inputs_gain_the_most():
    random = np.random.default_rng(0)
    rows = (random.standard_normal((1, 500, 4)) @ random.standard_normal((4, 64))).astype(np.float32)
    steps = random.uniform(-100, 100, (1, 32, 64)).astype(np.float32)
    integers = least_output_error(steps, Products.of(rows))
    errors = [((rounded - steps) @ rows.transpose(0, 2, 1)).var() for rounded in (integers, np.rint(steps))]
    assert errors[0] < 0.1 * errors[1]


@pytest.mark.parametrize("mean", [1.0, 30.0, 1000.0])
def test_inputs_that_hardly_vary_around_a_great_mean_are_rounded_all_the_same(mean):
    rng = np.random.default_rng(3)
    few = rng.normal(size=(1, 256, 4)) @ rng.normal(size=(1, 4, 96))  # four things vary, in ninety-six inputs
    rows = (mean + 1e-3 * few).astype(np.float32)  # the smaller digits of the sums of squares are lost
    steps = rng.normal(scale=20, size=(1, 8, 96)).astype(np.float32)
    integers = least_output_error(steps, Products.of(rows))
    assert np.abs(integers - steps).max() < 3  # a few steps make up for others; nothing runs away


def test_products_add_up():
    rows = np.random.default_rng(0).standard_normal((2, 90, 5)).astype(np.float32)
    whole = Products.of(rows)
    parts = Products.of(rows[:, :40]).merge(Products.of(rows[:, 40:]))
    np.testing.assert_allclose(parts.covariance, whole.covariance, rtol=1e-4, atol=1e-5)
    kept = Statistics.from_json(Statistics(products={"a": whole}).to_json()).products["a"]
    assert np.array_equal(kept.products, whole.products)
    assert kept.rows == whole.rows


NET = """main(%x: float32[batch,16]) {
  %w = const float32[8,16]
  %b = const float32[8]
  %y = FULLY_CONNECTED(%x, %w, %b)
  return %y
}"""


def result(model, x):
    return Runtime(to_bytes(model)).run({"x": x})["y"]


def test_a_plan_replays_rounded_weights_without_the_samples():
    random = np.random.default_rng(1)
    x = (random.standard_normal((300, 3)) @ random.standard_normal((3, 16))).astype(np.float32) + 1
    model = Model([parse(NET, registry().ops)])
    graph = model.main
    for value in graph.values:
        if value.const is not None:
            value.const = random.standard_normal(value.shape).astype(np.float32)
    exact = result(model, x)
    seen = Statistics(
        {name: Range(float(a.min()), float(a.max())) for name, a in (("x", x), ("y", exact))},
        {"x": Spread.of(x)},
        products={
            layer: Products.of(look(x)) for layer, (_, look) in unfolded(graph, Recipe(precision="int8")).items()
        },
    )
    recipe = Recipe(precision="int8", ranges="minmax")
    careful = decide(model, recipe, [seen])
    assert any(row.moved for row in careful.graphs[0].grids)
    replayed = apply(model, msgspec.json.decode(careful.to_json(), type=Plan))
    one, two = (result(made, x) for made in (apply(model, careful), replayed))
    assert np.array_equal(one, two)
    plain = result(apply(model, decide(model, recipe, [replace(seen, products={})])), x)
    assert np.square(one - exact).mean() < np.square(plain - exact).mean()


@pytest.mark.parametrize("precision", ["weight_only", "dynamic"])
def test_weights_beside_float_activations_are_rounded_so_too_where_there_are_samples(precision):
    text = """main(%x: float32[batch,20,32]) {
  %w = const float32[64,32]
  %y = FULLY_CONNECTED(%x, %w, _) {keep_num_dims=True}
  return %y
}"""
    graph, random = parse(text, registry().ops), np.random.default_rng(0)
    weight = next(value for value in graph.values if value.name == "w")
    weight.const = random.standard_normal((64, 32)).astype(np.float32)
    mixed = random.standard_normal((4, 32)).astype(np.float32)  # inputs that have four degrees of freedom, and a mean
    samples = random.standard_normal((30, 20, 4)).astype(np.float32) @ mixed + 1
    content = to_bytes(Model([graph]))

    def error(**recipe) -> float:
        made = octavo.convert(content, recipe={"precision": precision, "weights": "int4"} | recipe, samples=samples)
        (exact,), (found,) = (Runtime(each).run({"x": samples}).values() for each in (made.reference, made.content))
        return float(np.square(found - exact).mean())

    assert error() < 0.3 * error(effort="fast")
    assert octavo.convert(content, recipe={"precision": precision}).content  # samples are not needed


def noise_of(error, products):
    spread, damping = covariances(products)
    np.einsum("gkk->gk", spread)[:] += damping
    return ((error @ spread) * error).sum(axis=2)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(2, 40), st.sampled_from([1, 7, 127]))
def test_searched_integers_and_scales_never_err_more_than_those_that_are_rounded_once(seed, groups, taken, most):
    random = np.random.default_rng(seed)
    mixed = random.standard_normal((groups, taken, taken)).astype(np.float32)
    products = Products.of(random.standard_normal((groups, 200, taken)).astype(np.float32) @ mixed)
    steps = random.uniform(-most, most, (groups, 5, taken)).astype(np.float32)
    once = noise_of(steps - least_output_error(steps, products, most), products)
    integers, factors = searched(steps, products, most)
    assert np.abs(integers.astype(int)).max() <= most
    # both are compared in float32, whose rounding is relative to the whole, not to the small rest
    assert (noise_of(steps - integers * factors, products) <= once + 1e-3 * noise_of(steps, products)).all()


def test_search_finds_what_learned_rounding_could_at_best():
    """Every way of rounding each weight up or down is tried: the space of AdaRound (Nagel et al., 2020)."""
    random = np.random.default_rng(0)
    products = Products.of((random.standard_normal((1, 300, 3)) @ random.standard_normal((3, 8))).astype(np.float32))
    steps = random.uniform(-6.5, 6.5, (1, 40, 8)).astype(np.float32)
    ways = np.stack(np.meshgrid(*[[0, 1]] * 8), axis=-1).reshape(-1, 1, 1, 8)
    tried = np.stack([noise_of(steps - (np.floor(steps) + way), products) for way in ways])
    integers, factors = searched(steps, products, 7)
    assert noise_of(steps - integers * factors, products).sum() < tried.min(axis=0).sum()


def dense():
    graph = parse(NET, registry().ops)
    random = np.random.default_rng(3)
    for value in graph.values:
        if value.const is not None:
            value.const = random.standard_normal(value.shape).astype(np.float32)
    return graph.nodes[0], next(value.const for value in graph.values if value.name == "w")


def row_of(weight, dtype="int4"):
    scale = weight_scale(weight, 0, dtype)
    zeros = (0,) * len(scale)
    return Grid(value="w", dtype=dtype, scale=tuple(scale.tolist()), zero_point=zeros, axis=0, reader="y", who="graph")


def stored(row, weight):
    quant = Quantization(np.array(row.scale, np.float32), np.zeros(len(row.scale), np.int64), 0)
    integers = quantize(weight, quant, row.dtype, narrow=True).astype(np.int8)
    moved = np.frombuffer(zlib.decompress(row.moved), np.int8).reshape(weight.shape) if row.moved else 0
    return (integers + moved) * quant.scale[:, None]


def test_weights_make_up_for_what_layers_before_have_done_to_their_inputs():
    node, weight = dense()
    random = np.random.default_rng(0)
    exact = (random.standard_normal((1, 2000, 5)) @ random.standard_normal((5, 16))).astype(np.float32)
    bent = np.eye(16) + 0.15 * random.standard_normal((16, 16))  # errors that a layer can undo, as they are linear
    found = (exact @ bent + 0.5).astype(np.float32)
    row, correction = solved(node, row_of(weight), Pairs.of(exact, found))
    on_float = least_output_error(
        (weight / np.array(row_of(weight).scale)[:, None])[None].astype(np.float32), Products.of(exact), 7
    )
    wanted = exact[0] @ weight.T
    before = found[0] @ (on_float[0] * np.array(row_of(weight).scale)[:, None]).T
    after = found[0] @ stored(row, weight).T + correction
    assert np.square(after - wanted).mean() < 0.2 * np.square(before - before.mean(0) - wanted + wanted.mean(0)).mean()
    np.testing.assert_allclose(after.mean(0), wanted.mean(0), atol=1e-3 * np.abs(wanted).max())  # float32 sums
    assert "quantized inputs" in row.why


def test_pairs_add_up():
    random = np.random.default_rng(0)
    exact, found = random.standard_normal((2, 2, 90, 5)).astype(np.float32)
    whole, weight = Pairs.of(exact, found), random.standard_normal((2, 3, 5))
    parts = Pairs.of(exact[:, :40], found[:, :40]).merge(Pairs.of(exact[:, 40:], found[:, 40:]))
    np.testing.assert_allclose(parts.wanted(weight), whole.wanted(weight), rtol=1e-3, atol=1e-4)


DEEP = """main(%x: float32[batch,24]) {
  %a = const float32[24,24]
  %b = const float32[24]
  %p = FULLY_CONNECTED(%x, %a, %b) {fused_activation_function=RELU}
  %c = const float32[24,24]
  %d = const float32[24]
  %q = FULLY_CONNECTED(%p, %c, %d) {fused_activation_function=RELU}
  %e = const float32[24,24]
  %f = const float32[24]
  %y = FULLY_CONNECTED(%q, %e, %f)
  return %y
}"""


def deep():
    graph, random = parse(DEEP, registry().ops), np.random.default_rng(5)
    for value in graph.values:
        if value.const is not None:
            value.const = (random.standard_normal(value.shape) / 4).astype(np.float32)
    x = (random.standard_normal((600, 6)) @ random.standard_normal((6, 24))).astype(np.float32)
    return to_bytes(Model([graph])), x[:200], x[200:]


def test_each_step_of_effort_brings_narrow_weights_nearer_to_float_on_other_samples():
    content, samples, held_out = deep()
    exact, errors = Runtime(content).run({"x": held_out})["y"], []
    for effort in ("fast", "balanced", "best"):
        recipe = {"precision": "int8", "weights": "int4", "mixed": False, "effort": effort}
        made = octavo.convert(content, recipe=recipe, samples=samples)
        errors.append(float(np.square(Runtime(made.content).run({"x": held_out})["y"] - exact).mean()))
        assert octavo.convert(content, plan=made.plan).content == made.content
    assert errors[0] > 1.5 * errors[1] > 2 * errors[2]


def test_int8_is_the_same_with_the_best_effort_because_more_was_measured_to_gain_nothing():
    content, samples, _ = deep()
    made = [
        octavo.convert(content, recipe={"precision": "int8", "effort": effort}, samples=samples).content
        for effort in ("balanced", "best")
    ]
    assert made[0] == made[1]


def test_what_was_solved_is_dropped_where_it_does_not_bring_the_outputs_nearer(monkeypatch):
    content, samples, _ = deep()
    recipe = {"precision": "int8", "weights": "int4", "mixed": False, "effort": "best"}
    made = octavo.convert(content, recipe=recipe, samples=samples)
    assert "quantized inputs" in "".join(grid.why for grid in made.plan.graphs[0].grids)
    monkeypatch.setattr(octavo.solving, "solved", lambda _, row, __: (row, np.full(24, 100.0)))
    kept = octavo.convert(content, recipe=recipe, samples=samples)
    assert "quantized inputs" not in "".join(grid.why for grid in kept.plan.graphs[0].grids)
