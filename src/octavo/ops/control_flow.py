"""Branches and loops: operations that run other graphs of the model.

A body sees its inputs and its constants, nothing else; so a loop hands round whatever its turns read, changed or not.
How lengths that differ from turn to turn are written: an input of the body has a symbol of its own there, which stands
for the length at the beginning of any turn, the one after the last included.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Operand
from octavo.ir.dim import Dim, UndecidedError, symbol
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.interpret import interpret
from octavo.ir.op import Op, operation
from octavo.ir.port import INT8_AND_INT16, Handed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type

PATIENCE = 10_000
"""A loop of known numbers that takes more turns than this is left to the runtime."""

Step = Callable[..., Value | Sequence[Operand]]
"""`(build, *state) -> next state`, or the only value of one."""


@operation
class While(Op):
    """Runs the body on the operands, then on its own results, as long as the condition holds of them."""

    cond_subgraph_index: Graph
    body_subgraph_index: Graph

    code: ClassVar = "WHILE"
    ports: ClassVar = {"input*": Handed(), "output*": Handed()}
    kernels: ClassVar = INT8_AND_INT16

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """The condition and the body."""
        return self.cond_subgraph_index, self.body_subgraph_index

    def ties(self, node: Node) -> tuple[tuple[Value | None, ...], ...]:
        """Each part of the state: before the loop, in the condition, before and after a turn, after the loop."""
        cond, body = self.graphs
        return tuple(zip(node.outputs, node.inputs, cond.inputs, body.inputs, body.outputs, strict=True))

    def with_graphs(self, twins: Mapping[Graph, Graph]) -> While:
        """The loop over the twins of its condition and body."""
        return While(*(twins[graph] for graph in self.graphs))

    def infer(self, *inputs: Value) -> tuple[Type, ...]:
        """The types of the state: of the operands where the body hands them on, of its inputs otherwise."""
        cond, body = self.graphs
        _check_interface(cond, inputs)
        _check_interface(body, inputs)
        _check_fit("result", body, [v.type for v in body.outputs], [v.type for v in body.inputs])
        if len(cond.outputs) != 1 or cond.outputs[0].dtype != np.bool_ or cond.outputs[0].shape not in ((), (1,)):
            raise ValueError(f"the condition {cond.name!r} must give one truth value, not {cond.outputs}")
        kept = zip(inputs, body.inputs, body.outputs, strict=True)
        return tuple(given.type if after is before else before.type for given, before, after in kept)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        """The state after the last turn.

        Raises:
            UndecidedError: it is not reached in reasonable time.
        """
        cond, body = self.graphs
        state = inputs
        for _ in range(PATIENCE):
            if not run(cond, state)[0].all():
                return state
            state = run(body, state)
        raise UndecidedError(f"{body.name!r} takes more than {PATIENCE} turns")

    def known(self, *inputs: Value | None) -> tuple[Array, ...] | None:
        """The state after the last turn, when the first is known and numpy knows all operations of the loop."""
        return super().known(*inputs) if _can_run(self.graphs) else None


@operation
class If(Op):
    """Runs one graph or the other on all operands but the first, which is the truth value that chooses."""

    then_subgraph_index: Graph
    else_subgraph_index: Graph

    code: ClassVar = "IF"
    ports: ClassVar = {"cond": Plain(), "input*": Handed(), "output*": Handed()}
    kernels: ClassVar = INT8_AND_INT16

    @property
    def graphs(self) -> tuple[Graph, ...]:
        """What runs if the operand is true, and what runs otherwise."""
        return self.then_subgraph_index, self.else_subgraph_index

    def ties(self, node: Node) -> tuple[tuple[Value | None, ...], ...]:
        """Each operand with the inputs, each result with the outputs of both graphs."""
        then, other = self.graphs
        given = zip(node.inputs[1:], then.inputs, other.inputs, strict=True)
        return (*given, *zip(node.outputs, then.outputs, other.outputs, strict=True))

    def with_graphs(self, twins: Mapping[Graph, Graph]) -> If:
        """The choice between the twins of its graphs."""
        return If(*(twins[graph] for graph in self.graphs))

    def infer(self, cond: Value, *inputs: Value) -> tuple[Type, ...]:
        """The types of both graphs' results; a dimension in which they differ is open."""
        if cond.dtype != np.bool_:
            raise ValueError(f"the operand that chooses must be a truth value, not {cond.type}")
        then, other = self.graphs
        _check_interface(then, inputs)
        _check_interface(other, inputs)
        _check_fit("result", then, [_open(v.type) for v in then.outputs], [v.type for v in other.outputs])
        pairs = zip(then.outputs, other.outputs, strict=True)
        return tuple(Type(a.dtype, _either(a.shape, b.shape, f"{then.name}_{i}")) for i, (a, b) in enumerate(pairs))

    def evaluate(self, cond: Array, *inputs: Array) -> tuple[Array, ...]:
        """The results of the graph that is chosen."""
        return run(self.graphs[0] if cond.all() else self.graphs[1], inputs)

    def known(self, *inputs: Value | None) -> tuple[Array, ...] | None:
        """The results, when all operands are known and numpy knows all operations of both graphs."""
        return super().known(*inputs) if _can_run(self.graphs) else None


