"""What counts of attention masks: how far below all scores they reach is without meaning, and would cost resolution.

Beside a mask of −1e9, scores from −5 to 5 are a thousandth of one int8 step of their sum. But in front of a softmax a
number far below the greatest of its row weighs nothing, wherever it lies exactly: sum and mask are cut there. So are
numbers that are chosen in place of scores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from octavo.ir.graph import Graph, Node, Value
from octavo.quantize.precision import Refusal
from octavo.statistics import Range, Statistics, edges

ROOM = 16.0
"""Masked numbers stay so far below the others: beside these they weigh e⁻¹⁶, thousands of them too little for int8."""
FINEST = 256
"""A step of a product must be fewer steps of what it is cut to (see `limits.py`)."""
FAR = 10.0
"""A term is a mask if it reaches so many times as far down as it needs to."""
Refusals = dict[Node, Refusal]
"""Who keeps which operations in float, and why."""


class _Sum(Struct, frozen=True):
    """Terms that are added up, and moved meanwhile, by `nodes` into the operand of a softmax, the last one last."""

    value: Value
    terms: tuple[Value, ...]
    nodes: tuple[Node, ...] = ()

    @property
    def choices(self) -> tuple[Node, ...]:
        """The operations that make terms by choosing between tensors, or by joining them."""
        made = (term.producer for term in self.terms if _is_read_once(term))
        return tuple(node for node in made if node is not None and node.op.chooses is not None)


def cut_masks(graph: Graph, statistics: Statistics, *, integers_only: bool = False) -> tuple[Statistics, Refusals]:
    """The statistics without what masks have too much, of constants too, and the nodes that stay float by it.

    These make the masks: few integer kernels multiply into a range that is cut. With `integers_only` masks are cut only
    where that is so, besides constant ones, and nothing stays float by it.
    """
    roots = [value for node in graph if node.op.ignores_low and (value := node.inputs[0]) is not None]
    sums = list(_sums(graph, roots, statistics))
    ranges, masks = _cuts(sums, statistics, {})
    ranges, masks = _cuts(sums, statistics, _floors(sums, statistics, ranges, masks))
    makers: dict[Node, Refusal] = {}
    readers = {node for one in sums for node in (*one.nodes, *one.choices)}
    for mask, least in masks.items():
        held = _held(graph, mask, readers)
        if integers_only and mask.const is None and not (held and _ends_at(held[-1], least, statistics)):
            continue
        ranges.update((value.name, _from(least, value, statistics)) for value in held)
        if held and not integers_only:
            why = f"it makes a mask, which is cut to {least:.4g} behind it: less weighs nothing in a softmax"
            makers.update((node, ("graph", why)) for node in _makers(held[-1], FAR * least, statistics))
    return (replace(statistics, ranges={**statistics.ranges, **ranges}) if ranges else statistics), makers


def _sums(graph: Graph, roots: list[Value], statistics: Statistics) -> Iterator[_Sum]:
    """What softmaxes read, and what they read through choices, as sums."""
    waiting = list(roots)
    while waiting:
        one = _sum(graph, waiting.pop(), statistics)
        yield one
        for node in one.choices:
            waiting += [value for value in _options(node) if value.const is None]


def _options(node: Node) -> list[Value]:
    """What an operation chooses from."""
    return [value for value in node.inputs[node.op.chooses or slice(0)] if value is not None]


def _cuts(
    sums: list[_Sum], statistics: Statistics, floors: dict[Value, float]
) -> tuple[dict[str, Range], dict[Value, float]]:
    """The ranges of sums that are cut, and the least that their masks need to be.

    What is in `floors` is cut to there or below.
    """
    ranges: dict[str, Range] = {}
    masks: dict[Value, float] = {}
    for one in reversed(sums):  # what is chosen from is cut before what is chosen
        floor = floors.get(one.value, np.inf)
        found = dict(_cut(one, statistics, masks, floor))
        found.update(_cut_choices(one, statistics, ranges, masks, floor))
        ranges.update(found)
    return ranges, masks


def _floors(
    sums: list[_Sum], statistics: Statistics, cut: dict[str, Range], masks: Collection[Value]
) -> dict[Value, float]:
    """How low the numbers that are chosen or joined must be cut at least: below those beside which they stand then."""
    floors: dict[Value, float] = {}
    for one in sums:
        for node in one.choices:
            others = [seen for term in one.terms if term is not node.outputs[0] and (seen := _seen(term, statistics))]
            near = {v: seen for v in _options(node) if v not in masks and (seen := _seen(v, statistics))}
            lows = [cut[v.name].low if v.name in cut else seen.low - ROOM for v, seen in near.items()]
            least = min(lows, default=np.inf) - sum(seen.high - seen.low for seen in others)
            least = min(least, floors.get(one.value, np.inf) - sum(seen.high for seen in others))
            floors.update((value, min(floors.get(value, np.inf), least)) for value in near)
    return floors


def _sum(graph: Graph, value: Value, statistics: Statistics) -> _Sum:
    """The terms of which `value` is the sum; what lies between is read by nothing else."""
    producer, whole = value.producer, _seen(value, statistics)
    if producer is None or whole is None or value in graph.outputs or not _is_read_once(value):
        return _Sum(value, (value,))
    if not (producer.op.adds or producer.op.moves):
        return _Sum(value, (value,))
    read = [operand for operand in producer.inputs[: 2 if producer.op.adds else 1] if operand is not None]
    if any((seen := _seen(term, statistics)) is None or seen.high > FAR * (abs(whole.high) + ROOM) for term in read):
        return _Sum(value, (value,))  # they cancel each other: 1e9 · m − 1e9 is one mask, not two terms
    parts = [_sum(graph, operand, statistics) for operand in read]
    terms, nodes = (tuple(chain.from_iterable(getattr(part, name) for part in parts)) for name in ("terms", "nodes"))
    return _Sum(value, terms, (*nodes, producer))


def _cut(one: _Sum, statistics: Statistics, masks: dict[Value, float], floor: float) -> Iterator[tuple[str, Range]]:
    """The ranges of the sum where some terms are masks; these go into `masks`, with the least that they need to be.

    The sum reaches down to `floor` at least.
    """
    seen = {term: range for term in one.terms if (range := _seen(term, statistics)) is not None}
    known = sorted(((range.low, term) for term, range in seen.items()), key=lambda pair: -pair[0])
    if len(known) < max(2, len(one.terms)):
        return
    low = width = 0.0
    found: list[Value] = []
    for least, term in known:
        high = seen[term].high
        if least < -FAR * (width + ROOM) and high <= ROOM and term is not known[0][1]:
            found.append(term)
        else:
            low, width = low + least, width + high - least
    if not found:
        return
    soft = sum(_soft(term, -FAR * (width + ROOM), statistics) for term in found)
    least = min(low + soft - ROOM, floor)
    needed = least - low - width
    masks.update((term, min(masks.get(term, 0.0), needed)) for term in found)
    whole = True
    for node in reversed(one.nodes):
        yield node.name, _from(least if whole else 2 * needed, node.outputs[0], statistics)
        whole = whole and node.op.moves


def _cut_choices(
    one: _Sum, statistics: Statistics, cut: dict[str, Range], masks: dict[Value, float], floor: float
) -> Iterator[tuple[str, Range]]:
    """The ranges of terms that are numbers where nothing is hidden, else far below them, and of the sums behind.

    What is far below goes into `masks`, down to `floor` at least. `cut` are the ranges that are cut already, of what is
    chosen from too.
    """
    known = {term: range for term in one.terms if (range := _seen(term, statistics)) is not None}
    if len(known) < len(one.terms):
        return
    lows: dict[Value, float] = {}
    for node in one.choices:
        operands = _options(node)
        seen = {v: cut.get(v.name) or found for v in operands if (found := _seen(v, statistics)) is not None}
        top = max((range.high for range in seen.values()), default=0.0)
        beside = [range for term, range in known.items() if term is not node.outputs[0]]
        others = sum(range.high - range.low for range in beside)
        near = {v: range for v, range in seen.items() if range.high > top - FAR * (others + ROOM)}
        far = [value for value in seen if value not in near]
        room = ROOM if far else 0.0  # what is cut has it already
        least = min((range.low - (room if v.name not in cut else 0.0) for v, range in near.items()), default=0.0)
        if far:
            least = min(least - others, floor - sum(range.high for range in beside))
        reach = top - least
        if len(seen) < len(operands) or not (far or any(v.name in cut for v in operands)) or reach <= 0:
            continue
        if any(seen[v].high > top - FAR * reach for v in far):
            continue
        lows[node.outputs[0]] = least
        masks.update((value, min(masks.get(value, 0.0), least)) for value in far)
        yield node.name, _from(least, node.outputs[0], statistics)
    for node in one.nodes if lows else ():
        read = [value for value in node.inputs[: 2 if node.op.adds else 1] if value is not None]
        low = sum(lows[v] if v in lows else getattr(_seen(v, statistics), "low", 0.0) for v in read)
        lows[node.outputs[0]] = low
        yield node.name, _from(low, node.outputs[0], statistics)


def _soft(mask: Value, far: float, statistics: Statistics) -> float:
    """The least number of a mask that does not stand for minus infinity: masks may be biases as well."""
    if mask.const is not None:
        numbers = mask.const[mask.const > far]
    else:
        spread = statistics.spreads.get(mask.name)
        numbers = edges()[np.flatnonzero(spread.counts)] if spread is not None else np.zeros(1)
        numbers = numbers[numbers > far]
    return min(float(numbers.min(initial=0.0)), 0.0)


def _held(graph: Graph, mask: Value, readers: Collection[Node]) -> list[Value]:
    """The mask and what it was before it was moved; nothing if anything but `readers` reads it."""
    held: list[Value] = []
    taken = set(readers)
    while taken.issuperset(node for node, _ in _uses(mask)) and mask not in graph.outputs:
        held.append(mask)
        producer = mask.producer
        if producer is None or not producer.op.moves or producer.inputs[0] is None:
            return held
        taken, mask = {*taken, producer}, producer.inputs[0]
    return held


def _ends_at(mask: Value, least: float, statistics: Statistics) -> bool:
    """Whether int8 kernels make nothing less than `least`, rightly, of what makes the mask."""
    maker = mask.producer
    if maker is None:
        return True
    widths = {
        name: max(range.high, 0.0) - min(range.low, 0.0)
        for name, value in zip(maker.op.operands(len(maker.inputs)), maker.inputs, strict=True)
        if value is not None and (range := _seen(value, statistics)) is not None
    }
    products = [names for names in maker.op.converts if len(names) > 1 and widths.keys() >= set(names)]
    return bool(products) and all(
        np.prod([widths[name] / 255 for name in names]) * 255 < FINEST * -least for names in products
    )


def _makers(mask: Value, far: float, statistics: Statistics) -> Iterator[Node]:
    """Who makes the mask, out of numbers that reach as far."""
    node = mask.producer
    if node is None:
        return
    yield node
    for value in node.inputs:
        seen = None if value is None or value.const is not None else _seen(value, statistics)
        if value is not None and seen is not None and max(-seen.low, seen.high) > -far:
            yield from _makers(value, far, statistics)


def _uses(value: Value) -> list[tuple[Node, int]]:
    """Who reads the numbers of a value, and as which operand."""
    return [use for use in value.uses if not use[0].op.measures]


def _is_read_once(value: Value) -> bool:
    return len(_uses(value)) <= 1


def _seen(value: Value, statistics: Statistics) -> Range | None:
    """What is known of a number that varies, or of a constant."""
    if value.const is not None:
        return Range(float(value.const.min()), float(value.const.max())) if value.const.size else None
    return statistics.ranges.get(value.name)


def _from(low: float, value: Value, statistics: Statistics) -> Range:
    seen = _seen(value, statistics)
    return Range(low, 0.0) if seen is None else Range(max(low, seen.low), max(low, seen.high), seen.samples)
