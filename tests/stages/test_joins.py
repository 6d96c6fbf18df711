"""Tensors of very unequal ranges that leave the model as one are joined in float."""

import numpy as np
import pytest

from octavo.ir.graph import Model
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.recipe import Recipe
from octavo.runtime import Runtime
from octavo.statistics import Range, Statistics
from octavo.write.tflite import to_bytes

BEHIND = {
    "nothing": ("%joined", "%joined"),
    "a move": ("%s = const int32[2] [8, 6]\n  %out = RESHAPE(%joined, %s)", "%out"),
    "another join": ("%out = CONCATENATION(%joined, %boxes) {axis=1}", "%out"),
}


def detector(behind: str = "", result: str = "%joined") -> Model:
    behind = behind if "=" in behind else ""
    text = f"""main(%x: float32[8,4], %y: float32[8,2]) {{
  %boxes = RELU(%x)
  %scores = LOGISTIC(%y)
  %joined = CONCATENATION(%boxes, %scores) {{axis=1}}
  {behind}
  return {result}
}}"""
    return Model([parse(text, registry().ops)])


def decided(model: Model, most: float = 320.0, **recipe):
    ends = {"boxes": (0, most), "x": (0, most), "y": (-5, 5), "scores": (0, 1), "joined": (0, most), "out": (0, most)}
    ranges = {name: Range(*end) for name, end in ends.items()}
    return decide(model, Recipe(**({"precision": "int8"} | recipe)), [Statistics(ranges)])


def precisions(plan) -> dict[str, str]:
    return {row.node: row.precision for row in plan.graphs[0].ops}


@pytest.mark.parametrize("behind", BEHIND)
def test_scores_beside_boxes_keep_their_own_steps(behind):
    model = detector(*BEHIND[behind])
    plan = decided(model)
    inputs = {
        "x": np.full((8, 4), 300, np.float32),
        "y": np.linspace(-4, 4, 16, dtype=np.float32).reshape(8, 2),
    }
    assert precisions(plan)["joined"] == "float32"
    assert precisions(plan)["boxes"] == precisions(plan)["scores"] == "int8"
    assert "'scores' would span 0.8 steps" in next(row.why for row in plan.left_float if row.node == "joined")
    runtime = Runtime(to_bytes(apply(model, plan)))
    (found,) = runtime.run({name: inputs[name] for name in [port.name for port in runtime.inputs]}).values()
    if behind != "another join":
        scores = found.reshape(8, 6)[:, 4:]
        exact = 1 / (1 + np.exp(-inputs["y"]))
        assert np.abs(scores - exact).max() < 0.02  # the steps of the input and of a LOGISTIC in int8


def test_what_fits_together_is_joined_in_integers():
    assert precisions(decided(detector(), most=6.0))["joined"] == "int8"


@pytest.mark.parametrize("recipe", [{"outputs": "int8"}, {"strict": True}])
def test_where_integers_leave_the_model_they_are_joined(recipe):
    assert precisions(decided(detector(), **recipe))["joined"] == "int8"


def test_what_integers_read_is_joined_in_integers():
    behind = "%out = TANH(%joined)"
    assert precisions(decided(detector(behind, "%out")))["joined"] == "int8"
