"""Dtypes by name, in every spelling that a script may hold: ours, numpy's, TensorFlow's, plain strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SIZES = {
    **dict.fromkeys(("bool", "int4", "int8", "uint4", "uint8"), 1),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 2),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("complex64", "float64", "int64", "uint64"), 8),
    "complex128": 16,
}
"""The bytes that one number takes in memory, by the name of its dtype."""


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A dtype by name. It equals every other spelling of itself: `tf.int8`, `numpy.int8`, `"int8"`."""

    name: str

    @property
    def size(self) -> int:
        """The bytes that one number takes."""
        return SIZES[self.name]

    @property
    def as_numpy_dtype(self) -> type[Any]:
        """The scalar type of numpy, or of ml_dtypes where numpy has none."""
        import ml_dtypes
        import numpy as np

        found: type[Any] = np.dtype(getattr(ml_dtypes, self.name, self.name)).type
        return found

    @classmethod
    def of(cls, given: Any) -> DType:
        """The dtype that a spelling means.

        Raises:
            ValueError: it means none.
        """
        name = name_of(given)
        if name not in SIZES:
            raise ValueError(f"{given!r} is no dtype that a model can have: expected one of {', '.join(sorted(SIZES))}")
        return cls(name)

    def __eq__(self, other: object) -> bool:
        return name_of(other) == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tf.{self.name}"


float16, float32, float64, bfloat16 = (DType(name) for name in ("float16", "float32", "float64", "bfloat16"))
int8, int16, int32, int64 = (DType(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (DType(name) for name in ("uint8", "uint16", "uint32", "uint64"))


def name_of(dtype: Any) -> str:
    """The name in any spelling of a dtype; for anything else a text that names no dtype."""
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    return str(name or dtype)
