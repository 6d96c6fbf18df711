"""Samples with what is known to be true of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from msgspec.structs import replace

from octavo.errors import SamplesError
from octavo.ir.source import Array
from octavo.samples import LABELS, Input, Sample, Samples, is_pair, without_labels

Labelled = Iterator[tuple[Sample, Array | None]]


def labelled(samples: Samples, labels: Array | None) -> Labelled:
    """Each sample with its labels, [entries of the sample, …]; with None if there are none.

    Labels are those given, those that came with the samples, or the second part of each `(inputs, labels)`.

    Raises:
        SamplesError: there are more or fewer labels than samples.
    """
    given = labels if labels is not None else samples.labels
    return _from_pairs(samples) if given is None else _from_array(samples, np.asarray(given))


def _from_array(samples: Samples, labels: Array) -> Labelled:
    used = 0
    for sample in samples:
        count = entries(sample)
        if used + count > len(labels):
            raise SamplesError(f"there are {len(labels)} labels, fewer than samples", where=samples.origin)
        yield sample, labels[used : used + count]
        used += count
    if used < len(labels):
        raise SamplesError(f"there are {len(labels)} labels for {used} samples", where=samples.origin)


def _from_pairs(samples: Samples) -> Labelled:
    """The samples, without labels where the items are no pairs."""
    waiting: deque[Array | None] = deque()

    def inputs_only() -> Iterable[Any]:
        for item in samples.items():
            pair = _as_pair(item, samples.inputs)
            waiting.append(_batched(pair, samples.inputs) if pair else None)
            yield pair[0] if pair else item

    for sample in replace(samples, items=inputs_only):
        yield sample, waiting.popleft()


def entries(sample: Sample) -> int:
    """How many samples one call of the model holds: the batch."""
    shape = next(iter(sample.values())).shape
    return shape[0] if shape else 1


def _as_pair(item: Any, inputs: tuple[Input, ...]) -> tuple[Any, Any] | None:
    """The inputs and labels of a pair, or of a row of a data set that has a column of labels; else None."""
    if is_pair(item, inputs):
        return item  # type: ignore[no-any-return]  # just checked
    if not isinstance(item, Mapping):
        return None
    names = {each.name for each in inputs}
    label = next((key for key in LABELS if key in item and key not in names), None)
    return None if label is None else (without_labels(item, inputs), item[label])


def _batched(item: Any, inputs: tuple[Input, ...]) -> Array:
    """The labels of an item, with the batch as first dimension as the inputs have it or lack it."""
    given, labels = item[0], np.asarray(item[1])
    if isinstance(given, Mapping):
        given = given.get(inputs[0].name)
    elif len(inputs) > 1:
        given = given[0]
    return labels if np.ndim(given) == len(inputs[0].shape) and labels.ndim else labels[np.newaxis]
