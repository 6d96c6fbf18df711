"""Post-training full integer quantization: int8 throughout, uint8 in and out.

    python examples/tutorials/post_training_full_integer.py

After TensorFlow's tutorial of the same name, with `octavo.lite` in place of `tf.lite`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from classifier import accuracy, data, show, train

from octavo import lite


def representative_data_gen() -> Iterator[list[np.ndarray]]:
    """A hundred training pictures, one at a time."""
    images, _, _, _ = data()
    for input_value in images[:100, np.newaxis]:
        yield [input_value]


def main() -> dict[str, dict[str, float]]:
    """Train, convert, compare: accuracy and bytes of both models."""
    converter = lite.TFLiteConverter.from_keras_model(train())
    tflite_model = converter.convert()
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_data_gen
    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = lite.uint8
    converter.inference_output_type = lite.uint8
    tflite_model_quant = converter.convert()
    models = {"float32": tflite_model, "full integer": tflite_model_quant}
    return {name: {"accuracy": accuracy(content), "bytes": len(content)} for name, content in models.items()}


if __name__ == "__main__":
    show(main())
