"""What a user may ask for, and what they hear when they ask for something else."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import octavo
from octavo.cli.app import app
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


def test_a_rule_with_the_name_of_a_keras_layer_finds_the_one_that_tensorflow_numbered(digits):
    recipe = {"rules": [{"layer": "narrow_relu6", "precision": "float32"}]}
    with pytest.raises(RecipeError, match="rule 1 matches nothing") as caught:
        octavo.convert(digits, recipe=recipe)
    assert "did you mean 'narrow_relu6_1'" in caught.value.hint


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


DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def precisions(recipe, **settings):
    """The precision of each operation of the digits, by its layer's last part and its operator."""
    given = {"precision": "float32", **recipe} if isinstance(recipe, dict) else recipe
    made = octavo.convert(DIGITS / "saved_model", recipe=given, signatures=["serving_default"], **settings)
    return {(row.layer.rpartition("/")[2], row.op): row.precision for row in made.plan.graphs[0].ops}


def test_depth_counts_source_layers_in_the_order_of_work():
    every = list(precisions({}))
    layers = list(dict.fromkeys(layer for layer, _ in every))
    for depth, chosen in [("0", layers[:1]), (0, layers[:1]), ("-1", layers[-1:]), (":2", layers[:2]), ("-2:", layers[-2:]),
                          ("1:3", layers[1:3])]:  # fmt: skip
        found = precisions({"rules": [{"depth": depth, "precision": "float16"}]})
        # operations without weights have nothing to store
        assert {layer for (layer, _), p in found.items() if p == "float16"} <= set(chosen)
        assert any(p == "float16" for p in found.values()) == any(
            op in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED") for layer, op in every if layer in chosen
        )


@pytest.mark.parametrize("depth", ["first", "1:2:3", ":x"])
def test_a_depth_that_is_no_slice_is_refused(depth):
    assert "':3'" in message({"rules": [{"depth": depth, "precision": "int8"}]}).hint


def test_lists_of_names_match_any_of_them():
    found = precisions({"rules": [{"op": ["CONV_2D", "FULLY_CONNECTED"], "precision": "float16"}]})
    assert {op for (_, op), p in found.items() if p == "float16"} == {"CONV_2D", "FULLY_CONNECTED"}


