"""One operation of LiteRT: everything that is true of it, in one class.

Members of an op stand in pipeline order: `from_tf` (lower), `infer` and `evaluate` (optimize), `ports` and
`kernels` (quantize), `version` (write).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from octavo.ir.channels import Channels
from octavo.ir.dim import UndecidedError
from octavo.ir.pace import COMPUTED, MOVED, Pace, elements
from octavo.ir.port import Fit, Grid, Kept, Kernels, Plain, Port
from octavo.ir.source import Array
from octavo.ir.type import Type

if TYPE_CHECKING:
    from octavo.ir.graph import Graph, Node, Value

Function = TypeVar("Function", bound=Callable[..., Any])
Made = TypeVar("Made")


class NotLoweredError(Exception):
    """A source operation cannot be expressed; the message says why, in one line."""


def lowers(*names: str) -> Callable[[Function], Function]:
    """Mark a function `(source, build) -> Value | tuple[Value, ...]` as the lowering of these source ops."""

    def mark(function: Function) -> Function:
        setattr(getattr(function, "__func__", function), "lowers", names)  # noqa: B010  # functions have no such member
        return function

    return mark


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def operation(cls: type[Made]) -> type[Made]:
    """Make a class an operation: a frozen dataclass that compares by its fields.

    As `dataclasses.dataclass(frozen=True)`, whose generated methods would cost a third of a millisecond for each of a
    hundred classes, in every process; here all share those of `Op`.
    """
    return dataclass(init=False, repr=False, eq=False)(cls)


@operation
class Op:
    """The base of all operations. Fields of a subclass are the fields of its options table in the schema."""

    code: ClassVar[str] = ""
    """The name of the builtin operator in the schema."""
    ports: ClassVar[Mapping[str, Port]] = {}
    kernels: ClassVar[Kernels] = Kernels()
    pace: ClassVar[Pace | None] = None
    """How long an element of its largest tensor takes, where that is not the usual time."""
    symbolic: ClassVar[bool] = False
    """Whether `evaluate` also computes on object arrays of `Dim`."""
    bounded: ClassVar[bool] = False
    """Whether every output element is a function of one of the first input's, with values between −1 and 1."""
    flat: ClassVar[float] = 0.0
    """The magnitude from which on its input changes its int8 output by less than half a step; 0 where there is none."""
    elementwise: ClassVar[bool] = False
    """Whether every output element is a function of one element of each input."""
    singular: ClassVar[tuple[str, ...]] = ()
    """The operands near whose zero the result grows without bound."""
    converts: ClassVar[tuple[tuple[str, ...], ...]] = ()
    """The operands whose numbers, or products of numbers, the integer kernel converts to steps of its result."""
    moves: ClassVar[bool] = False
    """Whether every output element is one of the first input's elements, unchanged."""
    measures: ClassVar[bool] = False
    """Whether the outputs tell of the shape of the input alone, whatever its elements."""
    divides: ClassVar[bool] = False
    """Whether every element of an output is one of the elements of the only input of real numbers, unchanged."""
    ignores_low: ClassVar[bool] = False
    """Whether elements of the first input count the less, exponentially, the farther they lie below the row's greatest,
    and not at all where that is far."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Set the fields, by position or by name.

        Raises:
            TypeError: a field is missing, given twice, or not a field.
        """
        known = fields(self)
        given = dict(zip((f.name for f in known), args, strict=False)) | kwargs
        if len(given) < len(args) + len(kwargs) or not given.keys() <= {f.name for f in known}:
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(f.name for f in known)}, each once")
        for f in known:
            if f.name in given:
                value = given[f.name]
            elif f.default is not MISSING:
                value = f.default
            elif f.default_factory is not MISSING:
                value = f.default_factory()
            else:
                raise TypeError(f"{type(self).__name__} needs {f.name}")
            object.__setattr__(self, f.name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise FrozenInstanceError(f"{name} of {type(self).__name__} cannot be set")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs that the operation runs: branches, bodies of loops."""
        return ()

    def ties(self, node: Node) -> tuple[tuple[Value | None, ...], ...]:  # noqa: ARG002  # most ops run no graphs
        """The values of different graphs that are one tensor in turn: the first is the operation's own."""
        return ()

    def with_graphs(self, twins: Mapping[Graph, Graph]) -> Op:  # noqa: ARG002  # most ops run none
        """The operation over the twin of each graph that it runs."""
        return self

    def infer(self, *inputs: Any) -> Type | tuple[Type, ...]:
        """The types of the outputs. Operands are `Value`s: their types, and what is known of their numbers.

        Raises:
            ValueError: the operands do not fit together; the message says which and why.
        """
        raise NotImplementedError(f"{type(self).__name__}.infer")

    def evaluate(self, *inputs: Any) -> Array | tuple[Array, ...]:
        """The operation's meaning, in numpy."""
        raise NotImplementedError(f"{type(self).__name__}.evaluate")

    def objection(self, fits: Mapping[str, Fit]) -> str:  # noqa: ARG002  # most kernels compute on any grid
        """Why the LiteRT kernel would compute wrongly, or coarsely, on these grids of its ports; empty when not.

        What depends on the dtype alone is in `kernels`, what depends on one scale alone in the port.
        """
        return ""

    def lacks(self, node: Node, dtype: str) -> str:  # noqa: ARG002  # most kernels take every form
        """Why this form of the operation has no kernel for activations of `dtype`, though others have."""
        return ""

    def keeps(self, result: Grid) -> Mapping[str, Kept]:  # noqa: ARG002  # most ops keep no state
        """How the int8 kernel keeps each state, by its operand, where the output is on the grid `result`."""
        return {}

    def in_int8(self, node: Node, result: Grid) -> Op:  # noqa: ARG002  # most kernels need no more than operands
        """The operation as it is written in int8, with what its kernel needs besides operands."""
        return self

    def span(self, dtype: str, low: float, high: float) -> tuple[float, float] | None:  # noqa: ARG002  # as above
        """What the grid of the first output must hold besides what was seen, for a first input from `low` to `high`."""
        return None

    @property
    def foreign(self) -> str:
        """Why nobody knows what it computes; empty where that is known."""
        return ""

    @property
    def chooses(self) -> slice | None:
        """The operands of whose elements every output element is one, unchanged; None where it may be another."""
        return None

    @property
    def adds(self) -> bool:
        """Whether the output is the sum of the first two inputs, and nothing else."""
        return False

    @property
    def rounds_to(self) -> tuple[float, float] | None:
        """The least and greatest number that its output can be, if all that the operation does is to round its input.

        Such operations stand in models that were trained for integers, for the ranges of tensors.
        """
        return None

    @property
    def only_widens(self) -> bool:
        """Whether a constant that it reads is stored narrower than it counts, and it does nothing but widen that."""
        return False

    def mean_response(self, mean: Array, weight: Array) -> Array | None:  # noqa: ARG002  # most ops have no weight
        """The mean of each output channel, float64, when the input's channels have this `mean`; without the bias.

        None for operations of which this cannot be said from the means alone.
        """
        return None

    def unfold(self, input: Array, weight: Array, most: int) -> Array | None:  # noqa: ARG002  # most ops have no weight
        """What some of the outputs are weighted sums of: float32[groups, rows, taken], of at most `most` rows.

        None for operations that are no weighted sums of their first input.
        """
        return None

    def by_group(self, weight: Array, groups: int) -> Array:
        """A weight, or numbers in its shape, as [groups, outputs of each, taken], in the order of `unfold`."""
        raise NotImplementedError(f"{type(self).__name__}.by_group")

    def channels(self, node: Node) -> Channels | None:  # noqa: ARG002  # most ops mix them, or bend them
        """How factors on the channels of operands and result belong together; None where they do not."""
        return None

    def tells_apart(self, node: Node) -> tuple[str, ...]:  # noqa: ARG002  # most ops do not
        """The operands of real numbers whose rounding to integers would change what they stand for."""
        return ()

    def costs(self, node: Node, dtype: str) -> str:  # noqa: ARG002  # what surrounds it matters to some
        """What activations of `dtype` ("int8" or "int16") cost in time beside float ones; empty where it is less."""
        if dtype == "int8":
            return self.kernels.costs_int8
        return "" if self.moves else "LiteRT's int16 kernels are loops, which take longer than float"

    def lags(self, node: Node) -> bool:  # noqa: ARG002  # few ops depend on what surrounds them
        """Whether its int8 kernel has no fast way of computing `node`, as it has of others."""
        return False

    def duration(self, node: Node) -> Pace:
        """About how many microseconds it takes in float and in int8 on x86, in a batch of one."""
        tensors = [elements(value.shape) for value in (*node.inputs, *node.outputs) if value is not None]
        pace = self.pace or (MOVED if self.moves else COMPUTED)
        return pace.of(max(tensors, default=0))

    def version(self, node: Node) -> int:  # noqa: ARG002  # the least version that holds most ops
        """The least version of the operator in the schema that can hold `node`."""
        return 1

    def known(self, *inputs: Value | None) -> tuple[Array, ...] | None:
        """The outputs' numbers, as far as they are known before the model runs: arrays of numbers or of `Dim`."""
        given = [None if value is None else value.known for value in inputs]
        if type(self).evaluate is Op.evaluate or any(
            array is None and value is not None for array, value in zip(given, inputs, strict=True)
        ):
            return None
        unknown = any(array is not None and array.dtype == object for array in given)
        if unknown and not self.symbolic:
            return None
        try:
            result = self.evaluate(*given)
        except UndecidedError:  # the answer differs from run to run
            return None
        return result if isinstance(result, tuple) else (result,)

    @classmethod
    @cache
    def operands(cls, count: int) -> tuple[str, ...]:
        """The name of the port of each of `count` operands, without its mark."""
        names = [name for name in cls.ports if not name.startswith("output")]
        expanded: list[str] = []
        for name in names:
            repeats = count - len(names) + 1 if name.endswith("*") else 1
            expanded += [name.rstrip("?*")] * repeats
        return tuple(expanded[:count])

    @classmethod
    @cache
    def results(cls, count: int) -> tuple[str, ...]:
        """The name of the port of each of `count` results, without its mark."""
        names = [name for name in cls.ports if name.startswith("output")]
        if len(names) == 1 and names[0].endswith("*"):
            return (names[0].rstrip("*"),) * count
        return tuple(name.rstrip("?*") for name in names)[:count]

    @classmethod
    @cache
    def port(cls, name: str) -> Port:
        """The port called `name`, whatever its mark; `Plain` when the op does not mention it."""
        for mark in ("", "?", "*"):
            if name + mark in cls.ports:
                return cls.ports[name + mark]
        return Plain()

    def __str__(self) -> str:
        shown = ", ".join(
            f"{f.name}={_show(value)}" for f in fields(self) if (value := getattr(self, f.name)) != f.default
        )
        return f"{self.code} {{{shown}}}" if shown else self.code

    __repr__ = __str__


def as_int32(array: Array) -> Array:
    """The array as LiteRT keeps shapes and axes: int32; object arrays of `Dim` stay as they are."""
    return array if array.dtype == object else np.asarray(array, np.int32)


def _show(value: object) -> str:
    if isinstance(value, IntEnum):
        return value.name
    name = getattr(value, "name", None)  # a graph has one; its module imports this one
    return repr(value) if name is None or isinstance(value, np.dtype) else f"@{name}"
