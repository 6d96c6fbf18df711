"""TensorFlow 1's control flow, which is written with single operations, as the calls of functions of TensorFlow 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from octavo.ir.source import SourceGraph, SourceModel
from octavo.lower.dataflow.walk import NAMES, Made, kind


def functional(source: SourceModel) -> SourceModel:
    """The model with While, If and Case in place of Enter, Exit, Switch and Merge, in all its graphs."""
    made = Made(source.functions)
    return replace(source, graph=_rewritten(source.graph, made), functions=_Functions(source.functions, made, {}))


@dataclass(frozen=True, slots=True)
class _Functions(Mapping[str, SourceGraph]):
    """The functions of a model and those that were made, each rewritten when it is first looked up."""

    read: Mapping[str, SourceGraph]
    made: Made
    rewritten: dict[str, SourceGraph]

    def __getitem__(self, name: str) -> SourceGraph:
        if name in self.made.graphs:
            return self.made.graphs[name]
        if name not in self.rewritten:
            self.rewritten[name] = _rewritten(self.read[name], self.made)
        return self.rewritten[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.read
        yield from self.made.graphs

    def __len__(self) -> int:
        return len(self.read) + len(self.made.graphs)


def _rewritten(graph: SourceGraph, made: Made) -> SourceGraph:
    """The graph without single operations of control flow, as far as these belong to loops and branches."""
    kinds = {kind(node) for node in graph.of(NAMES)}
    if "Enter" in kinds:
        from octavo.lower.dataflow.loops import without_loops  # few models have any

        graph = without_loops(graph, made, _rewritten)
    if "Merge" in kinds:
        from octavo.lower.dataflow.branches import without_branches

        graph = without_branches(graph, made)
    return graph
