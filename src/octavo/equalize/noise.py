"""How much noise 8-bit integers add behind a family of values, for any factors on its channels: a prediction.

All is arithmetic on what a few samples show of each channel, and on the weights. A number that is rounded to a grid of
step Δ is off by Δ²/12 in the mean square; what that does to a result is told by the weights that lead there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from octavo.equalize.family import Family
from octavo.ir.channels import Together, Weighed
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.port import Weight
from octavo.ir.source import Array
from octavo.statistics import PerChannel

Seen = Mapping[str, PerChannel]
"""What a few samples show of each value, by its name."""
TINY = 1e-30


def importance(graph: Graph, seen: Seen) -> dict[Value, Array]:
    """For each value, how much noise of power 1 in each channel counts, relative to the signal where it arrives."""
    found: dict[Value, Array] = {}
    for node in reversed(graph):
        if not node.outputs:
            continue
        link = node.op.channels(node)
        behind = found.get(node.outputs[0], _alone(node.outputs[0], seen))
        for place, value in enumerate(node.inputs):
            if value is None or value.name not in seen:
                continue
            counted = _through(node, place, link, behind, seen)
            found[value] = found[value] + counted if value in found else counted
    return found


def _through(node: Node, place: int, link: Together | Weighed | None, behind: Array | None, seen: Seen) -> Array:
    """What noise in an operand counts for, by what it counts for in the result."""
    value = node.inputs[place]
    assert value is not None
    alone = _alone(value, seen)
    assert alone is not None
    if behind is None or node.op.bounded:
        return alone * (0 if node.op.bounded else 1)
    match link:
        case Together() if place in link.operands:
            return _folded(behind, len(alone), np.add)
        case Weighed() if place == link.input and link.takes is not None and _is_known(node, link):
            return _folded(_weighed(node, link, behind, seen), len(alone), np.add)
    return alone


def _weighed(node: Node, link: Weighed, behind: Array, seen: Seen) -> Array:
    """Through weights: the signal at the result counts as one, in all."""
    made = seen.get(node.output.name)
    total = float((behind * made.power).sum()) if made is not None else 1.0
    squares = squared(node, link)
    own = squares * behind if squares.ndim == 1 else behind @ squares
    own = own.reshape(-1, link.repeat).sum(axis=1)
    return np.asarray(own / max(total, TINY))


def squared(node: Node, link: Weighed) -> Array:
    """The squares of the weights, summed over windows: [out, in], or [channels] where each has its own."""
    weight = _weight(node, link)
    assert link.takes is not None
    takes, gives = (axis % max(weight.ndim, 1) for axis in (link.takes, link.gives))
    if takes == gives:
        others = tuple(i for i in range(weight.ndim) if i != takes)
        own = np.square(weight, dtype=np.float64).sum(axis=others)
        channels = node.output.shape[-1]
        return np.broadcast_to(own, (channels,)) if own.size == 1 and isinstance(channels, int) else own
    moved = np.moveaxis(weight, (gives, takes), (0, -1)).reshape(weight.shape[gives], -1, weight.shape[takes])
    return np.asarray(np.einsum("oti,oti->oi", moved, moved, dtype=np.float64))


class Prospect(Struct, frozen=True):
    """A family with what counts in it, ready to be asked about factors."""

    family: Family
    ends: tuple[tuple[Array, Array, Array], ...]
    """Of each value: the least and greatest number of each channel, and its importance."""
    sums: tuple[tuple[Array, Array, Array], ...]
    """Of each reader that mixes channels: the greatest weights and the importance of results, the input's power."""
    scaled: tuple[tuple[Array, Array], ...]
    """Of each constant with one scale for all channels: its magnitudes, and what a relative error of 1 counts for."""

    @property
    def reach(self) -> Array:
        """The greatest magnitude of each channel."""
        return np.asarray(np.max([np.maximum(-low, high) for low, high, _ in self.ends], axis=0))

    @property
    def pull(self) -> Array:
        """The greatest weight that each channel meets, relative to what its row of weights has in the mean."""
        if not self.sums:
            return np.ones(self.family.length)
        parts = [(most / (most.mean(axis=1, keepdims=True) + TINY)).max(axis=0) for most, _, _ in self.sums]
        return np.asarray(np.max(parts, axis=0))

    def noise(self, factors: Array) -> float:
        """Noise over signal, when the values are divided by `factors` and the weights behind multiplied."""
        total = 0.0
        for low, high, counts in self.ends:
            step = ((high / factors).max(initial=0) - (low / factors).min(initial=0)) / 255
            total += step * step / 12 * float((np.square(factors) * counts).sum())
        for most, counts, power in self.sums:
            steps = (most * factors).max(axis=1) / 127
            total += float((np.square(steps) * counts).sum()) / 12 * float((power / np.square(factors)).sum())
        for magnitudes, counts in self.scaled:
            given = magnitudes / factors
            relative = np.square(given.max() / 127 / np.maximum(given, TINY)) / 12
            total += float((np.minimum(relative, 1) * counts).sum())
        return total


