"""What the user asks for: one frozen record, from Python, TOML or JSON. The only home of defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

from octavo.dtype import name_of
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


TargetName = Literal["xnnpack", "xnnpack-dot", "gpu", "nnapi", "tflm", "edgetpu", "ethos-u", "hexagon"]
"""What a model is to run on; what each takes is in `octavo.targets`."""
Patterns = str | tuple[str, ...]
"""A name, which may hold `*`, `?` and `[…]`, or several of which any may match."""
Weights = Literal["int8", "int4", "int2"]
"""The dtype of stored weights, in every precision that has integer weights."""
Block = Literal[0, 32, 64, 128, 256]
"""How many numbers in a row may share a scale; 0 is a whole channel."""
Effort = Literal["fast", "balanced", "best"]
"""How much time may go into the numbers of a quantized model.

- `fast`: weights are rounded to the nearest step.
- `balanced`: weights of layers with few inputs, which cost little, are rounded so that the outputs change least.
- `best`: so are all weights but the widest; those narrower than int8 with scales and integers searched together, and
  then solved one layer after the other, on what the quantized layers before hand on. Int8 weights beside integer
  activations are as with `balanced`, because nothing that was tried brings them nearer.
"""


Ranges = Literal["least_error", "percentile", "entropy", "average", "minmax"]
"""How int8 activation ranges are chosen, out of one histogram of what was seen.

- `least_error`: rare large numbers are clipped where that lowers the expected squared error.
- `percentile`: the farthest 0.01 % of the numbers are clipped, on either side.
- `entropy`: clipped so that the spread of the numbers keeps the most information (least KL divergence).
- `average`: from the mean of the samples' least numbers to the mean of their greatest; what a moving average of them
  comes to, whatever the order of the samples.
- `minmax`: all that was seen.
"""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A precision for some operations. Of the rules that match an operation, the last one counts.

    An operation has to match `op`, `layer`, `depth` and `port` alike.
    """

    precision: Annotated[Precision, Meta(description="How what the rule matches computes, or how a port is stored.")]
    op: Annotated[
        Patterns,
        Meta(description="A LiteRT operator, such as `CONV_2D` or `*CONV*`; of a list, any may match."),
    ] = "*"
    layer: Annotated[
        Patterns,
        Meta(
            description="A source layer, by its path or any of its parts, or a tensor that the operation makes; of a "
            "list, any may match."
        ),
    ] = "*"
    depth: Annotated[
        int | str,
        Meta(
            description="Source layers by their place in the order of work: `0` is the first, `-1` the last, `:3` "
            "the first three, `-2:` the last two."
        ),
    ] = ""
    port: Annotated[
        str,
        Meta(
            description="The rule is one about the constants at this port (`weights`, `bias`, or a name such as "
            "`filter`) instead of the operation: how they are stored where activations are float."
        ),
    ] = ""
    weights: Annotated[Weights | None, Meta(description="The dtype of weights; by default the recipe's.")] = None
    block: Annotated[Block | None, Meta(description="Weights with one scale; by default as in the recipe.")] = None
    per_channel: Annotated[bool | None, Meta(description="By default as in the recipe.")] = None
    rules: Annotated[tuple[Rule, ...], Meta(description="Exceptions among what this rule matches.")] = ()

    def __post_init__(self) -> None:
        """Take dtypes in other spellings, and check what the types do not say.

        Raises:
            RecipeError: `depth` is neither a number nor a slice, or the precision is none for a port.
        """
        force_setattr(self, "precision", name_of(self.precision))
        if not _DEPTH.fullmatch(str(self.depth)):
            hint = "a number (0 is the first layer, -1 the last), or a slice: ':3', '-2:', '4:8'"
            raise RecipeError(f"depth = {self.depth!r} selects no layers", where="recipe.rules", hint=hint)
        if self.port and self.precision not in STORED:
            hint = f"one of {', '.join(STORED)}; a rule without a port sets how the operation computes"
            raise RecipeError(f"a port cannot be stored as {self.precision!r}", where="recipe.rules", hint=hint)
        if self.port and (self.weights or self.block):
            hint = "leave `port` out: then the rule is about the whole operation, whose weights it may narrow"
            raise RecipeError("a rule about a port stores int8 only", where="recipe.rules", hint=hint)

    def __str__(self) -> str:
        named = {"op": self.op, "layer": self.layer, "depth": self.depth, "port": self.port}
        plain = {"op": "*", "layer": "*", "depth": "", "port": ""}
        shown = [f"{name}={value!r}" for name, value in named.items() if value != plain[name]]
        return ", ".join(shown) or "op='*'"


