"""A quantized model as plain min/max makes it, for comparison: what TensorFlow's converter does with the same data."""

import msgspec
import numpy as np

import octavo
from octavo.ir.grid import Interval, activation_grid
from octavo.ir.port import SameAs
from octavo.quantize.group import real_operands, real_results
from octavo.read.open import read


def plain(conversion):
    """The plan of a conversion with every activation on the grid of its least and greatest number, biases as they are.

    Weights are on the grid of each channel's greatest number, however small.

    Tensors that a kernel reads or makes on one scale share one; grids that kernels dictate stay.
    """
    model = read(conversion.reference)
    graphs = tuple(
        _plain(graph, rows, seen)
        for graph, rows, seen in zip(model.graphs, conversion.plan.graphs, conversion.statistics, strict=True)
    )
    return octavo.convert(conversion.reference, plan=msgspec.structs.replace(conversion.plan, graphs=graphs))


def _plain(graph, rows, seen):
    integer = {row.node for row in rows.ops if row.precision == "int8"}
    leader, ranges = {}, {}

    def find(value):
        while leader.get(value, value) is not value:
            value = leader[value]
        return value

    for node in graph:
        if node.outputs[0].name not in integer:
            continue
        named = {name: value for name, value, _ in [*real_operands(node), *real_results(node)]}
        for value in named.values():
            ranges.setdefault(value, _range(value, seen))
        for name, value, port in [*real_operands(node), *real_results(node)]:
            other = named.get(port.port) if isinstance(port, SameAs) else None
            if other is not None and find(other) is not find(named[name]):
                a, b = find(other), find(value)
                leader[a], ranges[b] = b, ranges[a] | ranges[b]
    by_name = {value.name: ranges[find(value)] for value in ranges}
    held = {value.name: value.const for value in graph.values if value.const is not None}
    return msgspec.structs.replace(rows, grids=tuple(_regridded(grid, by_name, held) for grid in rows.grids))


def _range(value, seen):
    if value.const is not None:
        return Interval.around(float(value.const.min()), float(value.const.max()))
    found = seen.ranges[value.name]
    return Interval.around(found.low, found.high)


def _regridded(grid, ranges, held):
    if grid.dtype == "int8" and grid.axis is not None:
        others = tuple(axis for axis in range(held[grid.value].ndim) if axis != grid.axis)
        scale = np.maximum(np.abs(held[grid.value]).max(axis=others) / 127, np.finfo(np.float32).tiny)
        return msgspec.structs.replace(grid, scale=tuple(map(float, scale)), moved=b"")
    if grid.dtype != "int8" or len(grid.scale) != 1 or grid.who == "kernel" or grid.value not in ranges:
        return msgspec.structs.replace(grid, correction=())
    scale, zero_point = activation_grid(ranges[grid.value], "int8")
    return msgspec.structs.replace(grid, scale=(scale,), zero_point=(zero_point,))