def loop(build: Builder, state: Sequence[Operand], *, condition: Step, body: Step, name: str) -> tuple[Value, ...]:
    """The state after a loop: `body(build, *state)` gives the next state, `condition(build, *state)` one truth value.

    Both emit with the builder that they are given, and read only the state that they are given, and constants. Each
    turn must leave the types as they are.
    """
    given = [value if isinstance(value, Value) else build.const(_not_none(value), name) for value in state]
    types = [value.type for value in given]
    graphs = [body_of(build, function, types, name=f"{name}/{what}") for function, what in _parts(condition, body)]
    return build.many(While(*graphs), *given, name=name)


def branch(
    build: Builder, cond: Operand, inputs: Sequence[Value], *, then: Step, otherwise: Step, name: str
) -> tuple[Value, ...]:
    """The results of `then(build, *inputs)` where `cond` is true, else of `otherwise(build, *inputs)`.

    Both emit with the builder that they are given, and read only the inputs that they are given, and constants.
    """
    types = [value.type for value in inputs]
    graphs = [
        body_of(build, part, types, name=f"{name}/{what}") for part, what in ((then, "then"), (otherwise, "else"))
    ]
    return build.many(If(*graphs), cond, *inputs, name=name)


def body_of(build: Builder, function: Step, types: Sequence[Type], *, name: str) -> Graph:
    """A graph beside that of `build`, with inputs of `types`, which gives what `function(build, *inputs)` gives."""
    inner = build.inner(name)
    inputs = [inner.graph.input(f"{name}/{number}", type) for number, type in enumerate(types)]
    made = function(inner, *inputs)
    results = [made] if isinstance(made, Value) else made
    inner.graph.outputs = [
        value if isinstance(value, Value) else inner.const(_not_none(value), name) for value in results
    ]
    return inner.graph


def run(graph: Graph, inputs: Sequence[Array]) -> tuple[Array, ...]:
    """What a graph gives for these inputs, in numpy."""
    numbers = interpret(graph, {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)})
    return tuple(numbers[value] for value in graph.outputs)


def _parts(condition: Step, body: Step) -> Sequence[tuple[Step, str]]:
    return (condition, "cond"), (body, "body")


def _not_none(operand: Operand) -> Array:
    assert operand is not None, "a graph hands on tensors"
    return np.asarray(operand)


def _can_run(graphs: Sequence[Graph]) -> bool:
    return all(type(node.op).evaluate is not Op.evaluate and _can_run(node.op.graphs) for g in graphs for node in g)


def _check_interface(graph: Graph, inputs: Sequence[Value]) -> None:
    _check_fit("operand", graph, [v.type for v in inputs], [v.type for v in graph.inputs])


def _check_fit(what: str, graph: Graph, given: Sequence[Type], wanted: Sequence[Type]) -> None:
    """Make sure that tensors of types `given` can stand where `wanted` are declared; a symbol may be any length."""
    if len(given) != len(wanted):
        raise ValueError(f"{graph.name!r} has {len(wanted)} {what}s, not {len(given)}")
    for number, (one, other) in enumerate(zip(given, wanted, strict=True)):
        pairs = zip(one.shape, other.shape, strict=False)
        clash = any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)
        if one.dtype != other.dtype or one.rank != other.rank or clash:
            raise ValueError(f"{what} {number} of {graph.name!r} is {one}, where {other} belongs")


def _open(type: Type) -> Type:
    return Type(type.dtype, tuple(symbol("any") for _ in type.shape))


def _either(one: tuple[Dim, ...], other: tuple[Dim, ...], name: str) -> tuple[Dim, ...]:
    plain = re.sub(r"\W", "_", name)
    return tuple(a if a == b else symbol(f"{plain}_{axis}") for axis, (a, b) in enumerate(zip(one, other, strict=True)))
