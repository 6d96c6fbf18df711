"""Slices as in numpy, in TensorFlow's form: begin, end, strides, and masks for what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Emitter, Tensor


def sliced(emit: Emitter, x: Tensor, key: Any) -> Tensor:
    """`x[key]`, where the key holds ints, slices, ellipses and Nones.

    Raises:
        NotLoweredError: it holds anything else.
    """
    items = list(key) if isinstance(key, list | tuple) else [key]
    begin, end, strides = [0] * len(items), [0] * len(items), [1] * len(items)
    masks = dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    for at, item in enumerate(map(_plain, items)):
        bit = 1 << at
        if item is Ellipsis:
            masks["ellipsis_mask"] |= bit
        elif item is None:
            masks["new_axis_mask"] |= bit
        elif isinstance(item, slice):
            masks["begin_mask"] |= bit if item.start is None else 0
            masks["end_mask"] |= bit if item.stop is None else 0
            begin[at], end[at], strides[at] = item.start or 0, item.stop or 0, item.step or 1
        elif isinstance(item, int):
            begin[at], end[at] = item, item + 1
            masks["shrink_axis_mask"] |= bit
        else:
            raise NotLoweredError(f"an index that is a {type(item).__name__}")
    return emit("StridedSlice", x, *(np.array(v, np.int32) for v in (begin, end, strides)), **masks)


def _plain(item: Any) -> Any:
    """An index of Keras 2, where slices are `{"start": …, "stop": …, "step": …}`, and an ellipsis is its name."""
    if isinstance(item, Mapping) and "start" in item:
        return slice(item["start"], item["stop"], item["step"])
    return (
        Ellipsis
        if item == "Ellipsis" or (isinstance(item, Mapping) and item.get("class_name") == "__ellipsis__")
        else item
    )
