"""Lowerings of the user's own: functions that say what an operation computes, in operations of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from octavo.ir.build import Builder, Operand, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Definitions, SourceNode, SourceRef
from octavo.ops import registry

Own = Callable[..., Any]
"""`(operation, *inputs) -> value | tuple of values`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that a function of the user's own expresses by others.

    Called with the name of an operation of TensorFlow, its operands and attributes, it gives that operation's result:
    `operation("Mul", x, 2.0)`. Operands are inputs, results or numbers; a value has `shape`, `dtype`, and `const`
    where its numbers are known.
    """

    node: SourceNode
    build: Builder
    definitions: Definitions

    @property
    def name(self) -> str:
        """What the node is called in the model."""
        return self.node.name

    @property
    def attrs(self) -> Mapping[str, Any]:
        """The attributes of the node."""
        return self.node.attrs

    def __call__(self, op: str, *inputs: Operand, **attrs: Any) -> Any:
        """The result of an operation of TensorFlow; several as a tuple. Attributes left out have their defaults.

        Raises:
            NotLoweredError: it cannot be expressed either.
        """
        lowering = registry().lowerings.get(op)
        if lowering is None:
            raise NotLoweredError(f"its lowering asks for {op}, for which there is none yet")
        like = next((value.dtype for value in inputs if isinstance(value, Value)), None)
        given = tuple(self._value(operand, like) for operand in inputs)
        known = {**self.definitions.defaults(op), **attrs}
        refs = tuple(SourceRef(value.name) for value in given)
        return lowering(Source(SourceNode(self.node.name, op, refs, known), given), self.build)

    def _value(self, operand: Operand, like: np.dtype[Any] | None) -> Value:
        if isinstance(operand, Value):
            return operand
        plain = not isinstance(operand, np.ndarray | np.generic) and like is not None
        return self.build.const(np.asarray(operand, like) if plain else np.asarray(operand))
