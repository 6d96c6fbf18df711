"""The samples of each graph of a model that can be called, and what runs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from octavo.ir.graph import Graph, Model, Signature
from octavo.runtime import Runtime
from octavo.samples import Sample, Samples, SamplesLike, inputs_of, read_samples

LOOKED_AT = 4
"""How many samples are looked at before all are: this many show which channels are large."""


@dataclass(slots=True)
class Few:
    """Samples of one graph: the first few, and all, which are iterated once; and what runs them."""

    first: list[Sample]
    every: Iterable[Sample]
    source: Samples
    content: bytes = b""
    runtime: Runtime | None = None

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

    def of(self, graph: Graph) -> Few:
        """The samples of a graph.

        Raises:
            SamplesError: there are none, or the first ones do not fit.
        """
        if graph not in self._read:
            signature, given = self.called[graph], self._samples
            if isinstance(given, Mapping) and signature.key in given:
                given = given[signature.key]
            assert given is not None
            source = read_samples(given, inputs_of(signature))
            rest = iter(source)
            first = list(islice(rest, LOOKED_AT))
            self._read[graph] = Few(first, chain(first, rest), source)
        return self._read[graph]


def by_graph(model: Model) -> dict[Graph, Signature]:
    """The first signature of each graph that has any; of a model without, one without a key, by the names of tensors.

    Branches and bodies of loops have none.
    """
    if not model.signatures:
        names = (tuple(value.name for value in values) for values in (model.main.inputs, model.main.outputs))
        return {model.main: Signature("", model.main, *names)}
    return {signature.graph: signature for signature in reversed(model.signatures)}
