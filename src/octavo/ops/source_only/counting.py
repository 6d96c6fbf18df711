"""Running products, counts, ranks and other arithmetic over many numbers that LiteRT has no operation for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._elementwise import FLOAT_INT, emit, like
from octavo.ops._real import require_float32
from octavo.ops.binary import Add, Maximum, Minimum, Mul, Sub
from octavo.ops.cast import cast
from octavo.ops.comparison import Greater, Less, LessEqual
from octavo.ops.gather import Gather
from octavo.ops.one_hot import OneHot
from octavo.ops.pad import PadV2
from octavo.ops.reduce import ReduceMax, Sum
from octavo.ops.reshape import reshape
from octavo.ops.reverse import ReverseV2
from octavo.ops.select import SelectV2
from octavo.ops.slice import Slice
from octavo.ops.softmax import LogSoftmax, Softmax
from octavo.ops.topk import TopKV2
from octavo.ops.unary import Abs, Exp, Floor, Log, Neg

_INT32 = np.dtype(np.int32)


@lowers("tf.Cumprod")
def running_product(source: Source, build: Builder) -> Value:
    """See `_running`."""
    return _running(source, build, 1, lambda x, y: emit(build, Mul(), x, y))


@lowers("tf.CumulativeLogsumexp")
def running_log_sum(source: Source, build: Builder) -> Value:
    """See `_running`; the larger of two numbers plus `log(1 + e^−distance)`, and minus infinity where nothing is."""
    require_float32(source.inputs[0])

    def joined(x: Value, y: Value) -> Value:
        distance = build(Abs(), build(Sub(), x, y))
        more = build(Log(), build(Add(), build(Exp(), build(Neg(), distance)), like(x, 1)))
        return build(Add(), build(Maximum(), x, y), more)

    lowest = float(np.finfo(np.float32).min)
    total = _running(source, build, lowest, joined)
    return build(SelectV2(), build(Less(), total, like(total, lowest / 2)), like(total, -np.inf), total)


@lowers("tf.LinSpace")
def line(source: Source, build: Builder) -> Value:
    """So many numbers from one to another."""
    start, stop, _ = source.inputs
    require_float32(start, stop)
    count = int(source.const(2, "number of points").item())
    steps = (np.arange(count) / max(count - 1, 1)).astype(np.float32)
    return build(Add(), build(Mul(), build(Sub(), stop, start), steps), start)


@lowers("tf.Bincount")
def bincount(source: Source, build: Builder) -> Value:
    """How often, or with how much weight, each number occurs in all."""
    numbers, _, weights = source.inputs
    size = _bins(source)
    flat = reshape(build, numbers, [-1])
    return _counted(build, flat, size, None if 0 in weights.shape else reshape(build, weights, [-1]), weights.dtype)


@lowers("tf.DenseBincount")
def dense_bincount(source: Source, build: Builder) -> Value:
    """For vectors in all, for matrices row by row; a flag where only the presence counts."""
    numbers, _, weights = source.inputs
    size = _bins(source)
    given = None if 0 in weights.shape else weights
    if source.attr("binary_output", bool):
        hot = _one_hot(build, numbers, size, weights.dtype)
        return build(ReduceMax(), hot, np.array([numbers.rank - 1], np.int32))
    return _counted(build, numbers, size, given, weights.dtype)


@lowers("tf.LowerBound", "tf.UpperBound")
def bound(source: Source, build: Builder) -> Value:
    """The place of each number in a sorted row: how many are below it, or not above it."""
    rows, numbers = source.inputs
    compare = Less() if source.node.op == "LowerBound" else LessEqual()
    sorted_rows = reshape(build, rows, [rows.shape[0], 1, rows.shape[1]])
    below = emit(build, compare, sorted_rows, reshape(build, numbers, [*numbers.shape, 1]))
    wide = source.dtype("out_type")
    return build(Sum(), cast(build, below, wide), np.array([2], np.int32))


@lowers("tf.HistogramFixedWidth")
def histogram(source: Source, build: Builder) -> Value:
    """How many numbers fall into each of so many bins between two bounds; those outside into the last ones."""
    numbers, (low, high) = source.inputs[0], source.const(1, "range").astype(np.float64)
    count = int(source.const(2, "number of bins").item())
    require_float32(numbers)
    flat = reshape(build, numbers, [-1])
    scaled = build(Mul(), build(Sub(), flat, like(flat, low)), like(flat, count / (high - low)))
    bins = build(Minimum(), build(Maximum(), build(Floor(), scaled), like(flat, 0)), like(flat, count - 1))
    return _counted(build, cast(build, bins, _INT32), count, None, source.dtype("dtype"))


@lowers("tf.InTopK", "tf.InTopKV2")
def in_top_k(source: Source, build: Builder) -> Value:
    """Whether fewer than `k` predictions of a row are above that of its target."""
    predictions, targets = source.inputs[:2]
    count = source.attr("k", int) if source.node.op == "InTopK" else int(source.const(2, "k").item())
    there = reshape(build, cast(build, targets, _INT32), [-1, 1])
    chosen = build(Gather(axis=1, batch_dims=1), predictions, there)
    above = cast(build, build(Greater(), predictions, chosen), _INT32)
    return build(Less(), build(Sum(), above, np.array([1], np.int32)), np.int32(count))


@lowers("tf.NthElement")
def nth_element(source: Source, build: Builder) -> Value:
    """The last of the `n + 1` smallest numbers, or largest."""
    value, place = source.inputs[0], int(source.const(1, "place").item())
    require_float32(value)
    largest = source.attr("reverse", bool)
    best, _ = build.many(TopKV2(), value if largest else build(Neg(), value), np.array(place + 1, np.int32))
    begin = np.array([*[0] * (value.rank - 1), place], np.int32)
    last = build(Slice(), best, begin, np.array([*[-1] * (value.rank - 1), 1], np.int32))
    picked = reshape(build, last, list(value.shape[:-1]))
    return picked if largest else build(Neg(), picked)


@lowers("tf.ApproxTopK")
def approximate_top_k(source: Source, build: Builder) -> tuple[Value, ...]:
    """The exact answer is one that it may give."""
    (value,) = source.inputs
    axis = source.attr("reduction_dimension", int) % value.rank
    if axis != value.rank - 1 or not source.attr("is_max_k", bool):
        raise NotLoweredError("LiteRT finds the largest numbers along the last dimension only")
    return build.many(TopKV2(), value, np.array(source.attr("k", int), np.int32))


@lowers("tf.Cross")
def cross(source: Source, build: Builder) -> Value:
    """The vectors that stand on both."""
    a, b = source.inputs
    after, before = np.array([1, 2, 0], np.int32), np.array([2, 0, 1], np.int32)
    pick = Gather(axis=a.rank - 1)
    left = emit(build, Mul(), build(pick, a, after), build(pick, b, before))
    return emit(build, Sub(), left, emit(build, Mul(), build(pick, a, before), build(pick, b, after)))


@lowers("tf.ApproximateEqual")
def approximately_equal(source: Source, build: Builder) -> Value:
    """Whether two numbers are nearer than the tolerance."""
    x, y = source.inputs
    difference = emit(build, Abs(), emit(build, Sub(), x, y))
    return emit(build, Less(), difference, like(x, source.attr("tolerance", float)))


@lowers("tf.SoftmaxCrossEntropyWithLogits")
def cross_entropy(source: Source, build: Builder) -> tuple[Value, ...]:
    """The loss of each row, and its slope."""
    logits, labels = source.inputs
    require_float32(logits, labels)
    logarithm = build(LogSoftmax(), logits)
    loss = build(Neg(), build(Sum(), build(Mul(), labels, logarithm), np.array([1], np.int32)))
    return loss, build(Sub(), build(Softmax(beta=1.0), logits), labels)


@lowers("tf.SparseSoftmaxCrossEntropyWithLogits")
def cross_entropy_of_numbers(source: Source, build: Builder) -> tuple[Value, ...]:
    """As with a label for each class: 1 for that of the number, 0 for the others."""
    logits, numbers = source.inputs
    classes = logits.shape[1]
    if not isinstance(classes, int):
        raise NotLoweredError("the number of classes must be known before the model runs")
    labels = _one_hot(build, numbers, classes, logits.dtype)
    return cross_entropy(Source(source.node, (logits, labels)), build)


def _bins(source: Source) -> int:
    """How many bins: known, or held between two numbers that are one."""
    size = source.inputs[1]
    node = size.producer
    if node is not None and isinstance(node.op, Minimum):
        for most, inner in (node.inputs, node.inputs[::-1]):
            if most is None or most.const is None or inner is None or inner.producer is None:
                continue
            if isinstance(inner.producer.op, Maximum) and any(
                least is not None and least.const is not None and least.const.item() >= most.const.item()
                for least in inner.producer.inputs
            ):
                return int(most.const.item())
    return int(source.const(1, "number of bins").item())


def _running(source: Source, build: Builder, neutral: float, join: Callable[[Value, Value], Value]) -> Value:
    """In ⌈log₂ length⌉ steps: each number joined with that which stands 1, 2, 4 … places before it."""
    value, axis = source.inputs[0], int(source.const(1, "axis").item()) % source.inputs[0].rank
    if value.dtype.name not in FLOAT_INT:
        raise NotLoweredError(f"LiteRT does not compute it in {value.dtype.name}")
    length = value.shape[axis]
    if not isinstance(length, int):
        raise NotLoweredError("the length of its axis must be known before the model runs")
    value = _back_to_front(build, source, value, axis)
    if source.attr("exclusive", bool):
        value = _shifted(build, value, axis, 1, neutral)
    reach = 1
    while reach < length:
        value = join(value, _shifted(build, value, axis, reach, neutral))
        reach *= 2
    return _back_to_front(build, source, value, axis)


def _back_to_front(build: Builder, source: Source, value: Value, axis: int) -> Value:
    return build(ReverseV2(), value, np.array([axis], np.int32)) if source.attr("reverse", bool) else value


def _shifted(build: Builder, value: Value, axis: int, places: int, border: float) -> Value:
    """The numbers so many places later, behind as many of `border`."""
    length = value.shape[axis]
    assert isinstance(length, int)
    size = np.where(np.arange(value.rank) == axis, length - places, -1).astype(np.int32)
    kept = build(Slice(), value, np.zeros(value.rank, np.int32), size)
    around = np.zeros((value.rank, 2), np.int32)
    around[axis, 0] = places
    return build(PadV2(), kept, around, like(value, border))


def _counted(build: Builder, numbers: Value, size: int, weights: Value | None, dtype: np.dtype[Any]) -> Value:
    """The sums of ones, or of weights, of each number along the last dimension."""
    hot = _one_hot(build, numbers, size, dtype)
    if weights is not None:
        hot = emit(build, Mul(), hot, reshape(build, weights, [*weights.shape, 1]))
    return build(Sum(), hot, np.array([numbers.rank - 1], np.int32))


def _one_hot(build: Builder, numbers: Value, size: int, dtype: np.dtype[Any]) -> Value:
    """[…, numbers, size], as numbers that LiteRT adds up."""
    if dtype.name not in FLOAT_INT:
        raise NotLoweredError(f"LiteRT does not add up {dtype.name}")
    one, zero = np.ones((), dtype), np.zeros((), dtype)
    return build(OneHot(axis=-1), cast(build, numbers, _INT32), np.array(size, np.int32), one, zero)
