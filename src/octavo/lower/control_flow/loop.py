"""Loops: as many copies of the body as there are turns, or WHILE.

The form of a loop is regular, so that rules can recognize what it computes:
- Its state is what changes and is needed: for an RNN the counter, the list of outputs, the states of the cell; then
  what stays as it is but is known only at run time (the sequence, its length), which the body hands on untouched.
- Variables, constants and weights are constants of the body. Counters that always agree are one.
- A list of tensors is one tensor, [length, *element]: read by GATHER at the counter, written by DYNAMIC_UPDATE_SLICE at
  [counter, 0, …]. A list of one tensor is simply replaced.
- The condition is `LESS(counter, limit)` for what Keras calls an RNN.
A body output that is another input of the body comes before that input in the state, or is copied: LiteRT copies
results to inputs one after the other, in place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.dim import Dim, Symbolic, symbol
from octavo.ir.graph import Graph, Value
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceGraph, SourceNode, SourceRef
from octavo.ir.type import Type
from octavo.lower.control_flow.inliner import Inliner, Numbered
from octavo.lower.control_flow.reach import closure, hands_on, needs
from octavo.lower.control_flow.state import is_moving, standing_for, tensor_of, type_of
from octavo.lower.dataflow.walk import through
from octavo.lower.item import AlreadyToldError, Handle, Item, TensorList
from octavo.lower.tensor_list import led
from octavo.ops.binary import Add, Maximum
from octavo.ops.control_flow import While
from octavo.ops.logical import LogicalOr

PATIENCE: Final = 6
"""The lengths of a loop's state are known after so many looks at its body, or not at all."""


def lower_loop(flow: Inliner, node: SourceNode, inputs: Sequence[Item], wanted: Sequence[int]) -> Numbered:
    """The state after the loop.

    Raises:
        NotLoweredError: it has no equivalent; the message says why.
    """
    cond, body = flow.function(node.attrs["cond"]), flow.function(node.attrs["body"])
    loop = _Loop(flow, node.name, cond, body, inputs, wanted)
    results = dict(enumerate(inputs))
    if all(inputs[i] is not None for i in loop.live):
        turns = loop.turns(flow.unroll)
        results = loop.unrolled(turns) if turns is not None else loop.lower()
    for i in wanted:
        yield i, results.get(i)


