"""Operations that LiteRT cannot express: custom operators as TensorFlow's converter writes them, and own lowerings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from click.testing import CliRunner  # noqa: E402
from flatbuffers import flexbuffers  # noqa: E402

import octavo  # noqa: E402
from octavo import lite  # noqa: E402
from octavo.cli.app import app  # noqa: E402
from octavo.errors import Unsupported  # noqa: E402
from octavo.read.tflite import read_tflite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

raw = tf.raw_ops


def spec(*shape: int | None, dtype: Any = tf.float32) -> Any:
    return tf.TensorSpec(shape, dtype, name="x")


FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "numbers and texts": (
        lambda x: raw.AsString(input=x, precision=3, scientific=True, fill="0", width=9), spec(None, 3),
    ),
    "a list of numbers": (
        lambda x: raw.StringToHashBucketStrong(input=x, num_buckets=7, key=[3, 4]), spec(None, dtype=tf.string),
    ),
    "a real number": (lambda x: raw.DecodeJpeg(contents=x, channels=3, acceptable_fraction=0.5), spec(dtype=tf.string)),
    "several results": (lambda x: raw.Svd(input=x), spec(None, 3, 3)),
    "among others": (
        lambda x: tf.nn.relu(raw.SelfAdjointEigV2(input=tf.nn.relu(x), compute_v=True).e + 1.0), spec(1, 3, 3),
    ),
    "letters beyond ASCII": (
        lambda x: raw.StaticRegexReplace(input=x, pattern="a", rewrite="é"), spec(None, dtype=tf.string),
    ),
    "dtypes that are left out": (
        lambda x: raw.DecodeCSV(records=x, record_defaults=[[1.0], [2]]), spec(None, dtype=tf.string),
    ),
}  # fmt: skip


def saved(name: str, path: Path) -> Path:
    function, given = FUNCTIONS[name]
    named = tf.function(lambda x: {f"y{i}": part for i, part in enumerate(tf.nest.flatten(function(x)))})
    tf.saved_model.save(tf.Module(), str(path), signatures=named.get_concrete_function(given))
    return path


def customs(content: bytes) -> list[tuple[Any, ...]]:
    """The custom operators: name, version, attributes, operands and results."""
    ops = [node for graph in read_tflite(content).graphs for node in graph if node.op.code == "CUSTOM"]
    return [
        (
            node.op.custom_code,
            node.op.version(node),
            bytes(node.op.custom_options),
            [str(value.type) for value in node.inputs],
            [(value.dtype, value.rank) for value in node.outputs],
        )
        for node in ops
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_custom_operator_is_that_of_tensorflows_converter(name: str, tmp_path: Path) -> None:
    saved(name, tmp_path)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path))
    converter.allow_custom_ops = True
    result = octavo.convert(tmp_path, allow_custom_ops=True)
    assert customs(result.content) == customs(converter.convert())
    (custom,) = (op for op in result.plan.graphs[0].ops if op.op == "CUSTOM")
    assert custom.why == "a kernel of yours computes it"
    assert any(warning.startswith("not tried out") for warning in result.warnings)


def test_custom_operators_are_made_only_where_they_are_allowed(tmp_path: Path) -> None:
    saved("several results", tmp_path)
    for allowed in (False, ["Qr"]):
        with pytest.raises(Unsupported, match="allow_custom_ops"):
            octavo.convert(tmp_path, allow_custom_ops=allowed)
    assert customs(octavo.convert(tmp_path, allow_custom_ops=["Svd"]).content)
    converter = lite.TFLiteConverter.from_saved_model(str(tmp_path))
    with pytest.raises(lite.ConverterError):
        converter.convert()
    converter.allow_custom_ops = True
    with pytest.warns(UserWarning, match="not tried out"):
        assert customs(converter.convert())
    command = ["convert", str(tmp_path), "-o", str(tmp_path / "out.tflite")]
    assert CliRunner().invoke(app, command).exit_code == 4
    assert CliRunner().invoke(app, [*command, "--allow-custom-ops"]).exit_code == 0
    assert customs((tmp_path / "out.tflite").read_bytes())


def test_the_attributes_read_back() -> None:
    from octavo.lower.custom import options

    attrs = {"b": True, "f": 0.5, "i": -3, "s": "é", "t": np.dtype(np.int64), "l": [1.5, 2.0], "_note": 1, "n": []}
    wanted = {"b": True, "f": 0.5, "i": -3, "l": [1.5, 2.0], "s": "é", "t": 4}
    assert flexbuffers.Loads(options(attrs)) == wanted


def test_a_lowering_of_ones_own_stands_for_an_operation(tmp_path: Path) -> None:
    taken = tf.function(lambda x: {"y": raw.Lgamma(x=raw.Betainc(a=x, b=x + 1.0, x=x)) * 2.0})
    tf.saved_model.save(tf.Module(), str(tmp_path), signatures=taken.get_concrete_function(spec(None, 3)))

    def betainc(operation, a, b, x):
        low, high = operation("Split", np.int32(1), operation("ConcatV2", a, b, np.int32(1)), num_split=2)
        doubled = operation("Mul", operation("MatMul", low, np.eye(3, dtype=np.float32)), 2)
        return operation("AddV2", doubled, operation("Sub", high, x))

    runtime = Runtime(octavo.convert(tmp_path, lowerings={"Betainc": betainc, "Lgamma": lambda _, x: x}).content)
    x = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_allclose(runtime.run({"x": x})["y"], (2 * x + 1) * 2, atol=1e-6)  # a sum and two products


@keras.saving.register_keras_serializable("mine")
class Scale(keras.layers.Layer):
    """x · weight, above a least number."""

    def __init__(self, least: float, **options: Any) -> None:
        super().__init__(**options)
        self.least = least

    def build(self, shape: tuple[int, ...]) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="random_normal", name="scale")

    def call(self, x: Any) -> Any:
        return keras.ops.maximum(x * self.scale, self.least)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "least": self.least}


def scale(layer, x):
    """The function of the documentation's page."""
    scaled = layer.emit("Mul", x, layer.weight(0, "scale", [x.shape[-1]]))
    return layer.emit("Maximum", scaled, layer.config["least"])


@pytest.mark.parametrize("name", ["Scale", "mine>Scale"])
def test_a_layer_of_ones_own_is_read_from_keras_files(name: str, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,), name="x"), keras.layers.Dense(3), Scale(-0.01), keras.layers.Dense(2)])
    x = np.random.default_rng(0).standard_normal((4, 5)).astype(np.float32)
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "model.h5")
    for path in (tmp_path / "model.keras", tmp_path / "model.h5"):
        with pytest.raises(Unsupported, match=r"layers=\{'Scale': function\}.*or export a SavedModel"):
            octavo.convert(path)
        (got,) = Runtime(octavo.convert(path, layers={name: scale}).content).run({"x": x}).values()
        np.testing.assert_allclose(got, model(x), atol=1e-6)  # three short sums
