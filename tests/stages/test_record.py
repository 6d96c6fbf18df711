"""The record of a run: complete, stable, and told truly."""

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo.cli.app import app
from octavo.errors import Invalid, UsageError
from octavo.plan import differences
from octavo.report.record import Estimate, OutputError, Run, Scored, Timing
from octavo.report.verdict import verdict

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
SNAPSHOT = Path(__file__).parent / "run_record.json"


def converted(recipe="int8"):
    return octavo.convert(DIGITS / "saved_model", recipe=recipe, samples=DIGITS / "calibration.npz")


@pytest.fixture(scope="module")
def result():
    return converted()


@pytest.fixture(scope="module")
def run(result):
    return octavo.record(result, held_out=DIGITS / "held_out.npz", source=DIGITS / "saved_model", command="again")


def shape(value):
    """The keys and kinds of a document; of lists of mappings, all keys that any entry has."""
    if isinstance(value, dict):
        return {key: shape(entry) for key, entry in sorted(value.items())}
    if isinstance(value, list):
        return [shape(together(value))] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def together(entries):
    """One entry that has what each of them has."""
    if not all(isinstance(entry, dict) for entry in entries):
        return next((entry for entry in entries if entry is not None), None)
    found = {}
    for key in {key for entry in entries for key in entry}:
        values = [entry[key] for entry in entries if entry.get(key) is not None]
        if values and isinstance(values[0], list):
            found[key] = [part for value in values for part in value]
        elif values and isinstance(values[0], dict):
            found[key] = together(values)
        else:
            found[key] = values[0] if values else None
    return found


def test_the_form_of_the_record_changes_only_with_its_snapshot(run):
    told = json.loads(run.to_json())
    facts = told["provenance"]
    for words in (*(file["constants"] for file in told["files"]), facts["versions"], facts["data"]):  # keys are data
        words.clear()
    assert shape(told) == json.loads(SNAPSHOT.read_text()), (
        f"if the change is meant, raise VERSION where old readers would fail, and store: {json.dumps(shape(told))}"
    )


