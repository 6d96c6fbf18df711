"""Keras files written by hand: what is said of those that are damaged, incomplete or contradictory."""

import io
import json
import sys
import zipfile

import h5py
import numpy as np
import pytest

from octavo.errors import Invalid, ModelError, Unreadable, Unsupported, UsageError
from octavo.ir.interpret import interpret
from octavo.lower.engine import lower
from octavo.read.open import read

KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
BIAS = np.array([1, 2, 3], np.float32)
DENSE = {"name": "score", "units": 3, "activation": "relu", "use_bias": True}


def sequential(*layers, shape=(None, 4)):
    start = {"class_name": "InputLayer", "config": {"batch_shape": list(shape), "dtype": "float32", "name": "x"}}
    return {"class_name": "Sequential", "config": {"name": "m", "layers": [start, *layers]}}


def dense(**changes):
    return {"class_name": "Dense", "config": {**DENSE, **changes}}


def weights_file(weights):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for path, array in weights.items():
            file[path] = array
    return buffer.getvalue()


def archive(path, model, weights=None, *, leave_out=(), compression=zipfile.ZIP_STORED):
    default = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}
    members = {
        "metadata.json": b'{"keras_version": "3.9.0"}',
        "config.json": model if isinstance(model, bytes) else json.dumps(model).encode(),
        "model.weights.h5": weights_file(default if weights is None else weights),
    }
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            if name not in leave_out:
                file.writestr(name, content)
    return path


def of_old(path, model, weights, *, version="2.15.0"):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = version
        if model is not None:
            file.attrs["model_config"] = json.dumps(model)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = ["score"]
        own = group.create_group("score")
        own.attrs["weight_names"] = list(weights)
        for name, array in weights.items():
            own[name] = array
    return path


def run(path):
    graph = lower(read(path)).main
    x = np.array([[1, 0, -1, 0]], np.float32)
    return interpret(graph, {graph.inputs[0].name: x})[graph.outputs[0]]


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_computes_whether_compressed_or_not(tmp_path, compression):
    path = archive(tmp_path / "m.keras", sequential(dense()), compression=compression)
    np.testing.assert_array_equal(run(path), [[0, 0, 0]])
    np.testing.assert_array_equal(
        run(archive(path, sequential(dense(activation="linear")), compression=compression)),
        KERNEL[:1] - KERNEL[2:3] + BIAS,
    )


def test_weights_are_views_of_the_file(tmp_path):
    source = read(archive(tmp_path / "m.keras", sequential(dense())))
    (kernel,) = [
        n.attrs["value"] for n in source.graph.nodes.values() if n.op == "Const" and n.attrs["value"].ndim == 2
    ]
    assert not kernel.flags.owndata
    assert not kernel.flags.writeable
    np.testing.assert_array_equal(kernel, KERNEL)


def test_weights_of_old_are_found_by_name_whatever_their_order(tmp_path):
    weights = {"score/bias:0": BIAS, "score/kernel:0": KERNEL}
    path = of_old(tmp_path / "m.h5", sequential(dense(activation="linear")), weights)
    np.testing.assert_array_equal(run(path), KERNEL[:1] - KERNEL[2:3] + BIAS)


def test_names_and_nodes_tell_the_layers(tmp_path):
    source = read(archive(tmp_path / "m.keras", sequential(dense())))
    assert [port.name for port in source.signatures[0].inputs] == ["x"]
    assert [port.name for port in source.signatures[0].outputs] == ["output_0"]
    assert {"score/MatMul", "score/BiasAdd", "score/Relu"} <= set(source.graph.nodes)


def test_keras_2_had_another_hard_sigmoid(tmp_path):
    weights = {"score/kernel:0": KERNEL * 0, "score/bias:0": BIAS}
    model = sequential(dense(activation="hard_sigmoid"))
    old, new = (run(of_old(tmp_path / f"{v}.h5", model, weights, version=v)) for v in ("2.15.0", "3.9.0"))
    np.testing.assert_allclose(old, [[0.7, 0.9, 1]], rtol=1e-6)
    np.testing.assert_allclose(new, [[4 / 6, 5 / 6, 1]], rtol=1e-6)