def test_what_is_denied_stays_float_whatever_rules_say():
    recipe = {"precision": "float16", "deny": ["CONV_2D"], "rules": [{"op": "*CONV*", "precision": "float16"}]}
    found = precisions(recipe)
    assert {op for (_, op), p in found.items() if p == "float16"} == {"DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


def test_only_what_is_allowed_is_quantized_unless_a_rule_says_so():
    recipe = {
        "precision": "float16",
        "allow": ["digits_1/digit_1"],
        "rules": [{"op": "DEPTH*", "precision": "float16"}],
    }
    found = precisions(recipe)
    assert {op for (_, op), p in found.items() if p == "float16"} == {"DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


@pytest.mark.parametrize(
    ("key", "pattern", "near"), [("allow", "CONV2D", "CONV_2D"), ("deny", "digits_1/digit", "digits_1/digit_1")]
)
def test_an_entry_of_a_list_that_matches_nothing_is_an_error(key, pattern, near):
    with pytest.raises(RecipeError, match=f"{key} lists") as caught:
        precisions({"precision": "float16", key: [pattern]})
    assert near in caught.value.hint


def test_rules_hold_exceptions_of_their_own():
    rule = {"op": "*CONV*", "precision": "float16", "rules": [{"layer": "*stem*", "precision": "float32"}]}
    found = precisions({"rules": [rule]})
    assert next(p for (_, op), p in found.items() if op == "CONV_2D") == "float32"
    assert {p for (layer, op), p in found.items() if "CONV" in op and "stem" not in layer} == {"float16"}


def test_an_exception_that_matches_nothing_names_its_rule():
    rule = {"op": "*CONV*", "precision": "float16", "rules": [{"op": "SOFTMAX", "precision": "float32"}]}
    with pytest.raises(RecipeError, match=r"rule 1\.1 matches nothing: op='SOFTMAX'"):
        precisions({"rules": [rule]})


@pytest.mark.parametrize(("port", "stored"), [
    ("weights", {"weight": "float16", "bias": "float32"}), ("bias", {"weight": "float32", "bias": "float16"}),
    ("*", {"weight": "float16", "bias": "float16"}),
])  # fmt: skip
def test_a_rule_about_a_port_stores_the_constants_there(port, stored):
    recipe = {
        "precision": "float32",
        "rules": [{"op": "CONV_2D", "layer": "*stem*", "port": port, "precision": "float16"}],
    }
    made = octavo.convert(DIGITS / "saved_model", recipe=recipe, signatures=["serving_default"])
    shapes = {1: "bias", 4: "weight"}
    halves = {
        shapes[len(t.shape)]
        for op in octavo.inspect(made).graphs[0].operations
        if op.op == "DEQUANTIZE"
        for t in op.weights
    }
    assert halves == {name for name, dtype in stored.items() if dtype == "float16"}
    assert made.plan.graphs[0].ops[0].precision == "float16"
    assert "rule 1" in made.plan.graphs[0].ops[0].why


def test_a_weight_stays_float_at_a_port_while_the_recipe_stores_the_others():
    recipe = {
        "precision": "weight_only",
        "small": 1,
        "rules": [{"op": "FULLY_CONNECTED", "port": "weights", "precision": "float32"}],
    }
    found = precisions(recipe)
    assert found["digit_1", "FULLY_CONNECTED"] == "float32"
    assert {p for (_, op), p in found.items() if "CONV" in op} == {"weight_only"}


def test_a_rule_about_a_port_that_cannot_be_is_refused():
    assert "weight_only" in message({"rules": [{"port": "weights", "precision": "int8"}]}).hint
    with pytest.raises(RecipeError, match="matches nothing") as caught:
        precisions({"rules": [{"op": "FULLY_CONNECTED", "port": "filter", "precision": "float16"}]})
    assert "weights" in caught.value.hint
    with pytest.raises(RecipeError, match="rule 1 has no effect"):
        precisions(
            {"precision": "int8", "rules": [{"port": "weights", "precision": "float16"}]},
            samples=DIGITS / "calibration.npz",
        )


def test_a_recipe_extends_another_one(tmp_path):
    (tmp_path / "base.toml").write_text(
        'precision = "int8"\ndeny = ["SOFTMAX"]\n[[rules]]\nop = "MEAN"\nprecision = "float32"\n'
    )
    path = tmp_path / "own.toml"
    path.write_text('extends = "base.toml"\ninputs = "int8"\n[[rules]]\nop = "ADD"\nprecision = "int16x8"\n')
    recipe = read_recipe(path)
    assert (recipe.precision, recipe.inputs, recipe.deny) == ("int8", "int8", ("SOFTMAX",))
    assert [rule.op for rule in recipe.rules] == ["MEAN", "ADD"]
    assert read_recipe({"extends": path, "precision": "int16x8"}).precision == "int16x8"
    assert read_recipe({"extends": "int8", "strict": True}) == Recipe(precision="int8", strict=True)
    assert read_recipe({"extends": recipe}) == recipe


def test_a_recipe_that_extends_itself_is_refused(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('extends = "own.toml"\n')
    assert "extends itself" in message(path).message


@pytest.mark.parametrize("spelling", [octavo.int8, np.int8, np.dtype("int8"), "int8"])
def test_dtypes_are_taken_in_every_spelling(spelling):
    expected = Recipe(precision="int8", inputs="int8", outputs={"y": "int8"}, rules=(Rule(precision="int8"),))
    given = {"precision": spelling, "inputs": spelling, "outputs": {"y": spelling}, "rules": [{"precision": spelling}]}
    assert read_recipe(given) == expected
    assert (
        Recipe(precision=spelling, inputs=spelling, outputs={"y": spelling}, rules=(Rule(precision=spelling),))
        == expected
    )
    assert read_recipe(spelling).precision == "int8"


def test_collections_may_be_of_any_kind():
    recipe = read_recipe({"allow": {"ADD"}, "deny": ("MUL",), "rules": ({"op": ("ADD", "MUL"), "precision": "int8"},)})
    assert (recipe.allow, recipe.deny, recipe.rules[0].op) == (("ADD",), ("MUL",), ("ADD", "MUL"))


def test_the_schema_that_is_shipped_is_current():
    from octavo.recipe import recipe_schema

    shipped = json.loads((Path(octavo.__file__).parent / "recipe.schema.json").read_text())
    assert shipped == recipe_schema(), "octavo plan schema -o src/octavo/recipe.schema.json"
    assert {"extends", "allow", "deny", "rules", "inputs"} <= set(shipped["$defs"]["Recipe"]["properties"])


def test_the_command_prints_the_schema():
    from octavo.recipe import recipe_schema

    result = CliRunner().invoke(app, ["plan", "schema"])
    assert json.loads(result.stdout) == recipe_schema()
