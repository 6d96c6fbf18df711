"""What `tensorflow.lite.python.convert` has that scripts import: quantizing a model that was calibrated before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from octavo.dtype import DType, float32
from octavo.lite.names import warn

if TYPE_CHECKING:
    from octavo.ir.graph import Model
    from octavo.pipeline import Conversion
    from octavo.recipe import Precision

INT8 = 9
_NUMBERS = {1: "float32", 2: "uint8", 6: "int16", INT8: "int8"}
"""TensorFlow's numbers of dtypes (`IODataType` of its protocol buffers)."""
_PRECISIONS: dict[str, Precision] = {"int8": "int8", "uint8": "int8", "int16": "int16x8"}


def calibrated(made: Conversion) -> bytes:
    """The float model of a conversion, with the range of each tensor that was calibrated beside it."""
    from octavo.read.tflite import read_tflite
    from octavo.write.tflite import to_bytes

    model = read_tflite(made.reference)
    seen = {
        value: (statistics.ranges[value.name].low, statistics.ranges[value.name].high)
        for graph, statistics in zip(model.graphs, made.statistics, strict=True)
        for value in graph.values
        if value.name in statistics.ranges and value.const is None
    }
    return to_bytes(model, ranges=seen)


def mlir_quantize(  # noqa: PLR0913, PLR0917  # TensorFlow's signature
    input_data_str: bytes,
    disable_per_channel: bool = False,  # noqa: FBT001, FBT002  # likewise
    fully_quantize: bool = False,  # noqa: FBT001, FBT002  # likewise
    inference_type: Any = INT8,
    input_data_type: Any = float32,
    output_data_type: Any = float32,
    enable_numeric_verify: bool = False,  # noqa: FBT001, FBT002  # likewise
    enable_whole_model_verify: bool = False,  # noqa: ARG001, FBT001, FBT002  # likewise; twins run beside all layers anyway
    denylisted_ops: Iterable[str] | None = None,
    denylisted_nodes: Iterable[str] | None = None,
    enable_variable_quantization: bool = False,  # noqa: ARG001, FBT001, FBT002  # likewise
    disable_per_channel_for_dense_layers: bool = False,  # noqa: FBT001, FBT002  # likewise
    debug_options_str: str = "",  # noqa: ARG001  # likewise
) -> bytes:
    """A quantized model out of a float one that holds the ranges of its tensors (`_experimental_calibrate_only`).

    With `enable_numeric_verify` it has a float twin beside each operation, for a `QuantizationDebugger`.

    Raises:
        ValueError: the model holds no ranges, the dtype is none that activations can have, or `fully_quantize` is set
            and something must stay float.
    """
    from octavo.debugging import paired
    from octavo.errors import OctavoError
    from octavo.read.tflite import ranges_of, read_tflite

    precision = _PRECISIONS.get(_dtype(inference_type).name)
    if precision is None:
        raise ValueError(f"inference_type {inference_type!r} is none that activations can have: int8 or int16")
    try:
        model, seen = read_tflite(input_data_str), ranges_of(input_data_str)
        if not any(seen):
            raise ValueError("the model holds no ranges: convert it with _experimental_calibrate_only first")
        denied = [
            *_known("denylisted_ops", denylisted_ops, model),
            *_known("denylisted_nodes", denylisted_nodes, model),
        ]
        dense = disable_per_channel_for_dense_layers and _has_dense(model)
        recipe = {
            "precision": precision,
            "per_channel": not disable_per_channel,
            "strict": fully_quantize,
            "inputs": _dtype(input_data_type).name,
            "outputs": _dtype(output_data_type).name,
            "deny": denied,
            "rules": [{"op": "FULLY_CONNECTED", "precision": precision, "per_channel": False}] if dense else [],
        }
        content, plan = _quantized(model, recipe, seen)
        return paired(input_data_str, content, plan=plan).twinned if enable_numeric_verify else content
    except OctavoError as error:
        raise ValueError(str(error)) from error


def _quantized(
    model: Model, recipe: Mapping[str, Any], seen: Iterable[Mapping[str, tuple[float, float]]]
) -> tuple[bytes, Any]:
    from octavo.quantize.apply import apply
    from octavo.quantize.decide import decide
    from octavo.recipe import read_recipe
    from octavo.statistics import Range, Statistics
    from octavo.write.tflite import to_bytes

    statistics = [Statistics({name: Range(*ends) for name, ends in ranges.items()}) for ranges in seen]
    plan = decide(model, read_recipe({"ranges": "minmax", **recipe}), statistics)
    return to_bytes(apply(model, plan)), plan


def _dtype(given: Any) -> DType:
    return DType.of(_NUMBERS.get(given, given) if isinstance(given, int) else given)


def _known(option: str, names: Iterable[str] | None, model: Model) -> list[str]:
    """Those names that the model has; others are told."""
    nodes = [node for graph in model.graphs for node in graph]
    there = {node.op.code for node in nodes} | {value.name for node in nodes for value in node.outputs}
    for name in names or ():
        if name not in there:
            warn(f"{option}: {name!r} is not in the model and has no effect")
    return [name for name in names or () if name in there]


def _has_dense(model: Model) -> bool:
    return any(node.op.code == "FULLY_CONNECTED" for graph in model.graphs for node in graph)