class _Loop:
    """One loop on its way into a WHILE, or into as many copies of its body as it takes turns."""

    def __init__(
        self,
        flow: Inliner,
        name: str,
        cond: SourceGraph,
        body: SourceGraph,
        inputs: Sequence[Item],
        wanted: Sequence[int],
    ) -> None:
        self.flow, self.name, self.cond, self.body = flow, name, cond, body
        self.inputs = inputs
        self.kept = {i for i in range(len(inputs)) if hands_on(body, i)}
        self.tested = closure(body, needs(cond, cond.outputs), self.kept)
        self.live = sorted(closure(body, {*wanted, *self.tested}, self.kept))
        if stored := [i for i in self.live if isinstance(inputs[i], Handle) and i not in self.kept]:
            raise NotLoweredError(f"it changes which variable its operand {stored[0]} is")
        self.own: set[str] = set()

    def turns(self, most: int) -> int | None:
        """How many turns it takes, if that is known beforehand and not more than `most`."""
        state = {i: self.inputs[i] for i in self.tested}
        if not all(
            isinstance(item, Handle) or (isinstance(item, Value) and item.const is not None) for item in state.values()
        ):
            return None
        scratch = Builder(Graph("turns"), memo=self.flow.build.memo)
        changing = [i for i in self.tested if i not in self.kept]
        with self.flow.inside(scratch):
            for turn in range(most + 1):
                (test,) = self.flow.call(self.cond, state, [0])
                if not isinstance(test, Value) or test.const is None:
                    return None
                if not test.const.all():
                    return turn
                state |= dict(zip(changing, self.flow.call(self.body, state, changing), strict=True))
        return None

    def unrolled(self, turns: int) -> dict[int, Item]:
        """The state after so many copies of the body."""
        state = {i: self.inputs[i] for i in self.live}
        changing = [i for i in self.live if i not in self.kept]
        for _ in range(turns):
            state |= dict(zip(changing, self.flow.call(self.body, state, changing), strict=True))
        return state

    def lower(self) -> dict[int, Item]:
        """The state after a WHILE."""
        self.inputs = [_never_empty(item, self.flow.build) for item in self.inputs]
        fixed = {i: self.inputs[i] for i in self.live if i in self.kept and not is_moving(self.inputs[i])}
        moving = [i for i in self.live if i not in fixed]
        types, twins = self._settled(fixed, moving)
        never = [i for i in moving if types[i] is None]  # lists into which nothing is ever put
        moving = [i for i in self._ordered(moving) if i not in never and i not in twins]
        build = self.flow.build
        operands = [self._operand(i, types[i]) for i in moving]
        graphs = []
        for what, function in (("cond", self.cond), ("body", self.body)):
            inner = build.inner(f"{self.name}/{what}")
            inner.graph.outputs = self._inside(inner, function, fixed, moving, types, twins)
            graphs.append(inner.graph)
        results = build.many(While(*graphs), *operands, name=self.name)
        after = {i: standing_for(self.inputs[i], value) for i, value in zip(moving, results, strict=True)}
        after |= {i: after[twin] for i, twin in twins.items()}
        return {i: self.inputs[i] if i in self.kept else after.get(i, self.inputs[i]) for i in self.live}

    def _inside(
        self,
        inner: Builder,
        function: SourceGraph,
        fixed: Mapping[int, Item],
        moving: Sequence[int],
        types: Mapping[int, Type | None],
        twins: Mapping[int, int],
    ) -> list[Value]:
        """The outputs of the condition, or of the body, over inputs of `inner`'s graph."""
        state: dict[int, Item] = dict(fixed)
        for i in moving:
            type = types[i]
            assert type is not None
            state[i] = self._input(inner.graph, i, type)
        state |= {i: state[twin] for i, twin in twins.items()}
        with self.flow.inside(inner):
            results = self.flow.call(function, state, [0] if function is self.cond else moving)
        if any(item is None for item in results):
            raise AlreadyToldError
        if function is self.body:
            results = [self._alike(i, item, inner) for i, item in zip(moving, results, strict=True)]
        values = [tensor_of(item, inner) for item in results]
        return values if function is self.cond else _without_cycles(inner, values)

    def _settled(
        self, fixed: Mapping[int, Item], moving: Sequence[int]
    ) -> tuple[dict[int, Type | None], dict[int, int]]:
        """The type of each part of the state at the beginning of any turn, and which counters are one."""
        types = {i: type_of(self.inputs[i]) for i in moving}
        for _ in range(PATIENCE):
            inner = Builder(Graph(self.name), memo=self.flow.build.memo)
            state = {i: self._trial(inner.graph, i, types[i]) for i in moving}
            with self.flow.inside(inner):
                results = dict(zip(moving, self.flow.call(self.body, {**fixed, **state}, moving), strict=True))
                if any(item is None for item in results.values()):
                    raise AlreadyToldError
                results = {i: self._alike(i, item, inner) for i, item in results.items()}
            found = {i: self._joined(i, types[i], type_of(results[i])) for i in moving}
            if found == types:
                return types, self._twins(state, results)
            types = found
        raise NotLoweredError("the shapes of its state change from turn to turn in a way that is not understood")

    def _joined(self, i: int, before: Type | None, after: Type | None) -> Type | None:
        """A type for the state before and after a turn. A length that changes becomes a symbol of the loop's own."""
        if before is None or after is None or i in self.kept:
            return before or after
        if before.dtype != after.dtype or before.rank != after.rank:
            raise NotLoweredError(f"a turn makes {after} of {before}")
        dims: list[Dim] = []
        for axis, (old, new) in enumerate(zip(before.shape, after.shape, strict=True)):
            name = re.sub(r"\W", "_", f"{self.name}_{i}_{axis}")
            if old == 0 and new != 0:
                raise NotLoweredError("it begins with an empty tensor, which LiteRT cannot hand to a loop")
            is_own = isinstance(old, Symbolic) and name in self.own and old == symbol(name)
            dims.append(old if old == new or is_own else symbol(name))
            self.own.add(name)
        return Type(before.dtype, tuple(dims))

    def _twins(self, state: Mapping[int, Item], results: Mapping[int, Item]) -> dict[int, int]:
        """Counters that begin and count alike, and equal lengths, by number: the first stands for the others."""
        first: dict[object, int] = {}
        twins: dict[int, int] = {}
        for i, before in state.items():
            start, after = self.inputs[i], results[i]
            if i in self.kept and isinstance(start, Value) and start.dims is not None:
                key: object = (start.dtype, start.shape, *start.dims.flat)
                if first.setdefault(key, i) != i:
                    twins[i] = first[key]
            if not isinstance(start, Value) or start.const is None or start.rank or not isinstance(after, Value):
                continue
            steps = _step(before, after)
            if steps is not None:
                key = (start.dtype, start.const.item(), steps)
                if first.setdefault(key, i) != i:
                    twins[i] = first[key]
        return twins

    def _ordered(self, moving: Sequence[int]) -> list[int]:
        """What changes first, then what stays; what becomes another part of the state before that part."""
        passed = {SourceRef(argument.name): i for i, argument in enumerate(self.body.arguments)}
        source = {i: passed.get(through(self.body, self.body.outputs[i])) for i in moving if i not in self.kept}
        order: dict[int, None] = {}

        def place(i: int, above: frozenset[int]) -> None:
            for j in moving:
                if source.get(j) == i and j != i and j not in above and j not in order:
                    place(j, above | {i})
            order[i] = None

        for i in [*source, *(i for i in moving if i in self.kept)]:
            if i not in order:
                place(i, frozenset({i}))
        return list(order)

    def _alike(self, i: int, item: Item, build: Builder) -> Item:
        """A list with a row in front, if the loop began with one."""
        before = self.inputs[i]
        has_lead = isinstance(before, TensorList) and before.lead
        return led(item, build) if has_lead and isinstance(item, TensorList) else item

    def _operand(self, i: int, type: Type | None) -> Value:
        item, build = self.inputs[i], self.flow.build
        if isinstance(item, TensorList) and item.rows is None:
            assert type is not None
            item = item.filled(build, type.shape[1:])
        return tensor_of(item, build)

    def _input(self, graph: Graph, i: int, type: Type) -> Item:
        given = self.inputs[i]
        value = graph.input(self.body.arguments[i].name, type)
        if i in self.kept and isinstance(given, Value):
            value.dims = given.dims
        return standing_for(given, value)

    def _trial(self, graph: Graph, i: int, type: Type | None) -> Item:
        item = self.inputs[i]
        if type is not None:
            return self._input(graph, i, type)
        assert isinstance(item, TensorList)
        return replace(item, count=None)


def _never_empty(item: Item, build: Builder) -> Item:
    """A list without anything in it gets a row that is none of its own."""
    if isinstance(item, TensorList) and item.rows is None and item.length == 0:
        return replace(item, length=1, count=build.const(np.array(1, np.int32)), lead=1)
    return item


def _step(before: Item, after: Value) -> object:
    """By what a counter grows in each turn; None for what is no counter."""
    node = after.producer
    if node is None or not isinstance(node.op, Add) or after.dtype.kind != "i":
        return None
    steps = [v.const.item() for v in node.inputs if v is not None and v.const is not None and v.const.size == 1]
    return steps[0] if before in node.inputs and len(steps) == 1 else None


def _without_cycles(build: Builder, values: list[Value]) -> list[Value]:
    """The body's outputs, those copied that are inputs which LiteRT has overwritten by the time it reads them."""
    inputs = build.graph.inputs
    for place, value in enumerate(values):
        if value in inputs and inputs.index(value) < place:
            copy = LogicalOr() if value.dtype == np.bool_ else Maximum()
            values[place] = build(copy, value, value)
    return values
