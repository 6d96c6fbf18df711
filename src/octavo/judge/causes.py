"""Why a tensor is far from float: the error taken apart, the greatest part named, with what to do about it.

The error that one operation adds has three parts: what lies outside of the grid (known number by number), what
rounding to the grid costs (a twelfth of the step squared: numbers fall anywhere between two steps), and the rest,
which comes from the weights, the bias, inputs that are read on another grid, or the kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.grid import dequantize
from octavo.ir.port import Bias, Weight
from octavo.ir.source import Array
from octavo.judge.diagnosis import Cause
from octavo.judge.twin import Pair
from octavo.ops.quantize import Quantize
from octavo.statistics import edges

LOW = 30.0
"""Decibels of an operation's own SQNR below which it is asked why; int8 gives 35 to 45 to numbers that fill a range."""
FAR = 20.0
"""Decibels of SQNR below which a layer is told from where its error comes."""
SATURATED = 0.005
"""The share of numbers outside of the grid from which on it is told, however little it costs on these samples."""
WIDER = 2.0
"""A grid this many times as wide as the numbers in it gives away a bit."""
RARE = 1e-3
"""The share of numbers that are few."""
STRETCHED = 8.0
"""A range this many times as wide as that of all but few numbers is stretched by these: three bits."""
NARROW = ("int4", "int2")
"""Dtypes of weights that have a wider one among the integers."""
HUGE = 100.0
"""A constant this many times as large as the other numbers stands for an infinity."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of one tensor.

    Its own and its whole SQNR in decibels (None where nothing differs, or nothing is known), the `limits` of its
    grid, what was `seen`, the mean square of its own error (`noise`) and of that the part that is `clipped`.
    `outside` is the share of numbers outside of the grid, `counts` how the numbers are spread (`Spread`).
    """

    pair: Pair
    own: float | None
    whole: float | None
    limits: tuple[float, float] | None
    seen: tuple[float, float]
    noise: float
    clipped: float
    outside: float
    counts: Array

    @property
    def layer(self) -> str:
        """A name for messages."""
        return self.pair.reference.name

    def without_clipping(self) -> Evidence:
        """The same where what is clipped does no harm: without the error that it makes, and that came before it."""
        rest = self.noise - self.clipped
        if self.own is None or self.clipped <= 0:
            return replace(self, whole=None, outside=0.0)
        gained = 10 * float(np.log10(self.noise / rest)) if rest > 0 else np.inf
        return replace(self, own=self.own + gained, whole=None, noise=max(rest, 0.0), clipped=0.0, outside=0.0)


def causes_of(own: Evidence, others: Mapping[Value, Evidence]) -> tuple[Cause, ...]:
    """The causes of a tensor's error, the greatest first; none where it is near enough."""
    found: list[Cause] = []
    if own.own is not None and own.own < LOW:
        found += _parts(own, others)
    elif (crushed := _crushed(own)) is not None:
        found.append(crushed)
    elif own.outside > SATURATED:
        found.append(_saturation(own))
    if own.whole is not None and own.whole < FAR and own.pair.node is not None:
        found += _inherited(own, own.pair.node, others)
    return tuple(found)


def _parts(own: Evidence, others: Mapping[Value, Evidence]) -> list[Cause]:
    """The greatest part of the error, named; and clipping, if it is much."""
    step = 0.0 if own.limits is None else (own.limits[1] - own.limits[0]) / _steps(own)
    rounding = step * step / 12
    rest = max(own.noise - own.clipped - rounding, 0.0)
    if own.clipped >= max(rounding, rest):
        return [_saturation(own)]
    found = _of_range(own, step) if rounding >= rest else _of_rest(own, others)
    return [found, _saturation(own)] if own.outside > SATURATED else [found]


def _crushed(own: Evidence) -> Cause | None:
    """A range that few large numbers, or a constant for infinity, leave too few steps of for all others.

    The SQNR does not tell, because the large numbers, which are held well, are nearly all of the signal.
    """
    if own.limits is None or not own.counts.any():
        return None
    width = own.limits[1] - own.limits[0]
    largest = _infinity(own)
    usual, power = _usual(own.counts, below=abs(largest) / 2 if largest is not None else np.inf)
    if width < STRETCHED * usual or power > 10 ** (LOW / 10) * (width / _steps(own)) ** 2 / 12:
        return None
    return _mask(own, largest, usual) if largest is not None else _outlier(own, usual)


def _steps(own: Evidence) -> int:
    return int(2 ** (8 * own.pair.candidate.dtype.itemsize) - 1)


def _saturation(own: Evidence) -> Cause:
    assert own.limits is not None
    return Cause(
        kind="saturation",
        what=f"{own.outside:.2%} of the numbers lie outside of {_span(own.limits)}, which is all that the grid "
        f"holds; they span {_span(own.seen)}",
        cure="calibrate on samples that show such numbers too; if they did, set ranges = 'minmax' in the recipe",
    )


