"""Plan, statistics and weights → the histograms and the weight ranges of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from octavo.ir.graph import Graph, Model
from octavo.ir.source import Array
from octavo.plan import GraphPlan, Grid, Plan
from octavo.report.record import Histogram, WeightRange
from octavo.statistics import BINS, Range, Statistics, edges

COLUMNS = 64
"""Bins of a histogram that is shown."""
RUNS = 128
"""Channels that are shown; of more, neighbours are shown together."""


def histograms(plan: Plan, reference: Model, statistics: Sequence[Statistics]) -> tuple[Histogram, ...]:
    """One for each activation that has a range: what was seen of it, and what its integers can hold."""
    found: list[Histogram] = []
    for rows, graph, seen in zip(plan.graphs, reference.graphs, statistics, strict=True):
        found += _of_graph(rows, graph, seen)
    return tuple(found)


def weight_ranges(plan: Plan, reference: Model) -> tuple[WeightRange, ...]:
    """One for each constant that is stored in integers for some operation, biases left out."""
    return tuple(
        _weights(grid, value.const, rows.graph)
        for rows, graph in zip(plan.graphs, reference.graphs, strict=True)
        for values in [{value.name: value for value in graph.values}]
        for grid in rows.grids
        if (value := values.get(grid.value)) is not None
        if value.const is not None and value.const.size > 1 and grid.dtype not in ("int32", "int64", "float16")
    )


def _of_graph(rows: GraphPlan, graph: Graph, seen: Statistics) -> Iterator[Histogram]:
    makers = {value.name: value.producer for value in graph.values if value.const is None}
    for grid in rows.grids:
        if grid.value not in makers or grid.axis is not None or not grid.scale:
            continue
        maker = makers[grid.value]
        range = seen.ranges.get(grid.value, Range(grid.low, grid.high))
        spread = seen.spreads.get(grid.value)
        counts = () if spread is None else _columns(spread.counts, range)
        limits = np.iinfo(grid.dtype)
        yield Histogram(
            tensor=grid.value,
            graph=rows.graph,
            made_by="" if maker is None else maker.outputs[0].name,
            seen_low=range.low,
            seen_high=range.high,
            counts=counts,
            low=float((limits.min - grid.zero_point[0]) * grid.scale[0]),
            high=float((limits.max - grid.zero_point[0]) * grid.scale[0]),
            dtype=grid.dtype,
            scale=grid.scale[0],
            zero_point=grid.zero_point[0],
        )


def _columns(counts: Array, range: Range) -> tuple[int, ...]:
    """Equally wide bins from counts over float32 bit patterns; each number counts in the middle of its bin."""
    if range.high <= range.low:
        return ()
    bins = np.flatnonzero(counts)
    outer = edges()
    inner = np.where(bins % (BINS // 2) > 0, outer[np.maximum(bins - 1, 0)], 0.0)
    middle = np.clip((outer[bins] + inner) / 2, range.low, range.high)
    summed, _ = np.histogram(middle, bins=COLUMNS, range=(range.low, range.high), weights=counts[bins])
    return tuple(summed.astype(int).tolist())


def _weights(grid: Grid, weights: Array, graph: str) -> WeightRange:
    axis = grid.axis
    rows = np.moveaxis(weights, axis, 0) if axis is not None else weights[np.newaxis]
    rows = rows.reshape(len(rows), -1)
    starts = np.unique(np.linspace(0, len(rows), min(len(rows), RUNS), endpoint=False).astype(int))
    lows = np.minimum.reduceat(rows.min(axis=1), starts).astype(float)
    highs = np.maximum.reduceat(rows.max(axis=1), starts).astype(float)
    return WeightRange(
        tensor=grid.value,
        graph=graph,
        read_by=grid.reader,
        dtype=grid.dtype,
        shape=tuple(weights.shape),
        axis=axis,
        channels=len(rows),
        lows=tuple(lows.tolist()),
        highs=tuple(highs.tolist()),
    )
