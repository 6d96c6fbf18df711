"""Which kernels would compute wrongly on the grids that their tensors got: known only once these are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.grid import LIMITS
from octavo.ir.port import Bias, Fit, Fixed, Observed, SameAs, Weight
from octavo.plan import Grid
from octavo.quantize.group import real_operands, real_results
from octavo.quantize.precision import INTEGER, Choice, weight_of
from octavo.statistics import Statistics

OVERSHOOT = 2
"""Numbers up to this many steps beyond a dictated grid are cut to its end: a softmax of exactly 1, for one."""

FINEST = {"int8": 2.0**18, "int16": 8192.0}
"""A step of an operand, or of a product of operands, must be fewer steps of the result: beyond that LiteRT's kernels
shift numbers out of their 32 bits, or end the process. Measured by `tools/measure_kernels.py`."""
FINEST_ON_CPU = {"int8": 256.0, "int16": 8192.0}
"""Beyond that XNNPACK refuses the model, or leaves int8 sums to kernels that are wrong."""
COUNTED = 2.0**31
"""Sums of products, in steps of the result, must be fewer where activations are int16."""


def objections(
    graph: Graph, choices: Mapping[Node, Choice], grids: Sequence[Grid], statistics: Statistics, *, is_cpu: bool = True
) -> dict[Node, str]:
    """Why each of these nodes, though its kernel takes the dtype, is better off in float; `is_cpu` as of a target."""
    rows: dict[tuple[str, str, str], Grid] = {(grid.value, grid.dtype, grid.reader): grid for grid in grids}
    found: dict[Node, str] = {}
    for node in graph:
        dtype = INTEGER.get(choices[node].precision)
        fits = {} if dtype is None else dict(_fits(node, dtype, rows, statistics))
        if reason := _objection(node, fits) or _too_fine(node, fits, FINEST_ON_CPU if is_cpu else FINEST):
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
    return node.op.objection(fits) if fits else ""


def _too_fine(node: Node, fits: Mapping[str, Fit], finest: Mapping[str, float]) -> str:
    """Why the kernel cannot convert what it adds up to steps of its result, of a result far narrower than that."""
    biases = [port.of for port in node.op.ports.values() if isinstance(port, Bias)]
    result = fits.get("output")
    if result is None:
        return ""
    for names in (*node.op.converts, *biases):
        parts = [_part(node, name, fits) for name in names]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts):
            continue
        step = math.prod(step for step, _ in known) / result.scale
        if step >= (most := finest[result.dtype]):
            what = " times ".join(names)
            return f"a step of {what} is {step:.3g} steps of its output, where kernels count up to {most:g}"
        reach = math.prod(reach for _, reach in known) / result.scale
        if result.dtype == "int16" and len(known) > 1 and reach >= COUNTED:
            return f"the sums reach {reach:.3g} steps of its output, more than 32 bits hold"
    return ""


def _part(node: Node, name: str, fits: Mapping[str, Fit]) -> tuple[float, float] | None:
    """The step of an operand, and how far it reaches: of a weight, how far its sums do."""
    weight = weight_of(node)
    if isinstance(node.op.port(name), Weight) and weight is not None and weight[2].const is not None:
        const, axis = np.abs(weight[2].const), weight[1].axis
        others = tuple(at for at in range(const.ndim) if at != axis)
        return float(const.max(initial=0)) / LIMITS["int8"][1], float(const.sum(axis=others).max(initial=0))
    fit = fits.get(name)
    return None if fit is None else (fit.scale, max(-fit.ends[0], fit.ends[1]))


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
        grid = rows.get((on.name, dtype, node.name if on.const is not None else ""))
        if seen is not None and grid is not None:
            yield name, Fit(dtype, grid.scale[0], grid.zero_point[0], *seen)


def _seen(value: Value, statistics: Statistics) -> tuple[float, float] | None:
    """The least and the greatest number that the value holds or was seen to hold."""
    if value.const is not None:
        return (float(value.const.min()), float(value.const.max())) if value.const.size else None
    seen = statistics.ranges.get(value.name)
    return value.pinned if seen is None else (seen.low, seen.high)
