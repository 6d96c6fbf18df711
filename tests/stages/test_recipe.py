"""What a user may ask for, and what they hear when they ask for something else."""

from pathlib import Path

import pytest

import octavo
from octavo.errors import RecipeError
from octavo.recipe import PRECISIONS, Recipe, Rule, read_recipe


@pytest.fixture
def digits():
    return Path(__file__).parents[2] / "examples" / "digits" / "saved_model"


def message(recipe):
    with pytest.raises(RecipeError) as caught:
        read_recipe(recipe)
    assert "\n" not in caught.value.message
    assert caught.value.code == 2
    return caught.value


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_name_of_a_precision_is_a_recipe(precision):
    assert read_recipe(precision) == Recipe(precision=precision)


def test_a_recipe_is_itself():
    recipe = Recipe(precision="int8", rules=(Rule(precision="float32", op="SOFTMAX"),))
    assert read_recipe(recipe) is recipe


def test_toml_json_and_a_mapping_say_the_same(tmp_path):
    toml, json = tmp_path / "recipe.toml", tmp_path / "recipe.json"
    toml.write_text('precision = "int8"\ninputs = "uint8"\n[[rules]]\nop = "SOFTMAX"\nprecision = "float32"\n')
    json.write_text(read_recipe(toml).to_json())
    mapping = {"precision": "int8", "inputs": "uint8", "rules": [{"op": "SOFTMAX", "precision": "float32"}]}
    assert read_recipe(toml) == read_recipe(str(json)) == read_recipe(mapping)


def test_an_unknown_name_brings_the_nearest_to_mind():
    error = message("int-8")
    assert error.message == "no recipe is called 'int-8'"
    assert "did you mean 'int8'" in error.hint


def test_an_unknown_key_brings_the_nearest_to_mind():
    error = message({"precison": "int8"})
    assert error.message == "unknown key 'precison'"
    assert error.hint.startswith("did you mean 'precision'")


def test_an_unknown_key_of_a_rule_names_the_rule():
    error = message({"precision": "int8", "rules": [{"precision": "int8"}, {"precision": "int8", "layers": "a"}]})
    assert error.where == "recipe, rule 2"
    assert error.hint == "did you mean 'layer'?"


def test_an_unknown_precision_brings_the_nearest_to_mind():
    error = message({"precision": "int9"})
    assert "'int9'" in error.message
    assert "'int8'" in error.hint
    assert error.where == "recipe, precision"


def test_an_unknown_precision_of_a_rule_names_the_rule():
    error = message({"rules": [{"op": "SOFTMAX", "precision": "flaot32"}]})
    assert error.where == "recipe, rule 1, precision"
    assert "did you mean 'float32'" in error.hint


@pytest.mark.parametrize("recipe", [
    {"precision": 8}, {"per_channel": "yes"}, {"rules": 3}, {"rules": [3]}, {"rules": [{"op": "SOFTMAX"}]}, {"small": "x"},
    {"precision": None}, {"inputs": ["int8"]},
])  # fmt: skip
def test_a_value_of_the_wrong_kind_is_told_with_its_place(recipe):
    error = message(recipe)
    assert error.where


@pytest.mark.parametrize(("name", "content"), [
    ("bad.toml", "precision = "), ("bad.json", "{"), ("list.json", "[1]"), ("binary.toml", "\x00\x01"), ("empty.json", ""),
])  # fmt: skip
def test_a_file_that_is_no_recipe_is_named(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    assert str(path) in message(path).where


def test_a_file_that_does_not_exist_is_named(tmp_path):
    assert str(tmp_path / "no.toml") in message(tmp_path / "no.toml").where


def test_a_nearly_right_file_name_brings_the_file_to_mind(tmp_path):
    (tmp_path / "recipe.toml").write_text("")
    assert "recipe.toml" in message(tmp_path / "recipes.toml").hint


def test_a_rule_that_matches_nothing_names_the_nearest_operation(digits):
    recipe = {"rules": [{"op": "SOFTMX", "precision": "float32"}]}
    with pytest.raises(RecipeError, match="rule 1 matches nothing") as caught:
        octavo.convert(digits, recipe=recipe)
    assert "'SOFTMAX'" in caught.value.hint


def test_a_rule_that_matches_no_layer_names_the_nearest_layer(digits):
    recipe = {"rules": [{"layer": "digits_1/stem_relu", "precision": "float32"}]}
    with pytest.raises(RecipeError, match="rule 1 matches nothing") as caught:
        octavo.convert(digits, recipe=recipe)
    assert "stem_relu6" in caught.value.hint


def test_integer_inputs_of_a_float_model_are_refused(digits):
    with pytest.raises(RecipeError, match="inputs='int8' needs"):
        octavo.convert(digits, recipe={"precision": "float32", "inputs": "int8"})


def test_the_last_rule_that_matches_counts(digits):
    recipe = {
        "precision": "float32",
        "rules": [{"op": "*CONV*", "precision": "float16"}, {"layer": "*stem*", "precision": "float32"}],
    }
    precisions = {
        (op.op, "stem" in op.layer): op.precision for op in octavo.convert(digits, recipe=recipe).plan.graphs[0].ops
    }
    assert precisions["CONV_2D", True] == "float32"
    assert precisions["CONV_2D", False] == "float16"
