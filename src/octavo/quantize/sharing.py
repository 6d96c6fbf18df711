"""One grid per tensor: what must share a scale is found once over the whole graph.

Kernels dictate some grids (`Fixed`) and demand that others be equal (`SameAs`). Tensors that must be
equal form a group; a group has the dictated grid, or one that covers the ranges of all its members. Where an operation
joins several tensors (concatenation, maximum), an input that would lose by sharing keeps its own grid and is
requantized on the way in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_

from msgspec import Struct

from octavo.errors import InternalError
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.grid import Interval, activation_grid
from octavo.ir.port import Fit, Fixed, SameAs
from octavo.plan import Grid
from octavo.quantize.flat import cut_flat
from octavo.quantize.group import Group, Groups, Tensor, real_operands, real_results, tensor_of
from octavo.quantize.handing import Slot, handed
from octavo.quantize.precision import INTEGER, Choice
from octavo.quantize.ranges import METHODS
from octavo.recipe import Ranges
from octavo.statistics import Statistics

HUGE = 100.0
"""A constant this many times as large as the numbers that it is mixed with stands for an infinity."""
NARROW = 0.5
"""An input that others read too keeps its own grid when its range is less than this part of the joint one."""


class Shared(Struct, frozen=True):
    """Every tensor of a model that is read or made in integers, with the group that has its grid.

    `homes` are the graphs of the tensors. `slots` are the grids of tensors that go into graphs or come out of them, by
    the value in that graph.
    """

    groups: Groups
    homes: Mapping[Tensor, Graph]
    slots: Mapping[Value, Tensor]

    def grids(self, graph: Graph) -> list[Grid]:
        """The grids of the tensors of one graph."""
        return [_grid(tensor, self.groups.of[tensor]) for tensor, home in self.homes.items() if home is graph]

    def slot(self, value: Value) -> Grid | None:
        """The grid on which a value goes into its graph or comes out of it; None of one that stays as it is."""
        tensor = self.slots.get(value)
        return None if tensor is None else _grid(tensor, self.groups.of[tensor])

    @property
    def unknown(self) -> dict[Tensor, str]:
        """The tensors of whose range nothing tells, and why nothing does."""
        return {
            tensor: f"nothing tells the range of {tensor.value.name!r}: it was not computed, or there are no samples"
            for tensor, group in self.groups.of.items()
            if group.dictated is None and group.interval is None and group.constants is None
        }


def shared(
    known: Mapping[Graph, Statistics],
    choices: Mapping[Node, Choice],
    *,
    ranges: Ranges = "minmax",
    moved: Collection[str] = (),
) -> Shared:
    """The grids of all tensors that operations read or make in integers, from what is `known` of each graph's tensors.

    An int8 range is made smaller as `ranges` says. Operators `moved` put their result on the grid of their input.
    """
    groups = Groups()
    homes: dict[Tensor, Graph] = {}
    nodes = [(node, graph) for graph in known for node in graph if choices[node].precision in INTEGER]
    known = _weighed(known, ranges)
    for node, graph in nodes:
        dtype = INTEGER[choices[node].precision]
        seen = known[graph].averaged if ranges == "average" and dtype == "int8" else known[graph]
        homes |= dict.fromkeys(_enter(node, dtype, groups, seen), graph)
    slots = list(handed(known, choices))
    for tensor, home in [(Tensor(v, slot.dtype), home) for slot in slots for v, home in slot.members.items()]:
        if tensor not in groups.of:
            groups.of[tensor], homes[tensor] = Group({tensor: None}, _span(tensor.value, known[home])), home
    for node, _ in nodes:
        _share_moved(node, INTEGER[choices[node].precision], groups, always=node.op.code in moved)
    for slot in slots:
        spans = [_span(value, known[graph]) for value, graph in slot.given]
        _share_handed([Tensor(value, slot.dtype) for value in slot.members], spans, groups)
    for node, _ in nodes:
        _share_joined(node, INTEGER[choices[node].precision], groups)
    bodies = {body for node, _ in nodes for body in node.op.graphs}
    for tensor, group in groups.of.items():
        home = homes[tensor]
        stays = home in bodies and tensor.value in home.inputs  # what each turn hands on as it is
        group.whole |= tensor.value in home.outputs and not stays
    cut_flat([(node, choices[node]) for node, _ in nodes], groups)
    if ranges in METHODS:
        for group in {id(each): each for tensor, each in groups.of.items() if tensor.dtype == "int8"}.values():
            _narrow(group, ranges)
    return Shared(
        groups, homes, {v: Tensor(next(iter(slot.members)), slot.dtype) for slot in slots for v in _all(slot)}
    )


def _weighed(known: Mapping[Graph, Statistics], ranges: Ranges) -> Mapping[Graph, Statistics]:
    """What is known; for least error with samples of equal weight, or the few loud ones would decide."""
    return {graph: seen.evened for graph, seen in known.items()} if ranges == "least_error" else known


def _all(slot: Slot) -> list[Value]:
    """The values of a slot, constants that leave a graph, too."""
    return [*slot.members, *(value for value, graph in slot.given if value in graph.outputs)]


def _span(value: Value, statistics: Statistics) -> Interval | None:
    """What is known of the range of a value that no operation of its graph may compute with."""
    if value.const is not None:
        return Interval.around(float(value.const.min()), float(value.const.max())) if value.const.size else None
    seen = statistics.ranges.get(value.name)
    ends = value.pinned or (None if seen is None else (seen.low, seen.high))
    return None if ends is None else Interval.around(*ends)


def _share_handed(tensors: Sequence[Tensor], given: Sequence[Interval | None], groups: Groups) -> None:
    """One grid for what is one tensor in several graphs, which holds also what is `given` to them at first.

    A tensor whose grid is dictated stays outside where that grid does not hold them all: it is requantized on the way.
    """
    free = [tensor for tensor in tensors if groups.of[tensor].dictated is None]
    dictated = [tensor for tensor in tensors if groups.of[tensor].dictated is not None]
    for tensor in free[1:]:
        groups.merge(free[0], tensor)
    if not free:
        return
    group = groups.of[free[0]]
    known = [each for each in (group.interval, group.constants, *given) if each is not None]
    group.interval = reduce(or_, known) if known else None
    if len({groups.of[tensor].dictated for tensor in dictated}) == 1 and group.dictated is None:
        grid = groups.of[dictated[0]].dictated
        assert grid is not None
        least, greatest = Fit(tensors[0].dtype, *grid, 0.0, 0.0).ends
        low, high = (group.interval.low, group.interval.high) if group.interval else (0.0, 0.0)
        if least - grid.scale <= low and high <= greatest + grid.scale:
            for tensor in dictated:
                groups.merge(tensor, free[0])
            return
    reach = [groups.of[tensor].interval for tensor in dictated]
    group.interval = reduce(or_, [each for each in (group.interval, *reach) if each is not None], Interval(0.0, 0.0))


def readers(graphs: Iterable[Graph], choices: Mapping[Node, Choice], tensors: Mapping[Tensor, str]) -> dict[Node, str]:
    """The nodes that read or make any of the tensors, with what is said of it; those that hand them on if none else."""
    found: dict[Node, str] = {}
    for node in (node for graph in graphs for node in graph):
        dtype = INTEGER.get(choices[node].precision, "")
        for _, value, _ in [*real_operands(node), *real_results(node)] if dtype else ():
            if (why := tensors.get(tensor_of(node, value, dtype))) is not None:
                found[node] = why
    return found


def _enter(node: Node, dtype: str, groups: Groups, statistics: Statistics) -> Iterator[Tensor]:
    """Give each tensor around `node` a group of its own; the tensors that had none."""
    for _, value, port in [*real_operands(node), *real_results(node)]:
        tensor = tensor_of(node, value, dtype)
        if tensor not in groups.of:
            spread = statistics.spreads.get(value.name) if value.const is None else None
            fitted = statistics.fitted.get(value.name) if dtype == "int8" else None
            interval = Interval(fitted.low, fitted.high) if fitted else _interval(node, value, statistics, dtype)
            if value.pinned is not None:
                interval = Interval.around(*value.pinned)
            joins = value.const is not None and isinstance(port, SameAs)
            groups.of[tensor] = Group(
                {tensor: None},
                None if joins else interval,
                interval if joins else None,
                spread.counts if spread else None,
                fitted=fitted is not None or value.pinned is not None,
                whole=fitted is not None or value.pinned is not None,
                pinned=value.pinned is not None,
            )
            yield tensor
        dictated = getattr(port, dtype) if isinstance(port, Fixed) else None
        if dictated is not None:
            groups.of[tensor].dictated, groups.of[tensor].dictator = dictated, node.op.code


def _share_moved(node: Node, dtype: str, groups: Groups, *, always: bool = False) -> None:
    """A result that is the input moved has the input's grid; `always`, where a target wants it so of other kinds."""
    by_name = {name: value for name, value, _ in real_operands(node)}
    if always:
        (_, first, _), (_, result, _) = next(real_operands(node)), next(real_results(node))
        groups.merge(tensor_of(node, first, dtype), tensor_of(node, result, dtype))
    for _, result, port in real_results(node):
        if isinstance(port, SameAs) and port.port in by_name:
            groups.merge(tensor_of(node, by_name[port.port], dtype), tensor_of(node, result, dtype))