def test_a_record_comes_back_from_json(run, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(run.to_json())
    assert Run.load(path) == run


def test_a_record_of_a_later_version_is_refused_with_its_version(run, tmp_path):
    path = tmp_path / "run.json"
    path.write_text(msgspec.structs.replace(run, version=99).to_json())
    with pytest.raises(Invalid, match="a run of version 99"):
        Run.load(path)


def test_what_is_no_record_says_where_it_departs(tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"name": "x"}')
    with pytest.raises(Invalid, match="missing required field"):
        Run.load(path)
    with pytest.raises(UsageError, match=r"cannot be read"):
        Run.load(tmp_path / "no.json")


def test_each_operation_of_the_plan_has_a_layer_with_its_bytes(run, result):
    assert [layer.node for layer in run.layers] == [op.node for graph in result.plan.graphs for op in graph.ops]
    assert all(layer.output.startswith("int8[") for layer in run.layers)
    assert all(layer.size < layer.float_size for layer in run.layers if layer.op == "CONV_2D")
    assert all(layer.error is not None for layer in run.layers)


def test_layers_know_what_they_were_made_of(run):
    conv = next(layer for layer in run.layers if layer.op == "CONV_2D")
    assert "fuse_activation" in conv.rules
    assert any(part.endswith("/Relu6") for part in conv.origin)


def test_histograms_hold_the_numbers_that_were_seen(run, result):
    seen = result.statistics[0].spreads
    for histogram in run.histograms:
        if histogram.counts:
            assert sum(histogram.counts) == seen[histogram.tensor].counts.sum()
            assert histogram.low <= 0 < histogram.high  # zero is always exact
            # clipping keeps at least 30 % of each end of what was seen
            assert histogram.high > 0.29 * histogram.seen_high


def test_weight_ranges_are_those_of_the_float_model(run):
    for weights in run.weights:
        assert len(weights.lows) == len(weights.highs) <= weights.channels
        assert all(low <= high for low, high in zip(weights.lows, weights.highs, strict=True))


def test_many_channels_are_shown_together():
    from octavo.plan import Grid
    from octavo.report.ranges import RUNS, _weights

    weights = np.arange(1000, dtype=np.float32)[:, np.newaxis] * np.array([-1.0, 2.0], np.float32)
    shown = _weights(Grid(value="w", dtype="int8", axis=0), weights, "main")
    assert shown.channels == 1000
    assert len(shown.lows) == RUNS
    assert min(shown.lows) == -999.0
    assert max(shown.highs) == 1998.0


def test_the_source_is_known_by_its_hash(run):
    assert len(run.provenance.sha256) == 64
    assert {"octavo", "python", "numpy", "ai-edge-litert"} <= run.provenance.versions.keys()


def test_a_model_of_which_nothing_is_told_is_called_model(result):
    told = octavo.record(result)
    assert (told.name, told.provenance.source) == ("model", "not told")


def test_the_data_are_known_by_their_hashes(run):
    digest = hashlib.sha256((DIGITS / "held_out.npz").read_bytes()).hexdigest()
    assert run.provenance.data == {str(DIGITS / "held_out.npz"): digest}


def test_layers_name_those_whose_results_they_take(run):
    makers = {layer.node: layer.number for layer in run.layers}
    assert all(number < layer.number for layer in run.layers for number in layer.reads)
    assert run.layers[0].reads == ()
    assert {number for layer in run.layers for number in layer.reads} == set(makers.values()) - {len(run.layers) - 1}


def test_times_that_vary_do_not_decide_about_speed(run):
    def told(before, after):
        timing = tuple(
            Timing(least=low, p10=low, median=mid, p90=high, runs=9, threads=1) for low, mid, high in (before, after)
        )
        return verdict(msgspec.structs.replace(run, measured=msgspec.structs.replace(run.measured, timing=timing)))[1]

    assert "could not be told" in told((1.8, 2.5, 10.0), (2.0, 6.3, 11.0))
    assert "2.5 times as slow" in told((1.9, 2.0, 2.1), (4.9, 5.0, 5.1))
    assert "10.0 times as slow" in told((1.0, 2.0, 3.0), (18.0, 20.0, 22.0))  # noise cannot do that


def test_without_samples_nothing_is_claimed_about_errors():
    run = octavo.record(octavo.convert(DIGITS / "saved_model", recipe="float16"))
    assert run.measured.samples == 0
    assert all(layer.error is None for layer in run.layers)
    assert verdict(run)[0] == "look"
    assert "not yet measured" in verdict(run)[1]


def test_the_verdict_follows_the_numbers(run):
    def judged(**changes):  # by scores alone: how fast this machine is just now must not decide
        measured = msgspec.structs.replace(run.measured, timing=None, **changes)
        return verdict(msgspec.structs.replace(run, measured=measured))

    def about(value):
        return Estimate(value=value, low=value - 0.01, high=value + 0.01)

    def scored(before, after, p=0.001):
        change = about(after - before)
        return (
            Scored(
                metric="accuracy",
                samples=1000,
                before=about(before),
                after=about(after),
                change=change,
                p=p,
                unit="share",
            ),
        )

    far = OutputError(name="y", sqnr=4.0, agreement=0.3, relative_error=0.9)
    assert judged(scores=scored(0.9, 0.9))[0] == "good"
    assert judged(scores=scored(0.9, 0.892))[0] == "look"
    assert judged(scores=scored(0.9, 0.892, p=0.3))[0] == "good"
    assert judged(scores=scored(0.9, 0.7))[0] == "bad"
    assert "20.00 points lower" in judged(scores=scored(0.9, 0.7))[1]
    assert judged(scores=(), outputs=(far,))[0] == "bad"


def test_two_plans_differ_where_they_decide_differently(result):
    other = converted({"precision": "int8", "rules": [{"op": "SOFTMAX", "precision": "float32"}]})
    found = differences(result.plan, other.plan)
    assert {"rules"} == {each.where for each in found if each.what == "recipe"}
    assert any("float32" in each.after for each in found if each.what == "operation")
    assert differences(result.plan, result.plan) == ()


def test_converting_writes_the_page_and_the_record_in_one_go(tmp_path):
    arguments = [
        "convert", str(DIGITS / "saved_model"), "-o", str(tmp_path / "x.tflite"), "-r", "int8",
        "--samples", str(DIGITS / "calibration.npz"), "--held-out", str(DIGITS / "held_out.npz"),
        "--report", str(tmp_path / "r.html"), "--save-run", str(tmp_path / "run.json"), "--json",
    ]  # fmt: skip
    told = json.loads(CliRunner().invoke(app, arguments).stdout)
    assert told["report"] == str(tmp_path / "r.html")
    assert Run.load(tmp_path / "run.json").measured.scores[0].samples == 1194
    again = CliRunner().invoke(
        app, ["report", str(tmp_path / "run.json"), "-o", str(tmp_path / "again.html"), "--json"]
    )
    assert "times smaller" in json.loads(again.stdout)["sentence"]
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "r.html").read_bytes()


def test_the_page_asks_the_network_for_nothing(run):
    page = run.to_html()
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page
    assert "src=" not in page
