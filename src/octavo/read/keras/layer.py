"""A layer at work: its configuration, its weights, and where its operations go; and the catalogue of all classes."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from octavo.errors import Invalid
from octavo.ir.source import Array
from octavo.read.keras.emitter import Emitter, Tensor
from octavo.read.keras.weights import Weights

Meaning = Callable[..., Any]
"""`(layer, *inputs, **options) -> Tensor | list[Tensor]`."""
Function = TypeVar("Function", bound=Meaning)


@dataclass(frozen=True)
class Layer:
    """One call of one layer.

    `apply` gives the output of an inner layer, from its serialized form: wrappers need it. `keras2` says that the model
    was saved by Keras 2, some of whose functions differ.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    weights: Weights
    emit: Emitter
    apply: Callable[[Mapping[str, Any], Weights, Any], Any]
    keras2: bool

    def get(self, key: str, default: Any = None) -> Any:
        """An entry of the configuration; `default` where it is missing or null."""
        value = self.config.get(key)
        return default if value is None else value

    def weight(self, index: int, name: str, shape: Sequence[int] | None = None) -> Array:
        """The weight `name`, the layer's `index`-th, as float32 or as the integers that it holds.

        Raises:
            Invalid: it is missing, or has another shape than the layer's configuration calls for.
        """
        array = self.weights.get(index, name)
        if shape is not None and array.shape != tuple(shape):
            raise Invalid(
                f"weight {name!r} has the shape {array.shape}, but the layer needs {tuple(shape)}",
                where=f"layer {self.name!r} ({self.kind})",
                hint="configuration and weights are of different models; save the model again",
            )
        return array

    def part(self, child: str, *, name: str | None = None, config: Mapping[str, Any] | None = None) -> Layer:
        """An inner layer that this one owns: its attribute `child`, whose variables are scoped `name` in old files."""
        return replace(self, weights=self.weights.part(child, name), config=self.config if config is None else config)


class Masks(Enum):
    """What becomes of the mask of a layer's first input, as Keras has it."""

    DROPPED = "the outputs have none"
    KEPT = "it is the outputs' too"
    TAKEN = "it is the outputs' too, and in Keras 3 the inputs have none any more, for layers called later"
    OWN = "the function says which masks its outputs have"


def layer(*classes: str, masks: Masks = Masks.DROPPED) -> Callable[[Function], Function]:
    """Mark a function as the meaning of these layer classes."""

    def mark(function: Function) -> Function:
        setattr(function, "masks", masks)  # noqa: B010  # functions have no such member
        return _mark("layer", classes)(function)

    return mark


def mask_of(x: Tensor, mask: Tensor | None) -> Tensor | None:
    """The mask [batch, steps], bool, that the call gives or else that of the input."""
    return x.mask if mask is None else mask


def operation(*names: str) -> Callable[[Function], Function]:
    """Mark a function as the meaning of operations: classes of Keras 3, and TensorFlow functions (`math.add`)."""
    return _mark("operation", names)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that can be read: layers by class name, operations by name."""

    layers: Mapping[str, Meaning]
    operations: Mapping[str, Meaning]


@cache
def catalogue() -> Catalogue:
    """The catalogue of all modules in `octavo.read.keras.layers`."""
    from octavo.read.keras import layers

    found: dict[str, dict[str, Meaning]] = {"layer": {}, "operation": {}}
    for info in pkgutil.iter_modules(layers.__path__, prefix=f"{layers.__name__}."):
        module = importlib.import_module(info.name)
        found["operation"].update(getattr(module, "FAMILIES", {}))
        for item in vars(module).values():
            if getattr(item, "__module__", None) == info.name:
                for kind, name in getattr(item, "meaning_of", ()):
                    assert name not in found[kind], f"{name} is given twice"
                    found[kind][name] = item
    return Catalogue(found["layer"], found["operation"])


def _mark(kind: str, names: Sequence[str]) -> Callable[[Function], Function]:
    def mark(function: Function) -> Function:
        earlier = getattr(function, "meaning_of", ())
        setattr(function, "meaning_of", (*earlier, *((kind, name) for name in names)))  # noqa: B010  # functions have no such member
        return function

    return mark


def channels_axis(layer: Layer, x: Tensor) -> int:
    """The axis of the channels, by the layer's `data_format`."""
    return 1 if layer.get("data_format") == "channels_first" else x.rank - 1


def channels_last(layer: Layer, x: Tensor) -> Tensor:
    """`x` with its channels last, whatever order the layer keeps them in."""
    return layer.emit.transpose(x, [0, *range(2, x.rank), 1]) if layer.get("data_format") == "channels_first" else x


def as_layer(layer: Layer, x: Tensor) -> Tensor:
    """`x`, whose channels are last, in the order that the layer keeps them in."""
    first = layer.get("data_format") == "channels_first"
    return layer.emit.transpose(x, [0, x.rank - 1, *range(1, x.rank - 1)]) if first else x


def pair(value: Any, rank: int) -> list[int]:
    """A number, or a list of them, as one number for each of `rank` dimensions."""
    return [int(v) for v in value] if isinstance(value, list | tuple) else [int(value)] * rank
