"""Source model → graphs: a partial evaluator that runs calls inline, reads variables and folds what is known.

It works on demand, from the outputs of a signature, so training code and unused branches cost nothing. It never
stops at the first problem: every gap of the model is collected, then reported once.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from octavo.errors import Gap, Invalid, Unsupported, UsageError, did_you_mean
from octavo.ir.build import Builder, Memo, Source
from octavo.ir.dim import Dim, symbol
from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.ir.op import NotLoweredError, Op
from octavo.ir.source import (
    Array,
    FunctionName,
    SourceGraph,
    SourceModel,
    SourceNode,
    SourcePort,
    SourceRef,
    SourceSignature,
)
from octavo.ir.type import Type
from octavo.lower.dataflow import functional
from octavo.lower.dataflow.walk import HANDING
from octavo.lower.item import BRANCHES, LOOPS, AlreadyToldError, Frame, Handle, Item, TensorList
from octavo.lower.single import in_single, single, single_dtype
from octavo.lower.twins import CALLS, HANDLES, input_of, meaning
from octavo.ops import registry

BATCH = "batch"
"""The symbol of an unknown first dimension. All inputs share it: a model has one batch."""
UNROLL = 1
"""A loop of one turn is none."""

_STRUCTURES = CALLS | BRANCHES | LOOPS


@dataclass(frozen=True, slots=True)
class Shared:
    """What the signatures of one model have in common: variables read, constants folded, loops written out.

    `halves` are the dtypes of half precision that computed in float32 instead.
    """

    memo: Memo = field(default_factory=dict)
    variables: dict[str, Array] = field(default_factory=dict)
    halves: dict[np.dtype[Any], None] = field(default_factory=dict)
    unroll: int = UNROLL


def lower(
    source: SourceModel,
    *,
    signatures: Sequence[str] | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    unroll: int = UNROLL,
) -> Model:
    """The model in LiteRT's operations, one graph per signature that computes something of its own.

    `signatures` chooses by key (all by default); `shapes` gives inputs other shapes than the source declares. Loops
    of up to `unroll` turns are written out, where their number is known.

    Raises:
        Unsupported: operations that cannot be lowered; the error lists all of them with their layers.
        UsageError: an unknown signature key or input name.
        Invalid: the source contradicts itself.
    """
    source = functional(source)
    chosen = _choose(source, signatures)
    _check_names(shapes or {}, chosen)
    model = Model([], notes=list(source.notes))
    shared = Shared(unroll=unroll)
    lowered: dict[Hashable, Graph] = {}
    for signature in chosen:
        key = meaning(source, signature, [input_of(port, shapes or {}) for port in signature.inputs])
        if key not in lowered:
            lowered[key] = _among(model.graphs, _Lowering(source, signature, shapes or {}, shared).run())
        names = [tuple(port.name for port in ports) for ports in (signature.inputs, signature.outputs)]
        model.signatures.append(Signature(signature.key, lowered[key], *names))
    model.gather()
    if shared.halves:
        halves = " and ".join(sorted(map(str, shared.halves)))
        model.notes.append(f"what the model computes in {halves} is computed in float32, its inputs and outputs too")
    return model


def _among(graphs: list[Graph], graph: Graph) -> Graph:
    """The one of `graphs` that computes the same as `graph`, which otherwise becomes one of them."""
    twin = next((known for known in graphs if _computes_the_same(known, graph)), None)
    if twin is None:
        graphs.append(graph)
    return graph if twin is None else twin  # a graph without nodes is false


class _Lowering:
    """One signature on its way into a graph."""

    def __init__(
        self,
        source: SourceModel,
        signature: SourceSignature,
        shapes: Mapping[str, Sequence[int | None]],
        shared: Shared,
    ) -> None:
        self.source = source
        self.signature = signature
        self.shapes = shapes
        self.graph = Graph(signature.key)
        self.build = Builder(self.graph, memo=shared.memo)
        self.unroll = shared.unroll
        self.read = shared.variables
        self.halves = shared.halves
        self.lowerings = registry().lowerings
        self.gaps: dict[Gap, None] = {}
        self.scope = ""
        self.variables: dict[str, Value] = {}

    def run(self) -> Graph:
        """The graph of the signature.

        Raises:
            Unsupported: see `lower`.
        """
        frame = Frame(self.source.graph)
        for port in self.signature.inputs:
            frame.values[port.ref] = self.graph.input(port.tensor_name, self._input_type(port))
        self._demand(frame, [port.ref for port in self.signature.outputs])
        outputs = [self._tensor(frame.values[port.ref]) for port in self.signature.outputs]
        if self.gaps or None in outputs:
            raise Unsupported(
                f"{len(self.gaps)} operation(s) of the model cannot be converted",
                gaps=list(self.gaps),
                where=f"{self.source.path}, signature {self.signature.key!r}",
                hint="rewrite these layers with other operations, or leave them out: export another signature; cut a "
                "frozen graph elsewhere (--input-node, --output-node)",
            )
        for port, value in zip(self.signature.outputs, outputs, strict=True):
            assert value is not None
            self.graph.outputs.append(value)
            if value.producer is not None:
                value.name = self.graph.unique(port.tensor_name)
        return self.graph

    def _input_type(self, port: SourcePort) -> Type:
        if isinstance(port.dtype, str):
            raise Unsupported(f"input {port.name!r} is a {port.dtype}, which LiteRT has no tensors for")
        shape = self.shapes.get(port.name, port.shape)
        _check_shape(port, shape)
        if shape is None:
            raise Unsupported(
                f"input {port.name!r} has no declared rank",
                where=f"{self.source.path}, signature {self.signature.key!r}",
                hint=f"give its shape: shapes={{{port.name!r}: [1, …]}}",
            )
        return Type(
            single_dtype(port.dtype, self.halves), tuple(_dim(port.name, axis, size) for axis, size in enumerate(shape))
        )

    def _demand(self, frame: Frame, refs: Iterable[SourceRef]) -> None:
        """Make `frame.values` hold every one of `refs`."""
        refs = list(refs)
        order = list(_needed(frame, refs))
        wanted: dict[str, set[int]] = {}
        for ref in [*refs, *(ref for name in order for ref in frame.graph.nodes[name].inputs)]:
            wanted.setdefault(ref.node, set()).add(ref.output)
        for name in order:
            node = in_single(frame.graph.nodes[name], self.halves)
            inputs = [frame.values[ref] for ref in node.inputs]
            given = dict(self._outputs(node, inputs, sorted(wanted[name])))
            for index in wanted[name]:
                frame.values[SourceRef(name, index)] = given.get(index)

    def _outputs(self, node: SourceNode, inputs: Sequence[Item], wanted: Sequence[int]) -> Iterator[tuple[int, Item]]:
        """What the outputs of `node` stand for, by index; None for what could not be lowered."""
        if node.op in HANDLES:
            yield 0, Handle(node.name)
        elif node.op in _STRUCTURES or _of_lists(node.op):
            yield from self._structure(node, inputs, wanted)
        elif node.op in HANDING and _is_whole(inputs[0]):
            yield 0, inputs[0]
        elif node.op == "IdentityN":
            yield from enumerate(value if _is_whole(value) else self._tensor(value) for value in inputs)
        else:
            yield from enumerate(self._node(node, [self._tensor(value) for value in inputs]))

    def _structure(self, node: SourceNode, inputs: Sequence[Item], wanted: Sequence[int]) -> Iterator[tuple[int, Item]]:
        """What calls, branches, loops and lists give."""
        outside, self.scope = self.scope, self._within(node.name.rpartition("/")[0])
        self.build.origin = (self._within(node.name),)
        try:
            if node.op in CALLS:
                results = self.call(self.function(node.attrs["f"]), dict(enumerate(inputs)), wanted)
                yield from zip(wanted, results, strict=True)
            elif lists := _of_lists(node.op):
                given = [value if _is_whole(value) else self._tensor(value) for value in inputs]
                if None not in given:
                    yield from enumerate(lists(node, given, self.build))
            else:
                from octavo.lower.control_flow import lower_branch, lower_loop

                yield from (lower_loop if node.op in LOOPS else lower_branch)(self, node, inputs, wanted)
        except AlreadyToldError:
            return
        except (NotLoweredError, ValueError) as reason:
            self.gaps[Gap(node.op, self._within(node.name), str(reason))] = None
        finally:
            self.scope = outside

    def function(self, name: object) -> SourceGraph:
        """The function of this name."""
        assert isinstance(name, FunctionName)
        return self.source.functions[name]

    def call(self, function: SourceGraph, arguments: Mapping[int, Item], wanted: Sequence[int]) -> list[Item]:
        """What a function gives for arguments by number, lowered where the builder stands."""
        frame = Frame(function)
        for number, argument in enumerate(function.arguments):
            frame.values[SourceRef(argument.name, 0)] = arguments.get(number)
        self._demand(frame, [function.outputs[index] for index in wanted])
        return [frame.values[function.outputs[index]] for index in wanted]

    @contextlib.contextmanager
    def inside(self, build: Builder) -> Iterator[None]:
        """Lower with another builder meanwhile; variables become constants of its graph."""
        outside = self.graph, self.build, self.variables
        self.graph, self.build, self.variables = build.graph, build, {}
        try:
            yield
        finally:
            self.graph, self.build, self.variables = outside

    def _within(self, name: str) -> str:
        """The name of a node or scope as seen from the main graph: Keras 2 has functions of layers' own."""
        return f"{self.scope}/{name}".strip("/") if self.scope and not name.startswith(self.scope) else name

    def _node(self, node: SourceNode, inputs: Sequence[Value | None]) -> tuple[Value | None, ...]:
        lowering, name = self.lowerings.get(node.op), self._within(node.name)
        if lowering is None:
            self.gaps[Gap(node.op, name, "there is no lowering for it yet")] = None
            return (None,)
        given = [value for value in inputs if value is not None]
        if len(given) < len(inputs):
            return (None,)
        self.build.origin = (name,)
        try:
            result: Any = lowering(Source(node, tuple(given)), self.build)
        except (NotLoweredError, ValueError) as reason:
            self.gaps[Gap(node.op, name, str(reason))] = None
            return (None,)
        return result if isinstance(result, tuple) else (result,)

    def _tensor(self, value: Item) -> Value | None:
        """The value; of a variable, its content."""
        if isinstance(value, TensorList) or _is_whole(value):
            return None
        if not isinstance(value, Handle):
            return value
        if value.node not in self.variables:
            if value.node not in self.read:
                self.read[value.node] = single(self.source.variables[value.node], self.halves)
            self.variables[value.node] = self.graph.const(self.read[value.node], value.node)
        return self.variables[value.node]