@pytest.mark.parametrize("missing", ["config.json", "model.weights.h5"])
def test_an_archive_without_a_part_names_it(tmp_path, missing):
    path = archive(tmp_path / "m.keras", sequential(dense()), leave_out=[missing])
    with pytest.raises(Unreadable, match=missing):
        read(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"neither", b"\x89HDF\r\n\x1a\n"])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".hdf5"])
def test_a_file_that_is_no_model_is_unreadable(tmp_path, content, suffix):
    path = tmp_path / f"m{suffix}"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        read(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_truncated_file_is_refused(tmp_path, kept, suffix):
    path = tmp_path / f"m{suffix}"
    if suffix == ".keras":
        archive(path, sequential(dense()))
    else:
        of_old(path, sequential(dense()), {"score/kernel:0": KERNEL, "score/bias:0": BIAS})
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ModelError):
        read(path)


@pytest.mark.parametrize("config", [b"", b"{", b"[]", b"{}", b'{"class_name": "Sequential"}', b"\xff\xfe"])
def test_a_damaged_configuration_is_unreadable(tmp_path, config):
    with pytest.raises(Unreadable, match=r"configuration|JSON"):
        read(archive(tmp_path / "m.keras", config))


@pytest.mark.parametrize(
    "model",
    [
        {"class_name": "Functional", "config": {"layers": [], "input_layers": [["x", 0, 0]], "output_layers": []}},
        {"class_name": "Functional", "config": {"layers": 3, "input_layers": 4, "output_layers": 5}},
        {"class_name": "Sequential", "config": {"layers": []}},
        sequential({"class_name": "Dense"}),
        sequential({"class_name": "Dense", "config": {"name": "score"}}),
        sequential(dense(units="many")),
        sequential(dense(activation={"class_name": "function", "config": 3}, units=None)),
    ],
)
def test_a_configuration_that_contradicts_itself_is_invalid(tmp_path, model):
    with pytest.raises((Invalid, Unsupported)):
        read(archive(tmp_path / "m.keras", model))


def test_missing_weights_name_the_layer_and_the_weight(tmp_path):
    with pytest.raises(Invalid, match="kernel"):
        read(archive(tmp_path / "m.keras", sequential(dense()), {"layers/other/vars/0": KERNEL}))
    with pytest.raises(Invalid, match="bias"):
        read(of_old(tmp_path / "m.h5", sequential(dense()), {"score/kernel:0": KERNEL}))


def test_weights_of_the_wrong_shape_name_the_layer(tmp_path):
    weights = {"layers/dense/vars/0": KERNEL.T, "layers/dense/vars/1": BIAS}
    with pytest.raises(Invalid, match=r"(?s)'kernel'.*\(4, 3\).*'score'"):
        read(archive(tmp_path / "m.keras", sequential(dense()), weights))


def test_an_hdf5_file_of_weights_alone_says_what_is_missing(tmp_path):
    with pytest.raises(Unreadable, match="weights only"):
        read(of_old(tmp_path / "m.h5", None, {"score/kernel:0": KERNEL}))


def test_all_unknown_layers_come_back_in_one_error(tmp_path):
    strange = [{"class_name": c, "config": {"name": c.lower(), "trainable": True}} for c in ("Strange", "Other")]
    x = {
        "class_name": "InputLayer",
        "name": "x",
        "config": {"batch_shape": [None, 4], "name": "x"},
        "inbound_nodes": [],
    }
    layers = [
        x,
        *({**entry, "name": entry["config"]["name"], "inbound_nodes": [[["x", 0, 0, {}]]]} for entry in strange),
    ]
    outputs = [["strange", 0, 0], ["other", 0, 0]]
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": outputs}
    with pytest.raises(Unsupported, match="SavedModel") as caught:
        read(archive(tmp_path / "m.keras", {"class_name": "Functional", "config": config}))
    assert [(gap.op, gap.layer) for gap in caught.value.gaps] == [("Strange", "strange"), ("Other", "other")]


def test_a_model_written_as_a_class_says_what_to_do(tmp_path):
    with pytest.raises(Unsupported, match=r"model\.export"):
        read(archive(tmp_path / "m.keras", {"class_name": "MyModel", "config": {"name": "m"}}))


def test_without_h5py_a_keras_file_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)  # importing it fails now
    path = tmp_path / "model.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64))
    with pytest.raises(UsageError, match="need h5py") as caught:
        read(path)
    assert "octavo[keras]" in caught.value.hint
