"""TensorFlow's numbers for dtypes, as numpy dtypes.

Source: enum DataType of tensorflow/core/framework/types.proto.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from octavo.errors import Unsupported

DType = np.dtype[Any] | str

STRING = 7
_REFERENCE = 100  # DT_FLOAT_REF is DT_FLOAT + 100: what a ref variable of TensorFlow 1 holds

_WORDLESS = {
    0: "invalid",
    11: "qint8",
    12: "quint8",
    13: "qint32",
    15: "qint16",
    16: "quint16",
    20: "resource",
    21: "variant",
}
_NUMPY: dict[int, np.dtype[Any]] = {
    number: np.dtype(kind)
    for number, kind in {
        1: np.float32,
        2: np.float64,
        3: np.int32,
        4: np.uint8,
        5: np.int16,
        6: np.int8,
        STRING: np.object_,
        8: np.complex64,
        9: np.int64,
        10: np.bool_,
        14: ml_dtypes.bfloat16,
        17: np.uint16,
        18: np.complex128,
        19: np.float16,
        22: np.uint32,
        23: np.uint64,
        24: ml_dtypes.float8_e5m2,
        25: ml_dtypes.float8_e4m3fn,
        26: ml_dtypes.float8_e4m3fnuz,
        27: ml_dtypes.float8_e4m3b11fnuz,
        28: ml_dtypes.float8_e5m2fnuz,
        29: ml_dtypes.int4,
        30: ml_dtypes.uint4,
        31: ml_dtypes.int2,
        32: ml_dtypes.uint2,
    }.items()
}
_STORAGE: dict[int, np.dtype[Any]] = {
    number: np.dtype(kind) for number, kind in {11: "i1", 12: "u1", 13: "i4", 15: "i2", 16: "u2"}.items()
}


def dtype_of(number: int) -> DType:
    """The numpy dtype of a TensorFlow dtype number; its name where numpy has no word (resource, variant, qint8).

    Strings are `object` (elements are bytes). Reference dtypes are given as what they refer to.
    """
    base = number - _REFERENCE if number > _REFERENCE else number
    known = _NUMPY.get(base)
    return known if known is not None else _WORDLESS.get(base, f"dtype {number}")


def storage_of(number: int, *, where: str) -> np.dtype[Any]:
    """The numpy dtype in which values of a TensorFlow dtype are stored; raises `Unsupported` if there is none."""
    base = number - _REFERENCE if number > _REFERENCE else number
    stored = _NUMPY.get(base, _STORAGE.get(base))
    if stored is None:
        raise Unsupported(f"values of dtype {dtype_of(number)!s} cannot be read", where=where)
    return stored
