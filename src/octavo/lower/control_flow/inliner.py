"""What branches and loops need of the engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from octavo.ir.build import Builder
from octavo.ir.source import SourceGraph
from octavo.lower.item import Item

Numbered = Iterator[tuple[int, Item]]


class Inliner(Protocol):
    """The part of the engine that branches and loops need."""

    build: Builder
    unroll: int

    def function(self, name: object) -> SourceGraph:
        """The function of this name."""
        ...

    def call(self, function: SourceGraph, arguments: Mapping[int, Item], wanted: Sequence[int]) -> list[Item]:
        """What a function gives for arguments by number, lowered where the builder stands."""
        ...

    def inside(self, build: Builder) -> AbstractContextManager[None]:
        """Lower with another builder meanwhile."""
        ...
