"""Blame: the guilty layer is found, with few trials, and what leaving it in float gains."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

import octavo
from octavo.blaming import only, suspects_of
from octavo.errors import UsageError
from octavo.judge.blame import find_blame

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
CALIBRATION = DIGITS / "calibration.npz"


def additive(noises):
    """A model whose layers' noises add up; counts its trials."""
    tried = []

    def trial(layers):
        tried.append(tuple(layers))
        return sum(noises[layer] for layer in layers)

    return trial, tried


def test_each_layer_of_a_small_model_is_tried_alone():
    trial, tried = additive({"a": 1e-4, "b": 1e-2, "c": 1e-5})
    found = find_blame("abc", trial, samples=1)
    assert [each.layers for each in found.suspects] == [("b",), ("a",), ("c",)]
    assert found.suspects[0].sqnr == pytest.approx(20)
    assert found.suspects[0].share == pytest.approx(1e-2 / 1.011e-2 * 1.001, rel=1e-2)
    assert found.trials == len(tried)


def test_the_guilty_of_a_thousand_layers_are_found_in_few_trials():
    noises = {f"layer{i}": 1e-7 for i in range(1000)} | {"layer137": 1e-2, "layer901": 3e-3}
    trial, tried = additive(noises)
    found = find_blame(list(noises), trial, samples=1, budget=60)
    assert [each.layers for each in found.suspects[:2]] == [("layer137",), ("layer901",)]
    assert len(tried) == found.trials <= 60 + 1 + 5
    assert sum(len(each.layers) for each in found.suspects) == 1000


def test_leaving_the_worst_in_float_gains_what_they_cost():
    trial, _ = additive({"a": 9e-3, "b": 1e-3, "c": 1e-6})
    found = find_blame("abc", trial, samples=1)
    assert found.sqnr == pytest.approx(20, abs=0.01)
    assert [each.layers for each in found.reliefs] == [("a",), ("a", "b")]
    assert [each.sqnr for each in found.reliefs] == pytest.approx([30, 60], abs=0.01)


def test_the_cure_is_the_fewest_layers_that_gain_much_together():
    def together(layers):
        return 1e-2 if {"a", "b"} & set(layers) else 1e-6 * len(layers)

    assert find_blame("abcd", together, samples=1).cure == ("a", "b")
    assert find_blame("abcd", lambda layers: 1e-2 * bool(layers), samples=1).cure == ("a", "b", "c", "d")
    assert find_blame("ab", lambda _: 1e-2, samples=1).cure == ()


@pytest.fixture(scope="module")
def converted():
    return octavo.convert(DIGITS / "saved_model", recipe="int8", samples=CALIBRATION)


def test_a_plan_with_every_suspect_is_the_plan_and_without_any_is_float(converted):
    suspects = suspects_of(converted.plan)
    assert only(converted.plan, suspects) == converted.plan
    x = np.load(CALIBRATION)["image"][:4]
    bare = octavo.convert(DIGITS / "saved_model", plan=only(converted.plan, []))
    assert octavo.compare(bare.reference, bare, {"image": x}).outputs[0].sqnr == np.inf


def test_a_layer_that_was_made_coarse_is_blamed(converted):
    """Grids of one layer sixteen times as coarse: four bits."""
    import msgspec

    (graph,) = converted.plan.graphs
    victim = [row for row in graph.ops if row.op == "CONV_2D"][1]
    grids = tuple(
        msgspec.structs.replace(grid, scale=tuple(16 * s for s in grid.scale)) if grid.value == victim.node else grid
        for grid in graph.grids
    )
    plan = msgspec.structs.replace(converted.plan, graphs=(msgspec.structs.replace(graph, grids=grids),))
    found = octavo.blame(converted.reference, plan, samples=CALIBRATION, most=8)
    assert any(victim.layer in suspect.layers for suspect in found.suspects[:2])  # it, or what reads its tensor
    assert found.reliefs[1].sqnr > found.sqnr + 10  # the second is the layer that reads the coarse tensor
    assert victim.layer in str(found)


def test_a_float_model_has_nobody_to_blame():
    made = octavo.convert(DIGITS / "saved_model")
    with pytest.raises(UsageError, match="nothing to blame"):
        octavo.blame(made, samples=CALIBRATION)


def test_a_model_without_its_plan_is_refused(converted):
    with pytest.raises(UsageError, match="plan is missing"):
        octavo.blame(converted.reference, samples=CALIBRATION)


def test_operations_of_the_only_layer_are_suspected_one_by_one(converted):
    (graph,) = converted.plan.graphs
    flat = tuple(msgspec.structs.replace(row, layer="g") for row in graph.ops)
    plan = msgspec.structs.replace(converted.plan, graphs=(msgspec.structs.replace(graph, ops=flat),))
    assert suspects_of(plan) == {row.node: [row.node] for row in graph.ops if row.precision == "int8"}