STORED: tuple[Precision, ...] = ("float32", "float16", "weight_only")
"""The precisions that a rule about a port may have."""
_DEPTH = re.compile(r"(-?\d+)?(:(-?\d+)?)?")


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a model is to be quantized; the JSON schema, and the page of recipes, say what each key does."""

    precision: Annotated[Precision, Meta(description="How operations compute that no rule names.")] = "float32"
    weights: Annotated[
        Weights, Meta(description="The dtype in which weights are stored; wider where a kernel takes none so narrow.")
    ] = "int8"
    block: Annotated[
        Block,
        Meta(
            description="As many int4 weights in a row have a scale of their own, where a kernel with float "
            "activations takes it; 0 is a whole channel."
        ),
    ] = 0
    inputs: Annotated[
        Interface | dict[str, Interface],
        Meta(
            description="The dtypes of the model's inputs: one for all, or one for each name (`*` for those that are "
            "not named, else float32)."
        ),
    ] = "float32"
    outputs: Annotated[
        Interface | dict[str, Interface], Meta(description="The dtypes of the model's outputs, as of its inputs.")
    ] = "float32"
    target: Annotated[
        TargetName,
        Meta(
            description="What the model is to run on: what it cannot run is an error, unless `deny` or a rule leaves "
            "it in float."
        ),
    ] = "xnnpack"
    allow: Annotated[
        tuple[str, ...],
        Meta(description="Operators and layers. If there are any, only these are quantized, unless a rule says so."),
    ] = ()
    deny: Annotated[tuple[str, ...], Meta(description="Operators and layers that are never quantized.")] = ()
    per_channel: Annotated[bool, Meta(description="Each output channel of a weight has a scale of its own.")] = True
    ranges: Annotated[
        Ranges,
        Meta(
            description="How int8 activation ranges are chosen: `least_error` clips rare large numbers where that "
            "lowers the expected error, `percentile` a fixed part of them, `entropy` where the least information "
            "is lost, `average` takes the mean of the samples' ends, `minmax` all that was seen."
        ),
    ] = "least_error"
    correct_bias: Annotated[
        bool, Meta(description="Biases make up for what the rounding of weights adds to a layer's mean.")
    ] = True
    equalize: Annotated[
        bool,
        Meta(
            description="Channels of int8 activations are made more alike, and the weights around them take that up, "
            "where this is predicted to gain (not with `fast`)."
        ),
    ] = True
    mixed: Annotated[
        bool,
        Meta(
            description="What is measured to ruin the outputs gets wider weights, int16 or float (not with `fast`), "
            "and weights narrower than int8 become int8 where they cost the outputs more than a little."
        ),
    ] = True
    effort: Annotated[Effort, Meta(description="How much time may go into better numbers.")] = "balanced"
    small: Annotated[
        int,
        Meta(
            description="The number of elements below which weights are not worth quantizing when activations stay "
            "float."
        ),
    ] = 1024
    strict: Annotated[bool, Meta(description="Whatever must stay float is an error.")] = False
    rules: Annotated[
        tuple[Rule, ...],
        Meta(description="Precisions for some operations. Of the rules that match an operation, the last one counts."),
    ] = ()

    def __post_init__(self) -> None:
        """Take dtypes in other spellings."""
        force_setattr(self, "precision", name_of(self.precision))
        for side in ("inputs", "outputs"):
            given = getattr(self, side)
            named = given if isinstance(given, dict) else None
            force_setattr(self, side, name_of(given) if named is None else {k: name_of(v) for k, v in named.items()})

    @property
    def every_rule(self) -> tuple[Rule, ...]:
        """The rules, with those inside of them."""
        return tuple(_flat(self.rules))

    @property
    def needs_samples(self) -> bool:
        """Whether any operation may compute in integers, so that ranges must be learnt from data."""
        return any(p in ("int8", "int16x8") for p in (self.precision, *(rule.precision for rule in self.every_rule)))

    @property
    def is_plain(self) -> bool:
        """Whether it asks for float and nothing else: then there is nothing to learn nor to settle."""
        return self.precision == "float32" and not self.rules

    def to_json(self) -> str:
        """The recipe as indented JSON, which `read_recipe` accepts."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2).decode()


def is_solved(recipe: Recipe) -> bool:
    """Whether weights are solved on quantized inputs: at int8 the activations' own noise leaves nothing to gain."""
    return recipe.effort == "best" and recipe.weights != "int8" and recipe.precision in ("int8", "int16x8")


