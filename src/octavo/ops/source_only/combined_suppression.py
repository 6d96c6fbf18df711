"""The best of boxes that overlap, of several images and classes at once."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops.binary import Maximum, Minimum
from octavo.ops.comparison import Less
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather
from octavo.ops.non_max_suppression import NonMaxSuppressionV4, operands
from octavo.ops.pack import Pack
from octavo.ops.pad import pad
from octavo.ops.reduce import Sum
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.slice import Slice
from octavo.ops.topk import TopKV2

Limits = tuple[int, Value, Value]
"""How many boxes of a class are kept at most, the overlap from which on the worse one is left out, the least score."""
LOWEST = np.finfo(np.float32).min
MOST = 512
"""Images times classes, each of which takes seven operations."""


@lowers("tf.CombinedNonMaxSuppression")
def combined(source: Source, build: Builder) -> tuple[Value, ...]:
    """Each class of each image by itself; of each image the best of them all (`non_max_suppression_op.cc`)."""
    boxes, scores = source.inputs[:2]
    images, count, classes = scores.shape
    if not isinstance(images, int) or not isinstance(count, int) or not isinstance(classes, int):
        raise NotLoweredError(f"LiteRT suppresses the boxes of one image and class; {scores.type} says not how many")
    if images * classes > MOST:
        raise NotLoweredError(
            f"{images} images of {classes} classes are too many for LiteRT, which takes one at a time"
        )
    each, total = (int(source.const(at, "number of boxes").item()) for at in (2, 3))
    each = min(each, count)
    size = min(total, each * classes) if source.attr("pad_per_class", bool) else total
    limits = (each, source.inputs[4], source.inputs[5])
    found = [
        _of_image(build, _part(build, boxes, image), _part(build, scores, image), limits, size)
        for image in range(images)
    ]
    chosen, best, kinds, counts = (_stacked(build, parts) for parts in zip(*found, strict=True))
    if source.attr("clip_boxes", bool):
        chosen = build(Minimum(), build(Maximum(), chosen, np.float32(0)), np.float32(1))
    return chosen, best, kinds, counts


def _of_image(build: Builder, boxes: Value, scores: Value, limits: Limits, size: int) -> tuple[Value, ...]:
    """[size, 4], [size], [size] and a scalar: boxes, scores and classes, best first, and how many there are."""
    each, overlap, least = limits
    classes, count = int(scores.shape[1]), int(scores.shape[0])
    columns = [_column(build, scores, kind) for kind in range(classes)]
    shared = reshape(build, boxes, [count, 4]) if boxes.shape[1] == 1 else None
    places: list[Value] = []
    kept: list[Value] = []
    counts: list[Value] = []
    for kind, column in enumerate(columns):
        own = _box_column(build, boxes, kind) if shared is None else shared
        given = operands(build, own, column, build.const(np.array(each, np.int32)), overlap, least)
        chosen, number = build.many(NonMaxSuppressionV4(), *given)
        is_there = build(Less(), np.arange(each, dtype=np.int32), number)
        kept.append(build(SelectV2(), is_there, build(Gather(), column, chosen), np.float32(LOWEST)))
        places.append(build(Gather(), own, chosen))
        counts.append(reshape(build, number, [1]))
    total = build(Sum(keep_dims=False), concatenate(build, counts, 0), np.array([0], np.int32))
    number = build(Minimum(), total, np.array(size, np.int32))
    taken = min(size, each * classes)
    best, order = build.many(TopKV2(), concatenate(build, kept, 0), np.array(taken, np.int32))
    is_there = build(Less(), np.arange(taken, dtype=np.int32), number)
    kinds = build.const(np.repeat(np.arange(classes, dtype=np.float32), each))
    zero, beside = np.float32(0), size - taken
    ordered = build(Gather(), concatenate(build, places, 0), order)
    rows = build(SelectV2(), reshape(build, is_there, [taken, 1]), ordered, zero)
    marks = [build(SelectV2(), is_there, value, zero) for value in (best, build(Gather(), kinds, order))]
    return pad(build, rows, [(0, beside), (0, 0)]), *(pad(build, mark, [(0, beside)]) for mark in marks), number


def _part(build: Builder, value: Value, image: int) -> Value:
    """What belongs to one image."""
    shape = value.shape[1:]
    if value.shape[0] == 1:
        return reshape(build, value, shape)
    begin = np.array([image, *[0] * len(shape)], np.int32)
    return reshape(build, build(Slice(), value, begin, np.array([1, *[-1] * len(shape)], np.int32)), shape)


def _column(build: Builder, scores: Value, kind: int) -> Value:
    """The scores of one class."""
    part = build(Slice(), scores, np.array([0, kind], np.int32), np.array([-1, 1], np.int32))
    return reshape(build, part, [scores.shape[0]])


def _box_column(build: Builder, boxes: Value, kind: int) -> Value:
    """The boxes of one class."""
    part = build(Slice(), boxes, np.array([0, kind, 0], np.int32), np.array([-1, 1, -1], np.int32))
    return reshape(build, part, [boxes.shape[0], 4])


def _stacked(build: Builder, parts: tuple[Value, ...]) -> Value:
    """One beside the other, along a new first dimension."""
    if len(parts) == 1:
        return reshape(build, parts[0], [1, *parts[0].shape])
    return build(Pack(values_count=len(parts), axis=0), *parts)