def _of_range(own: Evidence, step: float) -> Cause:
    """Rounding: why the step is so large."""
    assert own.limits is not None
    width = own.limits[1] - own.limits[0]
    needed = max(own.seen[1], 0.0) - min(own.seen[0], 0.0)
    if width > WIDER * needed and (partner := _shared_with(own.pair.candidate)) is not None:
        return _shared(own, *partner, needed / width)
    if width > WIDER * needed:
        return Cause(
            kind="unused_range",
            what=f"the grid spans {_span(own.limits)}; these samples use {_span(own.seen)} of it",
            cure="look for odd samples among those that calibrate, or debug on samples that are more like them",
        )
    return _crushed(own) or Cause(
        kind="coarse_step",
        what=f"its numbers fill {_span(own.seen)}, and most are small against the step {step:.3g}",
        cure="a rule for this layer with precision = 'int16x8', or 'float32'",
    )


def _shared(own: Evidence, joiner: str, other: str, used: float) -> Cause:
    assert own.limits is not None
    return Cause(
        kind="shared_range",
        what=f"{joiner} joins it with {other!r}, and both share the grid {_span(own.limits)}; its own numbers need "
        f"{_span(own.seen)}, {used:.1%} of the steps",
        cure=f"let the joining operation compute in int16: a rule with op = {joiner!r} and precision = 'int16x8'; or "
        "scale the inputs of the joint alike in the model",
    )


def _mask(own: Evidence, constant: float, usual: float) -> Cause:
    assert own.limits is not None
    return Cause(
        kind="mask_constant",
        what=f"the constant {constant:.4g} stands for an infinity and widens the grid to {_span(own.limits)}; nearly "
        f"all other numbers lie within ±{usual:.4g}",
        cure=f"use a constant such as {np.copysign(4 * max(usual, 4.0), constant):.3g} in the model",
    )


def _outlier(own: Evidence, usual: float) -> Cause:
    assert own.limits is not None
    steps = usual / (own.limits[1] - own.limits[0]) * _steps(own)
    return Cause(
        kind="outlier",
        what=f"a few large numbers stretch the range to {_span(own.limits)}, while {1 - RARE:.1%} lie within "
        f"±{usual:.4g}: {steps:.0f} steps remain for these",
        cure="a rule for this layer with precision = 'int16x8'; or bound the activation in the model (ReLU6)",
    )


def _span(interval: tuple[float, float]) -> str:
    return f"[{interval[0]:.4g}, {interval[1]:.4g}]"


def _usual(counts: Array, *, below: float = np.inf) -> tuple[float, float]:
    """The magnitude that all but few of the numbers stay below, and the mean square of those that do.

    Numbers from `below` on do not count at all.
    """
    reach = np.abs(edges())
    order = np.argsort(reach)
    order = order[reach[order] < below]
    running = np.cumsum(counts[order])
    if not running.size or running[-1] == 0:
        return 0.0, 0.0
    end = min(int(np.searchsorted(running, (1 - RARE) * running[-1])), len(order) - 1)
    kept = order[: end + 1]
    return float(reach[order[end]]), float((counts[kept] * reach[kept] ** 2).sum() / running[end])


def _shared_with(value: Value) -> tuple[str, str] | None:
    """The operation that joins this tensor with another one on the very same grid, and the other's name."""
    for user in value.users:
        others = [v for v in user.inputs if v is not None and v is not value and v.const is None]
        for other in others:
            if (
                value.quant is not None
                and other.quant == value.quant
                and all(v.quant == value.quant for v in user.outputs[:1])
            ):
                return user.op.code, other.name
    return None


def _infinity(own: Evidence) -> float | None:
    """A constant that the operation reads and that dwarfs what it computes otherwise."""
    node = own.pair.node
    named = [] if node is None else zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    for name, value in named:
        if value is None or value.const is None or value.dtype.kind != "f" or not value.const.size:
            continue
        if isinstance(node.op.port(name) if node is not None else None, Bias | Weight):
            continue
        largest = float(value.const.reshape(-1)[np.argmax(np.abs(value.const))])
        if abs(largest) > HUGE * max(_usual(own.counts, below=abs(largest) / 2)[0], 1.0):
            return largest
    return None