def dtype_for(interface: Interface | Mapping[str, Interface], names: Iterable[str]) -> Interface:
    """The dtype of the input or output that has these names."""
    if isinstance(interface, str):
        return interface
    return next((interface[name] for name in (*names, "*") if name in interface), "float32")


def recipe_schema() -> dict[str, Any]:
    """The JSON schema of a recipe's file, TOML or JSON: what an editor needs to complete and check it."""
    from inspect import cleandoc

    schema = msgspec.json.decode(msgspec.json.encode(msgspec.json.schema(Recipe)))
    described = "Another recipe that this one adds to: a precision, or a file relative to this one."
    for defined in schema["$defs"].values():  # msgspec before 0.23 leaves docstrings indented
        if "description" in defined:
            defined["description"] = cleandoc(defined["description"])
    schema["$defs"]["Recipe"]["properties"]["extends"] = {"type": "string", "description": described}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Octavo recipe", **schema}


def _flat(rules: Iterable[Rule]) -> Iterator[Rule]:
    for rule in rules:
        yield rule
        yield from _flat(rule.rules)


RecipeLike = Recipe | str | Path | Mapping[str, Any]


def read_recipe(recipe: RecipeLike) -> Recipe:
    """The recipe that is meant: a `Recipe`, a precision, a mapping, or the path of a TOML or JSON file.

    A mapping or a file may name another recipe under `extends`: what is not said here is as there; rules, `allow` and
    `deny` come after those there. A precision may be a dtype (`octavo.int8`).

    Raises:
        RecipeError: an unknown name or key, a value of the wrong kind, or a file that cannot be read.
    """
    return _read(recipe, Path(), ())


def _read(recipe: Any, folder: Path, seen: tuple[Path, ...]) -> Recipe:
    if isinstance(recipe, Recipe):
        return recipe
    if isinstance(recipe, Mapping):
        return _convert(recipe, "recipe", folder, seen)
    name = recipe if isinstance(recipe, str | Path) else name_of(recipe)
    if str(name) in PRECISIONS:
        return Recipe(precision=str(name))  # type: ignore[arg-type]  # just checked
    path = folder / name
    if path.suffix not in {".toml", ".json"}:
        raise RecipeError(f"no recipe is called {str(name)!r}", hint=did_you_mean(str(name), PRECISIONS))
    if path.resolve() in seen:
        raise RecipeError("the recipe extends itself", where=" → ".join(map(str, (*seen, path))))
    return _convert(_content(path), str(path), path.parent, (*seen, path.resolve()))


def _content(path: Path) -> Mapping[str, Any]:
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
    return content


def _convert(content: Mapping[str, Any], where: str, folder: Path, seen: tuple[Path, ...]) -> Recipe:
    given = {key: value for key, value in content.items() if key != "extends"}
    own = _checked(given, where)
    if "extends" not in content:
        return own
    base = _read(content["extends"], folder, seen)
    joined = {key: (*getattr(base, key), *getattr(own, key)) for key in ("rules", "allow", "deny")}
    return msgspec.structs.replace(base, **{key: getattr(own, key) for key in given} | joined)


def _checked(content: Mapping[str, Any], where: str) -> Recipe:
    """The content as a recipe, every rule's keys looked at first, for messages that name the rule."""
    _check_keys(content, Recipe, where, ("extends",))
    _check_rules(content.get("rules", ()), where)
    try:
        return msgspec.convert(_spelled(dict(content)), Recipe)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise RecipeError(message, where=_place(where, path.rstrip("`")), hint=_nearest_value(message, path)) from error


def _check_rules(rules: Any, where: str) -> None:
    for number, rule in enumerate(rules if isinstance(rules, list | tuple) else (), start=1):
        if isinstance(rule, Mapping):
            _check_keys(rule, Rule, f"{where}, rule {number}")
            _check_rules(rule.get("rules", ()), f"{where}, rule {number}")


def _spelled(content: Any) -> Any:
    """The content with dtypes as their names, and rules and collections in the form that msgspec takes."""
    match content:
        case Mapping():
            return {key: _spelled(value) for key, value in content.items()}
        case Rule():
            return _spelled(msgspec.structs.asdict(content))
        case list() | tuple() | set() | frozenset():
            return [_spelled(item) for item in content]
        case None | bool() | int() | float() | str():
            return content
        case _:
            return name_of(content)


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


def _check_keys(content: Mapping[str, Any], kind: type[msgspec.Struct], where: str, more: tuple[str, ...] = ()) -> None:
    known = (*kind.__struct_fields__, *more)
    for key in content:
        if key not in known:
            raise RecipeError(f"unknown key {key!r}", where=where, hint=did_you_mean(str(key), known))
