"""The interface of `tf.lite`, without TensorFlow: `import octavo.lite as lite` in place of `tf.lite`.

Names, defaults, decisions and messages are those of TensorFlow 2.21. Where TensorFlow silently does something other
than the settings suggest, an `OctavoWarning` says so; with `converter.strict = True` it is an error. Dtypes are here
too (`lite.int8` for `tf.int8`), and equal TensorFlow's and numpy's. `lite.experimental` has the debugger and the
analyzer, `lite.v1` the converter of `tf.compat.v1.lite`; `python -m octavo.lite` takes the flags of `tflite_convert`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from octavo.dtype import (
    DType,
    bfloat16,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from octavo.lite.converter import TFLiteConverter
from octavo.lite.names import ConverterError, OctavoWarning, OpsSet, Optimize, RepresentativeDataset, TargetSpec

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

    from octavo.lite import experimental, v1

__all__ = [
    "ConverterError",
    "DType",
    "Interpreter",
    "OctavoWarning",
    "OpsSet",
    "Optimize",
    "RepresentativeDataset",
    "TFLiteConverter",
    "TargetSpec",
    "bfloat16",
    "experimental",
    "float16",
    "float32",
    "float64",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "v1",
]


def __getattr__(name: str) -> Any:
    if name == "Interpreter":  # loading the runtime takes longer than all the rest
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter
    if name in ("experimental", "v1"):
        return importlib.import_module(f"octavo.lite.{name}")
    raise AttributeError(f"module 'octavo.lite' has no attribute {name!r}")
