"""`tf.lite.experimental`: the analyzer, the debugger, delegates, and the check of a function before it is converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from octavo.lite import authoring
from octavo.lite.debugger import QuantizationDebugger, QuantizationDebugOptions

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
        """Print the operations, their tensors and precisions; with `gpu_compatibility`, those that leave a GPU.

        Raises:
            ValueError: no model is given.
        """
        import octavo

        if not model_path and not model_content:
            raise ValueError("neither `model_path` nor `model_content` is provided")
        model = model_content or model_path
        print(octavo.inspect(model))  # noqa: T201  # what it is for
        if gpu_compatibility:
            found = octavo.off_target(model, "gpu")
            lines = [f"GPU COMPATIBILITY WARNING: {each.op} at {each.layer}: {each.why}" for each in found]
            print("\n".join(lines) or "Your model looks compatible with GPU delegate.")  # noqa: T201  # likewise


def __getattr__(name: str) -> Any:
    if name in ("OpResolverType", "load_delegate"):  # loading the runtime takes longer than all the rest
        from ai_edge_litert import interpreter

        return getattr(interpreter, name)
    raise AttributeError(f"module 'octavo.lite.experimental' has no attribute {name!r}")
