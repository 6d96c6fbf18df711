"""Writing source nodes: shapes are inferred by the very lowerings that will read them later."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from octavo.ir.build import SMALL, Builder, Source
from octavo.ir.dim import Dim
from octavo.ir.graph import Graph, Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array, FunctionName, Shape, SourceArgument, SourceGraph, SourceNode, SourceRef
from octavo.ir.type import Type
from octavo.ops import registry
from octavo.read.saved_model.op_definitions import OpDefinitions


@dataclass(frozen=True, slots=True)
class Tensor:
    """One output of a source node, and what is known of it. `mask` [batch, steps] is false for steps to be skipped."""

    ref: SourceRef
    value: Value
    mask: Tensor | None = field(default=None, compare=False)

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The dimensions; symbols where they are known only at run time."""
        return self.value.shape

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return self.value.rank

    @property
    def dtype(self) -> np.dtype[Any]:
        """What it holds."""
        return self.value.dtype


Operand = Tensor | npt.ArrayLike
Size = int | Tensor
"""A dimension as layers compute with it: a number where it is known, otherwise a scalar tensor."""
Variables = Mapping[str, Tensor]
Turn = Callable[[Variables], Mapping[str, Operand]]
"""What a turn of a loop makes of the variables: those that it changes."""


class Emitter:
    """Collects the nodes of a source graph. `scope` is the path of the layer at work and begins the nodes' names."""

    def __init__(self) -> None:
        """Start with no nodes."""
        self.nodes: dict[str, SourceNode] = {}
        self.functions: dict[str, SourceGraph] = {}
        self.tables: dict[str, SourceNode] = {}
        self.scope = ""
        self._scratch = Graph("shapes")
        self._build = Builder(self._scratch)
        self._lowerings = registry().lowerings
        self._definitions = OpDefinitions()
        self._constants: dict[int, tuple[Array, Tensor]] = {}
        self._used: dict[str, int] = {}

    def __call__(self, op: str, *inputs: Operand, **attrs: Any) -> Tensor:
        """The first output of a new node."""
        return self.many(op, *inputs, **attrs)[0]

    def many(self, op: str, *inputs: Operand, **attrs: Any) -> list[Tensor]:
        """The outputs of a new node. Attributes that are not given have the default of the op.

        Raises:
            NotLoweredError: the operation cannot be lowered, so nothing is known of its outputs.
            ValueError: the operands do not fit together.
        """
        given = [
            self.tensor(operand, like=next((i for i in inputs if isinstance(i, Tensor)), None)) for operand in inputs
        ]
        definition = self._definitions.find(op)
        defaults = definition.defaults if definition else {}
        node = SourceNode(self._unique(op), op, tuple(tensor.ref for tensor in given), {**defaults, **attrs})
        lowering = self._lowerings.get(op)
        if lowering is None:
            raise NotLoweredError(f"there is no lowering for {op} yet")
        self._build.origin = (node.name,)
        result = lowering(Source(node, tuple(tensor.value for tensor in given)), self._build)
        self.nodes[node.name] = node
        values = result if isinstance(result, tuple) else (result,)
        return [Tensor(SourceRef(node.name, index), value) for index, value in enumerate(values)]

    def placeholder(self, name: str, dtype: np.dtype[Any], shape: Shape, dims: tuple[Dim, ...]) -> Tensor:
        """An input of the model; `dims` is its shape with symbols."""
        name = self._unique(name)
        self.nodes[name] = SourceNode(name, "Placeholder", (), {"dtype": dtype, "shape": shape})
        return Tensor(SourceRef(name), self._scratch.input(name, Type(dtype, dims)))

    def tensor(self, operand: Operand, *, like: Tensor | None = None) -> Tensor:
        """The operand; numbers become a constant, Python numbers of the dtype of `like`."""
        if isinstance(operand, Tensor):
            return operand
        if isinstance(operand, np.ndarray | np.generic):
            return self._constant(np.asarray(operand))
        plain = np.asarray(operand)
        default = np.dtype(np.int32 if plain.dtype.kind in "iu" else np.float32)
        return self._constant(plain.astype(default if like is None else like.dtype))

    def size(self, x: Tensor, axis: int) -> Size:
        """The length of a dimension."""
        dim = x.shape[axis]
        if isinstance(dim, int):
            return dim
        shape = self("Shape", x, out_type=np.dtype(np.int32))
        axis %= x.rank
        ends = [np.array([at], np.int32) for at in (axis, axis + 1, 1)]
        return self("StridedSlice", shape, *ends, shrink_axis_mask=1)

    def sizes(self, sizes: Sequence[Size]) -> Operand:
        """A vector of lengths, a constant where all are known."""
        if all(isinstance(size, int) for size in sizes):
            return np.array(sizes, np.int32)
        parts = [np.array(size, np.int32) if isinstance(size, int) else size for size in sizes]
        return self("Pack", *parts, axis=0, N=len(parts))

    def reshape(self, x: Tensor, sizes: Sequence[Size]) -> Tensor:
        """`x` in another shape; one size may be −1."""
        return self("Reshape", x, self.sizes(sizes))

    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor:
        """`x` with its dimensions in another order."""
        return x if list(order) == list(range(x.rank)) else self("Transpose", x, np.array(order, np.int32))

    def zeros(self, sizes: Sequence[Size]) -> Tensor:
        """Zeros of these lengths."""
        return self("Fill", self.sizes(sizes), np.float32(0))

    def cast(self, x: Tensor, dtype: npt.DTypeLike) -> Tensor:
        """`x` in another dtype."""
        wanted: np.dtype[Any] = np.dtype(dtype)
        return x if x.dtype == wanted else self("Cast", x, DstT=wanted)

    def loop(
        self, variables: Mapping[str, Operand], *, goes_on: Callable[[Variables], Tensor], turn: Turn
    ) -> dict[str, Tensor]:
        """The variables after `turn` has changed them for as long as `goes_on` holds.

        A turn gives the variables that it changes, but not their types. Both compute with the variables and constants
        only: a loop sees nothing else of the model.
        """
        given = {name: self.tensor(operand) for name, operand in variables.items()}
        name = self._unique("while")
        cond = self._function(f"{name}_cond", given, lambda now: [goes_on(now)])
        body = self._function(f"{name}_body", given, lambda now: list({**now, **turn(now)}.values()))
        attrs = {"cond": cond, "body": body, "T": [tensor.dtype for tensor in given.values()]}
        self.nodes[name] = SourceNode(name, "StatelessWhile", tuple(tensor.ref for tensor in given.values()), attrs)
        return {
            key: Tensor(SourceRef(name, at), self._scratch.input(name, tensor.value.type))
            for at, (key, tensor) in enumerate(given.items())
        }

    def lookup(self, keys: Array, values: Array, x: Tensor, default: Array) -> Tensor:
        """The value of each key in `x`, `default` where there is none."""
        kinds = {"key_dtype": keys.dtype, "value_dtype": values.dtype}
        table = self._unique("hash_table")
        self.nodes[table] = SourceNode(table, "HashTableV2", (), kinds)
        content = [self._constant(array).ref for array in (keys, values)]
        self.tables[table] = SourceNode(f"{table}/fill", "LookupTableImportV2", (SourceRef(table), *content), {})
        name = self._unique("LookupTableFindV2")
        given = (SourceRef(table), x.ref, self._constant(default).ref)
        self.nodes[name] = SourceNode(name, "LookupTableFindV2", given, {})
        return Tensor(SourceRef(name), self._scratch.input(name, Type(values.dtype, x.shape)))

    def _function(self, name: str, like: Variables, compute: Callable[[Variables], Sequence[Operand]]) -> FunctionName:
        """A function of arguments `like` these tensors; what is emitted meanwhile is in its body."""
        outside = self.nodes, self._constants
        self.nodes, self._constants = {}, {}
        given = {key: self._argument(f"{name}/{key}", tensor) for key, tensor in like.items()}
        made = [self.tensor(result).ref for result in compute(given)]
        arguments = tuple(
            SourceArgument(
                each.ref.node, each.dtype, tuple(dim if isinstance(dim, int) else None for dim in each.shape)
            )
            for each in given.values()
        )
        self.functions[name] = SourceGraph(name, self.nodes, arguments, tuple(made))
        self.nodes, self._constants = outside
        return FunctionName(name)

    def _argument(self, name: str, like: Tensor) -> Tensor:
        return Tensor(SourceRef(name), self._scratch.input(name, like.value.type))

    def _constant(self, array: Array) -> Tensor:
        known = self._constants.get(id(array))
        if known is not None:
            return known[1]
        name = self._unique("Const")
        self.nodes[name] = SourceNode(name, "Const", (), {"value": array, "dtype": array.dtype})
        small = array.nbytes <= SMALL or array.dtype.kind != "f"  # weights are not folded twice: their type will do
        scratch, type = self._scratch, Type(array.dtype, array.shape)
        made = Tensor(SourceRef(name), scratch.const(array, name) if small else scratch.input(name, type))
        self._constants[id(array)] = array, made
        return made

    def _unique(self, name: str) -> str:
        """The name within the scope, as TensorFlow makes it unique: `name_1`, `name_2`, …."""
        path = f"{self.scope}/{name}" if self.scope else name
        count = self._used.get(path, 0)
        self._used[path] = count + 1
        return path if count == 0 else self._unique(f"{name}_{count}")
