"""What is in a model, as a record that prints and serializes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

import ml_dtypes
import msgspec
import numpy as np

from octavo.ir.graph import Graph, Model, Node, Signature, Value
from octavo.schema.storage import name_of
from octavo.showing import Shown, Table, bytes_of, counted, facts

OpPrecision = Literal["float32", "float16", "dynamic", "weight_only", "int8", "int16x8", "uint8", "exact", "other"]
"""How an operation of a file computes, as its tensors show it: the recipe's words, `uint8` for the scheme of old
converters, `exact` where nothing is a real number, `other` for the rest (bfloat16, complex, float64)."""
_INTEGER: dict[str, OpPrecision] = {"int8": "int8", "int16": "int16x8", "uint8": "uint8"}
_NARROW = {"int4": 4, "uint4": 4, "int2": 2, "uint2": 2}
"""Dtypes that a file packs: bits of one number."""


class Tensor(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor: `shape` has a number for each known dimension and an expression (`batch`, `2*dim_1`) for the others.

    `scale` and `zero_point` belong to a tensor that is quantized as a whole; `scales` counts those of one that has a
    scale per channel.
    """

    name: str
    dtype: str
    shape: tuple[int | str, ...]
    scale: float | None = None
    zero_point: int | None = None
    scales: int | None = None

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]"

    @property
    def grid(self) -> str:
        """The real number that a stored one stands for; "" where there is no one grid."""
        return "" if self.scale is None else f"{self.scale:.6g} · (q − {self.zero_point})"


class SignatureView(msgspec.Struct, frozen=True, kw_only=True):
    """A way to call the model. The tensors bear the names by which the caller knows them."""

    key: str
    graph: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation: operator, source layer ("" where the model does not say), what it reads and makes.

    `inputs` are the tensors computed at run time, `weights` the constants; `weight_bytes` adds up the latter.
    """

    op: str
    layer: str
    precision: OpPrecision
    inputs: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    weight_bytes: int


class GraphView(msgspec.Struct, frozen=True, kw_only=True):
    """A graph: its operations in the order in which they run."""

    name: str
    operations: tuple[Operation, ...]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over all graphs.

    `parameters` counts the real numbers among the constants, each constant once; `constant_bytes` gives the bytes of
    all constants by dtype; `size` is the bytes of the file, or of all files of the SavedModel.
    """

    operations: dict[str, int]
    precisions: dict[str, int]
    parameters: int
    constant_bytes: dict[str, int]
    size: int


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """A rewrite of the optimizer: the rule, its equation, and where it applied."""

    rule: str
    equation: str
    layer: str


class NearMiss(msgspec.Struct, frozen=True, kw_only=True):
    """A rule of the optimizer that nearly matched: where, and why it did not."""

    rule: str
    layer: str
    reason: str


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """A constant that is stored once and read by several operations: its bytes, and where it is read."""

    name: str
    type: str
    size: int
    layers: tuple[str, ...]


