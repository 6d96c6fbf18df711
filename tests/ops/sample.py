"""What an author says about an operation so that it gets tested: a graph around one node, and its operands."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
from hypothesis.strategies import SearchStrategy

from octavo.ir.dim import Dim
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array
from octavo.ir.text import parse
from octavo.ops import registry

VARIANTS = {
    "as it is": (1.0, 0.0),
    "×100": (100.0, 0.0),
    "×100000": (1e5, 0.0),
    "÷100": (0.01, 0.0),
    "positive": (1.0, 5.0),
}
"""Factor and shift of the real inputs on which kernels are tried."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A graph whose last node is the operation under test.

    `inputs` gives numbers to inputs by name. Others are drawn: reals from `ranges` (-2 to 2 unless told), integers
    from 0 to 3, truth values by a fair coin. `lengths` gives numbers to symbols (2 unless told).

    `tolerance` bounds the difference to the float kernel, relative to the largest result. `int8_steps` and
    `int16_steps` bound the difference between the integer kernel and the meaning of its own operands, in steps of
    the output. `hybrid` bounds the difference of a kernel that rounds activations at run time, relative to the
    largest result. `why` explains numbers other than these defaults.

    `runs` is off where the runtime has no float kernel for this form; `integers` lists the integer activations to
    try, among those that `kernels` allows. `meaningless` says why an op has no `evaluate` to compare with.
    """

    text: str
    inputs: Mapping[str, npt.ArrayLike] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    lengths: Mapping[str, int] = field(default_factory=dict)
    tolerance: float = 1e-5
    int8_steps: float = 1.0
    int16_steps: float = 2.0
    hybrid: float = 0.02
    integers: Sequence[str] = ("int8", "int16")
    runs: bool = True
    meaningless: str = ""
    why: str = ""

    def graph(self) -> Graph:
        """The graph, anew."""
        return parse(self.text, registry().ops)

    def node(self) -> Node:
        """The node under test, in a graph of its own."""
        return self.graph().nodes[-1]

    def numbers(self, graph: Graph) -> dict[str, Array]:
        """Numbers for each input of the graph; the same at every call."""
        return {value.name: self._number(value) for value in graph.inputs}

    def varied(self, factor: float, shift: float) -> Sample:
        """The sample with other real inputs; the shift is for those without a range of their own."""
        names = [v.name for v in self.graph().inputs if v.dtype == np.float32]
        given = {n: np.asarray(a, np.float32) * factor for n, a in self.inputs.items() if n in names}
        ranges: dict[str, tuple[float, float]] = {}
        for name in (name for name in names if name not in self.inputs):
            low, high = self.ranges.get(name, (-2.0, 2.0))
            moved = 0.0 if name in self.ranges else shift
            ranges[name] = (low * factor + moved, high * factor + moved)
        return replace(self, inputs={**self.inputs, **given}, ranges=ranges)

    def lengths_of(self, shape: Sequence[Dim]) -> tuple[int, ...]:
        """The shape with a number for each symbol."""
        return tuple(_length(dim, self.lengths) for dim in shape)

    def _number(self, value: Value) -> Array:
        given = self.inputs.get(value.name)
        if given is not None:
            return np.asarray(given, value.dtype)
        random = np.random.default_rng(zlib.crc32(value.name.encode()))
        shape = self.lengths_of(value.shape)
        if value.dtype == bool:
            return random.integers(0, 2, shape).astype(bool)
        if value.dtype.kind in "iu":
            return random.integers(0, 4, shape).astype(value.dtype)
        return random.uniform(*self.ranges.get(value.name, (-2.0, 2.0)), shape).astype(value.dtype)


def samples() -> Iterator[tuple[str, Sample]]:
    """Every sample of the folder `samples`, with a name that says where it stands."""
    for name, module in _modules():
        for index, sample in enumerate(module.SAMPLES):
            yield f"{name}-{index}", sample


def drawn() -> dict[str, SearchStrategy[Sample]]:
    """For each code, samples whose shapes and attributes hypothesis draws."""
    found: dict[str, SearchStrategy[Sample]] = {}
    for name, module in _modules():
        more = getattr(module, "DRAWN", {})
        assert not found.keys() & more.keys(), f"{name} draws what another file draws"
        found |= more
    return found


@cache
def _modules() -> list[tuple[str, ModuleType]]:
    """The files of the folder `samples`, by name."""
    found = []
    for path in sorted((Path(__file__).parent / "samples").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"samples_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found.append((path.stem, module))
    return found


class _Lengths(dict[str, object]):
    def __missing__(self, name: str) -> int:
        return 2


def _length(dim: Dim, lengths: Mapping[str, int]) -> int:
    """A dimension prints as arithmetic over its symbols; a call of one argument names one that may be less than 1."""
    names = _Lengths({**lengths, "int": int, "some": int})
    return int(eval(str(dim), {"__builtins__": {}}, names))  # noqa: S307  # our own printing, no builtins
