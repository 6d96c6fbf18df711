"""Branches: the one that is known to run, or IF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder
from octavo.ir.graph import Value
from octavo.ir.source import SourceGraph, SourceNode
from octavo.lower.control_flow.inliner import Inliner, Numbered
from octavo.lower.control_flow.reach import needs
from octavo.lower.control_flow.state import begun_anew, input_like, is_empty, is_moving, standing_for, tensor_of
from octavo.lower.item import AlreadyToldError, Item, TensorList
from octavo.ops.comparison import Equal, NotEqual
from octavo.ops.control_flow import If


def lower_branch(flow: Inliner, node: SourceNode, inputs: Sequence[Item], wanted: Sequence[int]) -> Numbered:
    """The results of the branch that runs.

    Raises:
        NotLoweredError: it has no equivalent; the message says why.
    """
    chooser = inputs[0]
    if not isinstance(chooser, Value):
        return
    names = [node.attrs["then_branch"], node.attrs["else_branch"]] if "If" in node.op else node.attrs["branches"]
    branches = [flow.function(name) for name in names]
    given = dict(enumerate(inputs[1:]))
    if chooser.const is not None:
        number = int(chooser.const.item())
        chosen = (not number) if "If" in node.op else number if 0 <= number < len(branches) else len(branches) - 1
        yield from zip(wanted, flow.call(branches[chosen], given, wanted), strict=True)
        return
    chain = _Chain(flow, node.name, branches, wanted, given)
    yield from zip(wanted, chain.lower(chooser, is_index="Case" in node.op), strict=True)


@dataclass
class _Chain:
    """Branches of which one runs: IF, and for more than two an IF inside its second graph."""

    flow: Inliner
    name: str
    branches: Sequence[SourceGraph]
    wanted: Sequence[int]
    given: Mapping[int, Item]
    passed: list[int] = field(init=False)

    def __post_init__(self) -> None:
        needed = {i for branch in self.branches for i in needs(branch, [branch.outputs[w] for w in self.wanted])}
        self.passed = [i for i in sorted(needed) if is_moving(self.given[i]) and not is_empty(self.given[i])]

    def lower(self, chooser: Value, *, is_index: bool) -> list[Item]:
        """The results that are wanted."""
        build = self.flow.build
        operands = [tensor_of(self.given[i], build) for i in self.passed]
        if not is_index:
            cond = chooser if chooser.dtype == np.bool_ else build(NotEqual(), chooser, np.zeros((), chooser.dtype))
            results = self._pair(build, cond, operands, 0, None)
        else:
            results = self._at(build, chooser, operands, 0)
        return [self._item(value, result) for value, result in zip(results, self.forms, strict=True)]

    def _at(self, build: Builder, index: Value, operands: list[Value], number: int) -> Sequence[Value]:
        """The results of the branches from `number` on."""
        if number == len(self.branches) - 1:
            return self._run(build, operands, number)
        return self._pair(build, build(Equal(), index, np.array(number, index.dtype)), operands, number, index)

    def _pair(
        self, build: Builder, cond: Value, operands: list[Value], number: int, index: Value | None
    ) -> Sequence[Value]:
        given = operands if index is None else [*operands, index]
        graphs = []
        for what, offset in (("then", 0), ("else", 1)):
            inner = build.inner(f"{self.name}/{what}" if index is None else f"{self.name}/{number + offset}")
            inputs = [input_like(inner.graph, value) for value in given]
            if offset and index is not None:
                inner.graph.outputs = list(self._at(inner, inputs[-1], inputs[:-1], number + 1))
            else:
                inner.graph.outputs = list(self._run(inner, inputs[: len(operands)], number + offset))
            graphs.append(inner.graph)
        return build.many(If(*graphs), cond, *given, name=self.name)

    def _run(self, build: Builder, operands: list[Value], number: int) -> list[Value]:
        """A branch over tensors of the graph of `build`."""
        inside = {i: begun_anew(item, build) for i, item in self.given.items()}
        inside |= {i: standing_for(self.given[i], value) for i, value in zip(self.passed, operands, strict=True)}
        with self.flow.inside(build):
            results = self.flow.call(self.branches[number], inside, self.wanted)
            if any(item is None for item in results):
                raise AlreadyToldError
            self.forms = results
            return [tensor_of(item, build) for item in results]

    def _item(self, value: Value, form: Item) -> Item:
        return replace(form, rows=value, count=None) if isinstance(form, TensorList) else value