def _share_joined(node: Node, dtype: str, groups: Groups) -> None:
    """Inputs that the kernel reads on its result's grid share it, unless they would lose by it."""
    results = {name: tensor_of(node, value, dtype) for name, value, _ in real_results(node)}
    operands = {name: tensor_of(node, value, dtype) for name, value, _ in real_operands(node)}
    for _, value, port in real_operands(node):
        target = results.get(port.port) or operands.get(port.port) if isinstance(port, SameAs) else None
        if target is not None and _gladly(value, groups.of[tensor_of(node, value, dtype)], groups.of[target]):
            groups.merge(target, tensor_of(node, value, dtype))


def _narrow(group: Group, ranges: Ranges) -> None:
    """Clip the group's range as the recipe says."""
    if group.interval is None or group.counts is None or group.whole or group.dictated is not None:
        return
    narrow, why = METHODS[ranges]
    narrowed = narrow(group.interval, group.counts)
    group.clipped = why if narrowed != group.interval else group.clipped
    group.interval = narrowed


def _gladly(value: Value, own: Group, joint: Group) -> bool:
    """Whether the input loses nothing by taking the joint grid."""
    if own.dictated is not None or joint.dictated is not None:
        return own.dictated == joint.dictated
    if own.interval is None or joint.interval is None or len(value.uses) == 1:
        return True
    return own.interval.width >= NARROW * (own.interval | joint.interval).width


