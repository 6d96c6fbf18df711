"""Writes `docs/reference/recipes.md`: every key of a recipe, out of the JSON schema.

`python tools/write_recipe_reference.py` after a change of a recipe; a test holds the page to the schema.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from octavo import recipe
from octavo.recipe import recipe_schema

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "recipes.md"
TEXT = """# Recipes

Every key of a recipe, its values and its default, out of the schema that `octavo plan schema` prints. A recipe is a precision
by name, a TOML or JSON file, a mapping or an `octavo.Recipe`:

```toml title="my_recipe.toml"
#:schema ./recipe.schema.json
extends = "int8"
inputs = {{ image = "uint8" }}
deny = ["SOFTMAX"]

[[rules]]
op = "CONV_2D"
depth = ":2"
precision = "int16x8"
```

```sh
octavo plan schema -o recipe.schema.json
octavo convert my_saved_model -o my_model.tflite --recipe my_recipe.toml \\
  --samples calibration.npz
```

An editor that knows schemas completes and checks the file by its first line. What is not among the keys below, or matches
nothing in the model, is an error that names the nearest that would.

## The recipe
{recipe}
## Rules
{rule}
## Precisions
{precision}

## Efforts
{effort}

## Ranges
{ranges}
"""
UNSET = {"depth": "all", "port": "none"}
"""What the empty text means as a default."""


def page() -> str:
    """The page's text."""
    kinds = recipe_schema()["$defs"]
    return TEXT.format(
        recipe=_table(kinds["Recipe"]),
        rule=_table(kinds["Rule"]),
        precision=_explained("Precision"),
        effort=_explained("Effort"),
        ranges=_explained("Ranges"),
    )


def _table(kind: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_values(about)} | {_default(name, about)} | {about['description']} |\n"
        for name, about in kind["properties"].items()
    ]
    return "| key | values | default | what it does |\n|---|---|---|---|\n" + "".join(rows)


def _values(about: Mapping[str, Any]) -> str:
    """The values that the schema allows."""
    if "enum" in about:
        return ", ".join(f"`{value}`" for value in about["enum"])
    if "anyOf" in about:
        kinds = [_values(each) for each in about["anyOf"] if each.get("type") != "null"]
        return ", or ".join(dict.fromkeys(kinds))
    if "$ref" in about:
        return "[rules](#rules)"
    match about["type"]:
        case "array":
            inner = _values(about["items"])
            return inner if inner.startswith("[") else f"a list of {inner}s"
        case "object":
            return "a table of these by name"
        case "boolean":
            return "`true`, `false`"
        case "string":
            return "text"
        case kind:
            return str(kind)


def _default(name: str, about: Mapping[str, Any]) -> str:
    if "default" not in about:
        return "required" if name == "precision" else "none"
    match about["default"]:
        case "":
            return UNSET[name]
        case [] | None:
            return "none" if about["default"] == [] else "as the recipe"
        case bool(value):
            return f"`{str(value).lower()}`"
        case value:
            return f"`{value}`"


def _explained(name: str) -> str:
    """The docstring behind a name in `octavo.recipe`, which explains its values."""
    found = re.search(rf'^{name} = .*?\n"""(.*?)"""', inspect.getsource(recipe), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1].strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
