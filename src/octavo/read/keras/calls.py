"""Which layer is called with what: the `inbound_nodes` of a model's configuration, in both forms.

Keras 3 writes `{"args": …, "kwargs": …}` with tensors as `{"class_name": "__keras_tensor__", …}`; Keras 2 writes
lists of `[layer, node, tensor, kwargs]`.

Source: keras/src/models/functional.py, keras/src/saving/serialization_lib.py, and their Keras 2 forerunners.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np

from octavo.errors import Invalid

T = TypeVar("T")
CONSTANT = "_CONSTANT_VALUE"
"""What Keras 2 writes in place of a layer's name for an argument that is no tensor."""


class KerasRef(NamedTuple):
    """An output of a layer's call: the layer's name, the number of the call, the number of the output."""

    layer: str
    node: int
    output: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer; `args` and `kwargs` hold `KerasRef`s where tensors go."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def refs(self) -> Iterator[KerasRef]:
        """The tensors it takes."""
        yield from _refs([list(self.args), dict(self.kwargs)])


def calls_of(entry: Mapping[str, Any], names: frozenset[str]) -> list[Call]:
    """The calls of a serialized layer, in the order of their numbers; `names` are the layers of the model."""
    return [_call(node, names) for node in entry.get("inbound_nodes") or ()]


def structure_of(tree: Any) -> list[tuple[str, KerasRef]]:
    """The tensors of `input_layers` or `output_layers` in Keras's order, each with its key in a dict, or ""."""
    if isinstance(tree, Mapping):
        return [(str(key), ref) for key in sorted(tree) for _, ref in structure_of(tree[key])]
    if _is_ref(tree):
        return [("", KerasRef(*tree[:3]))]
    if isinstance(tree, list | tuple):
        return [pair for item in tree for pair in structure_of(item)]
    raise Invalid(f"{tree!r} is no list of layers", where="input_layers or output_layers of a model")


def fill(tree: Any, kind: type[T], value: Callable[[T], Any]) -> Any:
    """The tree with each `kind` of leaf, such as `KerasRef`, replaced by its value."""
    if isinstance(tree, kind):
        return value(tree)
    if isinstance(tree, list):
        return [fill(item, kind, value) for item in tree]
    if isinstance(tree, tuple):
        return tuple(fill(item, kind, value) for item in tree)
    if isinstance(tree, dict):
        return {key: fill(item, kind, value) for key, item in tree.items()}
    return tree


def _call(node: Any, names: frozenset[str]) -> Call:
    if isinstance(node, Mapping):
        return Call(tuple(_decoded(item) for item in node["args"]), {k: _decoded(v) for k, v in node["kwargs"].items()})
    if not isinstance(node, list) or not node:
        raise Invalid(f"a call is described by {node!r}", where="inbound_nodes")
    if isinstance(node[0], str):  # the form of functions, with one tensor in front
        return Call((_tensor(node),), _of_lists(node[3] if len(node) > 3 else {}, names))
    tensors = [_tensor(item) for item in node]
    options = node[0][3] if len(node[0]) > 3 else {}
    return Call((tensors[0] if len(tensors) == 1 else tensors,), _of_lists(options, names))


def _tensor(item: Sequence[Any]) -> Any:
    return item[2] if item[0] == CONSTANT else KerasRef(item[0], item[1], item[2])


def _of_lists(options: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Keyword arguments of Keras 2, where `[layer, node, tensor]` is a tensor."""

    def decoded(value: Any) -> Any:
        if _is_ref(value) and value[0] in names:
            return KerasRef(*value[:3])
        if isinstance(value, list):
            return value[2] if value and value[0] == CONSTANT else [decoded(item) for item in value]
        if isinstance(value, dict):
            return {key: decoded(item) for key, item in value.items()}
        return value

    return {key: decoded(value) for key, value in options.items()}


def _decoded(value: Any) -> Any:
    """Arguments of Keras 3: tensors, tuples, slices, arrays and dtypes are serialized objects."""
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    match value.get("class_name"):
        case "__keras_tensor__":
            return KerasRef(*value["config"]["keras_history"])
        case "__tuple__":
            return tuple(_decoded(item) for item in value["items"])
        case "__ellipsis__":
            return ...
        case "__slice__":
            return slice(*(_decoded(value["config"][key]) for key in ("start", "stop", "step")))
        case "__numpy__" | "__tensor__" if isinstance(config, dict):
            return np.asarray(config["value"], config["dtype"])
    return {key: _decoded(item) for key, item in value.items()}


def _is_ref(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(isinstance(number, int) for number in value[1:3])
    )


def _refs(tree: Any) -> Iterator[KerasRef]:
    if isinstance(tree, KerasRef):
        yield tree
    elif isinstance(tree, list | tuple):
        for item in tree:
            yield from _refs(item)
    elif isinstance(tree, dict):
        yield from _refs(list(tree.values()))
