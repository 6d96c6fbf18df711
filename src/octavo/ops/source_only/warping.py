"""Images seen through a projection: each new pixel looked up where it comes from.

Source: `image_ops.h` of TensorFlow. Coordinates are computed when the model is converted if the projection is known.
"""

from __future__ import annotations

from functools import reduce

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._elementwise import like
from octavo.ops.binary import Add, Div, FloorMod, Maximum, Minimum, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Equal, GreaterEqual, Less
from octavo.ops.gather import Gather
from octavo.ops.logical import LogicalAnd
from octavo.ops.pad import PadV2
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.shape import known_dims
from octavo.ops.slice import Slice
from octavo.ops.unary import Abs, Ceil, Floor

_FLOAT32, _INT32 = np.dtype(np.float32), np.dtype(np.int32)


@lowers("tf.ImageProjectiveTransformV2", "tf.ImageProjectiveTransformV3")
def projected(source: Source, build: Builder) -> Value:
    """By the nearest pixel, or by four weighted by their distance; what lies outside has a number, or is folded in."""
    image, transforms = source.inputs[:2]
    size = [_known(dim) for dim in known_dims(source.inputs[2], "the new size")]
    filling = source.inputs[3] if len(source.inputs) > 3 else build.const(np.float32(0))
    mode = str(source.node.attrs.get("fill_mode", "CONSTANT"))
    pixels = _Pixels.of(build, cast(build, image, _FLOAT32), filling, size)
    places = [
        _folded(build, at, length, mode)
        for at, length in zip(_seen(build, transforms, size), pixels.lengths, strict=True)
    ]
    if source.attr("interpolation", str) == "NEAREST":
        result = pixels.at(build, *(_rounded(build, at) for at in places))
    else:
        result = _between(build, pixels, places)
    return cast(build, result, image.dtype)


class _Pixels:
    """The pixels of images in rows, and one of the filling behind them."""

    def __init__(self, rows: Value, lengths: tuple[int, int], size: list[int]) -> None:
        self.rows, self.lengths, self.size = rows, lengths, size

    @classmethod
    def of(cls, build: Builder, image: Value, filling: Value, size: list[int]) -> _Pixels:
        batch, height, width, channels = image.shape
        lengths = (_known(height), _known(width))
        rows = reshape(build, image, [batch, lengths[0] * lengths[1], channels])
        around = np.array([[0, 0], [0, 1], [0, 0]], np.int32)
        return cls(build(PadV2(), rows, around, filling), lengths, size)

    def at(self, build: Builder, row: Value, column: Value) -> Value:
        """The pixels at whole places, [1 or batch, places] each; the filling where there is none."""
        height, width = self.lengths
        inside = reduce(
            lambda a, b: build(LogicalAnd(), a, b),
            [
                build(GreaterEqual(), row, like(row, 0)), build(Less(), row, like(row, height)),
                build(GreaterEqual(), column, like(column, 0)), build(Less(), column, like(column, width)),
            ],
        )  # fmt: skip
        flat = build(Add(), build(Mul(), row, like(row, width)), column)
        flat = cast(build, build(SelectV2(), inside, flat, like(flat, height * width)), _INT32)
        batch, _, channels = self.rows.shape
        if flat.shape[0] == 1 and batch != 1:
            picked = build(Gather(axis=1), self.rows, reshape(build, flat, [flat.shape[1]]))
        else:
            picked = build(Gather(axis=1, batch_dims=1), self.rows, flat)
        return reshape(build, picked, [batch, *self.size, channels])


def _seen(build: Builder, transforms: Value, size: list[int]) -> tuple[Value, Value]:
    """[1 or batch, places]: the row and the column that each new pixel is seen at; −1 where it is seen nowhere."""
    rows, columns = np.divmod(np.arange(size[0] * size[1]), size[1])
    x, y = columns[None].astype(np.float32), rows[None].astype(np.float32)
    begin = np.zeros(2, np.int32)

    def number(at: int) -> Value:
        begin[1] = at
        return build(Slice(), transforms, begin.copy(), np.array([-1, 1], np.int32))

    def along(first: int) -> Value:
        return build(Add(), build(Mul(), number(first), x), build(Mul(), number(first + 1), y))

    one = np.float32(1)
    depth = build(Add(), along(6), one)
    flat = build(Equal(), depth, np.float32(0))
    divisor = build(SelectV2(), flat, one, depth)
    column = build(Div(), build(Add(), along(0), number(2)), divisor)
    row = build(Div(), build(Add(), along(3), number(5)), divisor)
    outside = np.float32(-2)
    return build(SelectV2(), flat, outside, row), build(SelectV2(), flat, outside, column)


def _folded(build: Builder, at: Value, length: int, mode: str) -> Value:
    """Places outside the image as places inside it, as the mode says."""
    if mode == "CONSTANT":
        return at
    if mode == "REFLECT" and length > 1:
        turn = build(FloorMod(), at, like(at, 2 * length))
        at = build(
            SelectV2(), build(Less(), turn, like(at, length)), turn, build(Sub(), like(at, 2 * length - 1), turn)
        )
    elif mode == "WRAP" and length > 1:
        at = _wrapped(build, at, length)
    elif mode not in ("NEAREST", "REFLECT", "WRAP"):
        raise NotLoweredError(f"its mode is {mode}")
    return build(Minimum(), build(Maximum(), at, like(at, 0)), like(at, length - 1))


def _wrapped(build: Builder, at: Value, length: int) -> Value:
    """One period more, or less, for each whole distance of `length − 1` beyond the ends."""
    span = like(at, length - 1)

    def turns(value: Value) -> Value:
        return build(Mul(), build(Floor(), build(Div(), value, span)), like(at, length))

    below = build(Add(), build(Add(), at, like(at, length)), turns(build(Sub(), like(at, 0), at)))
    above = build(Sub(), at, turns(at))
    inside = build(SelectV2(), build(Less(), at, like(at, 0)), below, at)
    return build(SelectV2(), build(Less(), span, at), above, inside)


def _rounded(build: Builder, at: Value) -> Value:
    """The nearest whole place, halves away from zero."""
    half = like(at, 0.5)
    up = build(Floor(), build(Add(), at, half))
    return build(SelectV2(), build(Less(), at, like(at, 0)), build(Ceil(), build(Sub(), at, half)), up)


def _between(build: Builder, pixels: _Pixels, places: list[Value]) -> Value:
    """The four pixels around each place, each by how near it is along both axes."""
    lower = [build(Floor(), at) for at in places]
    upper = [build(Add(), at, like(at, 1)) for at in lower]
    terms = []
    for row, column in np.ndindex(2, 2):
        ends = [(upper if side else lower)[axis] for axis, side in enumerate((row, column))]
        weights = [
            build(Sub(), like(at, 1), build(Abs(), build(Sub(), at, end))) for at, end in zip(places, ends, strict=True)
        ]
        weight = build(Mul(), *weights)
        terms.append(build(Mul(), pixels.at(build, *ends), reshape(build, weight, [weight.shape[0], *pixels.size, 1])))
    return reduce(lambda a, b: build(Add(), a, b), terms)


def _known(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the images must be known before the model runs")
    return dim
