"""Spellings, signatures, TensorFlow 1's converter and the command `tflite_convert`."""

import logging
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

import octavo
from octavo import lite
from octavo.ir.source import FunctionName, SourceGraph, SourceNode
from octavo.lite.__main__ import main
from octavo.lite.signatures import doubled
from octavo.read.saved_model.reader import read_saved_model

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
MODEL = str(DIGITS / "saved_model")


def signatures(content):
    return set(lite.Interpreter(model_content=content).get_signature_list())


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "int8", "uint8", "int16"])
def test_dtypes_have_the_same_names_on_octavo_and_on_its_drop_in(name):
    assert getattr(octavo, name) is getattr(lite, name)
    assert getattr(lite, name) == name


@pytest.mark.parametrize("spelling", [octavo.float16, lite.float16, np.float16, np.dtype("float16"), "float16"])
@pytest.mark.parametrize("collection", [list, tuple, set, frozenset, lambda one: one[0]])
def test_supported_types_take_every_spelling_in_every_collection(spelling, collection):
    converter = lite.TFLiteConverter.from_saved_model(MODEL)
    converter.optimizations = collection([lite.Optimize.DEFAULT])
    converter.target_spec.supported_types = collection([spelling])
    assert len(converter.convert()) == len(
        octavo.convert(MODEL, recipe="float16", signatures=["serving_default"]).content
    )


def test_a_deprecated_optimization_is_logged(caplog):
    with caplog.at_level(logging.WARNING, logger="octavo.lite"):
        assert lite.Optimize.among([lite.Optimize.OPTIMIZE_FOR_SIZE]) == {lite.Optimize.OPTIMIZE_FOR_SIZE}
    assert "OPTIMIZE_FOR_SIZE is deprecated" in caplog.text


def test_serve_is_left_out_only_if_it_is_the_same_function():
    source = read_saved_model(Path(MODEL))
    assert doubled(source, "serve")
    call = source.graph.nodes["StatefulPartitionedCall"]
    other = SourceNode("inner", "PartitionedCall", (), {"f": FunctionName("another")})
    functions = {**source.functions, "one": SourceGraph("one", {"inner": other}), "another": SourceGraph("another", {})}
    changed = SourceNode(call.name, call.op, call.inputs, {**call.attrs, "f": FunctionName("one")})
    graph = msgspec.structs.replace(source.graph, nodes={**source.graph.nodes, call.name: changed})
    assert not doubled(msgspec.structs.replace(source, graph=graph, functions=functions), "serve")


def test_signatures_that_are_asked_for_are_kept_all():
    assert signatures(lite.TFLiteConverter.from_saved_model(MODEL).convert()) == {"serving_default"}
    both = lite.TFLiteConverter.from_saved_model(MODEL, signature_keys=["serve", "serving_default"])
    assert signatures(both.convert()) == {"serve", "serving_default"}


def test_jax_functions_are_refused_with_a_way_out():
    with pytest.raises(lite.ConverterError, match="jax2tf"):
        lite.TFLiteConverter.experimental_from_jax([], [])


def test_tensorflow_1s_converter_takes_one_signature_with_a_batch_of_one():
    converter = lite.v1.TFLiteConverter.from_saved_model(MODEL)
    assert converter.get_input_arrays() == ["image"]
    assert converter.inference_input_type is None
    runtime = lite.Interpreter(model_content=converter.convert())
    assert runtime.get_input_details()[0]["shape_signature"].tolist() == [1, 20, 20, 1]


def test_shapes_can_be_given_and_must_be_of_inputs():
    given = lite.v1.TFLiteConverter.from_saved_model(MODEL, input_shapes={"image": [4, 20, 20, 1]}).convert()
    runtime = lite.Interpreter(model_content=given)
    assert runtime.get_input_details()[0]["shape"].tolist() == [4, 20, 20, 1]
    with pytest.raises(ValueError, match="did you mean 'image'"):
        lite.v1.TFLiteConverter.from_saved_model(MODEL, input_shapes={"imag": [4, 20, 20, 1]})
    with pytest.raises(ValueError, match="None is only supported in the 1st dimension"):
        lite.v1.TFLiteConverter.from_saved_model(MODEL, input_shapes={"image": [1, None, 20, 1]})


def test_post_training_quantize_means_dynamic_range():
    converter = lite.v1.TocoConverter.from_saved_model(MODEL)
    size = len(converter.convert())
    converter.post_training_quantize = True
    assert len(converter.convert()) < 0.6 * size


@pytest.mark.parametrize("make", ["from_frozen_graph", "from_keras_model_file"])
def test_files_that_do_not_exist_are_told(make):
    arrays = [["x"], ["y"]] if make == "from_frozen_graph" else []
    with pytest.raises(OSError, match="no_such_file"):
        getattr(lite.v1.TFLiteConverter, make)("no_such_file.pb", *arrays)


def test_the_flags_of_tflite_convert_are_understood(tmp_path):
    target = tmp_path / "model.tflite"
    assert main([f"--saved_model_dir={MODEL}", f"--output_file={target}"]) == 0
    size = target.stat().st_size
    assert main([f"--saved_model_dir={MODEL}", f"--output_file={target}", "--quantize_to_float16"]) == 0
    assert target.stat().st_size < 0.7 * size
    assert main([f"--saved_model_dir={tmp_path}/no", f"--output_file={target}"]) == 1


def test_the_command_runs_as_a_module():
    run = subprocess.run([sys.executable, "-m", "octavo.lite", "--help"], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert "--saved_model_signature_key" in run.stdout
