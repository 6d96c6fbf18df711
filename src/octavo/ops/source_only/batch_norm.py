"""Each channel, moved and stretched to a given mean and spread."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Operand, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._image import as_source, channels_last
from octavo.ops._real import require_float32
from octavo.ops.binary import Add, Mul, SquaredDifference, Sub
from octavo.ops.reduce import Mean
from octavo.ops.reshape import reshape
from octavo.ops.unary import Rsqrt


@lowers("tf.FusedBatchNorm", "tf.FusedBatchNormV2", "tf.FusedBatchNormV3")
def fused_batch_norm(source: Source, build: Builder) -> tuple[Value, ...]:
    """One MUL and one ADD per channel, for the operation before them to take in.

    With `is_training` the mean and variance are those of the batch itself: layer normalization is written so at times.
    The outputs after the first are the mean and variance, and what training keeps for its gradient.
    """
    image, _, _, mean, variance = source.inputs
    require_float32(image)
    if source.attr("is_training", bool):
        return _of_the_batch(source, build)
    result = _normalized(build, channels_last(source, build, image), source.inputs[1:], source.attr("epsilon", float))
    return (as_source(source, build, result), *_statistics(source, mean, variance))


@lowers("tf.BatchNormWithGlobalNormalization")
def batch_norm_with_global_normalization(source: Source, build: Builder) -> Value:
    """The form of the first releases: the scale may be left out."""
    image, mean, variance, offset, scale = source.inputs
    require_float32(image)
    if not source.attr("scale_after_normalization", bool):
        scale = build.const(np.ones(1, np.float32))
    return _normalized(build, image, (scale, offset, mean, variance), source.attr("variance_epsilon", float))


def _normalized(build: Builder, image: Value, statistics: tuple[Value, ...], epsilon: float) -> Value:
    """`image · m + (offset − mean · m)` with `m = scale / √(variance + epsilon)`; constants become two constants."""
    known = [value.const for value in statistics]
    factor: Operand
    term: Operand
    if all(array is not None for array in known):
        scale, offset, mean, variance = (array.astype(np.float64) for array in known if array is not None)
        exact = scale / np.sqrt(variance + epsilon)
        factor, term = exact.astype(np.float32), (offset - mean * exact).astype(np.float32)
    else:
        spread = build(Rsqrt(), build(Add(), statistics[3], np.float32(epsilon)))
        factor = build(Mul(), statistics[0], spread)
        term = build(Sub(), statistics[1], build(Mul(), statistics[2], factor))
    return build(Add(), build(Mul(), image, factor), term)


def _of_the_batch(source: Source, build: Builder) -> tuple[Value, ...]:
    """The image, normalized by its own mean and variance per channel, wherever the channels are."""
    image, scale, offset = source.inputs[:3]
    if source.node.attrs.get("exponential_avg_factor", 1.0) != 1.0:
        raise NotLoweredError("it updates running statistics, which is training")
    axis = 1 if source.attr("data_format", str).startswith("NC") else image.rank - 1
    others = np.array([i for i in range(image.rank) if i != axis], np.int32)
    mean = build(Mean(keep_dims=True), image, others)
    variance = build(Mean(keep_dims=True), build(SquaredDifference(), image, mean), others)
    spread = build(Rsqrt(), build(Add(), variance, np.float32(source.attr("epsilon", float))))
    result = build(Mul(), build(Sub(), image, mean), spread)
    if not _holds(scale, 1.0):
        result = build(Mul(), result, _along(build, scale, axis, image))
    if not _holds(offset, 0.0):
        result = build(Add(), result, _along(build, offset, axis, image))
    channels = (image.shape[axis],)
    mean, variance = reshape(build, mean, channels), reshape(build, variance, channels)
    return (result, *_statistics(source, mean, variance))


def _statistics(source: Source, mean: Value, variance: Value) -> tuple[Value, ...]:
    """The outputs after the first: twice the statistics, and in the third version a scratchpad."""
    return (mean, variance, mean, variance, mean) if source.node.op.endswith("V3") else (mean, variance) * 2


def _along(build: Builder, vector: Value, axis: int, image: Value) -> Value:
    """The vector, shaped to meet dimension `axis` of the image."""
    return reshape(build, vector, [*vector.shape, *[1] * (image.rank - 1 - axis)])


def _holds(value: Value, number: float) -> bool:
    """Whether every element is `number`, as far as the graph tells: a constant, or a FILL of any length."""
    array: Array | None = value.const
    if array is None and value.producer is not None and value.producer.op.code == "FILL":
        filling = value.producer.inputs[1]
        array = None if filling is None else filling.const
    return array is not None and bool((array == number).all())
