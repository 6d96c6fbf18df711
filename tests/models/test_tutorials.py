"""The three classic tutorials of TensorFlow, run as a user runs them, with `octavo.lite` in place of `tf.lite`."""

import importlib
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("sklearn")

TUTORIALS = Path(__file__).parents[2] / "examples" / "tutorials"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]


@pytest.fixture(autouse=True)
def _beside_the_scripts(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(TUTORIALS), *sys.path])


@pytest.mark.parametrize(("name", "smaller"), [
    ("post_training_dynamic_range", 0.5), ("post_training_full_integer", 0.5), ("post_training_float16", 0.65),
])  # fmt: skip
def test_a_tutorial_keeps_the_accuracy_and_shrinks_the_model(name, smaller):
    before, after = importlib.import_module(name).main().values()
    assert before["accuracy"] > 0.85  # six epochs of a tiny model
    assert abs(after["accuracy"] - before["accuracy"]) <= 0.01  # six of 597 pictures
    assert after["bytes"] < smaller * before["bytes"]
