"""Calibrating and quantizing apart, as scripts do that import TensorFlow's `mlir_quantize`."""

from pathlib import Path

import numpy as np
import pytest

import octavo
from octavo import lite
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.lite.convert import mlir_quantize
from octavo.ops import registry
from octavo.read.tflite import ranges_of
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def samples():
    with np.load(DIGITS / "calibration.npz") as arrays:
        images = next(iter(arrays.values()))
    return [[image[None]] for image in images[:20]]


def converter():
    made = lite.TFLiteConverter.from_saved_model(DIGITS / "saved_model", signature_keys=["serving_default"])
    made.optimizations = [lite.Optimize.DEFAULT]
    made.representative_dataset = samples
    return made


@pytest.fixture(scope="module")
def calibrated():
    made = converter()
    made._experimental_calibrate_only = True
    return made.convert()


def dense(content):
    return next(o for o in octavo.inspect(content).graphs[0].operations if o.op == "FULLY_CONNECTED")


def test_a_model_that_is_only_calibrated_is_float_and_holds_ranges(calibrated):
    assert {o.precision for o in octavo.inspect(calibrated).graphs[0].operations} <= {"float32", "exact"}
    (ranges,) = ranges_of(calibrated)
    name = octavo.inspect(calibrated).graphs[0].operations[0].inputs[0].name
    images = np.concatenate([sample[0] for sample in samples()])
    assert ranges[name] == (images.min(), images.max())


def test_a_calibrated_model_is_quantized_later_as_if_at_once(calibrated):
    content = mlir_quantize(calibrated)
    at_once = octavo.convert(
        DIGITS / "saved_model", recipe={"precision": "int8", "ranges": "minmax", "effort": "fast"},
        samples=[{"image": sample[0]} for sample in samples()], signatures=["serving_default"],
    )  # fmt: skip
    sample = {Runtime(content).inputs[0].name: samples()[0][0]}
    later, now = (next(iter(Runtime(each).run(sample).values())) for each in (content, at_once.content))
    assert np.abs(later - now).max() <= 0.02  # a few steps of 1/256: biases are corrected where samples are at hand


def test_dense_layers_get_one_scale_by_wish_and_models_without_any_are_left_alone(calibrated):
    def scales(content):
        return {t.scales for t in dense(content).weights if t.dtype == "int8"}

    made = converter()
    made._experimental_disable_per_channel_quantization_for_dense_layers = True
    assert scales(made.convert()) == {None}
    assert scales(mlir_quantize(calibrated, disable_per_channel_for_dense_layers=True)) == {None}
    assert scales(mlir_quantize(calibrated)) == {10}
    without = lite.TFLiteConverter(content_of("%y = TANH(%x)"))
    without.optimizations, without.representative_dataset = (
        [lite.Optimize.DEFAULT],
        lambda: iter([[np.ones((1, 4), "f")]]),
    )
    without._experimental_disable_per_channel_quantization_for_dense_layers = True
    with pytest.warns(lite.OctavoWarning, match="calibrated on 1 sample"):
        assert without.convert()


def test_what_is_denylisted_stays_float(calibrated):
    with pytest.warns(lite.OctavoWarning, match="denylisted_ops: 'CONV_9D' is not in the model"):
        content = mlir_quantize(calibrated, denylisted_ops=["FULLY_CONNECTED", "CONV_9D"])
    assert dense(content).precision == "float32"


def test_a_model_with_twins_can_be_debugged(calibrated):
    debugger = lite.experimental.QuantizationDebugger(
        quant_debug_model_content=mlir_quantize(calibrated, enable_numeric_verify=True), debug_dataset=samples
    )
    debugger.run()
    assert debugger.layer_statistics


def test_a_model_that_was_not_calibrated_is_refused():
    with pytest.raises(ValueError, match="the model holds no ranges"):
        mlir_quantize(content_of("%y = TANH(%x)"))
    with pytest.raises(ValueError, match="none that activations can have"):
        mlir_quantize(content_of("%y = TANH(%x)"), inference_type="float16")


def test_numbers_that_are_none_are_tensorflows_error():
    made = lite.TFLiteConverter(content_of("%y = LOG(%x)"))
    made.optimizations = [lite.Optimize.DEFAULT]
    made.representative_dataset = lambda: iter([[np.full((1, 4), -1, np.float32)]] * 3)
    with pytest.raises(RuntimeError, match=r"Model resulted in Nan value during calibration(?s:.)*in LOG 'y'"):
        made.convert()


def content_of(line):
    graph = parse(f"main(%x: float32[1,4]) {{\n  {line}\n  return %y\n}}", registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))
