"""`QuantizationDebugger`: TensorFlow's interface and columns over Octavo's own measurements."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from octavo import lite

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
PICTURES = np.load(DIGITS / "calibration.npz")["image"][:20]
Options = lite.experimental.QuantizationDebugOptions
Debugger = lite.experimental.QuantizationDebugger


def samples():
    for picture in PICTURES:
        yield [picture[np.newaxis]]


def converter(**settings):
    made = lite.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model"))
    made.optimizations = [lite.Optimize.DEFAULT]
    made.representative_dataset = samples
    for name, value in settings.items():
        setattr(made.target_spec if name.startswith("supported_") else made, name, value)
    return made


def rows(debugger):
    file = io.StringIO()
    debugger.layer_statistics_dump(file)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


@pytest.fixture(scope="module")
def debugger():
    made = Debugger(converter=converter(), debug_dataset=samples)
    made.run()
    return made


def test_the_csv_has_tensorflows_columns_in_their_order(debugger):
    assert list(rows(debugger)[0]) == [
        "op_name", "tensor_idx", "num_elements", "stddev", "mean_error", "max_abs_error", "mean_squared_error",
        "scale", "zero_point", "tensor_name",
    ]  # fmt: skip


def test_the_rows_say_what_the_quantized_model_does(debugger):
    details = {d["index"]: d for d in lite.Interpreter(model_content=debugger.quant_model).get_tensor_details()}
    found = rows(debugger)
    assert [row["op_name"] for row in found][:3] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
    for row in found:
        detail = details[int(row["tensor_idx"])]
        scale = float(row["scale"])
        assert detail["quantization"] == (pytest.approx(scale), int(row["zero_point"]))
        # what an operation adds is rounding to its own grid first of all: s²/12, here at most ten times as much
        assert 0 < float(row["mean_squared_error"]) < 10 * scale**2 / 12


def test_metrics_of_the_user_stand_beside_the_usual_ones():
    options = Options(
        layer_debug_metrics={"l1": lambda diffs: np.mean(np.abs(diffs))},
        layer_direct_compare_metrics={"near": lambda f, q, s, z: np.abs(f - (q.astype(np.float64) - z) * s).max()},
        model_debug_metrics={"same": lambda f, q: float(f[0].argmax() == q[0].argmax())},
    )
    made = Debugger(converter=converter(), debug_dataset=samples, debug_options=options)
    made.run()
    assert made.model_statistics["same"] >= 0.9
    for row in rows(made):
        assert float(row["near"]) == pytest.approx(float(row["max_abs_error"]), rel=1e-3, abs=1e-6)
        assert 0 < float(row["l1"]) < float(row["max_abs_error"])


def test_two_metrics_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Provided metrics have duplicate keys"):
        Options(layer_debug_metrics={"a": np.mean}, model_debug_metrics={"a": np.mean})


def test_what_is_denylisted_stays_float_and_the_rest_does_not(debugger):
    worst = max(rows(debugger), key=lambda row: float(row["mean_squared_error"]))["tensor_name"]
    made = Debugger(converter=converter(), debug_dataset=samples)
    made.options = Options(denylisted_nodes=[worst], denylisted_ops=["SOFTMAX"])
    made.run()
    left = {row["tensor_name"] for row in rows(debugger)} - {row["tensor_name"] for row in rows(made)}
    assert worst in left
    assert len(left) == 2
    runtime = lite.Interpreter(model_content=made.get_nondebug_quantized_model())
    details = {d["name"]: d["dtype"] for d in runtime.get_tensor_details()}
    assert details[worst] == np.float32


def test_an_unknown_name_on_a_denylist_is_told_and_by_wish_an_error():
    with pytest.warns(lite.OctavoWarning, match="did you mean 'CONV_2D'"):
        Debugger(converter=converter(), debug_options=Options(denylisted_ops=["CONV2D"]))
    with pytest.raises(ValueError, match="denylisted_nodes: 'nothing'"):
        Debugger(converter=converter(strict=True), debug_options=Options(denylisted_nodes=["nothing"]))


def test_a_debug_model_can_be_kept_and_debugged_later(debugger, tmp_path):
    path = tmp_path / "debug.tflite"
    path.write_bytes(debugger.get_debug_quantized_model())
    later = Debugger(quant_debug_model_path=path, debug_dataset=samples)
    later.run()
    assert later.layer_statistics == debugger.layer_statistics
    assert rows(later) == rows(debugger)
    with pytest.raises(ValueError, match="No converter found"):
        later.get_nondebug_quantized_model()


@pytest.mark.filterwarnings("ignore:slower than float")  # a depthwise convolution in int16 is what is asked for
def test_16x8_is_debugged_as_16x8():
    ops = [lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    made = Debugger(converter=converter(supported_ops=ops), debug_dataset=samples)
    made.run()
    details = {d["index"]: d["dtype"] for d in lite.Interpreter(model_content=made.quant_model).get_tensor_details()}
    assert {details[int(row["tensor_idx"])] for row in rows(made)} == {np.int16}


def test_fully_quantized_means_integer_inputs_and_outputs():
    made = Debugger(converter=converter(), debug_dataset=samples, debug_options=Options(fully_quantize=True))
    made.run()
    runtime = lite.Interpreter(model_content=made.get_nondebug_quantized_model())
    assert runtime.get_input_details()[0]["dtype"] == np.int8
    assert made.layer_statistics


@pytest.mark.parametrize(("settings", "message"), [
    ({"optimizations": []}, "converter object must set optimizations to lite.Optimize.DEFAULT"),
    ({"representative_dataset": None}, "converter object must set representative_dataset"),
])  # fmt: skip
def test_a_converter_that_does_not_quantize_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Debugger(converter=converter(**settings))


def test_a_model_without_twins_is_no_debug_model(debugger):
    with pytest.raises(ValueError, match="Please check if the quantized model is in debug mode"):
        Debugger(quant_debug_model_content=debugger.get_nondebug_quantized_model())


def test_a_sample_with_too_many_inputs_is_refused():
    made = Debugger(converter=converter(), debug_dataset=lambda: iter([[PICTURES[:1], PICTURES[:1]]]))
    with pytest.raises(ValueError, match=r"Number of inputs provided \(2\) does not match"):
        made.run()


def test_the_analyzer_prints_the_operations(debugger, capsys):
    lite.experimental.Analyzer.analyze(model_content=debugger.get_nondebug_quantized_model())
    assert "DEPTHWISE_CONV_2D" in capsys.readouterr().out
    with pytest.raises(ValueError, match="is provided"):
        lite.experimental.Analyzer.analyze()


def test_delegates_and_resolvers_are_the_runtimes():
    from ai_edge_litert import interpreter

    assert lite.experimental.load_delegate is interpreter.load_delegate
    assert lite.experimental.OpResolverType is interpreter.OpResolverType
