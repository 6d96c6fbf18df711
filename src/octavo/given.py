"""The samples of each graph of a model that can be called, and what runs them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from octavo.errors import SamplesError, did_you_mean
from octavo.ir.graph import Graph, Model, Signature
from octavo.runtime import Runtime
from octavo.samples import Sample, Samples, SamplesLike, Spaced, inputs_of, read_samples, room

KEPT = 8
"""At most so many samples are kept until the end, unless more are asked for."""
FEWEST, MOST, ROOM = 16, 512, 1 << 26
"""Where weights are solved on samples, so many are kept, at least and at most, and as many as go into these bytes."""
LOOKED_AT = 4
"""How many samples are looked at before all are: this many show which channels are large."""


class Few(Struct):
    """Samples of one graph: the first few, and all, which are iterated once; and what runs them.

    `spaced` are a few of those that have been iterated.
    """

    first: list[Sample]
    rest: Iterable[Sample]
    source: Samples
    content: bytes = b""
    runtime: Runtime | None = None
    spaced: Spaced = field(default_factory=lambda: Spaced(KEPT))

    def keep_many(self) -> None:
        """Keep as many samples as there is room for."""
        self.spaced.most = room(self.first[0], fewest=FEWEST, most=MOST, size=ROOM)

    @property
    def kept(self) -> list[Sample]:
        """Those that are kept."""
        return self.spaced.kept

    @property
    def count(self) -> int:
        """How many have been iterated."""
        return self.spaced.count

    def some(self, most: int) -> list[Sample]:
        """At most so many of those that are kept, evenly spaced."""
        return self.kept[:: max(1, -(-len(self.kept) // most))]

    @property
    def every(self) -> Iterator[Sample]:
        """All samples, once."""
        for sample in chain(self.first, self.rest):
            self.spaced.offer(sample)
            yield sample

    def running(self, content: bytes, signature: str | None) -> Runtime:
        """What runs the graph; the same as before for the same model."""
        if self.runtime is None or self.content is not content:
            self.content, self.runtime = content, Runtime(content, signature=signature)
        return self.runtime


class Given:
    """The samples of each graph that can be called, read when asked for."""

    def __init__(self, model: Model, samples: SamplesLike | Mapping[str, SamplesLike] | None) -> None:
        """Read nothing yet."""
        self.called = by_graph(model)
        self._samples = samples
        self._read: dict[Graph, Few] = {}

    @property
    def are_none(self) -> bool:
        """Whether no samples were given."""
        return self._samples is None

    @property
    def read(self) -> Iterable[Few]:
        """The samples of those graphs of which any were asked for."""
        return self._read.values()

    def first(self, graph: Graph) -> Sample | None:
        """The first sample of a graph, if its samples have been asked for."""
        read = self._read.get(graph)
        return read.first[0] if read is not None and read.first else None

    def of(self, graph: Graph) -> Few:
        """The samples of a graph.

        Raises:
            SamplesError: there are none, or the first ones do not fit.
        """
        if graph not in self._read:
            signature, given = self.called[graph], self._samples
            if isinstance(given, Mapping):
                given = self._by_key(given, signature.key)
            assert given is not None
            source = read_samples(given, inputs_of(signature))
            rest = iter(source)
            first = list(islice(rest, LOOKED_AT))
            self._read[graph] = Few(first, rest, source)
        return self._read[graph]

    def _by_key(self, given: Mapping[str, Any], key: str) -> Any:
        """What is given for a signature; all, where the keys are names of inputs.

        Raises:
            SamplesError: no signature has the key of a path.
        """
        if key in given:
            return given[key]
        known = [signature.key for signature in self.called.values()]
        stray = [name for name, value in given.items() if name not in known and isinstance(value, str | Path)]
        if stray:
            raise SamplesError(
                f"no signature is called {stray[0]!r}", where="samples", hint=did_you_mean(stray[0], known)
            )
        return given


def by_graph(model: Model) -> dict[Graph, Signature]:
    """The first signature of each graph that has any; of a model without, one without a key, by the names of tensors.

    Branches and bodies of loops have none.
    """
    if not model.signatures:
        names = (tuple(value.name for value in values) for values in (model.main.inputs, model.main.outputs))
        return {model.main: Signature("", model.main, *names)}
    return {signature.graph: signature for signature in reversed(model.signatures)}