class Inspection(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """What is in a model. `metadata` gives the bytes of each entry by name.

    `rewrites` and `missed` say what the optimizer did and nearly did; a `.tflite` is shown as it stands. `shared` are
    the constants that several operations read, the largest first.
    """

    signatures: tuple[SignatureView, ...]
    graphs: tuple[GraphView, ...]
    totals: Totals
    description: str
    metadata: dict[str, int]
    rewrites: tuple[Rewrite, ...] = ()
    missed: tuple[NearMiss, ...] = ()
    shared: tuple[Shared, ...] = ()

    def tables(self) -> tuple[Table, ...]:
        """Signatures, operations in the order in which they run, constants that are shared, and totals."""
        columns = (">", "operation", "precision", "reads", "makes", ">weights", "layer")
        return (
            *self.signature_tables(),
            *(Table(self._title(graph), columns, [_row(n, o) for n, o in enumerate(graph.operations)])
              for graph in self.graphs),
            *self.total_tables(),
        )  # fmt: skip

    def signature_tables(self) -> tuple[Table, ...]:
        """The inputs and outputs of each signature."""
        return tuple(
            Table(f"Signature {view.key!r}", ("", "name", "type", "grid"), [
                (kind, tensor.name, str(tensor), tensor.grid)
                for kind, tensors in (("input", view.inputs), ("output", view.outputs)) for tensor in tensors
            ])
            for view in self.signatures
        )  # fmt: skip

    def total_tables(self) -> tuple[Table, ...]:
        """The constants that are shared, then the sums."""
        shared = [(s.name, s.type, bytes_of(s.size), ", ".join(dict.fromkeys(s.layers))) for s in self.shared]
        totals = self.totals
        constants = (f"{dtype} {bytes_of(count)}" for dtype, count in totals.constant_bytes.items())
        return (
            Table("Shared constants", ("name", "type", ">size", "read by"), shared),
            facts(
                ("operations", f"{sum(totals.operations.values())}: {counted(totals.operations)}"),
                ("precision", counted(totals.precisions)),
                ("parameters", f"{totals.parameters:,}"),
                ("constants", ", ".join(constants)),
                ("size", bytes_of(totals.size)),
                ("metadata", ", ".join(f"{name} ({bytes_of(size)})" for name, size in self.metadata.items())),
                ("description", self.description),
            ),
        )

    def _title(self, graph: GraphView) -> str:
        return f"Graph {graph.name!r}" if len(self.graphs) > 1 else "Operations"

    def to_json(self) -> str:
        """The record as indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode()

    def __str__(self) -> str:
        """Signatures, then one line per operation, then the totals."""
        lines = [
            f"{view.key}({', '.join(f'{t.name}: {t}' for t in view.inputs)}) "
            f"-> {', '.join(f'{t.name}: {t}' for t in view.outputs)}"
            for view in self.signatures
        ]
        for graph in self.graphs:
            lines += [
                f"{op.precision:<11} {op.op:<24} {', '.join(map(str, op.outputs)):<28} {op.layer}"
                for op in graph.operations
            ]
        counted = ", ".join(f"{count} {code}" for code, count in self.totals.operations.items())
        lines.append(f"{counted}; {self.totals.parameters:,} parameters; {self.totals.size:,} bytes")
        return "\n".join(lines)


def inspect(
    model: Model, *, size: int, rewrites: Iterable[Rewrite] = (), missed: Iterable[NearMiss] = ()
) -> Inspection:
    """Describe a model whose file or files have `size` bytes."""
    graphs = tuple(
        GraphView(name=graph.name, operations=tuple(_operation(node) for node in graph)) for graph in model.graphs
    )
    operations = [operation for graph in graphs for operation in graph.operations]
    return Inspection(
        signatures=tuple(_signature(signature) for signature in model.signatures),
        graphs=graphs,
        totals=Totals(
            operations=dict(Counter(operation.op for operation in operations).most_common()),
            precisions=dict(Counter(operation.precision for operation in operations).most_common()),
            parameters=sum(_count(value) for value in _constants(model.graphs) if _is_real(value)),
            constant_bytes=_bytes_by_dtype(model.graphs),
            size=size,
        ),
        description=model.description,
        metadata={name: len(content) for name, content in model.metadata.items()},
        rewrites=tuple(rewrites),
        missed=tuple(missed),
        shared=_shared(model.graphs),
    )


def _row(number: int, operation: Operation) -> tuple[str, ...]:
    weights = bytes_of(operation.weight_bytes) if operation.weight_bytes else ""
    reads, makes = (", ".join(map(str, tensors)) for tensors in (operation.inputs, operation.outputs))
    layer = operation.layer or ", ".join(tensor.name for tensor in operation.outputs)
    return str(number), operation.op, operation.precision, reads, makes, weights, layer


def _signature(signature: Signature) -> SignatureView:
    graph = signature.graph
    return SignatureView(
        key=signature.key,
        graph=graph.name,
        inputs=tuple(_tensor(value, name) for name, value in zip(signature.inputs, graph.inputs, strict=True)),
        outputs=tuple(_tensor(value, name) for name, value in zip(signature.outputs, graph.outputs, strict=True)),
    )


def _operation(node: Node) -> Operation:
    read = [value for value in node.inputs if value is not None]
    constants = [value for value in read if value.const is not None]
    return Operation(
        op=getattr(node.op, "custom_code", "") or node.op.code,
        layer=layer_of(node),
        precision=precision_of(node),
        inputs=tuple(_tensor(value) for value in read if value.const is None),
        weights=tuple(_tensor(value) for value in constants),
        outputs=tuple(_tensor(value) for value in node.outputs),
        weight_bytes=sum(_bytes(value) for value in constants),
    )


def precision_of(node: Node) -> OpPrecision:
    """How an operation computes, as the dtypes of its tensors tell."""
    activations = [value for value in (*node.inputs, *node.outputs) if value is not None and value.const is None]
    weights = [value for value in node.inputs if value is not None and value.const is not None]
    integer = next((value.dtype.name for value in activations if value.quant is not None), "")
    if integer in _INTEGER:
        return _INTEGER[integer]
    if any(value.dtype == np.float32 for value in activations):
        return _with_float_activations(node, weights)
    if any(_is_real(value) for value in (*activations, *weights)):
        return "other"
    return "exact"


def _with_float_activations(node: Node, weights: list[Value]) -> OpPrecision:
    """Float activations: the weights tell, where they stand behind a DEQUANTIZE that runs once at load, too."""
    if any(value.quant is not None for value in weights):
        return "weight_only" if node.op.code == "DEQUANTIZE" else "dynamic"
    stored = [value.dtype for value in weights] + list(_unpacked(node))
    if any(dtype == np.float16 for dtype in stored):
        return "float16"
    return "weight_only" if any(dtype.kind != "f" for dtype in _unpacked(node)) else "float32"


def _unpacked(node: Node) -> Iterator[np.dtype[np.generic]]:
    """The dtypes of the constants that the operation reads through a DEQUANTIZE."""
    for value in node.inputs:
        maker = None if value is None else value.producer
        stored = maker.inputs[0] if maker is not None and maker.op.code == "DEQUANTIZE" else None
        if stored is not None and stored.const is not None:
            yield stored.dtype


def layer_of(node: Node) -> str:
    """The source layer of an operation; "" where the model does not say."""
    source = next((part for part in node.origin if not part.startswith("rule:")), "")
    return source.rpartition("/")[0] or source


def _tensor(value: Value, name: str = "") -> Tensor:
    quant = value.quant
    whole = quant is not None and quant.scale.size == 1
    return Tensor(
        name=name or value.name,
        dtype=name_of(value.dtype),
        shape=tuple(dim if isinstance(dim, int) else str(dim) for dim in value.shape),
        scale=float(quant.scale[0]) if quant is not None and whole else None,
        zero_point=int(quant.zero_point[0]) if quant is not None and whole else None,
        scales=None if quant is None or whole else int(quant.scale.size),
    )


def _constants(graphs: Iterable[Graph]) -> list[Value]:
    """Every constant once, though several operations or graphs read it."""
    found: dict[tuple[int, str], Value] = {}
    for graph in graphs:
        for value in graph.values:
            if value.const is not None:
                found.setdefault((value.const.__array_interface__["data"][0], str(value.type)), value)
    return list(found.values())


def _shared(graphs: Iterable[Graph]) -> tuple[Shared, ...]:
    """Constants by where their numbers stand in memory: copies of a value share them."""
    found: dict[tuple[int, str], tuple[Value, list[str]]] = {}
    for graph in graphs:
        for value in graph.values:
            if value.const is not None and value.const.size > 1:
                key = (value.const.__array_interface__["data"][0], str(value.type))
                readers = found.setdefault(key, (value, []))[1]
                readers += [layer_of(node) or node.name for node in value.users]
    rows = (
        Shared(name=value.name, type=str(value.type), size=_bytes(value), layers=tuple(layers))
        for value, layers in found.values()
        if len(layers) > 1
    )
    return tuple(sorted(rows, key=lambda row: -row.size))


def _bytes_by_dtype(graphs: Iterable[Graph]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for value in _constants(graphs):
        total[name_of(value.dtype)] += _bytes(value)
    return dict(total.most_common())


def _bytes(value: Value) -> int:
    assert value.const is not None
    if value.dtype == object:
        return sum(len(item) for item in value.const.flat)
    return (_count(value) * _NARROW.get(value.dtype.name, 8 * value.dtype.itemsize) + 7) // 8


def _count(value: Value) -> int:
    return 0 if value.const is None else int(value.const.size)


def _is_real(value: Value) -> bool:
    return value.quant is not None or value.dtype.kind in "fc" or value.dtype == ml_dtypes.bfloat16
