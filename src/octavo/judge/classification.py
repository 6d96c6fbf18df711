"""Metrics of classifiers: right classes, F1, ROC AUC, overlap of segments, error rate of sequences."""

from __future__ import annotations

import numpy as np

from octavo.errors import SamplesError
from octavo.ir.source import Array
from octavo.judge.metric import Metric, fitting, ratio_of_sums

VOID = 255
"""Positions with this label belong to no class (PASCAL VOC, Cityscapes)."""


def predicted(outputs: Array) -> Array:
    """The class of the greatest entry along the last dimension; of one entry alone, whether it is above ½."""
    return outputs[..., 0] > 0.5 if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)


def classes_of(labels: Array, outputs: Array) -> Array:
    """Class numbers [samples, …] out of class numbers or one-hot labels.

    Raises:
        SamplesError: the labels fit neither the outputs nor their classes.
    """
    if labels.shape == outputs.shape and outputs.shape[-1] > 1:
        return np.asarray(labels.argmax(axis=-1))
    return fitting(labels, outputs.shape[:-1], f"class numbers of the shape {list(outputs.shape[:-1])}, or one-hot")


def top(count: int) -> Metric:
    """The share of samples (or of positions in them) whose label is among the `count` greatest outputs."""

    def rows(outputs: Array, labels: Array) -> Array:
        outputs = _classed(outputs, labels)
        classes = classes_of(labels, outputs)
        if count == 1:
            right = predicted(outputs) == classes
        else:
            few = min(count, outputs.shape[-1])
            best = np.argpartition(outputs, -few, axis=-1)[..., -few:]
            right = (best == classes[..., None]).any(axis=-1)
        each = right.reshape(len(right), -1)
        return np.stack([each.sum(axis=1), np.full(len(each), each.shape[1])], axis=1).astype(np.float64)

    return Metric("accuracy" if count == 1 else f"top{count}", rows, ratio_of_sums, "share")


def error_rate() -> Metric:
    """The share of samples whose greatest output is not the label: 1 − accuracy."""
    accuracy = top(1)

    def rows(outputs: Array, labels: Array) -> Array:
        right = accuracy.rows(outputs, labels)
        return np.stack([right[:, 1] - right[:, 0], right[:, 1]], axis=1)

    return Metric("error_rate", rows, ratio_of_sums, "share", higher_is_better=False)


def f1(average: str) -> Metric:
    """2·tp / (2·tp + fp + fn): the mean over classes (`macro`), or of all decisions together (`micro`).

    `multilabel` takes labels of zeros and ones in the shape of the outputs, each above ½ or not, and is micro.
    A class that is neither labelled nor predicted is left out of the mean.
    """

    def rows(outputs: Array, labels: Array) -> Array:
        if average == "multilabel":
            said, true = outputs > 0.5, fitting(labels, outputs.shape, "zeros and ones in the outputs' shape") > 0.5
        else:
            outputs = _classed(outputs, labels)
            count = max(2, outputs.shape[-1])
            said = _one_hot(predicted(outputs), count)
            true = _one_hot(classes_of(labels, outputs), count)
        said, true = (array.reshape(len(array), -1, array.shape[-1]) for array in (said, true))
        counts = [(said & true).sum(axis=1), (said & ~true).sum(axis=1), (true & ~said).sum(axis=1)]
        return np.concatenate(counts, axis=1).astype(np.float64)

    def value(rows: Array, weights: Array) -> Array:
        right, wrong, missed = np.split(weights @ rows, 3, axis=1)
        if average != "macro":
            right, wrong, missed = (each.sum(axis=1, keepdims=True) for each in (right, wrong, missed))
        total = 2 * right + wrong + missed
        return np.asarray((2 * right / np.maximum(total, 1e-300)).sum(axis=1) / np.maximum((total > 0).sum(axis=1), 1))

    return Metric(f"f1_{average}", rows, value, "share")


def roc_auc() -> Metric:
    """The chance that a sample of a class gets a higher score than one of another; ties count half.

    Two classes: labels 0 and 1, scores are the only output, or the second minus the first. More: the mean over the
    classes of each against the rest. Hanley & McNeil, Radiology 143 (1982).
    """

    def rows(outputs: Array, labels: Array) -> Array:
        outputs = outputs.reshape(len(outputs), -1).astype(np.float64)
        classes = classes_of(labels, outputs).astype(np.float64)
        if outputs.shape[1] == 2:
            outputs = outputs[:, 1:] - outputs[:, :1]
        return np.concatenate([outputs, classes[:, None]], axis=1)

    def value(rows: Array, weights: Array) -> Array:
        scores, classes = rows[:, :-1], rows[:, -1]
        if (classes == classes[0]).all():
            raise SamplesError("all samples have one class: there is nothing to tell apart", where="labels")
        if scores.shape[1] == 1:
            return _auc(scores[:, 0], classes == 1, weights)
        each = np.stack([_auc(scores[:, k], classes == k, weights) for k in np.unique(classes).astype(int)])
        seen = np.isfinite(each)
        return np.asarray(np.where(seen, each, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1))

    return Metric("auc", rows, value, "share")


