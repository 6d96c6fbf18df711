"""`TFLiteConverter`: TensorFlow's settings in, a `.tflite` out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octavo.dtype import DType, float32, int32
from octavo.errors import NotFiniteError, OctavoError, RecipeError, Unsupported, UsageError
from octavo.lite.dataset import Dataset
from octavo.lite.mode import STABLEHLO, Interface, Mode, Request, check_interface, check_request, decide, surprises
from octavo.lite.names import ConverterError, OpsSet, Optimize, TargetSpec, several, warn

if TYPE_CHECKING:
    from octavo.pipeline import Conversion
    from octavo.recipe import Precision, Recipe

PRECISION: dict[Mode, Precision] = {
    Mode.FLOAT: "float32",
    Mode.BFLOAT16: "float32",
    Mode.FLOAT16: "float16",
    Mode.DYNAMIC: "dynamic",
    Mode.INT8_ONLY: "int8",
    Mode.INT8_FALLBACK: "int8",
    Mode.INT16X8_ONLY: "int16x8",
    Mode.INT16X8_FALLBACK: "int16x8",
}
SERVE = frozenset({"serve"})


class TFLiteConverter:
    """A converter of one model: make it with a `from_…` method, set its attributes, call `convert`.

    `strict` is Octavo's own: whatever would be a warning about the settings, or an operation left float that was to
    become integers, is an error.
    """

    strict: bool = False
    representative_dataset: Any = None
    inference_input_type: Any = float32
    inference_output_type: Any = float32
    allow_custom_ops: Any = False
    exclude_conversion_metadata: Any = False
    experimental_new_converter: Any = True
    experimental_new_quantizer: Any = True
    experimental_new_dynamic_range_quantizer: Any = True
    experimental_enable_resource_variables: Any = True
    experimental_use_stablehlo_quantizer: Any = False
    experimental_stablehlo_quantizer_config: Any = None
    experimental_lower_to_saved_model: Any = True
    unfold_batchmatmul: Any = False
    legalize_custom_tensor_list_ops: Any = False
    serialize_debug_metadata: Any = False
    canonicalizing_inf_as_min_max_float: Any = True
    model_origin_framework: Any = "UNSET"
    saved_model_dir: Any = None
    ir_dump_dir: Any = None
    ir_dump_pass_regex: Any = None
    ir_dump_func_regex: Any = None
    enable_timing: Any = None
    print_ir_before: Any = None
    print_ir_after: Any = None
    print_ir_module_scope: Any = None
    elide_elementsattrs_if_larger: Any = None
    _experimental_calibrate_only: Any = False
    _experimental_disable_per_channel: Any = False
    _experimental_disable_per_channel_quantization_for_dense_layers: Any = False
    _experimental_full_integer_quantization_bias_type: Any = None
    _experimental_lower_tensor_list_ops: Any = True
    _experimental_default_to_single_batch_in_tensor_list_ops: Any = False
    _experimental_unfold_large_splat_constant: Any = False
    _experimental_tf_quantization_mode: Any = None
    _experimental_quantization_options: Any = None
    _experimental_enable_dynamic_update_slice: Any = False
    _experimental_preserve_assert_op: Any = False
    _experimental_guarantee_all_funcs_one_use: Any = False
    _experimental_low_bit_qat: Any = False
    _experimental_allow_all_select_tf_ops: Any = False
    _experimental_variable_quantization: Any = False
    _experimental_disable_fuse_mul_and_fc: Any = False
    _experimental_use_buffer_offset: Any = False
    _experimental_reduce_type_precision: Any = False
    _experimental_qdq_conversion_mode: Any = None
    _experimental_strict_qdq: Any = False
    _experimental_sparsify_model: Any = False
    _experimental_enable_composite_direct_lowering: Any = True
    _experimental_unsafe_fuse_dynamic_shaped_broadcast: Any = False

    def __init__(self, model: Any, *, signatures: Sequence[str] | None = None) -> None:
        """Hold the model; the `from_…` methods check it first."""
        self.optimizations: Any = set()
        self.target_spec: Any = TargetSpec()
        self._model = model
        self._signatures = signatures
        self._extent: dict[str, Any] = {}
        self._folder: Any = None

    @classmethod
    def from_saved_model(
        cls, saved_model_dir: str | Path, signature_keys: Sequence[str] | None = None, tags: Any = None
    ) -> TFLiteConverter:
        """A converter of a SavedModel directory: of the signatures named, or of all.

        Raises:
            OSError: there is no SavedModel.
            ValueError: the model has no graph with these tags, no such signature, or no signature at all.
            ConverterError: the SavedModel is damaged, or its tags are not {"serve"}.
        """
        wanted = frozenset(several(tags)) or SERVE
        keys = _signature_keys(Path(saved_model_dir), list(several(signature_keys)), wanted)
        converter = cls(Path(saved_model_dir), signatures=keys)
        converter.saved_model_dir = str(saved_model_dir)
        return converter

    @classmethod
    def from_keras_model(cls, model: Any) -> TFLiteConverter:
        """A converter of a Keras model: a live one, or (which TensorFlow does not take) the path of its file."""
        return cls(model)

    @classmethod
    def experimental_from_jax(cls, serving_funcs: Any, inputs: Any) -> TFLiteConverter:  # noqa: ARG003  # TensorFlow's signature
        """Nothing: TensorFlow itself has deprecated it.

        Raises:
            ConverterError: always; the hint says what to do.
        """
        hint = "save it: jax2tf.convert(function) as a tf.function, tf.saved_model.save; then from_saved_model"
        problem = Unsupported("JAX functions are converted from a SavedModel", hint=hint)
        raise ConverterError(str(problem), [problem])

    @classmethod
    def from_concrete_functions(cls, funcs: Any, trackable_obj: Any = None) -> TFLiteConverter:
        """A converter of concrete functions; with the object that tracks their variables, inputs are in order of name.

        Raises:
            ValueError: these are no concrete functions.
        """
        functions = list(funcs)
        if not functions:
            raise ValueError("No ConcreteFunction is specified.")
        for function in functions:
            if not (hasattr(function, "graph") and hasattr(function, "structured_input_signature")):
                message = "This function takes in a list of ConcreteFunction."
                if hasattr(function, "get_concrete_function"):
                    message += " To get the ConcreteFunction from a Function, call get_concrete_function."
                raise ValueError(message)
        tracked = trackable_obj is not None and len(functions) == 1
        return cls({"serving_default": functions[0]} if tracked else functions)

    def convert(self) -> bytes:
        """The model as a `.tflite`.

        Raises:
            ValueError: the settings contradict each other, or samples do not fit the model.
            RuntimeError: only 16x8 operators are allowed, and some operation has no such kernel; or the float model
                computes NaN from a sample.
            ConverterError: the model cannot be converted; the cause says where and why. With `strict`, also where
                something other than the settings suggest would come out.
        """
        made = self.conversion()
        if self._experimental_calibrate_only and made.plan.recipe.needs_samples:
            from octavo.lite.convert import calibrated

            return calibrated(made)
        return made.content

    def conversion(self) -> Conversion:
        """What `convert` does, with the plan and the float model beside the result.

        Raises: as `convert`.
        """
        request = self._request()
        check_request(request)
        mode = decide(request)
        interface = self._interface()
        check_interface(interface, mode)
        self._check_experimental(mode)
        notes = surprises(request, mode) + self._unheeded(mode, interface)
        self._tell(notes)
        dataset = Dataset(self.representative_dataset) if mode.is_int8 or mode.is_int16 else None
        if dataset is not None and dataset.nothing:
            self._tell([_nothing_learnt(dataset.nothing, mode)])
            mode, interface, dataset = Mode.FLOAT, Interface(), None
        result = self._run(self._recipe(mode, interface), dataset)
        self._judge(result, mode)
        return result

    def _request(self) -> Request:
        return Request(
            optimizations=Optimize.among(self.optimizations),
            ops=OpsSet.among(self.target_spec.supported_ops),
            types=frozenset(DType.of(each) for each in several(self.target_spec.supported_types)),
            has_samples=self.representative_dataset is not None,
            is_trained=self._is_trained(),
        )

    def _is_trained(self) -> bool:
        """Whether the model was trained for integers; looked at only where that decides.

        Raises:
            ConverterError: the model cannot be read.
        """
        if self.representative_dataset is not None or not Optimize.among(self.optimizations):
            return False
        from octavo.quantize.trained import is_trained
        from octavo.read.open import KERAS, read

        if isinstance(self._model, str | Path) and Path(self._model).suffix in KERAS:
            return False  # layers that Keras's own files describe do not round
        try:
            return is_trained(
                read(self._model, **{k: v for k, v in self._extent.items() if k in ("inputs", "outputs")})
            )
        except UsageError as error:
            raise ValueError(str(error)) from error
        except OctavoError as error:
            raise ConverterError(str(error), [error]) from error

    def _interface(self) -> Interface:
        bias = self._experimental_full_integer_quantization_bias_type
        return Interface(
            inputs=DType.of(self.inference_input_type),
            outputs=DType.of(self.inference_output_type),
            bias=None if bias is None else DType.of(bias),
        )

    def _recipe(self, mode: Mode, interface: Interface) -> Recipe:
        from octavo.recipe import read_recipe

        return read_recipe(
            {
                "precision": PRECISION[mode],
                "inputs": interface.inputs.name,
                "outputs": interface.outputs.name,
                "per_channel": not self._experimental_disable_per_channel,
                "strict": bool(self.strict) and (mode.is_int8 or mode == Mode.INT16X8_FALLBACK),
                "rules": self._rules(mode),
            }
        )

    def _rules(self, mode: Mode) -> list[dict[str, Any]]:
        """What the settings ask of some operations."""
        rules: list[dict[str, Any]] = [{"precision": "int16x8"}] if mode == Mode.INT16X8_ONLY else []
        if self._experimental_disable_per_channel_quantization_for_dense_layers and mode not in (
            Mode.FLOAT,
            Mode.FLOAT16,
        ):
            rules.append({"op": "FULLY_CONNECTED", "precision": PRECISION[mode], "per_channel": False})
        return rules

    def _check_experimental(self, mode: Mode) -> None:
        """Refuse what would give another kind of result than Octavo makes."""
        if self.experimental_stablehlo_quantizer_config is not None and not self.experimental_use_stablehlo_quantizer:
            raise ValueError(
                "QuantizationConfig should be provided only when experimental_use_stablehlo_quantizer is set to true."
            )
        if self._experimental_variable_quantization and mode == Mode.FLOAT16:
            raise ValueError("`_experimental_variable_quantization` is only supported for full integer quantization.")
        if self.experimental_use_stablehlo_quantizer and mode in (Mode.FLOAT, Mode.BFLOAT16, Mode.FLOAT16):
            raise ValueError("StableHLO quantizer only supports static-range and weight-only PTQ.")
        wanted = {
            "experimental_use_stablehlo_quantizer": self.experimental_use_stablehlo_quantizer,
            "target_spec.supported_ops = [EXPERIMENTAL_STABLEHLO_OPS]": self._request().ops == {STABLEHLO},
        }
        if refused := [name for name, is_set in wanted.items() if is_set]:
            problem = Unsupported(f"there is no {refused[0]} here", hint="leave it out")
            raise ConverterError(str(problem), [problem]) from problem

    def _unheeded(self, mode: Mode, interface: Interface) -> list[str]:
        """Settings that change TensorFlow's result and not this one."""
        asked = {
            "_experimental_variable_quantization": self._experimental_variable_quantization,
            "_experimental_sparsify_model": self._experimental_sparsify_model,
            "_experimental_full_integer_quantization_bias_type = int32": mode.is_int16 and interface.bias == int32,
        }
        return [f"{name} has no effect here; leave it out" for name, is_set in asked.items() if is_set]

    def _tell(self, notes: Sequence[str]) -> None:
        """Warn, or refuse if `strict`."""
        if notes and self.strict:
            raise ConverterError("\n".join(notes), notes)
        for note in notes:
            warn(note)

    def _run(self, recipe: Recipe, dataset: Dataset | None) -> Conversion:
        from msgspec.structs import replace

        import octavo

        keys = self._signatures
        try:
            samples = None if dataset is None else dataset.samples(keys or ())
            return octavo.convert(self._model, recipe=recipe, samples=samples, signatures=keys, **self._options())
        except RecipeError:
            if not any(rule.per_channel is False for rule in recipe.rules):
                raise
            rules = tuple(rule for rule in recipe.rules if rule.per_channel is None)
            return self._run(replace(recipe, rules=rules), dataset)  # nothing dense is in the model
        except NotFiniteError as error:
            raise RuntimeError(
                "Model resulted in Nan value during calibration. Please make sure model results in all real-values "
                f"during inference with provided dataset.\n{error}"
            ) from error
        except UsageError as error:
            raise ValueError(str(error)) from error
        except Unsupported as error:
            message = "Some ops are not supported by the native TFLite runtime.\n" if error.gaps else ""
            raise ConverterError(f"{message}{error}", list(error.gaps) or [error]) from error
        except OctavoError as error:
            raise ConverterError(str(error), [error]) from error

    def _options(self) -> dict[str, Any]:
        """What `octavo.convert` is asked besides."""
        return {**self._extent, "allow_custom_ops": bool(self.allow_custom_ops)}

    def _judge(self, result: Conversion, mode: Mode) -> None:
        """Pass on what the user should know of the result."""
        without = [op for op in result.plan.left_float if op.who == "kernel"]
        if without and mode == Mode.INT16X8_ONLY:
            rows = "".join(f"\n  {op.op} at {op.layer}: {op.why}" for op in without)
            raise RuntimeError(
                f"Quantization to 16x8-bit not yet supported for op: '{without[0].op}'.{rows}\n"
                "  hint: add lite.OpsSet.TFLITE_BUILTINS to target_spec.supported_ops to leave these in float"
            )
        for warning in result.warnings:
            warn(warning)


