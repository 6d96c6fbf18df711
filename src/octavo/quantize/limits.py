"""Which kernels would compute wrongly on the grids that their tensors got: known only once these are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.port import Fit, Fixed, Observed, SameAs
from octavo.plan import Grid
from octavo.quantize.group import real_operands, real_results
from octavo.quantize.precision import INTEGER, Choice
from octavo.statistics import Statistics

OVERSHOOT = 2
"""Numbers up to this many steps beyond a dictated grid are cut to its end: a softmax of exactly 1, for one."""


def objections(
    graph: Graph, choices: Mapping[Node, Choice], grids: Sequence[Grid], statistics: Statistics
) -> dict[Node, str]:
    """Why each of these nodes, though its kernel takes the dtype, is better off in float."""
    rows: dict[tuple[str, str, str], Grid] = {(grid.value, grid.dtype, grid.reader): grid for grid in grids}
    found: dict[Node, str] = {}
    for node in graph:
        dtype = INTEGER.get(choices[node].precision)
        reason = "" if dtype is None else _objection(node, dict(_fits(node, dtype, rows, statistics)))
        if reason:
            found[node] = reason
    return found


def _objection(node: Node, fits: Mapping[str, Fit]) -> str:
    for name, fit in fits.items():
        port = node.op.port(name)
        if isinstance(port, Observed) and (limits := port.scales.get(fit.dtype)) and not _within(fit.scale, limits):
            return f"the {fit.dtype} kernel is right for scales between {limits[0]:.3g} and {limits[1]:.3g} only"
        least, greatest = fit.ends
        if isinstance(port, Fixed) and not _within(fit.low, (least - OVERSHOOT * fit.scale, fit.high)):
            return f"its {name} reaches {fit.low:.4g}, and the kernel's grid ends at {least:.4g}"
        if isinstance(port, Fixed) and not _within(fit.high, (fit.low, greatest + OVERSHOOT * fit.scale)):
            return f"its {name} reaches {fit.high:.4g}, and the kernel's grid ends at {greatest:.4g}"
    return node.op.objection(fits)


def _within(number: float, limits: tuple[float, float]) -> bool:
    return limits[0] <= number <= limits[1]


def _fits(
    node: Node, dtype: str, rows: Mapping[tuple[str, str, str], Grid], statistics: Statistics
) -> Iterator[tuple[str, Fit]]:
    """The grid on which the node reads or makes each activation, with the numbers that were seen of it."""
    ports = {name: (value, port) for name, value, port in [*real_operands(node), *real_results(node)]}
    for name, (value, port) in ports.items():
        on = ports[port.port][0] if isinstance(port, SameAs) and port.port in ports else value
        seen = _seen(value, statistics)
        grid = rows.get((on.name, dtype, node.outputs[0].name if on.const is not None else ""))
        if seen is not None and grid is not None:
            yield name, Fit(dtype, grid.scale[0], grid.zero_point[0], *seen)


def _seen(value: Value, statistics: Statistics) -> tuple[float, float] | None:
    """The least and the greatest number that the value holds or was seen to hold."""
    if value.const is not None:
        return (float(value.const.min()), float(value.const.max())) if value.const.size else None
    seen = statistics.ranges.get(value.name)
    return value.pinned if seen is None else (seen.low, seen.high)
