"""What the user asks for: one frozen record, from Python, TOML or JSON. The only home of defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from octavo.errors import RecipeError, did_you_mean, nearest_file

Precision = Literal["float32", "float16", "dynamic", "weight_only", "int8", "int16x8"]
"""How an operation computes.

- `float32`: as trained.
- `float16`: weights stored as float16, computed as float (GPUs compute in float16).
- `dynamic`: int8 weights; activations stay float, and are quantized on the fly where that is faster.
- `weight_only`: int8 weights, dequantized once at load; computed as float.
- `int8`: int8 weights and activations, int32 biases; needs samples.
- `int16x8`: int8 weights, int16 activations; needs samples.
"""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Interface = Literal["float32", "int8", "uint8", "int16"]
"""The dtype of the model's inputs or outputs."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A precision for some operations. Of the rules that match an operation, the last one counts.

    `op` is the name of a LiteRT operator, such as `CONV_2D` or `*CONV*`; `layer` is the name of a source
    layer. Both may hold `*`, `?` and `[…]`. A layer's name matches by any of its path's parts, too.
    """

    precision: Precision
    op: str = "*"
    layer: str = "*"


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a model is to be quantized.

    `precision` holds for every operation that no rule names. `inputs` and `outputs` are the dtypes of the model's
    interface. `per_channel` gives each output channel of a weight a scale of its own. `ranges` says how int8
    activation ranges are chosen: `least_error` clips rare large numbers where that lowers the expected error,
    `minmax` takes all that was seen. `correct_bias` lets biases make up for what the rounding of weights
    adds to a layer's mean. `small` is the number of elements below which
    weights are not worth quantizing when activations stay float. With `strict`, whatever must stay float is an error.
    """

    precision: Precision = "float32"
    inputs: Interface = "float32"
    outputs: Interface = "float32"
    per_channel: bool = True
    ranges: Literal["least_error", "minmax"] = "least_error"
    correct_bias: bool = True
    small: int = 1024
    strict: bool = False
    rules: tuple[Rule, ...] = ()

    @property
    def needs_samples(self) -> bool:
        """Whether any operation may compute in integers, so that ranges must be learnt from data."""
        return any(p in ("int8", "int16x8") for p in (self.precision, *(rule.precision for rule in self.rules)))

    def to_json(self) -> str:
        """The recipe as indented JSON, which `read_recipe` accepts."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


RecipeLike = Recipe | str | Path | Mapping[str, Any]


def read_recipe(recipe: RecipeLike) -> Recipe:
    """The recipe that is meant: a `Recipe`, the name of a precision, a mapping, or a path of a TOML or JSON file.

    Raises:
        RecipeError: an unknown name or key, a value of the wrong kind, or a file that cannot be read.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        return _convert(recipe, where="recipe")
    if str(recipe) in PRECISIONS:
        return Recipe(precision=str(recipe))  # type: ignore[arg-type]  # just checked
    path = Path(recipe)
    if path.suffix not in {".toml", ".json"}:
        raise RecipeError(f"no recipe is called {str(recipe)!r}", hint=did_you_mean(str(recipe), PRECISIONS))
    try:
        text = path.read_bytes()
        content = msgspec.toml.decode(text) if path.suffix == ".toml" else msgspec.json.decode(text)
    except OSError as error:
        hint = "" if path.exists() else nearest_file(path)
        raise RecipeError(f"the recipe cannot be read: {error.strerror}", where=str(path), hint=hint) from error
    except msgspec.DecodeError as error:
        raise RecipeError(f"the recipe is not valid {path.suffix[1:].upper()}: {error}", where=str(path)) from error
    if not isinstance(content, Mapping):
        raise RecipeError("a recipe is a table of keys and values", where=str(path))
    return _convert(content, where=str(path))


def _convert(content: Mapping[str, Any], *, where: str) -> Recipe:
    _check_keys(content, Recipe, where)
    rules = content.get("rules", ())
    for number, rule in enumerate(rules if isinstance(rules, list | tuple) else ()):
        if isinstance(rule, Mapping):
            _check_keys(rule, Rule, f"{where}, rule {number + 1}")
    try:
        return msgspec.convert(dict(content), Recipe)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise RecipeError(message, where=_place(where, path.rstrip("`")), hint=_nearest_value(message, path)) from error


def _place(where: str, path: str) -> str:
    """A place such as `recipe, rule 2, precision` for msgspec's `.rules[1].precision`."""
    rule, field = re.search(r"\[(\d+)\]", path), path.rpartition(".")[2] if "." in path else ""
    parts = [where, f"rule {int(rule[1]) + 1}" if rule else "", "" if field.startswith("rules[") else field]
    return ", ".join(filter(None, parts))


def _nearest_value(message: str, path: str) -> str:
    """A hint with the nearest of the values that the field at `path` can have."""
    wrong, field = re.search(r"enum value '(.*)'", message), path.rstrip("`").rpartition(".")[2]
    if wrong is None:
        return ""
    hints = get_type_hints(Rule if "rules" in path else Recipe)
    return did_you_mean(wrong[1], get_args(hints[field]))


def _check_keys(content: Mapping[str, Any], kind: type[msgspec.Struct], where: str) -> None:
    known = kind.__struct_fields__
    for key in content:
        if key not in known:
            raise RecipeError(f"unknown key {key!r}", where=where, hint=did_you_mean(str(key), known))