def _of_rest(own: Evidence, others: Mapping[Value, Evidence]) -> Cause:
    """Neither clipping nor rounding of the result: the operands, or the kernel."""
    node, maker = own.pair.node, own.pair.candidate.producer
    if node is not None and maker is not None and len(node.inputs) == len(maker.inputs):
        named = list(zip(node.op.operands(len(node.inputs)), node.inputs, maker.inputs, strict=True))
        for name, exact, stored in named:
            port = node.op.port(name)
            found = None
            if isinstance(port, Bias):
                found = _bias(exact, stored)
            elif isinstance(port, Weight):
                found = _weight(own, port, exact, stored)
            if found is not None:
                return found
        for _, exact, stored in named:
            if exact is not None and stored is not None and (found := _reread(exact, stored, others)) is not None:
                return found
    return Cause(
        kind="kernel",
        what="neither its grid nor its weights explain the error: what remains is how LiteRT's kernel computes",
        cure="a rule for this layer with precision = 'int16x8', or 'float32'",
    )


def _bias(exact: Value | None, stored: Value | None) -> Cause | None:
    """A bias whose integers stand at the limit of their dtype."""
    if exact is None or stored is None or stored.const is None or stored.quant is None:
        return None
    limits = np.iinfo(stored.dtype)
    at_limit = int(((stored.const == limits.min) | (stored.const == limits.max)).sum())
    if not at_limit:
        return None
    return Cause(
        kind="bias_overflow",
        what=f"{at_limit} of {stored.const.size} biases do not fit into {stored.dtype.name}: their scale, which is "
        "that of the input times that of the weight, is too small",
        cure="a larger weight scale for these channels, which octavo.convert chooses by itself; or a float32 rule",
    )


def _weight(own: Evidence, port: Weight, exact: Value | None, stored: Value | None) -> Cause | None:
    """Weights that rounding, or float16, changes by as much as the error of the result."""
    held = _constant(stored)
    near = None if held is None else held.const if held.quant is None else dequantize(_numbers(held), held.quant)
    if exact is None or exact.const is None or near is None or near.shape != exact.const.shape or near is exact.const:
        return None
    wide = np.abs(exact.const).max(initial=0.0)
    if np.abs(near).max(initial=0.0) >= 65504 and wide > 65504:
        return Cause(
            kind="float16_overflow",
            what=f"weights reach {wide:.4g}, and float16 ends at 65504",
            cure="a rule for this layer with precision = 'float32' or 'weight_only'",
        )
    noise = float(np.square(near.astype(np.float64) - exact.const).sum())
    signal = float(np.square(exact.const, dtype=np.float64).sum())
    if noise == 0 or signal == 0 or (sqnr := 10 * np.log10(signal / noise)) > LOW + 10:
        return None
    quant = held.quant if held is not None else None
    per_tensor = quant is not None and quant.scale.size == 1
    alone = per_tensor and port.axis is not None
    is_narrow = held is not None and held.dtype.name in NARROW
    wider = "a rule for this layer with " + ("weights = 'int8'" if is_narrow else "precision = 'float16'")
    return Cause(
        kind="weights",
        what=f"rounding leaves the weights within {sqnr:.1f} dB"
        + (f" and the result within {own.own:.1f} dB" if own.own is not None else "")
        + (": one scale serves all channels" if alone else ""),
        cure="per_channel = true in the recipe" if alone else wider,
    )


def _constant(stored: Value | None) -> Value | None:
    """The constant, though there is a DEQUANTIZE between that widens it."""
    if stored is not None and stored.const is None and stored.producer is not None:
        stored = stored.producer.inputs[0]
    return stored if stored is not None and stored.const is not None else None


def _numbers(value: Value) -> Array:
    assert value.const is not None
    return value.const


def _reread(exact: Value, stored: Value, others: Mapping[Value, Evidence]) -> Cause | None:
    """An input that is requantized on the way in, to a coarser grid."""
    before = stored.producer.inputs[0] if _is_requantized(stored) and stored.producer is not None else None
    if before is None or before.quant is None or stored.quant is None or exact not in others:
        return None
    if float(stored.quant.scale[0]) < WIDER * float(before.quant.scale[0]):
        return None
    return Cause(
        kind="shared_range",
        what=f"it reads {exact.name!r} on the grid that it shares with its other inputs, whose step is "
        f"{float(stored.quant.scale[0] / before.quant.scale[0]):.1f} times as large",
        cure="a rule for this layer with precision = 'int16x8', or 'float32'",
    )


def _is_requantized(value: Value) -> bool:
    return value.producer is not None and isinstance(value.producer.op, Quantize)


def _inherited(own: Evidence, node: Node, others: Mapping[Value, Evidence]) -> Iterator[Cause]:
    """The input that is farthest from float, if it explains more than the operation itself."""
    read = [others[value] for value in node.inputs if value is not None and value in others]
    worst = min((each for each in read if each.whole is not None), key=lambda each: each.whole or 0.0, default=None)
    if worst is None or worst.whole is None or (own.own is not None and own.own < worst.whole):
        return
    yield Cause(
        kind="inherited",
        what=f"its input {worst.layer!r} is only within {worst.whole:.1f} dB of float",
        cure="mend the layers before it first",
    )
