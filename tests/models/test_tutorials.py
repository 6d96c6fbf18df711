"""The tutorials, as a user follows them: each page from top to bottom, and what its script measured."""

import shutil

import pytest

from pages import DIGITS, TUTORIALS, Walk, needs_tensorflow, pages

pytest.importorskip("tensorflow")
pytest.importorskip("sklearn")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")]
CLASSICS = {"dynamic-range": 0.5, "full-integer": 0.5, "float16": 0.65}
"""How much smaller each of the three is, at least: weights are most of so small a file, and not all of it."""


def walked(page, tmp_path, monkeypatch):
    """What the script of a page measured, for each model."""
    monkeypatch.chdir(tmp_path)
    walk = Walk(f"docs/tutorials/{page}.md")
    walk.through()
    (found,) = walk.found.values()
    return found


@pytest.mark.parametrize("page", CLASSICS)
def test_a_classic_tutorial_keeps_the_accuracy_and_shrinks_the_model(page, tmp_path, monkeypatch):
    before, after = walked(page, tmp_path, monkeypatch).values()
    assert before["accuracy"] > 0.85  # six epochs of a tiny model
    assert abs(after["accuracy"] - before["accuracy"]) <= 0.01  # six of 597 pictures
    assert after["bytes"] < CLASSICS[page] * before["bytes"]


@pytest.mark.parametrize(("page", "score", "least"), [
    ("recurrent", "accuracy", 0.8), ("transformer", "accuracy", 0.8), ("detection", "F1", 0.7),
])  # fmt: skip
def test_a_tutorial_of_a_hard_model_keeps_its_score_in_integers(page, score, least, tmp_path, monkeypatch):
    found = walked(page, tmp_path, monkeypatch)
    before = found["float32"]
    assert before[score] > least  # trained for some seconds; it has to have learnt something to lose
    for name, after in found.items():
        assert after[score] > before[score] - 0.02, name  # twelve of 597 digits, six of 300 pictures' shapes
        assert (
            name == "float32" or after["bytes"] < 0.8 * before["bytes"]
        )  # of so small a file the graph is a good part


def test_every_tutorial_has_a_page():
    scripts = {path.name for path in TUTORIALS.glob("*.py")} - {"classifier.py"}
    named = "".join((TUTORIALS.parents[1] / page).read_text() for page in pages() if "/tutorials/" in page)
    assert all(f"python examples/tutorials/{name}" in named for name in scripts)


@pytest.mark.parametrize("page", [page for page in pages() if needs_tensorflow(page) and "/tutorials/" not in page])
def test_a_page_that_trains_something_works_from_top_to_bottom(page, tmp_path, monkeypatch):
    shutil.copytree(DIGITS / "saved_model", tmp_path / "my_saved_model")
    monkeypatch.chdir(tmp_path)
    Walk(page).through()
