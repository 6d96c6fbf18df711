"""How weights and biases are stored."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping

import numpy as np
from msgspec import structs

from octavo.ir.graph import Node, Value
from octavo.ir.grid import LIMITS, dequantize, quantize, spread, weight_scale
from octavo.ir.port import Bias, Weight
from octavo.ir.source import Array
from octavo.ir.type import Quantization
from octavo.plan import Grid
from octavo.quantize.precision import INTEGER, Choice, tables_of, weight_of, weights_of
from octavo.quantize.rounding import is_enough, rounded
from octavo.recipe import Recipe
from octavo.statistics import Products, Spread, Statistics
from octavo.targets.known import TARGETS
from octavo.targets.target import takes_channels

BIAS_ROOM = 2.0**30
"""A bias may take half of what int32 holds; the accumulator needs the rest."""
HALVES = 32
"""A constant of fewer numbers is not worth storing as float16: the operation that widens it costs more."""

ScaleOf = Callable[[Value], float]
"""The scale of an activation, as the node reads it."""


def constant_grids(
    node: Node, choice: Choice, recipe: Recipe, scale_of: ScaleOf, statistics: Statistics
) -> Iterator[Grid]:
    """The plan's rows for the weight and the bias of one node."""
    if choice.precision == "float16":
        yield from _halves(node)
    if choice.precision in ("dynamic", "weight_only"):
        for axis, value in _stored(node, recipe):
            yield _alone(node, choice, recipe, (value, axis), statistics)
    if choice.precision in INTEGER:
        yield from _among_integers(node, choice, recipe, scale_of, statistics)


def _stored(node: Node, recipe: Recipe) -> Iterator[tuple[int | None, Value]]:
    """What is stored as integers beside float activations, with the axis of its channels: weights, else tables.

    The channels of a table are along its first dimension that holds any.
    """
    weights = weights_of(node)
    yield from ((port.axis, value) for _, port, value in weights)
    for value in () if weights else tables_of(node, recipe):
        long = [at for at, length in enumerate(_const(value).shape) if length > 1]
        yield (long[0] if len(long) > 1 else None), value


def _scaled(
    node: Node, choice: Choice, recipe: Recipe, value: Value, axis: int | None
) -> tuple[Array, int | None, str]:
    """The scale of a weight, the axis of its channels, and why it is so."""
    per_channel = choice.per_channel and takes_channels(TARGETS[recipe.target], node.op.code)
    axis = axis if per_channel else None
    scale = weight_scale(_const(value), axis, choice.weights, choice.block)
    part = f"each block of {choice.block}" if choice.block else "all" if axis is None else "each channel"
    return scale, axis, f"{'greatest magnitude' if choice.weights == 'int8' else 'least squared error'} of {part}"


def _alone(
    node: Node, choice: Choice, recipe: Recipe, weight: tuple[Value, int | None], statistics: Statistics
) -> Grid:
    """The row of a weight beside which no bias is stored in integers."""
    value, axis = weight
    scale, axis, why = _scaled(node, choice, recipe, value, axis)
    row = _row(node, choice, value, (scale, axis), why)
    products = statistics.products.get(node.name)
    # no bias takes back a shift of the mean here, so the mean counts as part of the inputs
    if products is None or choice.block:
        return row
    return _rounded(node, row, value, products.around_zero, is_searched=_is_searched(choice, recipe))[0]


def _among_integers(
    node: Node, choice: Choice, recipe: Recipe, scale_of: ScaleOf, statistics: Statistics
) -> Iterator[Grid]:
    for name, port, value in weights_of(node):
        bias = bias_of(node, name)
        if bias is None:
            yield _alone(node, choice, recipe, (value, port.axis), statistics)
        else:
            yield from _with_bias(node, choice, recipe, (value, port.axis, bias), (scale_of, statistics))


def _with_bias(
    node: Node,
    choice: Choice,
    recipe: Recipe,
    constants: tuple[Value, int | None, Value],
    known: tuple[ScaleOf, Statistics],
) -> Iterator[Grid]:
    """The rows of a weight, the axis of whose channels stands beside it, and of the bias of its sums."""
    value, axis, bias = constants
    scale_of, statistics = known
    scale, axis, why = _scaled(node, choice, recipe, value, axis)
    reach = np.abs(_const(bias)).astype(np.float64) / (_joint_scale(node, bias, scale_of) * BIAS_ROOM)
    needed = reach if axis is not None else reach.max(initial=0.0, keepdims=True)
    if (needed > scale).any():
        scale = np.maximum(scale, needed.astype(np.float32))
        why += ", raised where the bias would not fit into int32"
    quant = Quantization(scale, np.zeros(scale.shape, np.int64), axis)
    integers = quantize(_const(value), quant, choice.weights, narrow=True).astype(np.int8)
    row = _row(node, choice, value, (scale, axis), why)
    products = statistics.products.get(node.name)
    if products is not None:
        row, integers = _rounded(node, row, value, products, is_searched=_is_searched(choice, recipe))
        quant = Quantization(np.array(row.scale, np.float32), quant.zero_point, axis)
    yield row
    stored = _bias(node, choice, bias, (integers, quant), scale_of)
    error = dequantize(integers, quant) - _const(value)
    yield _corrected(node, stored, error, statistics.spreads) if recipe.correct_bias else stored


