"""The best of boxes that overlap."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import Op, lowers, operation
from octavo.ir.port import Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._real import require_float32
from octavo.ops.cast import cast
from octavo.ops.comparison import Less
from octavo.ops.gather import Gather
from octavo.ops.reshape import reshape
from octavo.ops.where import Where

_INT32 = np.dtype(np.int32)


@operation
class NonMaxSuppression(Op):
    """What both forms share: `boxes` [boxes, 4] as two opposite corners, `scores` [boxes]."""

    def _types(self, boxes: Value, scores: Value, count: Value) -> tuple[int, ...]:
        """How many boxes are chosen at most.

        Raises:
            ValueError: it is unknown, or the scores are not those of the boxes.
        """
        if count.const is None:
            raise ValueError("the number of boxes must be known before the model runs")
        if boxes.rank != 2 or boxes.shape[1] != 4 or scores.rank != 1:
            raise ValueError(f"{boxes.type} with {scores.type} are no boxes with their scores")
        return (int(count.const.item()),)


@operation
class NonMaxSuppressionV4(NonMaxSuppression):
    """Boxes of falling score, none of which overlaps a better one by more than `iou_threshold`.

    The first output has `max_output_size` places, filled up with zeros; the second says how many boxes there are.
    """

    code: ClassVar = "NON_MAX_SUPPRESSION_V4"

    @lowers("tf.NonMaxSuppressionV4")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """LiteRT fills up always."""
        chosen, count = build.many(NonMaxSuppressionV4(), *operands(build, *source.inputs))
        return (chosen if source.attr("pad_to_max_output_size", bool) else first(build, chosen, count)), count

    @lowers("tf.NonMaxSuppressionV3")
    @staticmethod
    def from_tf_v3(source: Source, build: Builder) -> Value:
        """The third version gives as many boxes as there are."""
        chosen, count = build.many(NonMaxSuppressionV4(), *operands(build, *source.inputs))
        return first(build, chosen, count)

    @lowers("tf.NonMaxSuppressionV2", "tf.NonMaxSuppression")
    @staticmethod
    def from_tf_v2(source: Source, build: Builder) -> Value:
        """Every score is good enough."""
        lowest = build.const(np.float32(np.finfo(np.float32).min))
        inputs = source.inputs
        if len(inputs) == 3:
            inputs = (*inputs, build.const(np.float32(source.attr("iou_threshold", float))))
        chosen, count = build.many(NonMaxSuppressionV4(), *operands(build, *inputs, lowest))
        return first(build, chosen, count)

    def infer(self, boxes: Value, scores: Value, count: Value, overlap: Value, score: Value) -> tuple[Type, Type]:  # noqa: ARG002  # thresholds
        """[max_output_size], and a scalar."""
        return Type(_INT32, self._types(boxes, scores, count)), Type(_INT32, ())

    def evaluate(self, boxes: Array, scores: Array, count: Array, overlap: Array, score: Array) -> tuple[Array, Array]:
        """The best of what is left, again and again."""
        chosen, _ = suppressed(boxes, scores, int(count.item()), (overlap.item(), score.item(), 0.0))
        filled = np.zeros(int(count.item()), np.int32)
        filled[: len(chosen)] = chosen
        return filled, np.int32(len(chosen)) + np.zeros((), np.int32)

    ports: ClassVar = {
        "boxes": Observed(),
        "scores": Observed(),
        "max_output_size": Plain(),
        "iou_threshold": Plain(),
        "score_threshold": Plain(),
        "output_selected_indices": Plain(),
        "output_num_selected_indices": Plain(),
    }


@operation
class NonMaxSuppressionV5(NonMaxSuppression):
    """As the fourth version, and overlapping boxes may only lose score: by e to the −overlap² / (2 · sigma)."""

    code: ClassVar = "NON_MAX_SUPPRESSION_V5"

    @lowers("tf.NonMaxSuppressionV5")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> tuple[Value, ...]:
        """LiteRT fills up always."""
        chosen, scores, count = build.many(NonMaxSuppressionV5(), *operands(build, *source.inputs))
        if source.attr("pad_to_max_output_size", bool):
            return chosen, scores, count
        return first(build, chosen, count), first(build, scores, count), count

    def infer(  # the operands of the schema
        self, boxes: Value, scores: Value, count: Value, overlap: Value, score: Value, sigma: Value  # noqa: ARG002  # thresholds
    ) -> tuple[Type, ...]:  # fmt: skip
        """[max_output_size] twice, and a scalar."""
        places = self._types(boxes, scores, count)
        return Type(_INT32, places), Type(np.dtype(np.float32), places), Type(_INT32, ())

    def evaluate(  # the operands of the schema
        self, boxes: Array, scores: Array, count: Array, overlap: Array, score: Array, sigma: Array
    ) -> tuple[Array, ...]:
        """The best of what is left, again and again."""
        thresholds = (overlap.item(), score.item(), sigma.item())
        chosen, kept = suppressed(boxes, scores, int(count.item()), thresholds)
        filled, left = np.zeros(int(count.item()), np.int32), np.zeros(int(count.item()), np.float32)
        filled[: len(chosen)], left[: len(chosen)] = chosen, kept
        return filled, left, np.int32(len(chosen)) + np.zeros((), np.int32)

    ports: ClassVar = {
        **{name: port for name, port in NonMaxSuppressionV4.ports.items() if not name.startswith("output")},
        "soft_nms_sigma": Plain(),
        "output_selected_indices": Plain(),
        "output_selected_scores": Observed(),
        "output_num_selected_indices": Plain(),
    }


def operands(build: Builder, *inputs: Value) -> tuple[Value, ...]:
    """The operands as the kernels take them: float32, and an int32 count.

    Raises:
        NotLoweredError: boxes or scores are of another dtype.
    """
    boxes, scores, count, *thresholds = inputs
    require_float32(boxes, scores)
    return boxes, scores, cast(build, count, _INT32), *(cast(build, value, boxes.dtype) for value in thresholds)


def first(build: Builder, values: Value, count: Value) -> Value:
    """The first `count` of a vector; how many that are is known only at run time."""
    places = build.const(np.arange(int(values.shape[0]), dtype=np.int32))
    found = build(Where(), build(Less(), places, count))
    return build(Gather(), values, reshape(build, cast(build, found, _INT32), [found.shape[0]]))


def suppressed(
    boxes: Array, scores: Array, count: int, thresholds: tuple[float, float, float]
) -> tuple[list[int], list[float]]:
    """The chosen boxes and their scores, at most `count`; the thresholds are of overlap and score, then sigma."""
    most, least, sigma = thresholds
    left = np.asarray(scores, np.float32).copy()
    chosen: list[int] = []
    kept: list[float] = []
    overlaps = _overlaps(boxes)
    while len(chosen) < count and left.size and (best := int(np.argmax(left))) >= 0 and left[best] > least:
        chosen.append(best)
        kept.append(float(left[best]))
        shared = overlaps[best]
        if sigma:
            left = left * np.where(shared <= most, np.exp(-(shared**2) / (2 * sigma)), 0).astype(np.float32)
        left = np.where((shared > most) & (sigma == 0), -np.inf, left).astype(np.float32)
        left[best] = -np.inf
    return chosen, kept


def _overlaps(boxes: Array) -> Array:
    """[boxes, boxes]: the area that two boxes share, over that which both cover."""
    low, high = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    shared = np.minimum(high[:, None], high).clip(start := np.maximum(low[:, None], low)) - start
    common, areas = shared.prod(axis=2), (high - low).prod(axis=1)
    both = areas[:, None] + areas - common
    result: Array = np.where((areas[:, None] > 0) & (areas > 0), common / np.where(both == 0, 1, both), 0)
    return result