def _is_whole(item: Item) -> bool:
    """Whether it is no tensor: a list of them, or an array."""
    return isinstance(item, TensorList) or (isinstance(item, Handle) and item.is_array)


def _of_lists(op: str) -> Callable[..., Sequence[Item]] | None:
    """What lowers a source op that takes or gives lists of tensors; imported when there are any."""
    if "TensorList" not in op and "TensorArray" not in op:
        return None
    from octavo.lower.tensor_array import ARRAYS
    from octavo.lower.tensor_list import LISTS

    return LISTS.get(op) or ARRAYS.get(op)


def _needed(frame: Frame, refs: Iterable[SourceRef]) -> Iterator[str]:
    """The nodes that `refs` need and that have no value yet, each after what it needs.

    Raises:
        Invalid: a node reads one that the graph does not hold, or the graph has a cycle.
    """
    done = {ref.node for ref in frame.values}
    opened: set[str] = set()
    stack = [ref.node for ref in refs]
    while stack:
        name = stack[-1]
        if name in done:
            stack.pop()
            continue
        if name not in frame.graph.nodes:
            raise Invalid(f"a node {name!r} is read but is not in the graph", where=frame.graph.name)
        missing = [ref.node for ref in frame.graph.nodes[name].inputs if ref.node not in done]
        if not missing:
            done.add(name)
            yield stack.pop()
        elif name in opened and any(ref in opened and ref in stack for ref in missing):
            raise Invalid(f"node {name!r} depends on itself", where=frame.graph.name)
        else:
            opened.add(name)
            stack += missing


