"""Numbers at which LiteRT's integer kernels go wrong: what Octavo writes stays within its steps there."""

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Model, Signature
from octavo.ir.grid import dequantize
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.read.tflite import read_tflite
from octavo.recipe import Recipe, Rule
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

STEPS = {"int8": 255, "int16x8": 65535}


def body(*lines, given="float32[1,64]"):
    return "\n".join([f"main(%x: {given}) {{", *(f"  {line}" for line in lines), "  return %y", "}"])


def content_of(text):
    graph = parse(text, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


def converted(text, draw, count=32, **recipe):
    random = np.random.default_rng(0)
    shape = parse(text, registry().ops).inputs[0].shape
    samples = [{"x": draw(random, shape).astype(np.float32)} for _ in range(count)]
    plain = {"ranges": "minmax", "mixed": False, "effort": "fast"}
    return octavo.convert(content_of(text), recipe=Recipe(**plain | recipe), samples=samples), samples


def uniform(low, high):
    return lambda random, shape: random.uniform(low, high, shape)


def powers(random, shape):
    return 10 ** random.uniform(-7, 1, shape)


def of_all(content, samples):
    runtime = Runtime(content)
    return np.stack([runtime.run(sample)["y"] for sample in samples]).astype(np.float64)


def error(made, samples):
    """The greatest error, as a share of the outputs' width; infinite where an output is not finite."""
    expected, found = (of_all(each, samples) for each in (made.reference, made.content))
    wrong = np.abs(found - expected).max() / np.ptp(expected)
    return wrong if np.isfinite(found).all() else np.inf


LIMITED = body("%t = const float32[] 1e-6", "%m = MAXIMUM(%x, %t)", "%y = LOG(%m)")
ROOTED = body("%s = MUL(%x, %x)", "%e = const float32[] 1e-5", "%d = ADD(%s, %e)", "%y = RSQRT(%d)")
DIVIDED = body("%a = ABS(%x)", "%e = const float32[] 1e-6", "%d = ADD(%a, %e)", "%y = DIV(%x, %d)")


def test_int16_leaves_room_for_smaller_numbers_than_the_samples_hold():
    """The samples stay twenty steps away from zero; what is a hundred times as small is 0 in integers."""
    made, _ = converted(LIMITED, uniform(20 * 2 / 32767, 2), precision="int16x8")
    small = {"x": np.full((1, 64), 2e-5, np.float32)}
    assert np.isfinite(of_all(made.content, [small])).all()


@pytest.mark.parametrize(("text", "draw"), [(LIMITED, powers), (ROOTED, uniform(-1, 1)), (DIVIDED, powers)])
def test_int16_does_not_round_to_zero_what_a_logarithm_or_a_reciprocal_reads(text, draw):
    """`max(x, 1e-6)` is 0 in steps of 3e-4, and its logarithm −∞."""
    made, samples = converted(text, draw, precision="int16x8")
    assert error(made, samples) < 1e-3
    told = [row.why for row in made.plan.graphs[0].ops if row.who == "graph"]
    assert any("reads its smallest numbers, which integers round to zero" in why for why in told)


def test_what_stays_away_from_zero_is_made_in_integers():
    text = body("%e = const float32[] 0.5", "%d = ADD(%x, %e)", "%y = RSQRT(%d)")
    made, samples = converted(text, uniform(0.5, 1), precision="int16x8")
    assert {row.precision for row in made.plan.graphs[0].ops if row.op == "ADD"} == {"int16x8"}
    assert error(made, samples) < 1e-3


def stored(made):
    """The weight and the bias that the file holds, as real numbers in float64."""
    graph = read_tflite(made.content).main
    (node,) = (node for node in graph if node.op.code in ("FULLY_CONNECTED", "CONV_2D"))
    weight, bias = node.inputs[1], node.inputs[2] if len(node.inputs) > 2 else None
    real = dequantize(weight.const, weight.quant).astype(np.float64)
    return real, 0.0 if bias is None else bias.const * bias.quant.scale.astype(np.float64)


@pytest.mark.parametrize("length", [256, 4096])
@pytest.mark.parametrize("bias", [", %b", ""])
def test_long_sums_of_int16_are_those_of_float64(length, bias):
    """Without a type of its bias LiteRT adds up in int32, which 4,096 products of one sign overflow."""
    lines = [f"%w = const float32[4,{length}]", *(["%b = const float32[4]"] if bias else [])]
    text = body(*lines, f"%y = FULLY_CONNECTED(%x, %w{bias})", given=f"float32[1,{length}]")
    signs = np.sign(parse(text, registry().ops).nodes[0].inputs[1].const[0])
    made, samples = converted(text, lambda random, shape: signs * random.uniform(0.9, 1, shape), precision="int16x8")
    weight, offset = stored(made)
    found = of_all(made.content, samples)[:, 0]
    given = np.stack([sample["x"][0] for sample in samples]).astype(np.float64)
    expected = given @ weight.T + offset
    rounding = np.abs(weight).sum(axis=1).max() / 65534  # inputs of at most 1 are rounded to half a step of 1/32767
    assert np.abs(found - expected).max() <= rounding + 2 * np.abs(expected).max() / 32767


def test_a_transposed_convolution_without_a_bias_does_not_overflow():
    text = body("%s = const int32[4] [1, 1, 1, 4]", "%w = const float32[4,1,1,4096]", "%y = TRANSPOSE_CONV(%s, %w, %x)",
                given="float32[1,1,1,4096]")  # fmt: skip
    signs = np.sign(parse(text, registry().ops).nodes[0].inputs[1].const[0, 0, 0])
    made, samples = converted(text, lambda random, shape: signs * random.uniform(0.9, 1, shape), precision="int16x8")
    assert error(made, samples) < 0.01  # weights of int8


def test_sums_of_a_convolution_in_int16_are_those_of_float64():
    text = body("%w = const float32[8,3,3,64]", "%b = const float32[8]", "%y = CONV_2D(%x, %w, %b) {padding=VALID}",
                given="float32[1,3,3,64]")  # fmt: skip
    made, samples = converted(text, uniform(0.9, 1), precision="int16x8")
    weight, offset = stored(made)
    found = of_all(made.content, samples)[:, 0, 0, 0]
    expected = np.stack([np.tensordot(weight, s["x"][0].astype(np.float64), axes=3) for s in samples]) + offset
    rounding = np.abs(weight).sum(axis=(1, 2, 3)).max() / 65534
    assert np.abs(found - expected).max() <= rounding + 2 * np.abs(expected).max() / 32767


@pytest.mark.parametrize("precision", STEPS)
def test_an_activation_cut_at_six_leaves_a_dense_layer_on_a_grid_that_ends_there(precision):
    text = body("%w = const float32[16,64]", "%b = const float32[16]",
                "%y = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU6}")  # fmt: skip
    made, samples = converted(text, uniform(-30, 30), precision=precision)
    found = of_all(made.content, samples)
    assert found.max() == pytest.approx(6, abs=6 / 255 / 2)
    assert found.min() == 0
    weight, offset = stored(made)
    given = np.stack([sample["x"][0] for sample in samples]).astype(np.float64)
    expected = np.clip(given @ weight.T + offset, 0, 6)
    least = {"int8": 60 / 255, "int16x8": 60 / 65535}[precision] / 2
    assert np.abs(found[:, 0] - expected).max() <= least * np.abs(weight).sum(axis=1).max() + 6 / 255


@pytest.mark.parametrize("precision", STEPS)
@pytest.mark.parametrize("scaled", [False, True])
def test_rows_of_a_table_are_picked_by_numbers_that_are_never_rounded(precision, scaled):
    """Five thousand rows have no place in 256 steps."""
    lines = ["%two = const float32[] 2.0", "%m = MUL(%x, %two)"] if scaled else []
    cast = f"%i: int32[1,64] = CAST({'%m' if scaled else '%x'}) {{in_data_type=FLOAT32, out_data_type=INT32}}"
    text = body(*lines, cast, "%t = const float32[5000,8]", "%y = GATHER(%t, %i)")
    high = 2500 if scaled else 5000
    made, samples = converted(text, lambda random, shape: random.integers(0, high, shape), precision=precision)
    assert error(made, samples) < 1 / STEPS["int8"]


WRONG = {
    "NEG on grids that differ": (body("%n = NEG(%x)", "%y = TANH(%n)"), uniform(-1, 5)),
    "FLOOR_DIV": (body("%c = const float32[] 0.7", "%d = FLOOR_DIV(%x, %c)", "%y = MUL(%d, %d)"), uniform(-1, 5)),
    "FLOOR_MOD": (body("%c = const float32[] 0.7", "%y = FLOOR_MOD(%x, %c)"), uniform(-1, 5)),
    "SCATTER_ND, whose zeros are not those of the grid": (
        body("%i = const int32[3,1] [[1],[3],[6]]", "%s = const int32[2] [8,4]", "%y = SCATTER_ND(%i, %x, %s)",
             given="float32[3,4]"), uniform(1, 5)),
    "MATRIX_DIAG, likewise": (body("%y = MATRIX_DIAG(%x)", given="float32[2,5]"), uniform(1, 5)),
    "SUM on grids that differ": (
        body("%a = const int32[2] [1, 2]", "%y = SUM(%x, %a)", given="float32[1,8,8,4]"), uniform(-1, 5)),
    "SQUARED_DIFFERENCE": (body("%c = const float32[] 0.3", "%y = SQUARED_DIFFERENCE(%x, %c)"), uniform(-1, 5)),
    "HARD_SWISH": (body("%y = HARD_SWISH(%x)"), uniform(-6, 6)),
    "RELU6 alone": (body("%y = RELU6(%x)"), uniform(-6, 9)),
}  # fmt: skip
SIX = "{fused_activation_function=RELU6}"
FAR = {
    "FULLY_CONNECTED": body("%w = const float32[16,64]", "%b = const float32[16]", f"%y = FULLY_CONNECTED(%x, %w, %b) {SIX}"),
    "CONV_2D": body("%w = const float32[8,3,3,4]", "%b = const float32[8]", f"%y = CONV_2D(%x, %w, %b) {SIX}",
                    given="float32[1,4,4,4]"),
    "DEPTHWISE_CONV_2D": body("%w = const float32[1,3,3,4]", "%b = const float32[4]",
                              f"%y = DEPTHWISE_CONV_2D(%x, %w, %b) {SIX}", given="float32[1,4,4,4]"),
    "TRANSPOSE_CONV": body("%s = const int32[4] [1,8,8,4]", "%w = const float32[4,3,3,4]", "%b = const float32[4]",
                           "%y = TRANSPOSE_CONV(%s, %w, %x, %b) "
                           "{stride_w=2, stride_h=2, fused_activation_function=RELU6}", given="float32[1,4,4,4]"),
    "ADD": body(f"%y = ADD(%x, %x) {SIX}"),
    "SUB": body("%c = const float32[] 1e6", f"%y = SUB(%x, %c) {SIX}"),
    "MUL": body(f"%y = MUL(%x, %x) {SIX}"),
    "BATCH_MATMUL": body("%a = const float32[] 1e-7", "%z = MUL(%x, %a)", "%y = BATCH_MATMUL(%z, %x) {adj_y=True}",
                         given="float32[1,4,16]"),
}  # fmt: skip
"""Results that are cut far below what the sums reach."""


@pytest.mark.parametrize("precision", STEPS)
@pytest.mark.parametrize("high", [1e2, 1e3, 1e4, 1e6])
@pytest.mark.parametrize("text", FAR.values(), ids=FAR)
def test_sums_that_reach_far_beyond_the_result_are_never_wrong(text, high, precision):
    """Kernels gave zeros for sixes, refused the model, or ended the process."""
    made, samples = converted(text, uniform(-high, high), precision=precision, rules=(Rule(precision=precision),))
    found, expected = of_all(made.content, samples), of_all(made.reference, samples)
    uncut = text.replace(", fused_activation_function=RELU6", "").replace(SIX, "")
    whole = of_all(content_of(uncut), samples)
    rounding = 0.03 * np.abs(whole).max()  # of weights and of what goes in, by less than one part in a hundred each
    sure = (whole > 6 + rounding) | (whole < -rounding)
    assert np.abs(found - expected)[sure].max(initial=0) <= 1e-3 + (uncut == text) * np.abs(expected).max() / 50
    assert np.isfinite(found).all()


def test_a_model_that_takes_ids_as_real_numbers_is_timed_without_samples():
    cast = "%i: int32[1,64] = CAST(%x) {in_data_type=FLOAT32, out_data_type=INT32}"
    content = content_of(body(cast, "%t = const float32[50,8]", "%y = GATHER(%t, %i)"))
    assert octavo.benchmark(content, rounds=2).wholes[0].timing.runs == 2


def test_an_infinity_that_becomes_a_place_in_a_table_stays_in_float():
    lines = (
        "%p = const int32[8]",
        "%n: int32[1,8] = FLOOR_MOD(%x, %p)",
        "%f: float32[1,8] = CAST(%n) {in_data_type=INT32, out_data_type=FLOAT32}",
        "%l = LOG(%f)",
        "%i: int32[1,8] = CAST(%l) {in_data_type=FLOAT32, out_data_type=INT32}",
        "%z = const int32[] 0",
        "%c = MAXIMUM(%i, %z)",
        "%t = const float32[5,8]",
        "%g = GATHER(%t, %c)",
        "%y = TANH(%g)",
    )
    graph = parse(body(*lines, given="int32[1,8]"), registry().ops)
    (divisors,) = (value for value in graph.values if value.name == "p")
    divisors.const = np.full(8, 50, np.int32)
    content = to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))
    samples = [{"x": np.arange(8, dtype=np.int32)[None] * step} for step in range(1, 8)]
    for precision in ("int8", "int16x8"):
        made = octavo.convert(content, recipe=precision, samples=samples)
        kinds = {op.op: op.precision for op in made.plan.graphs[0].ops}
        assert kinds["LOG"] == "float32"
        assert kinds["TANH"] == precision
        assert error(made, samples) < 2 / STEPS[precision]