def prospect(family: Family, counts: Mapping[Value, Array], seen: Seen) -> Prospect | None:
    """The family with all that is known of it; None where something is not."""
    if any(value.name not in seen or value not in counts for value in family.values):
        return None
    length = family.length
    ends = [
        (_folded(seen[v.name].low, length, np.minimum), _folded(seen[v.name].high, length, np.maximum), counts[v])
        for v in family.values
    ]
    sums = [part for node, link in family.readers if (part := _mixing(node, link, length, counts, seen))]
    return Prospect(
        family,
        tuple((low, high, _folded(own, length, np.add)) for low, high, own in ends),
        tuple(sums),
        tuple(_scaled(family, counts, seen)),
    )


def _mixing(
    node: Node, link: Weighed, length: int, counts: Mapping[Value, Array], seen: Seen
) -> tuple[Array, Array, Array] | None:
    """Greatest weights [out, length], importance of results, and power of the input's channels (taps counted)."""
    weight = _weight(node, link)
    assert link.takes is not None
    input = node.inputs[link.input]
    behind = counts.get(node.output, _alone(node.output, seen))
    if link.takes == link.gives or behind is None or input is None:
        return None
    moved = np.moveaxis(np.abs(weight), (link.gives, link.takes), (0, -1))
    most = moved.reshape(len(moved), -1, length).max(axis=1)
    total = float((behind * seen[node.output.name].power).sum())
    taps = weight.size // (len(moved) * len(seen[input.name].low))
    power = _folded(seen[input.name].power, length, np.add) * max(taps, 1)
    return most, behind / max(total, TINY), power


def _scaled(family: Family, counts: Mapping[Value, Array], seen: Seen) -> list[tuple[Array, Array]]:
    """The constants that have one scale for all channels: what is multiplied, and what is added."""
    parts = [(node, link.weight) for node, link in family.makers] + family.added
    found = []
    for node, place in parts:
        value = node.inputs[place]
        assert value is not None
        assert value.const is not None
        if isinstance(node.op.port(node.op.operands(len(node.inputs))[place]), Weight):
            continue
        magnitudes = np.broadcast_to(
            np.abs(value.const).reshape(-1, value.const.shape[-1] if value.rank else 1).max(axis=0),
            seen[node.output.name].low.shape,
        )
        power = (
            seen[node.output.name].power
            if place not in [p for n, p in family.added if n is node]
            else np.square(magnitudes)
        )
        found.append(
            (
                _folded(magnitudes, family.length, np.maximum),
                _folded(power * counts[node.output], family.length, np.add),
            )
        )
    return found


def _alone(value: Value, seen: Seen) -> Array | None:
    """Each channel's noise counts relative to the signal in all."""
    own = seen.get(value.name)
    return None if own is None else np.full(len(own.low), 1 / max(float(own.power.sum()), TINY))


def _folded(numbers: Array, length: int, join: np.ufunc) -> Array:
    """Of channels that stand several times in a row: all of one channel joined."""
    if len(numbers) == length:
        return numbers
    if length % len(numbers) == 0:
        return np.tile(numbers, length // len(numbers))
    return np.asarray(join.reduce(numbers.reshape(-1, length), axis=0))


def _is_known(node: Node, link: Weighed) -> bool:
    weight = node.inputs[link.weight]
    return weight is not None and weight.const is not None


def _weight(node: Node, link: Weighed) -> Array:
    weight = node.inputs[link.weight]
    assert weight is not None
    assert weight.const is not None
    return weight.const
