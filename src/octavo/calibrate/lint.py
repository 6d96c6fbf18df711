"""What may be wrong with calibration data, seen while it passes through the model. Findings say what to do.

Nothing here costs runs of its own: a checksum of each sample, its outputs, and the first layer on the first samples.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import numpy as np
from msgspec import Struct, field

from octavo.calibrate.run import Watcher
from octavo.calibrate.scale import Entrance, entrances
from octavo.calibrate.unlike import Unlike
from octavo.errors import NotFiniteError
from octavo.ir.graph import Graph, Node
from octavo.ir.source import Array
from octavo.samples import Sample

LOOKED_AT = 4
"""Samples on which the first layer is looked at."""
REPEATED = 0.1
"""The part of the samples that may be constant (silence) or equal others without a word."""
PER_CLASS = 2
"""With fewer samples than this for each class, that some class is missing is no news."""
NAMED = 8
"""At most so many classes are listed."""


class Lint(Struct):
    """A runtime that looks at what goes in and comes out while it calibrates; `findings` tells what was seen.

    `names` are the values whose ranges are needed: what is not finite there is an error.
    """

    runtime: Watcher
    graph: Graph
    inputs: Sequence[str]
    names: Collection[str]
    _seen: int = 0
    _checksums: Counter[int] = field(default_factory=Counter)
    _each: dict[str, set[int]] = field(default_factory=dict)
    _constant: list[int] = field(default_factory=list)
    _broken: list[tuple[int, str]] = field(default_factory=list)
    _unlike: Unlike = field(default_factory=Unlike)
    _entrances: list[Entrance] | None = None

    def run(self, inputs: Sample) -> dict[str, Array]:
        """The outputs, as the runtime computes them."""
        return self.runtime.run(inputs)

    def reset(self) -> None:
        """Forget the runs before."""
        self.runtime.reset()

    def numbers(self, names: Iterable[str]) -> Iterable[tuple[str, Array]]:
        """What tensors held in the last `calibrate`."""
        return self.runtime.numbers(names)

    def passed(self, inputs: Sample) -> None:
        """Note a sample of which all ranges are known; the first ones are run for what else is looked at in them."""
        if self._seen < LOOKED_AT:
            self.calibrate(inputs)
        else:
            self._remember(self._seen, inputs)
            self._seen += 1

    def calibrate(self, inputs: Sample) -> dict[str, tuple[float, float]]:
        """The ranges of one sample.

        Raises:
            NotFiniteError: one that is needed is not finite; the first operation that makes such numbers is named.
        """
        ranges = self.runtime.calibrate(inputs)
        number = self._seen
        self._seen += 1
        self._remember(number, inputs)
        if not np.isfinite([ranges[name] for name in self.names if name in ranges]).all():
            what, node = self._culprit()
            raise NotFiniteError(
                f"the float model computes {what} in {_named(node)}",
                where=f"sample {number}",
                hint="check the scale of this sample against what the model was trained on",
            )
        outputs = dict(self.runtime.numbers([value.name for value in self.graph.outputs]))
        if any(array.dtype.kind == "f" and np.isnan(array).any() for array in outputs.values()):
            self._broken.append((number, _named(self._culprit()[1])))
        if number < LOOKED_AT:
            self._look(inputs, outputs)
        return ranges

    def findings(self, labels: Array | None = None) -> list[str]:
        """What may be wrong, worst first."""
        found = [*self._not_a_number(), *(text for each in self._entrances or [] for text in each.findings())]
        return [*found, *self._unlike.findings(), *self._repetition(), *self._missing(labels)]

    def _remember(self, number: int, inputs: Sample) -> None:
        self._unlike.remember(inputs)
        whole = 0
        for name, array in inputs.items():
            if array.dtype.kind not in "fiub":
                continue
            one = zlib.crc32(np.ascontiguousarray(array).data)
            self._each.setdefault(name, set()).add(one)
            whole = zlib.crc32(one.to_bytes(4, "little"), whole)
        self._checksums[whole] += 1
        sized = [array for array in inputs.values() if array.size > 1 and array.dtype.kind in "fiub"]
        if sized and all(_is_constant(array) for array in sized):
            self._constant.append(number)

    def _look(self, inputs: Sample, outputs: dict[str, Array]) -> None:
        if self._entrances is None:
            self._entrances = entrances(self.graph, self.inputs)
        given = {value.name: inputs[name] for name, value in zip(self.inputs, self.graph.inputs, strict=True)}
        for entrance in self._entrances:
            read = entrance.reads.name
            arrays = given if read in given else dict(self.runtime.numbers([read]))
            if read in arrays:
                entrance.look(inputs[entrance.input], arrays[read], list(outputs.values()))

    def _culprit(self) -> tuple[str, Node]:
        """The first operation, in the order of work, that made something that is not finite, and what."""
        for node in self.graph:
            made = dict(self.runtime.numbers([value.name for value in node.outputs if value.dtype.kind == "f"]))
            for array in made.values():
                if not np.isfinite(array).all():
                    return "NaN" if np.isnan(array).any() else "an infinity", node
        return "NaN or an infinity", self.graph.nodes[-1]

    def _not_a_number(self) -> list[str]:
        if not self._broken:
            return []
        number, node = self._broken[0]
        count = len(self._broken)
        told = f"{count} calibration sample(s) give NaN, first sample {number} in {node}"
        return [f"{told}: leave them out, or check their scale against what the model was trained on"]

    def _repetition(self) -> list[str]:
        found = []
        if len(self._constant) > max(1, REPEATED * self._seen):
            count, first = len(self._constant), self._constant[0]
            found.append(
                f"{count} of {self._seen} calibration samples hold one number only, first sample {first}: "
                "leave them out, or check how they are loaded"
            )
        repeated = self._seen - len(self._checksums)
        if repeated > REPEATED * self._seen:
            found.append(
                f"{repeated} of {self._seen} calibration samples repeat another: ranges are learnt from "
                f"{len(self._checksums)} only; pass different ones"
            )
        elif self._seen > 1:
            still = [name for name, sums in self._each.items() if len(sums) == 1 and len(self._each) > 1]
            found += [
                f"input {name!r} is the same in every calibration sample: let it vary as it will in use"
                for name in still
            ]
        return found

    def _missing(self, labels: Array | None) -> list[str]:
        shape = self.graph.outputs[0].shape if len(self.graph.outputs) == 1 else ()
        count = shape[-1] if len(shape) == 2 else None
        if labels is None or labels.ndim != 1 or labels.dtype.kind not in "iu" or not isinstance(count, int):
            return []
        absent = sorted(set(range(count)) - set(labels.tolist()))
        if count < 2 or not absent or len(labels) < PER_CLASS * count:
            return []
        listed = ", ".join(map(str, absent[:NAMED])) + (" …" if len(absent) > NAMED else "")
        told = f"the calibration samples hold nothing of {len(absent)} of {count} classes ({listed})"
        return [f"{told}: what only they excite has no range; add some"]


def _is_constant(array: Array) -> bool:
    """Whether all numbers are equal; the ends tell most arrays apart at once."""
    return bool(array.flat[0] == array.flat[array.size // 2] == array.flat[-1] and (array == array.flat[0]).all())


def _named(node: Node) -> str:
    """The operation and its source layer."""
    source = next((part for part in node.origin if not part.startswith("rule:")), node.name)
    return f"{node.op.code} {source!r}"
