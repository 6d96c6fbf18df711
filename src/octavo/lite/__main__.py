"""`python -m octavo.lite`: the flags of TensorFlow's command `tflite_convert`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from octavo.lite import v1
from octavo.lite.converter import TFLiteConverter
from octavo.lite.names import ConverterError, OpsSet, Optimize


def main(arguments: Sequence[str] | None = None) -> int:
    """Convert as the flags say; 0 when the file is written, 1 when the model cannot be converted."""
    flags = _parser().parse_args(arguments)
    try:
        content = _converter(flags).convert()
    except (ConverterError, ValueError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201  # a command
        return 1
    Path(flags.output_file).write_bytes(content)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tflite_convert", description=__doc__, allow_abbrev=False)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--saved_model_dir", help="the directory of a SavedModel")
    model.add_argument("--keras_model_file", help="a Keras file (.keras, .h5)")
    model.add_argument("--graph_def_file", help="a frozen graph (.pb, .pbtxt)")
    parser.add_argument("--output_file", required=True, help="the .tflite to write")
    parser.add_argument("--saved_model_tag_set", type=_names, help="tags, separated by commas")
    parser.add_argument("--saved_model_signature_key", help="the signature to convert")
    parser.add_argument("--input_arrays", type=_names, help="names of inputs, separated by commas")
    parser.add_argument("--output_arrays", type=_names, help="names of outputs, separated by commas")
    parser.add_argument("--input_shapes", help="shapes of the inputs, such as 1,28,28:1,10")
    parser.add_argument("--inference_type", default="FLOAT", help="FLOAT, INT8 or QUANTIZED_UINT8")
    parser.add_argument("--inference_input_type", help="likewise, of the inputs")
    parser.add_argument("--target_ops", type=_names, help="sets of operators, separated by commas")
    for name in ("post_training_quantize", "quantize_to_float16", "allow_custom_ops", "enable_v1_converter",
                 "experimental_new_converter", "experimental_new_quantizer"):  # fmt: skip
        parser.add_argument(f"--{name}", type=_is_true, nargs="?", const=True, default=False)
    return parser


def _converter(flags: argparse.Namespace) -> TFLiteConverter:
    made = _of(flags)
    made.allow_custom_ops = flags.allow_custom_ops
    if flags.target_ops:
        made.target_spec.supported_ops = OpsSet.among(flags.target_ops)
    if flags.post_training_quantize or flags.quantize_to_float16:
        made.optimizations = [Optimize.DEFAULT]
    if flags.quantize_to_float16:
        made.target_spec.supported_types = ["float16"]
    if isinstance(made, v1.TFLiteConverter):
        made.inference_type = _dtype(flags.inference_type)
        made.inference_input_type = _dtype(flags.inference_input_type) if flags.inference_input_type else None
    return made


def _of(flags: argparse.Namespace) -> TFLiteConverter:
    """The converter of the model that the flags name."""
    if flags.graph_def_file:
        names = flags.input_arrays or []
        return v1.TFLiteConverter.from_frozen_graph(
            flags.graph_def_file, names, flags.output_arrays or [], _shapes(names, flags.input_shapes)
        )
    if flags.saved_model_dir:
        keys = [flags.saved_model_signature_key] if flags.saved_model_signature_key else None
        return TFLiteConverter.from_saved_model(flags.saved_model_dir, keys, flags.saved_model_tag_set)
    if not Path(flags.keras_model_file).is_file():
        raise OSError(f"there is no file {flags.keras_model_file}")
    return TFLiteConverter.from_keras_model(flags.keras_model_file)


def _shapes(names: Sequence[str], text: str | None) -> dict[str, list[int]] | None:
    """The shapes by name, of texts such as `1,28,28:1,10`.

    Raises:
        ValueError: there is not one for each input.
    """
    if not text:
        return None
    shapes = [[int(dim) for dim in part.split(",") if dim] for part in text.split(":")]
    return dict(zip(names, shapes, strict=True))


def _dtype(name: str) -> str:
    return {"FLOAT": "float32", "QUANTIZED_UINT8": "uint8"}.get(name, name.lower())


def _names(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _is_true(text: str) -> bool:
    return text.lower() in ("1", "true", "yes")


if __name__ == "__main__":
    sys.exit(main())
