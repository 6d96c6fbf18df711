"""Half precision made single: what was trained in float16 or bfloat16 computes in float32.

LiteRT's kernels take few operations in half precision; which precision weights are stored in is the recipe's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np

from octavo.ir.source import Array, SourceNode

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
SINGLE = np.dtype(np.float32)


class Single(Mapping[str, Any]):
    """The attributes of a node with float32 in place of half precision; `met` gathers the dtypes replaced."""

    __slots__ = ("_attrs", "_met")

    def __init__(self, attrs: Mapping[str, Any], met: dict[np.dtype[Any], None]) -> None:
        """Decode nothing yet."""
        self._attrs = attrs
        self._met = met

    def __getitem__(self, name: str) -> Any:
        """The attribute `name`; KeyError if there is none."""
        value = self._attrs[name]
        if isinstance(value, np.ndarray):
            return single(value, self._met)
        if isinstance(value, list):
            return [single_dtype(item, self._met) for item in value]
        return single_dtype(value, self._met)

    def __contains__(self, name: object) -> bool:
        return name in self._attrs

    def __iter__(self) -> Iterator[str]:
        return iter(self._attrs)

    def __len__(self) -> int:
        return len(self._attrs)


def in_single(node: SourceNode, met: dict[np.dtype[Any], None]) -> SourceNode:
    """The node with `Single` attributes."""
    return SourceNode(node.name, node.op, node.inputs, Single(node.attrs, met), node.after)


def single(array: Array, met: dict[np.dtype[Any], None]) -> Array:
    """The numbers in float32, if they are in half precision."""
    return array.astype(SINGLE) if single_dtype(array.dtype, met) is not array.dtype else array


def single_dtype(dtype: Any, met: dict[np.dtype[Any], None]) -> Any:
    """float32 in place of half precision; whatever else is given, as it is."""
    if not isinstance(dtype, np.dtype) or dtype not in HALVES:
        return dtype
    met[dtype] = None
    return SINGLE