def _nothing_learnt(why: str, mode: Mode) -> str:
    """The warning for a dataset that teaches nothing.

    Raises:
        RuntimeError: the mode cannot do without, as in TensorFlow.
    """
    if mode.is_int16:
        raise RuntimeError(
            f"Max and min for dynamic tensors should be recorded during calibration: representative_dataset: {why}"
        )
    return f"the model stays float32, because representative_dataset teaches nothing: {why}"


def _signature_keys(path: Path, wanted: Sequence[str], tags: frozenset[str]) -> list[str]:
    """The keys of the signatures to convert."""
    if not (path / "saved_model.pb").is_file() and not (path / "saved_model.pbtxt").is_file():
        raise OSError(f"SavedModel file does not exist at: {path}/{{saved_model.pbtxt|saved_model.pb}}")
    from octavo.lite.signatures import doubled
    from octavo.read.saved_model.reader import read_saved_model

    try:
        source = read_saved_model(path, tags=tags)
        if tags != SERVE:
            raise Unsupported(
                f"of the tags only 'serve' can be converted yet, not {sorted(tags)}", where=str(path)
            )  # passes the same door
    except UsageError as error:
        raise ValueError(f"Got an incompatible argument to `tags`: {sorted(tags)}. {error}") from error
    except OctavoError as error:
        raise ConverterError(str(error), [error]) from error
    known = [each.key for each in source.signatures]
    if not known:
        raise ValueError("Only support at least one signature key.")
    for key in wanted:
        if key not in known:
            raise ValueError(f"Invalid signature key '{key}' found. Valid keys are '{','.join(known)}'.")
    return list(wanted) or [key for key in known if not (key == "serve" and doubled(source, "serve"))]
