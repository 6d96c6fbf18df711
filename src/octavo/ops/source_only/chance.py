"""Random numbers of other distributions, made of uniform ones."""

from __future__ import annotations

import math

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._elementwise import like
from octavo.ops.binary import Add, Maximum, Minimum, Mul
from octavo.ops.gather import Gather
from octavo.ops.random import RandomUniform, drawn, seeds
from octavo.ops.reshape import reshape
from octavo.ops.source_only.special import quantile
from octavo.ops.topk import TopKV2

_WITHIN = 2.0
"""TensorFlow draws anew what lies so many deviations away, or more."""


@lowers("tf.TruncatedNormal")
def truncated_normal(source: Source, build: Builder) -> Value:
    """The quantiles of a normal distribution at uniform places between those of the ends: nothing is drawn in vain."""
    uniform = drawn(build, RandomUniform(*seeds(source)), source, source.inputs[0])
    low, high = (0.5 * math.erfc(-end / math.sqrt(2)) for end in (-_WITHIN, _WITHIN))
    places = build(Add(), build(Mul(), uniform, like(uniform, high - low)), like(uniform, low))
    numbers = quantile(build, places)
    return build(Minimum(), build(Maximum(), numbers, like(numbers, -_WITHIN)), like(numbers, _WITHIN))


@lowers("tf.RandomShuffle")
def shuffled(source: Source, build: Builder) -> Value:
    """The slices in the order of as many random numbers."""
    (value,) = source.inputs
    length = value.shape[0]
    if not isinstance(length, int):
        raise NotLoweredError("how many slices are shuffled must be known before the model runs")
    keys = drawn(build, RandomUniform(*seeds(source)), None, build.const(np.array([length], np.int32)))
    _, order = build.many(TopKV2(), keys, np.array(length, np.int32))
    return build(Gather(), value, reshape(build, order, [length]))
