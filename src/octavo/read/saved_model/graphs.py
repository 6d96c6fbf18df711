"""GraphDef and FunctionDef as source graphs.

The main graph names a tensor `node:index`; a function body names it `node:argument:index`, and its own
arguments by their bare names. Both become `SourceRef(node, flat index)`.

Source: tensorflow/core/framework/node_def.proto and function.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Any

from octavo.errors import Gap, Invalid, Unsupported
from octavo.ir.source import Nodes, SourceArgument, SourceGraph, SourceNode, SourceRef
from octavo.read.saved_model.attributes import Attributes
from octavo.read.saved_model.dtypes import dtype_of
from octavo.read.saved_model.op_definitions import NO_DEFAULTS, OpDefinition, OpDefinitions, definition_of
from octavo.read.saved_model.protos import parse


def graph_of(graph_def: Any, definitions: OpDefinitions, *, name: str = "main") -> SourceGraph:
    """The nodes of a GraphDef message, in its order.

    A node is made when it is looked up, which raises `Invalid` if it reads a node that is not there.
    Serves the main graph of a SavedModel and a frozen graph alike; see `functions_of` for the graph's functions.
    """
    node_defs = {node.name: node for node in graph_def.node}
    if len(node_defs) < len(graph_def.node):
        raise Invalid("two nodes have the same name", where=name)

    def make(node: str) -> SourceNode:
        made = _node(node_defs[node], definitions.find(node_defs[node].op), tensor_ref, name)
        _check_references(made, node_defs, name)
        return made

    return SourceGraph(name, Nodes({name: node.op for name, node in node_defs.items()}, make))


def functions_of(graph_def: Any, definitions: OpDefinitions) -> Functions:
    """The functions of a GraphDef message by name; a body is parsed when it is first looked up."""
    return Functions(graph_def.library.function, definitions)


def tensor_ref(text: str) -> SourceRef:
    """The tensor `name:index` of a main graph; the index 0 may be left out."""
    node, _, index = text.partition(":")
    return SourceRef(node, _index(index) if index else 0)


class Functions(Mapping[str, SourceGraph]):
    """Function bodies by name, each parsed when it is first looked up."""

    def __init__(self, serialized: Sequence[bytes], definitions: OpDefinitions) -> None:
        """Take FunctionDef messages in serialized form; only their names are read now."""
        self._serialized = {
            parse("FunctionHead", body, where="the function library").signature.name: body for body in serialized
        }
        self._definitions = definitions
        self._parsed: dict[str, SourceGraph] = {}

    def __getitem__(self, name: str) -> SourceGraph:
        """The body of the function `name`; KeyError if there is none.

        Raises `Unsupported` with every node whose outputs cannot be told apart, since nobody defines its op.
        """
        if name not in self._parsed:
            where = f"function {name!r}"
            body = parse("FunctionDef", self._serialized[name], where=where)
            self._parsed[name] = _Body(body, self).graph()
        return self._parsed[name]

    def __contains__(self, name: object) -> bool:
        return name in self._serialized

    def __iter__(self) -> Iterator[str]:
        return iter(self._serialized)

    def __len__(self) -> int:
        return len(self._serialized)

    def definition(self, op: str) -> OpDefinition | None:
        """The definition of an op, which may be the name of a function of this library."""
        if op in self._serialized:
            return definition_of(parse("FunctionHead", self._serialized[op], where=f"function {op!r}").signature)
        return self._definitions.find(op)


class _Body:
    """One function body while it is parsed."""

    def __init__(self, function: Any, functions: Functions) -> None:
        self.function = function
        self.name: str = function.signature.name
        self.where = f"function {self.name!r}"
        self.node_defs = {node.name: node for node in function.node_def}
        self.definitions = {op: functions.definition(op) for op in {node.op for node in function.node_def}}
        self.known = {*self.node_defs, *(argument.name for argument in function.signature.input_arg)}
        self.firsts: dict[tuple[str, str], int] = {}
        self.gaps: dict[str, Gap] = {}

    def graph(self) -> SourceGraph:
        nodes = Nodes({name: node.op for name, node in self.node_defs.items()}, self._node)
        arguments = tuple(self._argument(index, arg) for index, arg in enumerate(self.function.signature.input_arg))
        outputs = tuple(self._ref(self.function.ret[arg.name]) for arg in self.function.signature.output_arg)
        if None in self.definitions.values():
            list(nodes.values())  # all that is unknown is told at once
        if self.gaps:
            raise Unsupported(f"{self.where} uses ops of unknown outputs", gaps=list(self.gaps.values()))
        if lost := {ref.node for ref in outputs} - self.known:
            raise Invalid(f"the function returns {sorted(lost)}, which it does not hold", where=self.where)
        attrs = Attributes(self.function.attr, defaults=NO_DEFAULTS, where=self.where)
        return SourceGraph(self.name, nodes, arguments, outputs, attrs)

    def _node(self, name: str) -> SourceNode:
        node = self.node_defs[name]
        made = _node(node, self.definitions[node.op], self._ref, self.name)
        _check_references(made, self.known, self.where)
        return made

    def _argument(self, index: int, arg: Any) -> SourceArgument:
        where = f"{self.where}, argument {arg.name!r}"
        if arg.type == 0 or arg.number_attr or arg.type_list_attr:
            raise Unsupported("a function that is generic in its dtypes or argument counts", where=where)
        stored = self.function.arg_attr[index].attr if index in self.function.arg_attr else NO_DEFAULTS
        shapes = Attributes(stored, defaults=NO_DEFAULTS, where=where).get("_output_shapes")
        return SourceArgument(arg.name, dtype_of(arg.type), shapes[0] if shapes else None)

    def _ref(self, text: str) -> SourceRef:
        name, *rest = text.split(":")
        node = self.node_defs.get(name)
        if node is None:
            return SourceRef(name, _index(rest[-1]) if rest else 0)
        definition = self.definitions[node.op]
        if definition is None:
            self.gaps[name] = Gap(node.op, name, "neither TensorFlow nor the model defines this op")
            return SourceRef(name)
        argument, index = (*rest, "", "0")[:2]
        first = self.firsts.get((node.op, argument))
        return SourceRef(name, (self._first(node, definition, argument) if first is None else first) + _index(index))

    def _first(self, node: Any, definition: OpDefinition, argument: str) -> int:
        """The flat index of the first tensor of an output argument."""
        first = 0
        for number, output in enumerate(definition.outputs):
            if output.name == argument:
                if not any(each.repeat for each in definition.outputs[:number]):
                    self.firsts[node.op, argument] = first  # of all nodes of this op
                return first
            first += output.count(_attributes(node, definition, self.name)) if output.repeat else 1
        raise Invalid(f"op {node.op} of node {node.name!r} has no output argument {argument!r}", where=self.where)


def _index(text: str) -> int:
    if not text.isdecimal():
        raise Invalid(f"{text!r} is not the number of an output", where="a reference in the graph")
    return int(text)


def _node(node: Any, definition: OpDefinition | None, ref: Callable[[str], SourceRef], graph: str) -> SourceNode:
    given = list(node.input)
    inputs = tuple([ref(text) for text in given if text[0] != "^"])  # it marks a control input
    after = tuple([text[1:] for text in given[len(inputs) :]])
    return SourceNode(node.name, node.op, inputs, _attributes(node, definition, graph), after)


def _attributes(node: Any, definition: OpDefinition | None, graph: str) -> Attributes:
    defaults = definition.defaults if definition else NO_DEFAULTS
    return Attributes(node.attr, defaults=defaults, where=f"{node.name} ({node.op}) in {graph}")


def _check_references(node: SourceNode, known: Container[str], graph: str) -> None:
    for ref in node.inputs:
        if ref.node not in known:
            raise Invalid(f"node {node.name!r} reads {ref.node!r}, which is not in the graph", where=graph)