def _choose(source: SourceModel, keys: Sequence[str] | None) -> list[SourceSignature]:
    known = {signature.key: signature for signature in source.signatures}
    if not known:
        raise Invalid(
            "the model has no signature, so it does not say what goes in and out",
            where=source.path,
            hint="save it with signatures, such as model.export(directory) in Keras",
        )
    for key in keys or ():
        if key not in known:
            raise UsageError(f"no signature is called {key!r}", where=source.path, hint=did_you_mean(key, known))
    default_first = sorted(source.signatures, key=lambda signature: signature.key != "serving_default")
    return [known[key] for key in keys] if keys else default_first


def _check_shape(port: SourcePort, shape: Sequence[int | None] | None) -> None:
    """Make sure that a shape fills in what the model leaves open, and changes nothing else."""
    declared = port.shape
    if declared is None or shape is None:
        return
    if len(shape) != len(declared) or any(a is not None and a != b for a, b in zip(declared, shape, strict=True)):
        shown = ["any" if size is None else size for size in declared]
        raise UsageError(f"input {port.name!r} is declared as {shown}, which {list(shape)} does not fit")


def _check_names(shapes: Mapping[str, object], signatures: Sequence[SourceSignature]) -> None:
    known = {port.name for signature in signatures for port in signature.inputs}
    for name in shapes:
        if name not in known:
            raise UsageError(f"no input is called {name!r}", hint=did_you_mean(name, known))


