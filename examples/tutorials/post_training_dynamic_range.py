"""Post-training dynamic range quantization: int8 weights, no samples needed.

    python examples/tutorials/post_training_dynamic_range.py

After TensorFlow's tutorial of the same name, with `octavo.lite` in place of `tf.lite`.
"""

from __future__ import annotations

from classifier import accuracy, show, train

from octavo import lite


def main() -> dict[str, dict[str, float]]:
    """Train, convert, compare: accuracy and bytes of both models."""
    converter = lite.TFLiteConverter.from_keras_model(train())
    tflite_model = converter.convert()
    converter.optimizations = [lite.Optimize.DEFAULT]
    tflite_quant_model = converter.convert()
    models = {"float32": tflite_model, "dynamic range": tflite_quant_model}
    return {name: {"accuracy": accuracy(content), "bytes": len(content)} for name, content in models.items()}


if __name__ == "__main__":
    show(main())
