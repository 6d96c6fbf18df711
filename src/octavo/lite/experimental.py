"""`tf.lite.experimental`: the analyzer, the debugger, delegates, and the check of a function before it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from octavo.lite import authoring
from octavo.lite.debugger import QuantizationDebugger, QuantizationDebugOptions
from octavo.lite.names import ConverterError

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import OpResolverType, load_delegate

__all__ = [
    "Analyzer",
    "OpResolverType",
    "QuantizationDebugOptions",
    "QuantizationDebugger",
    "authoring",
    "load_delegate",
]


class Analyzer:
    """What is in a `.tflite`, printed."""

    @staticmethod
    def analyze(
        model_path: str | None = None,
        model_content: bytes | None = None,
        gpu_compatibility: bool = False,  # noqa: FBT001, FBT002  # TensorFlow's signature
        **_: Any,
    ) -> None:
        """Print the operations, their tensors and precisions.

        Raises:
            ValueError: no model is given.
            ConverterError: compatibility with a GPU is asked for, which cannot be told yet.
        """
        import octavo

        if not model_path and not model_content:
            raise ValueError("neither `model_path` nor `model_content` is provided")
        if gpu_compatibility:
            raise ConverterError("compatibility with a GPU cannot be told yet: leave `gpu_compatibility` out")
        print(octavo.inspect(model_content or model_path))  # noqa: T201  # what it is for


def __getattr__(name: str) -> Any:
    if name in ("OpResolverType", "load_delegate"):  # loading the runtime takes longer than all the rest
        from ai_edge_litert import interpreter

        return getattr(interpreter, name)
    raise AttributeError(f"module 'octavo.lite.experimental' has no attribute {name!r}")
