"""Live objects and files of TensorFlow 1, functions that check themselves, and the debugger beside TensorFlow's."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from octavo import lite  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")]
DIGITS = Path(__file__).parents[2] / "examples" / "digits"


def rows(count=20):
    return np.random.default_rng(0).standard_normal((count, 1, 8)).astype(np.float32)


def run(content, row):
    runtime = lite.Interpreter(model_content=content)
    runtime.allocate_tensors()
    runtime.set_tensor(runtime.get_input_details()[0]["index"], row)
    runtime.invoke()
    return runtime.get_tensor(runtime.get_output_details()[0]["index"])


@pytest.fixture(scope="module")
def session():
    """A graph of TensorFlow 1 with a variable, what it computes, and its frozen file's bytes."""
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 8], name="x")
        weight = tf.compat.v1.get_variable("w", initializer=np.eye(8, 4, dtype=np.float32) * 3, use_resource=False)
        y = tf.nn.relu(tf.matmul(x, weight), name="y")
        prepared = tf.compat.v1.global_variables_initializer()
    open_session = tf.compat.v1.Session(graph=graph)
    open_session.run(prepared)
    yield open_session, x, y
    open_session.close()


def test_a_live_session_is_converted_with_its_variables(session):
    open_session, x, y = session
    converter = lite.v1.TFLiteConverter.from_session(open_session, [x], [y])
    assert converter.get_input_arrays() == ["x"]
    (row, *_) = rows()
    assert run(converter.convert(), row) == pytest.approx(np.maximum(row[:, :4] * 3, 0), rel=1e-6)
    converter.optimizations = {lite.Optimize.DEFAULT}
    converter.representative_dataset = lambda: ([row] for row in rows())
    converter.inference_input_type = tf.int8
    assert lite.Interpreter(model_content=converter.convert()).get_input_details()[0]["dtype"] == np.int8


def test_a_frozen_graph_gives_the_interface_that_tensorflow_gives(session, tmp_path):
    open_session, _, y = session
    frozen = tf.compat.v1.graph_util.convert_variables_to_constants(
        open_session, open_session.graph.as_graph_def(), [y.op.name]
    )
    path = tmp_path / "frozen.pb"
    path.write_bytes(frozen.SerializeToString())
    ours, theirs = (
        lite.Interpreter(model_content=module.TFLiteConverter.from_frozen_graph(str(path), ["x"], ["y"]).convert())
        for module in (lite.v1, tf.compat.v1.lite)
    )
    for side in ("get_input_details", "get_output_details"):
        (one,), (other,) = getattr(ours, side)(), getattr(theirs, side)()
        assert (one["shape"].tolist(), one["dtype"]) == (other["shape"].tolist(), other["dtype"])
        assert one["name"].removesuffix(":0") == other["name"]  # as of a SavedModel, ours names the tensor
    with pytest.raises(ValueError, match="no node 'nowhere'"):
        lite.v1.TFLiteConverter.from_frozen_graph(path, ["x"], ["nowhere"])


def test_a_keras_file_is_converted(tmp_path):
    import keras

    model = keras.Sequential([keras.layers.Input((8,)), keras.layers.Dense(3, activation="softmax")])
    model.save(tmp_path / "model.keras")
    (row, *_) = rows()
    content = lite.v1.TFLiteConverter.from_keras_model_file(tmp_path / "model.keras").convert()
    assert run(content, row) == pytest.approx(np.asarray(model(row)), abs=1e-5)


def test_a_function_tells_on_its_first_call_that_it_can_be_converted():
    @lite.experimental.authoring.compatible
    @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32)])
    def fine(x):
        return tf.nn.relu(x)

    fine(rows()[0])
    assert fine.get_compatibility_log() == []


def test_a_function_tells_on_its_first_call_what_is_in_the_way(capsys):
    @lite.experimental.authoring.compatible(raise_exception=False)
    @tf.function(input_signature=[tf.TensorSpec([1, 8], tf.float32)])
    def odd(x):
        return tf.math.betainc(x, x, x)

    with pytest.raises(RuntimeError, match="isn't verified yet"):
        odd.get_compatibility_log()
    odd(np.full((1, 8), 0.5, np.float32))
    assert "Betainc" in "".join(odd.get_compatibility_log())
    assert "COMPATIBILITY ERROR" in capsys.readouterr().out


def statistics(module):
    pictures = np.load(DIGITS / "calibration.npz")["image"][:10, np.newaxis]
    converter = module.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model"))
    converter.optimizations = [module.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([picture] for picture in pictures)
    debugger = module.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=lambda: ([picture] for picture in pictures)
    )
    debugger.run()
    file = io.StringIO()
    debugger.layer_statistics_dump(file)
    return list(csv.DictReader(io.StringIO(file.getvalue())))


def test_the_debugger_measures_what_tensorflows_does():
    ours, theirs = statistics(lite), statistics(tf.lite)
    assert list(ours[0]) == list(theirs[0])
    one, other = ({row["op_name"]: row for row in found} for found in (ours, theirs))
    for op in ("FULLY_CONNECTED", "MEAN", "SOFTMAX"):  # one of each, and both models have it
        assert float(one[op]["num_elements"]) == float(other[op]["num_elements"])
        # ranges are chosen differently, so the steps differ a little, and the error with their square
        assert float(one[op]["scale"]) == pytest.approx(float(other[op]["scale"]), rel=0.25)
        assert float(one[op]["mean_squared_error"]) < 2 * float(other[op]["mean_squared_error"]) + 1e-7