def _dim(name: str, axis: int, size: int | None) -> Dim:
    if size is not None and size >= 0:
        return size
    return symbol(BATCH if axis == 0 else re.sub(r"\W", "_", f"{name}_{axis}"))


def _computes_the_same(one: Graph, other: Graph) -> bool:
    """Whether two graphs have the same nodes over the same constants: Keras exports each signature twice."""
    if len(one) != len(other) or [v.type for v in one.inputs] != [v.type for v in other.inputs]:
        return False
    twin: dict[Value, Value] = dict(zip(one.inputs, other.inputs, strict=True))
    for a, b in zip(one, other, strict=True):
        if not _do_the_same(a.op, b.op) or len(a.inputs) != len(b.inputs):
            return False
        if not all(_same(x, y, twin) for x, y in zip(a.inputs, b.inputs, strict=True)):
            return False
        twin.update(zip(a.outputs, b.outputs, strict=True))
    return all(_same(x, y, twin) for x, y in zip(one.outputs, other.outputs, strict=True))


def _do_the_same(one: Op, other: Op) -> bool:
    if not one.graphs or len(one.graphs) != len(other.graphs):
        return one == other
    alike = all(map(_computes_the_same, one.graphs, other.graphs))
    return alike and one.with_graphs(dict(zip(one.graphs, other.graphs, strict=True))) == other


def _same(one: Value | None, other: Value | None, twin: Mapping[Value, Value]) -> bool:
    if one is None or other is None or one.const is None or other.const is None:
        return one is other or (one is not None and twin.get(one) is other)
    if one.const is other.const:
        return True
    return one.type == other.type and np.array_equal(one.const, other.const, equal_nan=one.dtype.kind == "f")
