"""The interface of `tf.lite`, without TensorFlow: `import octavo.lite as lite` in place of `tf.lite`.

Names, defaults, decisions and messages are those of TensorFlow 2.21. Where TensorFlow silently does something other
than the settings suggest, an `OctavoWarning` says so; with `converter.strict = True` it is an error. Dtypes are here
too (`lite.int8` for `tf.int8`), and equal TensorFlow's and numpy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from octavo.lite.converter import TFLiteConverter
from octavo.lite.names import (
    ConverterError,
    DType,
    OctavoWarning,
    OpsSet,
    Optimize,
    RepresentativeDataset,
    TargetSpec,
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

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

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
]


def __getattr__(name: str) -> Any:
    if name == "Interpreter":  # loading the runtime takes longer than all the rest
        from ai_edge_litert.interpreter import Interpreter

        return Interpreter
    raise AttributeError(f"module 'octavo.lite' has no attribute {name!r}")
