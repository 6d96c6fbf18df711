"""Numbers rounded as integers of few bits would be, in float: what quantization-aware training leaves behind."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, lowers, operation
from octavo.ir.port import Observed
from octavo.ir.source import Array
from octavo.ops._elementwise import Elementwise
from octavo.ops._real import require_float32
from octavo.ops.binary import Add, Maximum, Minimum, Mul, Sub
from octavo.ops.unary import Floor, Round


@operation
class FakeQuant(Elementwise):
    """The nearest of 2 to the power of `num_bits` numbers from `min` to `max`, one of which is zero."""

    min: float = 0.0
    max: float = 0.0
    num_bits: int = 0
    narrow_range: bool = False

    code: ClassVar = "FAKE_QUANT"

    @lowers("tf.FakeQuantWithMinMaxArgs")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The bounds are attributes."""
        return _fake(source, build, source.attr("min", float), source.attr("max", float))

    @lowers("tf.FakeQuantWithMinMaxVars")
    @staticmethod
    def from_tf_variables(source: Source, build: Builder) -> Value:
        """The bounds are what training left in variables."""
        return _fake(source, build, *(float(source.const(at, "bound").item()) for at in (1, 2)))

    def evaluate(self, *inputs: Array) -> Array:
        """Clipped, then rounded to the nearest step; halves away from zero, as the kernel does."""
        low, high, step = self.grid()
        (x,) = inputs
        count = (np.clip(x, low, high) - low) / step
        return np.asarray(np.floor(count + np.float32(0.5)) * step + low, np.float32)

    def grid(self) -> tuple[np.float32, np.float32, np.float32]:
        """The bounds, moved so that zero is one of the numbers, and the step (`fake_quant_ops_functor.h`)."""
        first, last = (1 if self.narrow_range else 0), 2**self.num_bits - 1
        step = np.float32((np.float32(self.max) - np.float32(self.min)) / (last - first))
        zero = np.clip(np.floor(first - np.float32(self.min) / step + np.float32(0.5)), first, last)
        return np.float32((first - zero) * step), np.float32((last - zero) * step), step

    ports: ClassVar = {"input": Observed(), "output": Observed()}

    @property
    def rounds_to(self) -> tuple[float, float]:
        """The bounds, moved so that zero is one of the numbers."""
        low, high, _ = self.grid()
        return float(low), float(high)

    def version(self, node: Node) -> int:  # noqa: ARG002  # the options tell
        """A narrow range since 2 (`op_version.cc` of LiteRT)."""
        return 2 if self.narrow_range else 1


@lowers("tf.FakeQuantWithMinMaxVarsPerChannel")
def fake_quant_per_channel(source: Source, build: Builder) -> Value:
    """Bounds for each number of the last dimension: rounded step by step, or folded where it is a weight."""
    x = source.inputs[0]
    require_float32(x)
    bits, narrow = source.attr("num_bits", int), source.attr("narrow_range", bool)
    low, high = (source.const(at, "bound") for at in (1, 2))
    grids = [
        FakeQuant(min=float(a), max=float(b), num_bits=bits, narrow_range=narrow).grid()
        for a, b in zip(low, high, strict=True)
    ]
    return _rounded(build, x, *np.array(grids, np.float32).T)


@lowers("tf.QuantizeAndDequantizeV2", "tf.QuantizeAndDequantizeV3", "tf.QuantizeAndDequantizeV4")
def quantize_and_dequantize(source: Source, build: Builder) -> Value:
    """Rounded to whole steps of a grid around zero that covers the range given (`quantize_and_dequantize_op.h`)."""
    x = source.inputs[0]
    require_float32(x)
    bits = int(source.const(3, "number of bits")) if source.node.op.endswith("V3") else source.attr("num_bits", int)
    axis, halves = source.node.attrs.get("axis", -1), source.node.attrs.get("round_mode", "HALF_TO_EVEN")
    if not source.attr("range_given", bool):
        raise NotLoweredError("its range would be that of the numbers of each run")
    low, high = (np.atleast_1d(source.const(at, "bound")).astype(np.float64) for at in (1, 2))
    signed, narrow = source.attr("signed_input", bool), bool(source.node.attrs.get("narrow_range", False))
    last = 2.0 ** (bits - signed) - 1
    first = (-last if narrow else -last - 1) if signed else 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.minimum(
            np.where(first * low > 0, first / low, np.inf), np.where(last * high > 0, last / high, np.inf)
        )
    scale = scale.reshape(-1 if axis < 0 else [-1, *[1] * (x.rank - axis - 1)])
    bounded = build(Minimum(), build(Maximum(), x, np.float32(first / scale)), np.float32(last / scale))
    steps = build(Mul(), bounded, np.float32(scale))
    whole = build(Round(), steps) if halves == "HALF_TO_EVEN" else build(Floor(), build(Add(), steps, np.float32(0.5)))
    return build(Mul(), whole, np.float32(1 / scale))


def _fake(source: Source, build: Builder, low: float, high: float) -> Value:
    x = source.inputs[0]
    require_float32(x)
    if not low <= 0 <= high or low == high:
        raise NotLoweredError(f"its bounds {low} and {high} do not hold zero between them")
    bits, narrow = source.attr("num_bits", int), source.attr("narrow_range", bool)
    op = FakeQuant(min=low, max=high, num_bits=bits, narrow_range=narrow)
    if not narrow or x.const is not None:
        return build(op, x)
    least, greatest, step = op.grid()  # the kernel leaves narrow ranges to weights: a step more, which is never reached
    wider = FakeQuant(min=float(least - step), max=float(greatest), num_bits=bits)
    return build(wider, build(Maximum(), x, least))


def _rounded(build: Builder, x: Value, low: Array, high: Array, step: Array) -> Value:
    """`x` within the bounds, at the nearest of the steps from the lower one."""
    bounded = build(Minimum(), build(Maximum(), x, np.float32(low)), np.float32(high))
    count = build(Mul(), build(Sub(), bounded, np.float32(low)), np.float32(1 / step))
    whole = build(Floor(), build(Add(), count, np.float32(0.5)))
    return build(Add(), build(Mul(), whole, np.float32(step)), np.float32(low))