def _interval(node: Node, value: Value, statistics: Statistics, dtype: str) -> Interval | None:
    """What was seen of a value that `node` reads or makes; of one that it masks, without the masking number."""
    seen = statistics.ranges.get(value.name)  # of a constant, where less than all of it counts
    if value.const is not None and seen is None:
        return Interval.around(float(value.const.min()), float(value.const.max())) if value.const.size else None
    if seen is None:
        return None
    whole = Interval.around(seen.low, seen.high)
    if value in node.inputs:
        return whole
    return _without_mask(node, whole, statistics) | _spanned(node, statistics, dtype)


def _spanned(node: Node, statistics: Statistics, dtype: str) -> Interval:
    """What the kernel needs the grid of the node's output to hold, whatever was seen."""
    first = node.inputs[0]
    seen = statistics.ranges.get(first.name) if first is not None else None
    ends = None if seen is None else node.op.span(dtype, seen.low, seen.high)
    return Interval(0.0, 0.0) if ends is None else Interval.around(*ends)


def _without_mask(node: Node, whole: Interval, statistics: Statistics) -> Interval:
    """The range of a result without the constant that stands for minus or plus infinity in it.

    Attention masks fill in numbers such as -1e9. What counts is only that they are far below all others: a distance of
    the others' width, and at least 16 (e⁻¹⁶ is nothing in a softmax), keeps the meaning, and the resolution.
    """
    joined = [value for _, value, port in real_operands(node) if isinstance(port, SameAs)]
    constants = [value for value in joined if value.const is not None and value.const.size]
    seen = [statistics.ranges.get(v.name) for _, v, _ in real_operands(node) if v.const is None]
    if not constants or not seen or any(range is None for range in seen):
        return whole
    others = reduce(or_, (Interval.around(range.low, range.high) for range in seen if range is not None))
    room = max(others.width, 16.0)
    reach = max(-others.low, others.high, 1e-3)
    low = others.low - room if whole.low < -HUGE * reach else whole.low
    high = others.high + room if whole.high > HUGE * reach else whole.high
    return Interval(low, high)


def _grid(tensor: Tensor, group: Group) -> Grid:
    interval, shared = group.interval or group.constants, len(group.members) - 1
    if group.dictated is not None:
        scale, zero_point = group.dictated
        why = f"the {group.dictator} kernel dictates it"
    elif interval is None:
        raise InternalError(f"no range was recorded for {tensor.value.name!r}", where="calibration")
    else:
        scale, zero_point = activation_grid(interval, tensor.dtype)
        why = group.clipped or "least and greatest number seen"
        why = "clipped to where the model's outputs change least" if group.fitted else why
        why = "the range that training or the user gave" if group.pinned else why
        why += f", shared with {shared} other tensor(s)" if shared else ""
    return Grid(
        value=tensor.value.name,
        dtype="int8" if tensor.dtype == "int8" else "int16",
        scale=(scale,),
        zero_point=(zero_point,),
        reader=tensor.reader.outputs[0].name if tensor.reader else "",
        low=interval.low if interval else 0.0,
        high=interval.high if interval else 0.0,
        who="kernel" if group.dictated is not None else "calibration",
        why=why,
    )
