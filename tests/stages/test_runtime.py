"""The runtime loads, runs, watches and times models, and says in our words what it refuses."""

import threading

import numpy as np
import pytest

from octavo.errors import SamplesError, TargetError, UsageError
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.runtime import Runtime
from octavo.told import quiet
from octavo.write.tflite import to_bytes

TEXT = """
main(%x: float32[batch,4]) {
  %w = const float32[3,4]
  %b = const float32[3] [0.5, -1.0, 2.0]
  %hidden: float32[batch,3] = FULLY_CONNECTED(%x, %w, %b)
  %y: float32[batch,3] = SOFTMAX(%hidden) {beta=1.0}
  return %y
}
"""


@pytest.fixture(scope="module")
def content():
    graph = parse(TEXT, registry().ops)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("image",), ("scores",))]))


@pytest.fixture
def sample():
    return {"image": np.random.default_rng(0).standard_normal((2, 4), np.float32)}


def test_ports_have_the_user_s_names_and_open_dimensions(content):
    runtime = Runtime(content)
    assert runtime.signature == "serving_default"
    assert [(p.name, p.tensor, str(p.dtype), str(p.shape)) for p in runtime.inputs] == [
        ("image", "x", "float32", "(batch, 4)")
    ]
    assert [p.name for p in runtime.outputs] == ["scores"]


def test_the_batch_may_change_from_run_to_run(content):
    runtime = Runtime(content)
    for batch in (1, 3, 3, 2):
        assert runtime.run({"image": np.ones((batch, 4), np.float32)})["scores"].shape == (batch, 3)


def test_outputs_are_copies_that_the_next_run_leaves_alone(content, sample):
    runtime = Runtime(content)
    first = runtime.run(sample)["scores"]
    kept = first.copy()
    runtime.run({"image": -sample["image"]})
    np.testing.assert_array_equal(first, kept)


def test_a_file_runs_as_its_bytes_do(content, sample, tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(content)
    np.testing.assert_array_equal(Runtime(path).run(sample)["scores"], Runtime(content).run(sample)["scores"])


def test_inner_tensors_are_given_by_their_names(content, sample):
    runtime = Runtime(content, keep_all=True)
    scores = runtime.run(sample)["scores"]
    inner = runtime.tensors()
    assert inner.keys() == {"hidden", "y"}
    np.testing.assert_array_equal(inner["y"], scores)


def test_inner_tensors_are_refused_when_they_were_not_kept(content, sample):
    runtime = Runtime(content)
    runtime.run(sample)
    with pytest.raises(UsageError, match="only on demand"):
        runtime.tensors()


def test_calibration_sees_the_range_of_every_float_tensor(content, sample):
    runtime = Runtime(content, keep_all=True)
    runtime.run(sample)
    inner = {"x": sample["image"], **runtime.tensors()}
    ranges = Runtime(content).calibrate(sample)
    assert ranges.keys() >= inner.keys()
    for name, array in inner.items():
        # the delegate and the builtin kernels add in different orders
        np.testing.assert_allclose(ranges[name], (array.min(), array.max()), rtol=1e-5)


def test_a_benchmark_gives_one_time_for_each_run(content, sample):
    times = Runtime(content).benchmark(sample, repeats=5)
    assert times.shape == (5,)
    assert (times > 0).all()


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"imgae": np.ones((1, 4), np.float32)}, "did you mean 'image'"),
        ({}, "inputs are missing: image"),
        ({"image": np.ones((1, 4))}, "float64, but the model takes float32"),
        ({"image": np.ones((1, 5), np.float32)}, r"\[1, 5\], but the model takes \[batch, 4\]"),
        ({"image": np.ones(4, np.float32)}, r"\[4\], but the model takes"),
    ],
)
def test_samples_that_do_not_fit_are_named(content, inputs, message):
    with pytest.raises(SamplesError, match=message):
        Runtime(content).run(inputs)


def test_a_signature_that_does_not_exist_is_named(content):
    with pytest.raises(UsageError, match="serving_default"):
        Runtime(content, signature="serving")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="nothing"):
        Runtime(tmp_path / "nothing.tflite")


def test_what_litert_refuses_is_a_target_error():
    with pytest.raises(TargetError, match="LiteRT refuses the model"):
        Runtime(b"\0" * 100)


def test_calibration_tells_a_kernel_s_reason_once_and_nothing_else():
    text = """main(%ids: int32[batch,2]) {
  %table = const float32[5,3]
  %rows: float32[batch,2,3] = GATHER(%table, %ids) {axis=0}
  %y: float32[batch,2,3] = TANH(%rows)
  return %y
}"""
    runtime = Runtime(to_bytes(Model([parse(text, registry().ops)])))
    good, bad = {"ids": np.zeros((1, 2), np.int32)}, {"ids": np.full((1, 2), 9, np.int32)}
    told = "LiteRT failed while running the model: gather index out of bounds; Node number 0 (GATHER) failed to invoke."
    for _ in range(2):
        runtime.calibrate(good)
        with pytest.raises(TargetError) as caught:
            runtime.calibrate(bad)
        assert caught.value.message == told


def test_notes_are_kept_off_stderr_and_all_else_comes_through(capfd):
    import os

    with quiet():
        os.write(2, b"INFO: Created a delegate.\nWARNING: look here\n")
    assert capfd.readouterr().err == "WARNING: look here\n"


def test_nothing_is_turned_aside_while_other_threads_may_write(capfd):
    import os

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    with quiet():
        os.write(2, b"INFO: seen\n")
    stop.set()
    thread.join()
    assert capfd.readouterr().err == "INFO: seen\n"


REMEMBERS = """
main(%x: float32[1,1]) {
  %f = const float32[1,1] [1.0]
  %t = const float32[1,2] [1.0, 1.0]
  %b = const float32[1] [0.0]
  %s = state float32[1,2]
  %y = SVDF(%x, %f, %t, %b, %s) {rank=1}
  return %y
}
"""


def test_what_remembers_runs_forgets_them_on_demand_and_before_the_first_there_is_nothing_to_forget():
    model = Model([parse(REMEMBERS, registry().ops)])
    model.signatures.append(Signature("serving_default", model.main, ("x",), ("y",)))
    runtime = Runtime(to_bytes(model))
    runtime.reset()
    one = {"x": np.ones((1, 1), np.float32)}
    first, second = (float(runtime.run(one)["y"][0, 0]) for _ in range(2))
    runtime.reset()
    assert float(runtime.run(one)["y"][0, 0]) == first != second
