"""What a tensor holds: its dtype, its shape, and how integers stand for real numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

from octavo.ir.dim import Dim, is_static
from octavo.ir.source import Array
from octavo.schema.storage import name_of


class Type(Struct, frozen=True):
    """The dtype and shape of a tensor.

    Strings have dtype `object`, handles those of `schema.storage`; int4, int2 and bfloat16 are ml_dtypes'.
    """

    dtype: np.dtype[Any]
    shape: tuple[Dim, ...]

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every dimension is known before the model runs."""
        return is_static(self.shape)

    def __str__(self) -> str:
        return f"{name_of(self.dtype)}[{','.join(map(str, self.shape))}]"


class Quantization(Struct, frozen=True, eq=False):
    """Real value = scale · (stored integer − zero point).

    `scale` is float32 of shape [1], or [channels] when `axis` names the dimension that has a scale of its own
    for each index. `zero_point` is int64 of the same shape. With a `block`, so many numbers in a row along the last
    dimension share a scale: `scale` is [rows, blocks in a row], and `axis` is 0.
    """

    scale: Array
    zero_point: Array
    axis: int | None = None
    block: int = 0

    @classmethod
    def per_tensor(cls, scale: float, zero_point: int) -> Quantization:
        """One scale and zero point for the whole tensor."""
        return cls(np.array([scale], np.float32), np.array([zero_point], np.int64))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Quantization)
            and (self.axis, self.block) == (other.axis, other.block)
            and np.array_equal(self.scale, other.scale)
            and np.array_equal(self.zero_point, other.zero_point)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays have no hash
