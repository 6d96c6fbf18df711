"""TensorFlow 1's control flow, in SavedModels and frozen graphs, held against TensorFlow's session."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from dataflow import GRAPHS, saved  # noqa: E402  # it needs TensorFlow

import octavo  # noqa: E402
from octavo.errors import Unsupported  # noqa: E402
from octavo.read.tflite import read_tflite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # TensorFlow says of each of these functions that it is old


def assert_alike(got: np.ndarray, want: np.ndarray) -> None:
    """Float kernels of both sides round each sum in their own order: 1e-5 of the largest number is room for that."""
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * max(1e-3, np.abs(want).max(initial=0)))


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_of_tensorflow_1_computes_the_same(name: str, tmp_path: Path) -> None:
    made = saved(name, tmp_path)
    ends = {"inputs": list(made.inputs.values()), "outputs": list(made.outputs.values())}
    directory = Runtime(octavo.convert(made.directory, recipe="float32").content)
    frozen = Runtime(octavo.convert(made.frozen, recipe="float32", **ends).content)
    for inputs, wanted in made.runs:
        got = directory.run(inputs)
        again = frozen.run({made.inputs[key]: array for key, array in inputs.items()})
        for key, want in wanted.items():
            assert_alike(got[key], want)
            assert_alike(again[made.outputs[key]], want)


def test_a_recurrent_layer_of_tensorflow_1_computes_in_integers(tmp_path: Path) -> None:
    made = saved("lstm", tmp_path)
    samples = [inputs for inputs, _ in made.runs]
    result = octavo.convert(made.directory, recipe={"precision": "int8", "ranges": "minmax"}, samples=samples)
    inside = [op.precision for graph in result.plan.graphs[1:] for op in graph.ops if op.op == "FULLY_CONNECTED"]
    assert inside
    assert set(inside) == {"int8"}
    runtime = Runtime(result.content)
    for inputs, wanted in made.runs:
        got = runtime.run(inputs)
        assert np.abs(got["y"] - wanted["y"]).max() < 0.06 * np.abs(wanted["y"]).max()  # a dozen steps after six turns


def test_a_frozen_graph_of_tensorflow_2_has_loops_of_tensorflow_1(tmp_path: Path) -> None:
    keras = pytest.importorskip("keras")
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6, 3)), keras.layers.LSTM(4, return_sequences=True), keras.layers.GRU(2)])
    function = tf.function(model).get_concrete_function(tf.TensorSpec([None, 6, 3], tf.float32, name="x"))
    frozen = convert_variables_to_constants_v2(function).graph.as_graph_def()
    assert "NextIteration" in {node.op for node in frozen.node}
    (tmp_path / "frozen.pb").write_bytes(frozen.SerializeToString())
    runtime = Runtime(octavo.convert(tmp_path / "frozen.pb", recipe="float32").content)
    x = np.random.default_rng(0).standard_normal((5, 6, 3)).astype(np.float32)
    (got,) = runtime.run({"x": x}).values()
    assert_alike(got, model(x).numpy())


def test_one_predicate_makes_one_branch(tmp_path: Path) -> None:
    made = saved("branches_of_constants", tmp_path)
    model = read_tflite(octavo.convert(made.directory, recipe="float32").content)
    assert [node.op.code for node in model.main].count("IF") == 2


def test_a_gap_inside_a_loop_is_told_with_its_layer(tmp_path: Path) -> None:
    from dataflow import v1, version_1

    with version_1(), tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [2, 2], "x")
        step = lambda i, a: (i + 1, tf.linalg.qr(a, name="turned")[0])  # noqa: E731  # one loop of one line
        _, y = v1.while_loop(lambda i, _: i < 3, step, [0, x], name="turning")
        v1.saved_model.simple_save(session, str(tmp_path / "saved"), {"x": x}, {"y": y})
    with pytest.raises(Unsupported) as told:
        octavo.convert(tmp_path / "saved")
    assert [(gap.op, gap.layer) for gap in told.value.gaps] == [("Qr", "turning/turned")]
