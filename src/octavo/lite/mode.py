"""Which kind of quantization the settings of a converter ask for, and what they cannot ask for.

The decision is TensorFlow 2.21's, case by case. Pure: nothing is read or changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from octavo.dtype import DType, bfloat16, float16, float32, int8, int16, int32, int64, uint8
from octavo.lite.names import OpsSet, Optimize

INT8 = OpsSet.TFLITE_BUILTINS_INT8
INT16 = OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
STABLEHLO = OpsSet.EXPERIMENTAL_STABLEHLO_OPS
FLOAT = frozenset({OpsSet.TFLITE_BUILTINS, OpsSet.SELECT_TF_OPS})
QUANTIZE = frozenset({Optimize.DEFAULT, Optimize.OPTIMIZE_FOR_SIZE, Optimize.OPTIMIZE_FOR_LATENCY})
CURE = "set converter.optimizations = [lite.Optimize.DEFAULT]"


class Mode(Enum):
    """A kind of quantization. `ONLY` allows no float operations, `FALLBACK` does."""

    FLOAT = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    DYNAMIC = "dynamic"
    INT8_ONLY = "int8, only"
    INT8_FALLBACK = "int8"
    INT16X8_ONLY = "int16x8, only"
    INT16X8_FALLBACK = "int16x8"

    @property
    def is_int8(self) -> bool:
        """Whether activations become int8."""
        return self in (Mode.INT8_ONLY, Mode.INT8_FALLBACK)

    @property
    def is_int16(self) -> bool:
        """Whether activations become int16."""
        return self in (Mode.INT16X8_ONLY, Mode.INT16X8_FALLBACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The settings that the decision depends on, in one spelling.

    `is_trained`: the model holds FakeQuant operations, or the user gives ranges for all tensors.
    """

    optimizations: frozenset[Optimize] = frozenset()
    ops: frozenset[OpsSet] = frozenset({OpsSet.TFLITE_BUILTINS})
    types: frozenset[DType] = frozenset()
    has_samples: bool = False
    is_trained: bool = False

    @property
    def knows_ranges(self) -> bool:
        """Whether ranges of activations come from anywhere: samples, or training."""
        return self.has_samples or self.is_trained

    @property
    def quantizes(self) -> bool:
        """Whether any optimization asks for quantization."""
        return bool(self.optimizations & QUANTIZE)

    @property
    def effective_ops(self) -> frozenset[OpsSet]:
        """The operator sets, which `supported_types = {int8}` overrides."""
        return frozenset({INT8}) if self.types == {int8} else self.ops

    @property
    def least(self) -> DType:
        """The smallest of the dtypes; int8 when none is named. Of equally small ones float16 is preferred."""
        return min(self.types, key=lambda dtype: (dtype.size, dtype != float16, dtype.name), default=int8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """The dtypes of inputs and outputs, and of biases where a user names one."""

    inputs: DType = float32
    outputs: DType = float32
    bias: DType | None = None


def decide(request: Request) -> Mode:
    """The mode that the settings mean."""
    if not request.quantizes:
        return Mode.FLOAT
    in_integers = _in_integers(request)
    if in_integers is not None:
        return in_integers
    if not request.knows_ranges and request.least == int8:
        return Mode.DYNAMIC
    if request.least.size == 2 and float16 in request.types:
        return Mode.FLOAT16
    if request.least.size == 2 and bfloat16 in request.types:
        return Mode.BFLOAT16
    return Mode.FLOAT


def _in_integers(request: Request) -> Mode | None:
    ops = request.effective_ops
    may_be_float = bool(ops & FLOAT)
    if not request.knows_ranges:
        return None
    if INT16 in ops:
        return Mode.INT16X8_FALLBACK if may_be_float else Mode.INT16X8_ONLY
    if may_be_float:
        return Mode.INT8_FALLBACK if request.least == int8 else None
    return Mode.INT8_ONLY if INT8 in ops else None


def check_request(request: Request) -> None:
    """Make sure that the settings do not contradict each other.

    Raises:
        ValueError: they do.
    """
    if STABLEHLO in request.ops and len(request.ops) > 1:
        raise ValueError("StableHLO Ops set can not be specified with other Ops set together")
    if request.ops == {INT8} and request.types not in (frozenset(), {int8}):
        raise ValueError(
            "As full integer quantization has been enabled by setting `target_spec.supported_ops`="
            "{tf.lite.OpsSet.TFLITE_BUILTINS_INT8}, thus `target_spec.supported_types` should be left uninitizalized "
            "or set to {tf.int8}."
        )
    if INT8 in request.effective_ops and not request.knows_ranges:
        raise ValueError("For full integer quantization, a `representative_dataset` must be specified.")


def check_interface(interface: Interface, mode: Mode) -> None:
    """Make sure that the mode can have these inputs, outputs and biases.

    Raises:
        ValueError: it cannot.
    """
    allowed = [float32]
    if mode.is_int8:
        allowed += [int8, uint8, int16]
    if mode.is_int16:
        allowed += [int16]
    if not {interface.inputs, interface.outputs} <= set(allowed):
        shown = "tf.float32" if len(allowed) == 1 else f"in {[f'tf.{dtype.name}' for dtype in allowed]}"
        raise ValueError(f"The inference_input_type and inference_output_type must be {shown}.")
    _check_bias(interface.bias, mode)
    for name, dtype in (("inference_input_type", interface.inputs), ("inference_output_type", interface.outputs)):
        if mode.is_int8 and dtype == int16:
            raise ValueError(
                f"Unsupported `{name}` value. Expected to be in ('tf.float32', 'tf.uint8', 'tf.int8'), "
                "instead got tf.int16."
            )


def _check_bias(bias: DType | None, mode: Mode) -> None:
    if bias is None:
        return
    if not (mode.is_int8 or mode.is_int16):
        raise ValueError("`full_integer_quantization_bias_type` is only supported for full integer quantization.")
    if mode.is_int8 and bias != int32:
        raise ValueError(
            f"Expected bias type to be `dtypes.int32` for Int8Quant. Current setting bias type: {bias.name}"
        )
    if mode.is_int16 and bias not in (int32, int64):
        raise ValueError(
            "Expected bias type to be `dtypes.int32` or `dtypes.int64` for Int16Quant. "
            f"Current setting bias type: {bias.name}"
        )


def surprises(request: Request, mode: Mode) -> list[str]:
    """What the settings suggest and the mode does not do, each with its cure. TensorFlow says nothing of these."""
    found = []
    if Optimize.EXPERIMENTAL_SPARSITY in request.optimizations:
        found.append("EXPERIMENTAL_SPARSITY has no effect: weights stay dense; leave it out")
    if not request.quantizes:
        return found + [f"{what}: {CURE}" for what in _without_optimizations(request)]
    if INT16 in request.ops and mode == Mode.DYNAMIC:
        found.append(
            "activations stay float32 and weights become int8, although the 16x8 operator set is chosen, because "
            "nothing tells their ranges: set converter.representative_dataset"
        )
    if mode == Mode.BFLOAT16:
        found.append(
            "supported_types asks for bfloat16, which LiteRT has no weights in, so the model stays float32: set "
            "converter.target_spec.supported_types = [lite.float16]"
        )
    if mode == Mode.FLOAT16 and request.has_samples:
        found.append(
            "representative_dataset is ignored, because supported_types asks for float16: leave either of them out"
        )
    if mode == Mode.FLOAT:
        found.append(
            "the model stays float32, because no mode of quantization fits "
            f"supported_ops={_shown(request.ops)} with supported_types={_shown(request.types)}: "
            "leave both at their defaults for int8"
        )
    return found


def _without_optimizations(request: Request) -> list[str]:
    asked = {
        "representative_dataset": request.has_samples,
        "supported_types": bool(request.types - {float32}),
        "supported_ops": bool(request.ops & {INT8, INT16}),
    }
    return [
        f"{name} has no effect without optimizations, so the model stays float32"
        for name, is_set in asked.items()
        if is_set
    ]


def _shown(members: frozenset[OpsSet] | frozenset[DType]) -> str:
    return f"{{{', '.join(sorted(each.name for each in members))}}}"
