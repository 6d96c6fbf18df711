"""Half precision made single: what was trained in float16 or bfloat16 computes in float32.

LiteRT's kernels take few operations in half precision; which precision weights are stored in is the recipe's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ml_dtypes
import numpy as np
from msgspec.structs import replace

from octavo.ir.source import Array, SourceNode

HALVES = (np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16))
SINGLE = np.dtype(np.float32)
COPIES = ("Identity", "StopGradient")
"""Nodes of such tensors compute nothing."""


class Single(Mapping[str, Any]):
    """The attributes of a node with float32 in place of half precision."""

    __slots__ = ("_attrs",)

    def __init__(self, attrs: Mapping[str, Any]) -> None:
        """Decode nothing yet."""
        self._attrs = attrs

    def __getitem__(self, name: str) -> Any:
        """The attribute `name`; KeyError if there is none."""
        value = self._attrs[name]
        if isinstance(value, np.ndarray):
            return single(value)
        if isinstance(value, list):
            return [single_dtype(item) for item in value]
        return single_dtype(value)

    def __contains__(self, name: object) -> bool:
        return name in self._attrs

    def __iter__(self) -> Iterator[str]:
        return iter(self._attrs)

    def __len__(self) -> int:
        return len(self._attrs)


def in_single(node: SourceNode) -> SourceNode:
    """The node with `Single` attributes."""
    return replace(node, attrs=Single(node.attrs))


def half_of(node: SourceNode) -> np.dtype[Any] | None:
    """The half precision that a node computes in, if it does: what stores or casts such numbers loses nothing."""
    if node.op in COPIES:
        return None
    dtype = node.attrs.get("T")
    return dtype if isinstance(dtype, np.dtype) and dtype in HALVES else None


def single(array: Array) -> Array:
    """The numbers in float32, if they are in half precision."""
    return array.astype(SINGLE) if array.dtype in HALVES else array


def single_dtype(dtype: Any) -> Any:
    """float32 in place of half precision; whatever else is given, as it is."""
    return SINGLE if isinstance(dtype, np.dtype) and dtype in HALVES else dtype
