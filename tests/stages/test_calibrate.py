"""Calibration: what it learns, that it merges, and what it refuses."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import octavo
from octavo.calibrate.inputs import FIRST, fit_inputs
from octavo.calibrate.memory import Memory
from octavo.calibrate.run import WATCHED, Wanted, calibrate
from octavo.errors import InternalError, SamplesError
from octavo.ir.graph import Model
from octavo.ir.grid import Interval, activation_grid
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.quantize.ranges import least_divergence, least_error, percentile
from octavo.runtime import Runtime
from octavo.statistics import Range, Spread, Statistics
from octavo.write.tflite import to_bytes

tensors = arrays(np.float32, (5, 3), elements=st.floats(-1e6, 1e6, width=32))


class Scripted:
    """A model that doubles its input `x`; its tensors are called `x` and `y`."""

    def __init__(self):
        self.runs = 0

    def calibrate(self, inputs):
        self.runs += 1
        self.tensors = {"x": inputs["x"], "y": inputs["x"] * 2}
        return {name: (float(a.min()), float(a.max())) for name, a in self.tensors.items()}

    def run(self, inputs):
        return {"y": inputs["x"] * 2}

    def reset(self):
        pass

    def numbers(self, names):
        return [(name, self.tensors[name]) for name in names if name in self.tensors]

    def passed(self, inputs):
        pass


def samples(count, scale=1.0):
    random = np.random.default_rng(0)
    return [{"x": scale * random.standard_normal((1, 8, 4)).astype(np.float32)} for _ in range(count)]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # drawing waits on busy machines
@given(tensors, tensors, tensors)
def test_statistics_merge_in_any_order_and_grouping(a, b, c):
    parts = [Statistics({"t": Range(float(x.min()), float(x.max()))}, {"t": Spread.of(x)}) for x in (a, b, c)]
    one = parts[0].merge(parts[1]).merge(parts[2])
    other = parts[2].merge(parts[1].merge(parts[0]))
    assert one.ranges == other.ranges
    np.testing.assert_array_equal(one.spreads["t"].counts, other.spreads["t"].counts)
    spread = [each.spreads["t"].evened for each in (one, other)]
    np.testing.assert_allclose(*spread, rtol=1e-12)  # exact but for samples that are 1e5 times as loud as others
    # sums are float64: order changes the last bits only
    np.testing.assert_allclose(one.spreads["t"].sums, other.spreads["t"].sums, rtol=1e-12, atol=1e-6)


class Interrupted(Scripted):
    """One that is interrupted at its tenth run."""

    def calibrate(self, inputs):
        if self.runs == 9:
            raise KeyboardInterrupt
        return super().calibrate(inputs)


def test_an_interrupted_calibration_goes_on_to_the_same_statistics():
    wanted = Wanted(ranges=["x", "y"], spreads=["y"], layers={"y": ("x", lambda array: array)}, inputs={"x": "x"})
    given = samples(80)
    memory = Memory()
    with pytest.raises(KeyboardInterrupt):
        calibrate(Interrupted(), given, wanted, memory=memory)
    assert memory.count == 9
    resumed = Scripted()
    again = Memory.from_json(memory.to_json())
    assert calibrate(resumed, given, wanted, memory=again).to_json() == calibrate(Scripted(), given, wanted).to_json()
    assert resumed.runs == 80 - 9


def test_samples_that_changed_since_are_noticed():
    memory = Memory()
    wanted = Wanted(ranges=["x"])
    calibrate(Scripted(), samples(5), wanted, memory=memory)
    again = Memory.from_json(memory.to_json(), "seen.json")
    with pytest.raises(SamplesError, match="another sample") as caught:
        calibrate(Scripted(), samples(5, scale=2.0), wanted, memory=again)
    assert caught.value.where == "sample 0; seen.json"
    assert not again.fits(samples(5, scale=2.0))
    assert again.fits(samples(5))


@given(tensors)
def test_statistics_survive_json(a):
    before = Statistics({"t": Range(0.0, 1.0, 3)}, {"t": Spread.of(a)}, {"t": Range(0.0, 0.5)})
    after = Statistics.from_json(before.to_json())
    assert (after.ranges, after.fitted) == (before.ranges, before.fitted)
    np.testing.assert_array_equal(after.spreads["t"].counts, before.spreads["t"].counts)
    np.testing.assert_array_equal(after.spreads["t"].evened, before.spreads["t"].evened)
    np.testing.assert_array_equal(after.spreads["t"].mean, before.spreads["t"].mean)


def test_shards_give_what_one_pass_gives():
    data = samples(12)
    whole = calibrate(Scripted(), data, Wanted(ranges=["x", "y"], spreads=["y"]))
    parts = Statistics.total(
        calibrate(Scripted(), data[i::3], Wanted(ranges=["x", "y"], spreads=["y"])) for i in range(3)
    )
    assert whole.ranges == parts.ranges
    np.testing.assert_array_equal(whole.spreads["y"].counts, parts.spreads["y"].counts)
    np.testing.assert_array_equal(whole.spreads["y"].evened, parts.spreads["y"].evened)


def test_each_sample_is_run_once_however_many_look_at_it():
    model = Scripted()
    calibrate(model, iter(samples(5 * WATCHED)), Wanted(ranges=["x", "y"], spreads=["x", "y"]))
    assert model.runs == 5 * WATCHED


def test_the_histogram_looks_at_every_channel():
    array = np.zeros((1, 1000, 64), np.float32)
    array[..., 63] = 5.0
    counts = Spread.of(array).counts
    # one channel of 64 holds the five; a sample of it that is off by a tenth would show an uneven stride
    assert counts[np.float32(5.0).view(np.uint32) >> 18] / counts.sum() == pytest.approx(1 / 64, rel=0.1)


def test_nan_in_the_float_model_names_the_tensor_and_the_sample():
    data = samples(3)
    data[2]["x"][0, 0, 0] = np.nan
    with pytest.raises(SamplesError, match=r"computes nan in 'x'") as caught:
        calibrate(Scripted(), data, Wanted(ranges=["x"]))
    assert caught.value.where == "sample 2"


def test_a_tensor_that_the_runtime_does_not_report_is_our_own_defect():
    with pytest.raises(InternalError, match="'ghost'"):
        calibrate(Scripted(), samples(1), Wanted(ranges=["ghost"]))


def test_rare_outliers_are_clipped_and_what_is_even_is_not():
    random = np.random.default_rng(0)
    normal = random.standard_normal(1_000_000).astype(np.float32)
    with_outlier = np.append(normal, np.float32(30))
    clipped = least_error(Interval(float(normal.min()), 30.0), Spread.of(with_outlier, most=1 << 21).counts)
    assert clipped.high < 15
    even = random.uniform(-1, 1, 100_000).astype(np.float32)
    assert least_error(Interval(-1.0, 1.0), Spread.of(even).counts) == Interval(-1.0, 1.0)


def test_a_loud_sample_does_not_widen_the_range_of_all_quiet_ones():
    random = np.random.default_rng(0)
    loudness = np.array([1.0] * 15 + [30.0])
    each = [(scale * random.standard_normal((64, 64))).astype(np.float32) for scale in loudness]
    whole = Statistics.total(Statistics(spreads={"t": Spread.of(array)}) for array in each)
    seen = Interval(float(min(a.min() for a in each)), float(max(a.max() for a in each)))
    noise = {}
    for name, known in {"as it is": whole, "evened": whole.evened}.items():
        scale, zero_point = activation_grid(least_error(seen, known.spreads["t"].counts), "int8")
        rounded = [(np.clip(np.rint(a / scale) + zero_point, -128, 127) - zero_point) * scale for a in each]
        noise[name] = np.mean(
            [np.square(r - a).mean() / np.square(a).mean() for r, a in zip(rounded, each, strict=True)]
        )
    assert noise["evened"] < 0.6 * noise["as it is"]
    assert whole.evened.spreads["t"].counts.sum() == pytest.approx(16 * 64 * 64)


def test_numbers_that_become_zero_cost_no_more_than_they_are():
    random = np.random.default_rng(0)
    tiny = (1e-3 * random.standard_normal(400_000)).astype(np.float32)
    few = random.uniform(5, 10, 5).astype(np.float32)
    counts = Spread.of(np.concatenate([tiny, few]), most=1 << 20).counts
    # a step is 0.04, so that nearly all are zero on any of these grids, and only the few tell them apart
    assert least_error(Interval(-0.01, 10.0), counts).high > 9


@given(arrays(np.float32, 200, elements=st.floats(-1e3, 1e3, width=32)))
def test_a_chosen_range_lies_inside_what_was_seen_and_errs_less(array):
    seen = Interval.around(float(array.min()), float(array.max()))
    chosen = least_error(seen, Spread.of(array).counts)
    assert seen.low <= chosen.low <= 0 <= chosen.high <= seen.high


class Forgetful:
    """A model that keeps nothing from run to run."""

    def reset(self):
        pass


class Thresholded(Forgetful):
    """Only the sign of small numbers matters, and nothing above one."""

    def run(self, inputs):
        return {"y": np.clip(inputs["x"], -1, 1)}


def test_an_input_range_that_drowns_what_matters_is_cut():
    data = [{"x": np.append(s["x"].ravel() * 0.3, np.float32(-250)).astype(np.float32)[None]} for s in samples(8)]
    fitted = fit_inputs(Thresholded(), data, {"x": Range(-250.0, 1.0)})
    assert fitted["x"].low > -110


def test_an_input_that_rounding_does_not_harm_keeps_its_range():
    assert fit_inputs(Scripted(), samples(4), {"x": Range(-4.0, 4.0)}) == {}


def test_a_harmless_input_is_found_out_with_a_few_of_the_samples():
    model = Counting()
    fit_inputs(model, samples(64), {"x": Range(-4.0, 4.0)})
    assert model.runs == 2 * FIRST  # each in float, and rounded


class Counting(Scripted):
    """Counts its plain runs."""

    def run(self, inputs):
        self.runs += 1
        return super().run(inputs)


class Sure(Forgetful):
    """Two classes, told apart by the mean of all numbers but the last; it is sure of one."""

    def run(self, inputs):
        logit = 100 * inputs["x"][:, :-1].mean(axis=1)
        return {"y": np.stack([1 / (1 + np.exp(-logit)), 1 / (1 + np.exp(logit))], axis=1).astype(np.float32)}


def test_what_rounding_does_to_sure_answers_is_told_by_their_logarithms():
    random = np.random.default_rng(0)
    means = np.where(np.arange(16) % 2, 0.1, -0.1)[:, None]
    numbers = (means + 0.02 * random.standard_normal((16, 64))).astype(np.float32)
    data = [{"x": np.append(each, np.float32(-40))[None]} for each in numbers]
    assert not fit_inputs(Sure(), data, {"x": Range(-40.0, 1.0)})
    fitted = fit_inputs(Sure(), data, {"x": Range(-40.0, 1.0)}, ["y"])
    assert fitted["x"].low > -20


def test_a_percentile_forgets_what_is_rarer_than_it_and_keeps_the_rest():
    numbers = np.concatenate([np.linspace(-1, 2, 30_000, dtype=np.float32), np.float32([500])])
    counts = Spread.of(numbers, most=len(numbers)).counts
    found = percentile(Interval(-1.0, 500.0), counts)
    assert (found.low, found.high) == pytest.approx((-1, 2), rel=1 / 16)  # the width of a bin, and the rare part
    assert percentile(found, counts) == found


def test_entropy_clips_long_tails_and_leaves_even_numbers_alone():
    random = np.random.default_rng(0)
    tails = random.standard_t(3, 100_000).astype(np.float32)
    reach = float(np.abs(tails).max())
    found = least_divergence(Interval(-reach, reach), Spread.of(tails, most=tails.size).counts)
    assert found.high < 0.7 * reach
    even = random.uniform(-1, 1, 100_000).astype(np.float32)
    kept = least_divergence(Interval(-1.0, 1.0), Spread.of(even, most=even.size).counts)
    assert kept.high > 0.9  # clipping what is as likely as all else loses it


def test_average_ranges_are_the_mean_of_the_samples_ends_in_any_order_and_any_parts():
    ends = [(-1.0, 2.0), (-3.0, 4.0), (-8.0, 60.0), (0.0, 2.0)]
    one = [Range(low, high, 1, low, high) for low, high in ends]
    whole = one[0].merge(one[1]).merge(one[2]).merge(one[3])
    parts = one[3].merge(one[2]).merge(one[1].merge(one[0]))
    assert whole == parts
    assert (whole.average.low, whole.average.high) == (-3.0, 17.0)
    assert Range(-1, 1).merge(Range(-2, 3)).average == Range(-2, 3, 2)  # given, not measured
    again = Statistics.from_json(Statistics({"x": whole}).to_json())
    assert again.ranges["x"] == whole


def test_one_wild_sample_hardly_moves_average_ranges():
    def made(ranges: str) -> float:
        samples = np.random.default_rng(0).uniform(-1, 1, (50, 16)).astype(np.float32)
        samples[7] *= 100
        text = """main(%x: float32[batch,16]) {
  %y = TANH(%x)
  %z = ADD(%x, %y)
  return %z
}"""
        content = to_bytes(Model([parse(text, registry().ops)]))
        plan = octavo.convert(
            content, recipe={"precision": "int8", "ranges": ranges, "mixed": False}, samples=samples
        ).plan
        return next(grid.high for grid in plan.graphs[0].grids if grid.value == "z")

    assert made("minmax") > 90
    assert made("average") < 6  # 2 of each sample, and 100 of one in fifty


REGRESSION = """main(%x: float32[batch,24]) {
  %a = const float32[24,24]
  %p = FULLY_CONNECTED(%x, %a, _) {fused_activation_function=RELU}
  %c = const float32[8,24]
  %y = FULLY_CONNECTED(%p, %c, _)
  return %y
}"""


@pytest.mark.parametrize(("times", "count"), [(10, 20), (100, 2), (100, 10), (1000, 4)])
def test_more_calibration_data_does_not_make_a_model_worse_even_if_it_is_broken(times, count):
    graph, random = parse(REGRESSION, registry().ops), np.random.default_rng(5)
    for value in graph.values:
        if value.const is not None:
            value.const = (random.standard_normal(value.shape) / 4).astype(np.float32)
    content = to_bytes(Model([graph]))
    data = random.standard_normal((600, 24)).astype(np.float32)
    samples, held_out = data[:200], data[200:]
    more = np.concatenate([samples, times * data[:count]])[random.permutation(200 + count)]
    exact = Runtime(content).run({"x": held_out})["y"]

    def error(given, **recipe):
        made = octavo.convert(content, recipe={"precision": "int8"} | recipe, samples=given)
        return float(np.square(Runtime(made.content).run({"x": held_out})["y"] - exact).mean() / exact.var())

    assert error(samples) < 0.003  # 25 dB: what int8 does to normal numbers, twice
    assert error(more) < 0.015  # 18 dB: what costs no accuracy in the trained models that are measured
    plain = {"ranges": "minmax", "effort": "fast", "correct_bias": False, "equalize": False}
    assert error(more, **plain) > (0.005 if times == 10 else 0.15)