def mean_iou() -> Metric:
    """The mean over classes of intersection over union of predicted and labelled positions, over all samples.

    Outputs [samples, …, classes], labels [samples, …] of class numbers, 255 for positions that do not count. A class
    that is neither labelled nor predicted anywhere is left out of the mean.
    """

    def rows(outputs: Array, labels: Array) -> Array:
        outputs = _classed(outputs, labels)
        count = max(2, outputs.shape[-1])
        classes = classes_of(labels, outputs).reshape(len(outputs), -1)
        said = predicted(outputs).reshape(len(outputs), -1)
        return np.stack([_overlap(s, c, count) for s, c in zip(said, classes, strict=True)])

    def value(rows: Array, weights: Array) -> Array:
        both, either = np.split(weights @ rows, 2, axis=1)
        share = both / np.maximum(either, 1e-300)
        return np.asarray(share.sum(axis=1) / np.maximum((either > 0).sum(axis=1), 1))

    return Metric("mean_iou", rows, value, "share")


def ctc_error_rate() -> Metric:
    """The edits that turn greedily decoded sequences into the labels, over the length of the labels.

    Outputs [samples, time, symbols] with the blank last, labels [samples, length] filled up with −1. Of characters it
    is the CER, of words the WER. Graves et al., ICML 2006 (decoding); Levenshtein 1966 (edits).
    """

    def rows(outputs: Array, labels: Array) -> Array:
        blank = outputs.shape[-1] - 1
        kept = []
        for said, label in zip(outputs.argmax(axis=-1), labels.reshape(len(outputs), -1), strict=True):
            changed = said[np.diff(said, prepend=-1) != 0]
            true = label[label >= 0]
            kept.append((_edits(changed[changed != blank], true), len(true)))
        return np.array(kept, np.float64)

    return Metric("ctc_error_rate", rows, ratio_of_sums, "share", higher_is_better=False)


def _classed(outputs: Array, labels: Array) -> Array:
    """Outputs as [samples, …, classes]: one number per label is a score of the second of two classes."""
    if outputs.ndim == 1 or (outputs.shape == labels.shape and not _is_one_hot(labels)):
        return outputs[..., None]
    if labels.ndim <= 2 and outputs.ndim > 2 and labels.shape != outputs.shape[:-1]:
        return outputs.reshape(len(outputs), -1)  # [samples, 1, 1, classes] of a fully convolutional classifier
    return outputs


def _is_one_hot(labels: Array) -> bool:
    return labels.shape[-1] > 1 and bool((labels.sum(axis=-1) == 1).all()) and bool(np.isin(labels, (0, 1)).all())


def _one_hot(classes: Array, count: int) -> Array:
    return np.asarray(classes.astype(np.int64)[..., None] == np.arange(count))


def _overlap(said: Array, true: Array, count: int) -> Array:
    counts = true != VOID
    said, true = said[counts].astype(np.int64), true[counts].astype(np.int64)
    if true.size and not 0 <= true.min() <= true.max() < count:
        raise SamplesError(f"a label is {true.max()}, but the output has {count} classes", where="labels")
    both = np.bincount(said[said == true], minlength=count)
    either = np.bincount(said, minlength=count) + np.bincount(true, minlength=count) - both
    return np.concatenate([both, either]).astype(np.float64)


def _auc(scores: Array, positive: Array, weights: Array) -> Array:
    """For each line of weights; samples with equal scores share their mean rank."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.nan) != 0)
    weights, positive = weights[:, order], positive[order]
    yes, no = (np.add.reduceat(weights * side, starts, axis=1) for side in (positive, ~positive))
    below = np.cumsum(no, axis=1) - no / 2
    pairs = yes.sum(axis=1) * no.sum(axis=1)
    return np.asarray(np.where(pairs > 0, (yes * below).sum(axis=1) / np.maximum(pairs, 1), np.nan))


def _edits(said: Array, true: Array) -> int:
    """The least number of insertions, deletions and replacements; one row of the table at a time."""
    row = np.arange(len(true) + 1)
    offset = np.arange(len(true) + 1)
    for symbol in said:
        fresh = np.concatenate([row[:1] + 1, np.minimum(row[1:] + 1, row[:-1] + (true != symbol))])
        row = np.minimum.accumulate(fresh - offset) + offset
    return int(row[-1])
