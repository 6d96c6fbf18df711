"""Source model → graphs: a partial evaluator that runs calls inline, reads variables and folds what is known.

It works on demand, from the outputs of a signature, so training code and unused branches cost nothing. It never
stops at the first problem: every gap of the model is collected, then reported once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct, field

from octavo.errors import Gap, Invalid, Unsupported
from octavo.ir.build import Builder, Memo, Source
from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.ir.op import NotLoweredError
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
from octavo.lower.alike import among
from octavo.lower.dataflow import functional
from octavo.lower.dataflow.walk import HANDING
from octavo.lower.item import BRANCHES, LOOKUPS, LOOPS, TABLES, AlreadyToldError, Frame, Handle, Item, TensorList
from octavo.lower.signatures import check_names, check_shape, choose, dim_of
from octavo.lower.single import half_of, in_single, single, single_dtype
from octavo.lower.threaded import Threaded, assigned, threaded
from octavo.lower.twins import CALLS, HANDLES, input_of, meaning
from octavo.lower.variables import Kept, settle
from octavo.ops import registry
from octavo.ops.absent import why

if TYPE_CHECKING:
    from octavo.lower.own import Own
    from octavo.ops.hashtable import Table

Custom = bool | Collection[str]
"""Which source ops may become custom operators, where nothing else expresses them: none, all, or those named."""
UNROLL = 1
"""A loop of one turn is none."""

_HINT = (
    "rewrite these layers with other operations, or leave them out: export another signature; cut a frozen graph "
    "elsewhere (--input-node, --output-node); say what they compute: octavo.convert(…, "
    "lowerings={operation: function}); or, with kernels of your own, let them be custom operators (allow_custom_ops)"
)
_STRUCTURES = CALLS | BRANCHES | LOOPS | LOOKUPS


class Shared(Struct, frozen=True):
    """What the signatures of one model have in common: what was read, which constants were folded.

    `halves` are the dtypes of half precision that computed in float32 instead, `kept` the variables that signatures
    assign while they run.
    """

    memo: Memo = field(default_factory=dict)
    variables: dict[str, Array] = field(default_factory=dict)
    halves: dict[np.dtype[Any], None] = field(default_factory=dict)
    kept: list[Kept] = field(default_factory=list)
    tables: dict[str, Table] = field(default_factory=dict)
    custom: Custom = False
    own: Mapping[str, Own] = field(default_factory=dict)
    unroll: int = UNROLL


def lower(
    source: SourceModel,
    *,
    signatures: Sequence[str] | None = None,
    shapes: Mapping[str, Sequence[int | None]] | None = None,
    unroll: int = UNROLL,
    custom_ops: Custom = False,
    own: Mapping[str, Own] | None = None,
) -> Model:
    """The model in LiteRT's operations, one graph per signature that computes something of its own.

    `signatures` chooses by key (all by default); `shapes` gives inputs other shapes than the source declares. Loops
    of up to `unroll` turns are written out, where their number is known. `own` lowerings, by the source op, come before
    those that Octavo has; `custom_ops` says which may become custom operators, where neither does.

    Raises:
        Unsupported: operations that cannot be lowered; the error lists all of them with their layers.
        UsageError: an unknown signature key or input name.
        Invalid: the source contradicts itself.
    """
    source = functional(source)
    chosen = choose(source, signatures)
    check_names(shapes or {}, chosen)
    model = Model([], notes=list(source.notes))
    shared = Shared(unroll=unroll, custom=custom_ops, own=own or {})
    lowered: dict[Hashable, Graph] = {}
    changed = sorted({name for each in chosen for name in assigned(source, [port.ref for port in each.outputs])})
    for signature in chosen:
        key = meaning(source, signature, [input_of(port, shapes or {}) for port in signature.inputs])
        if key not in lowered:
            lowering = _Lowering(source, signature, shapes or {}, shared)
            lowered[key] = among(model.graphs, lowering.run(changed))
        names = [tuple(port.name for port in ports) for ports in (signature.inputs, signature.outputs)]
        model.signatures.append(Signature(signature.key, lowered[key], *names))
    idle = settle(shared.kept, shared.variables)
    model.gather()
    if shared.halves:
        halves = " and ".join(sorted(map(str, shared.halves)))
        model.notes.append(f"what the model computes in {halves} is computed in float32, its inputs and outputs too")
    if idle:
        model.notes.append(f"{', '.join(sorted(idle))}: assigned while the model runs, which no output depends on")
    return model


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
        self.shared = shared
        self.read = shared.variables
        self.halves = shared.halves
        self.lowerings = registry().lowerings
        self.gaps: dict[Gap, None] = {}
        self.scope = ""
        self.variables: dict[str, Value] = {}
        self.tables: dict[int, Table] = {}

    def run(self, changed: Sequence[str] = ()) -> Graph:
        """The graph of the signature, which may read and assign the variables that are `changed` by the model.

        Raises:
            Unsupported: see `lower`.
        """
        refs = [port.ref for port in self.signature.outputs]
        known = threaded(self.source, refs, changed) if changed else Threaded(self.source, {}, {})
        self.source = known.source
        frame = Frame(self.source.graph)
        for port in self.signature.inputs:
            frame.values[port.ref] = self.graph.input(port.tensor_name, self._input_type(port))
        kept = Kept(self.graph)
        for name, ref in known.before.items():
            frame.values[ref] = kept.read(name, self._content(name))
        self._demand(frame, [*refs, *known.after.values()])
        outputs = [self._tensor(frame.values[port.ref]) for port in self.signature.outputs]
        if self.gaps or None in outputs:
            raise Unsupported(
                f"{len(self.gaps)} operation(s) of the model cannot be converted",
                gaps=list(self.gaps),
                where=f"{self.source.path}, signature {self.signature.key!r}",
                hint=_HINT,
            )
        for port, value in zip(self.signature.outputs, outputs, strict=True):
            assert value is not None
            self.graph.outputs.append(value)
            if value.producer is not None:
                value.name = self.graph.unique(port.tensor_name)
        for name, ref in known.after.items():
            kept.assign(name, self._tensor(frame.values[ref]))
        self.shared.kept.append(kept)
        if self.tables:
            from octavo.lower.tables import fill_tables

            fill_tables(self.graph, self.tables)
        return self.graph

    def _input_type(self, port: SourcePort) -> Type:
        if isinstance(port.dtype, str):
            raise Unsupported(f"input {port.name!r} is a {port.dtype}, which LiteRT has no tensors for")
        shape = self.shapes.get(port.name, port.shape)
        check_shape(port, shape)
        if shape is None:
            raise Unsupported(
                f"input {port.name!r} has no declared rank",
                where=f"{self.source.path}, signature {self.signature.key!r}",
                hint=f"give its shape: shapes={{{port.name!r}: [1, …]}}",
            )
        dtype = single_dtype(port.dtype)
        if dtype is not port.dtype:
            self.halves[port.dtype] = None
        return Type(dtype, tuple(dim_of(port.name, axis, size) for axis, size in enumerate(shape)))

    def _demand(self, frame: Frame, refs: Iterable[SourceRef]) -> None:
        """Make `frame.values` hold every one of `refs`."""
        refs = list(refs)
        order = list(_needed(frame, refs))
        wanted: dict[str, set[int]] = {}
        for ref in [*refs, *(ref for name in order for ref in frame.graph.nodes[name].inputs)]:
            wanted.setdefault(ref.node, set()).add(ref.output)
        for name in order:
            node = frame.graph.nodes[name]
            if (half := half_of(node)) is not None:
                self.halves[half] = None
            node = in_single(node)
            inputs = [frame.values[ref] for ref in node.inputs]
            given = dict(self._outputs(node, inputs, sorted(wanted[name])))
            for index in wanted[name]:
                frame.values[SourceRef(name, index)] = given.get(index)

    def _outputs(self, node: SourceNode, inputs: Sequence[Item], wanted: Sequence[int]) -> Iterator[tuple[int, Item]]:
        """What the outputs of `node` stand for, by index; None for what could not be lowered."""
        if node.op in HANDLES or node.op in TABLES:
            yield 0, Handle(node.name, stays=node.op in TABLES)
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
            elif node.op in LOOKUPS:
                from octavo.lower.tables import read_table

                for index, value, kept in read_table(node, inputs, self.build, self._table):
                    self.tables |= {} if kept is None else {kept.id: kept}
                    yield index, value
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

    def _table(self, name: str) -> Table:
        """What the lookup table of this node holds."""
        if name not in self.shared.tables:
            node, filling = self.source.graph.nodes[name], self.source.tables.get(name)
            refs = (*(() if filling is None else filling.inputs[1:]), *node.inputs)
            frame = Frame(self.source.graph)
            with self.inside(Builder(Graph("tables"), memo=self.build.memo)):
                self._demand(frame, refs)
                given = [self._tensor(frame.values[ref]) for ref in refs]
            known = [value.const for value in given if value is not None and value.const is not None]
            if len(known) < len(refs):
                raise NotLoweredError("what fills its table must be known before the model runs")
            from octavo.lower.tables import table_of

            self.shared.tables[name] = table_of(node, filling, known)
        return self.shared.tables[name]

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
        name = self._within(node.name)
        if node.op not in self.lowerings and node.op not in self.shared.own and not self._may_be_custom(node.op):
            reason = node.attrs.get("reason") or why(node.op) or "it is no operation of TensorFlow's own"
            self.gaps[Gap(node.op, name, reason)] = None
            return (None,)
        given = [value for value in inputs if value is not None]
        if len(given) < len(inputs):
            return (None,)
        self.build.origin = (name,)
        try:
            result = self._lowered(node, given)
        except (NotLoweredError, ValueError) as reason:
            self.gaps[Gap(node.op, name, str(reason))] = None
            return (None,)
        return result if isinstance(result, tuple) else (result,)

    def _lowered(self, node: SourceNode, given: Sequence[Value]) -> Any:
        """What the user's lowering of the node gives, or Octavo's; a custom operator's results where neither does."""
        if node.op in self.shared.own:
            from octavo.lower.own import Operation

            return self.shared.own[node.op](Operation(node, self.build, self.source.definitions), *given)
        lowering = self.lowerings.get(node.op)
        try:
            if lowering is not None:
                return lowering(Source(node, tuple(given)), self.build)
        except NotLoweredError:
            if not self._may_be_custom(node.op):
                raise
        from octavo.lower.custom import custom

        return custom(node, given, self.source.definitions.results(node), self.build)

    def _may_be_custom(self, op: str) -> bool:
        allowed = self.shared.custom
        return allowed if isinstance(allowed, bool) else op in allowed

    def _tensor(self, value: Item) -> Value | None:
        """The value; of a variable, its content."""
        if isinstance(value, TensorList) or _is_whole(value):
            return None
        if not isinstance(value, Handle):
            return value
        if value.node not in self.variables:
            self.variables[value.node] = self.graph.const(self._content(value.node), value.node)
        return self.variables[value.node]

    def _content(self, variable: str) -> Array:
        """What was saved of a variable."""
        if variable not in self.read:
            self.read[variable] = single(self.source.variables[variable])
        return self.read[variable]


def _is_whole(item: Item) -> bool:
    """Whether it is no tensor: a list of them, or an array."""
    return isinstance(item, TensorList) or (isinstance(item, Handle) and item.stays)


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