def _is_searched(choice: Choice, recipe: Recipe) -> bool:
    """Whether scales and integers are searched together: of int8 that was measured to gain nothing."""
    return recipe.effort == "best" and choice.weights != "int8"


def _rounded(node: Node, row: Grid, value: Value, products: Products, *, is_searched: bool) -> tuple[Grid, Array]:
    """The weight's row, and its integers, rounded so that the outputs change least where enough is known for that."""
    scale = np.array(row.scale, np.float32)
    quant = Quantization(scale, np.zeros(scale.shape, np.int64), row.axis)
    nearest = quantize(_const(value), quant, row.dtype, narrow=True).astype(np.int8)
    if not is_enough(products):
        return row, nearest
    grid = spread(scale, row.axis, value.rank), LIMITS[row.dtype][1]
    best, found = rounded(node, value, grid, products, is_searched=is_searched)
    if is_searched:
        row = structs.replace(row, scale=tuple(found.ravel().tolist()))
        quant = Quantization(found.ravel(), quant.zero_point, row.axis)
        nearest = quantize(_const(value), quant, row.dtype, narrow=True).astype(np.int8)
    moved = zlib.compress((best - nearest).tobytes(), level=1)
    return structs.replace(row, moved=moved, why=f"{row.why}; rounded so that the outputs change least"), best


def bias_of(node: Node, weight: str) -> Value | None:
    """The constant bias of the sums that the operand `weight` makes, if the node has one."""
    for name, value in zip(node.op.operands(len(node.inputs)), node.inputs, strict=True):
        port = node.op.port(name)
        if value is not None and value.const is not None and isinstance(port, Bias) and weight in port.of:
            return value
    return None


def _joint_scale(node: Node, bias: Value, scale_of: ScaleOf) -> float:
    """The product of the scales of the activations that the bias's scale is made of."""
    names = node.op.operands(len(node.inputs))
    port = node.op.port(names[node.inputs.index(bias)])
    assert isinstance(port, Bias)
    parts = [node.inputs[names.index(name)] for name in port.of if not isinstance(node.op.port(name), Weight)]
    return float(np.prod([scale_of(part) for part in parts if part is not None]))


def _bias(node: Node, choice: Choice, bias: Value, weight: tuple[Array, Quantization], scale_of: ScaleOf) -> Grid:
    """int32, or with int16 activations int64 unless no channel can overflow and the kernel takes int32."""
    row = Grid(value=bias.name, dtype="int32", reader=node.name, who="kernel", why="the accumulator's type")
    if choice.precision == "int8":
        return row
    if not hasattr(node.op, "quantized_bias_type"):
        return structs.replace(row, dtype="int64", why="the kernel takes no other type with int16 activations")
    found = weight_of(node)
    assert found is not None
    integers, quant = weight
    others = tuple(i for i in range(integers.ndim) if i != found[1].axis)
    sums = np.abs(integers.astype(np.int64)).sum(axis=others) * -LIMITS["int16"][0]
    scale = _joint_scale(node, bias, scale_of) * quant.scale.astype(np.float64)
    worst = (sums + np.abs(np.rint(_const(bias) / scale))).max(initial=0)
    if worst < LIMITS["int32"][1]:
        return structs.replace(row, why=f"no channel can overflow: Σ|w|·2¹⁵ + |b| ≤ {worst:.3g} < 2³¹")
    return structs.replace(row, dtype="int64", why=f"a channel could overflow int32: {worst:.3g} ≥ 2³¹")


def may_overflow(weight: Value) -> bool:
    """Whether sums of int16 numbers times a stored weight, one output for each row, could exceed int32.

    Without a bias LiteRT adds up in int32 unless the operation says that its bias would be int64.
    """
    assert weight.const is not None
    rows = np.abs(weight.const.astype(np.int64)).reshape(weight.const.shape[0], -1)
    worst: int = rows.sum(axis=1).max(initial=0) * -LIMITS["int16"][0]
    return worst >= LIMITS["int32"][1]


def _corrected(node: Node, row: Grid, error: Array, spreads: Mapping[str, Spread]) -> Grid:
    """The bias's row, with what takes back the shift of the mean that rounding the weight by `error` causes.

    Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction (2019), section 4.2, with
    means measured on samples.
    """
    input = next((v for v in node.inputs if v is not None and v.const is None and v.name in spreads), None)
    if input is None:
        return row
    shift = node.op.mean_response(spreads[input.name].mean, error)
    if shift is None or not np.isfinite(shift).all():
        return row
    return structs.replace(row, correction=tuple((-shift).tolist()), why=f"{row.why}; corrected for rounded weights")


def _halves(node: Node) -> Iterator[Grid]:
    for value in node.inputs:
        if value is not None and value.const is not None and value.dtype == np.float32 and value.const.size >= HALVES:
            reader = node.name
            yield Grid(value=value.name, dtype="float16", reader=reader, who="recipe", why="half the size")


def _row(node: Node, choice: Choice, value: Value, scales: tuple[Array, int | None], why: str) -> Grid:
    const, (scale, axis) = _const(value), scales
    return Grid(
        value=value.name,
        dtype=choice.weights,
        scale=tuple(scale.ravel().tolist()),
        zero_point=(0,) * scale.size,
        axis=axis,
        block=choice.block,
        reader=node.name,
        low=float(const.min()),
        high=float(const.max()),
        who="graph",
        why=why,
    )


def _const(value: Value) -> Array:
    assert value.const is not None
    return value.const
