"""Reading SavedModels written by hand: what the reader promises, and what it says of damaged files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from octavo.errors import Invalid, Unreadable, Unsupported, UsageError
from octavo.ir.source import FunctionName, SourceRef
from octavo.read.saved_model import read_saved_model
from octavo.read.saved_model.bundle import Bundle
from octavo.read.saved_model.graphs import graph_of
from octavo.read.saved_model.op_definitions import OpDefinitions
from octavo.read.saved_model.protos import message
from octavo.read.saved_model.table import read_table
from octavo.read.saved_model.tensors import array_of
from octavo.read.saved_model.variables import HANDLES
from saved_models import Model, bundle, function_name, table

FLOAT = np.dtype(np.float32)
KERNEL = np.arange(12, dtype=np.float32).reshape(4, 3)
DATA = Path(os.environ.get("OCTAVO_DATA", Path(__file__).parents[3] / "shared/data"))


def test_a_frozen_model_needs_no_variables(tmp_path):
    model = Model()
    model.node("x", "Placeholder", dtype=FLOAT)
    model.node("init", "NoOp")
    model.node("y", "Relu", "x:0", "^init", T=FLOAT)
    model.signature("serving_default", {"x": "x:0"}, {"y": "y:0"})

    read = read_saved_model(model.save(tmp_path / "frozen"))

    assert read.name == "frozen"
    assert read.graph.nodes["y"].inputs == (SourceRef("x", 0),)
    assert not read.variables
    (signature,) = read.signatures
    assert [(port.name, port.tensor_name, port.dtype, port.shape) for port in signature.inputs] == [
        ("x", "x:0", FLOAT, (None,))
    ]


def test_signatures_and_their_ports_are_sorted_by_name_and_tensorflows_own_are_skipped(tmp_path):
    model = Model()
    model.node("x", "Placeholder", dtype=FLOAT)
    for key in ("z", "a", "__saved_model_init_op"):
        model.signature(key, {"second": "x:0", "first": "x:0"}, {"out": "x:0"})

    read = read_saved_model(model.save(tmp_path))

    assert [signature.key for signature in read.signatures] == ["a", "z"]
    assert [port.name for port in read.signatures[0].inputs] == ["first", "second"]


def test_a_signature_with_a_sparse_input_becomes_a_note(tmp_path):
    model = Model()
    model.node("x", "Placeholder", dtype=FLOAT)
    model.signature("dense", {"x": "x:0"}, {"y": "x:0"})
    model.signature("sparse", {"x": "x:0"}, {"y": "x:0"})
    model.meta_graph.signature_def["sparse"].inputs["x"].coo_sparse = b""

    read = read_saved_model(model.save(tmp_path))

    assert [signature.key for signature in read.signatures] == ["dense"]
    assert read.notes == ("signature 'sparse' is left out: x is not a plain tensor",)


def test_attributes_left_out_have_the_default_of_their_op(tmp_path):
    model = Model()
    model.node("x", "Placeholder", dtype=FLOAT)
    model.node("y", "FusedBatchNormV3", "x", "x", "x", "x", "x", T=FLOAT, is_training=False)

    attrs = read_saved_model(model.save(tmp_path)).graph.nodes["y"].attrs

    assert attrs["T"] == FLOAT
    assert attrs["is_training"] is False
    assert attrs["data_format"] == "NHWC"
    assert attrs["epsilon"] == np.float32(1e-4)
    assert set(attrs) >= {"T", "is_training", "data_format", "epsilon"}
    assert attrs.get("U2") is None


def test_attributes_are_plain_python(tmp_path):
    model = Model()
    sizes, raw = [1, 2, 2, 1], b"\xff\xfe"
    body = function_name("f")
    model.node(
        "n", "Custom", sizes=sizes, raw=raw, name="SAME", shape=(2, -1), dtypes=[FLOAT], f=body, none=[], flag=True
    )

    attrs = read_saved_model(model.save(tmp_path)).graph.nodes["n"].attrs

    assert dict(attrs) == {
        "dtypes": [FLOAT], "f": "f", "flag": True, "name": "SAME", "none": [], "raw": raw, "shape": (2, None), "sizes": sizes
    }  # fmt: skip
    assert isinstance(attrs["f"], FunctionName)


def test_a_constant_is_decoded_once_and_cannot_be_written(tmp_path):
    model = Model()
    model.node("c", "Const", value=KERNEL, dtype=FLOAT)

    attrs = read_saved_model(model.save(tmp_path)).graph.nodes["c"].attrs

    np.testing.assert_array_equal(attrs["value"], KERNEL)
    assert attrs["value"] is attrs["value"]
    assert not attrs["value"].flags.writeable


def test_function_references_become_flat_output_indices(tmp_path):
    model = Model()
    split = ("split", "Split", ["axis:output:0", "x"], {"num_split": 3, "T": FLOAT})
    norm = ("norm", "FusedBatchNormV3", ["split:output:2", "x", "x", "x", "x"], {"T": FLOAT})
    pack = ("many", "IdentityN", ["norm:batch_variance:0", "split:output:1"], {"T": [FLOAT, FLOAT]})
    axis = ("axis", "Const", [], {"value": np.array(0, np.int32), "dtype": np.dtype(np.int32)})
    model.function("f", {"x": 1}, {"a": "many:output:1", "b": "x"}, axis, split, norm, pack)

    body = read_saved_model(model.save(tmp_path)).functions["f"]

    assert body.nodes["split"].inputs == (SourceRef("axis"), SourceRef("x"))
    assert body.nodes["norm"].inputs[0] == SourceRef("split", 2)
    assert body.nodes["many"].inputs == (SourceRef("norm", 2), SourceRef("split", 1))
    assert body.outputs == (SourceRef("many", 1), SourceRef("x", 0))
    assert [(argument.name, argument.dtype, argument.shape) for argument in body.arguments] == [("x", FLOAT, None)]


def test_a_node_may_call_a_function_by_its_name(tmp_path):
    model = Model()
    model.function("pair", {"x": 1}, {"a": "x", "b": "x"})
    model.function("f", {"x": 1}, {"y": "call:b:0"}, ("call", "pair", ["x"], {}))

    assert read_saved_model(model.save(tmp_path)).functions["f"].outputs == (SourceRef("call", 1),)


def test_ops_without_a_definition_are_reported_together(tmp_path):
    model = Model()
    model.function("f", {"x": 1}, {"y": "two:y:0"}, ("one", "Odd", ["x"]), ("two", "Even", ["one:y:0"]))

    functions = read_saved_model(model.save(tmp_path)).functions

    with pytest.raises(Unsupported) as caught:
        functions["f"]
    assert {(gap.op, gap.layer) for gap in caught.value.gaps} == {("Odd", "one"), ("Even", "two")}


def test_a_custom_op_is_defined_by_the_model_itself(tmp_path):
    model = Model()
    op = message("OpDef")(name="Odd")
    op.output_arg.add(name="first")
    op.output_arg.add(name="second")
    op.attr.add(name="size", type="int").default_value.i = 7
    model.meta_graph.meta_info_def.stripped_op_list = message("OpList")(op=[op]).SerializeToString()
    model.function("f", {"x": 1}, {"y": "one:second:0"}, ("one", "Odd", ["x"]))

    body = read_saved_model(model.save(tmp_path)).functions["f"]

    assert body.outputs == (SourceRef("one", 1),)
    assert body.nodes["one"].attrs["size"] == 7


def test_functions_are_parsed_on_demand(tmp_path):
    model = Model()
    model.function("sound", {"x": 1}, {"y": "x"})
    model.function("broken", {"x": 1}, {"y": "nowhere:z:0"})

    functions = read_saved_model(model.save(tmp_path)).functions

    assert set(functions) == {"sound", "broken"}
    assert functions["sound"] is functions["sound"]
    with pytest.raises(Invalid, match="nowhere"):
        functions["broken"]
    with pytest.raises(KeyError):
        functions["absent"]


def _restoring(path: Path, value=KERNEL, **options) -> Path:
    """A model with the variable `kernel`, restored from the key `w`."""
    model = Model()
    model.variable("kernel", value)
    model.restore({"kernel": "w"}, **options)
    bundle(path / "variables/variables", {"w": value})
    return model.save(path)


def test_the_restore_graph_names_a_variables_key(tmp_path):
    read = read_saved_model(_restoring(tmp_path), verify=True)

    assert list(read.variables) == ["kernel"]
    np.testing.assert_array_equal(read.variables["kernel"], KERNEL)
    assert not read.variables["kernel"].flags.writeable


def _captured(path: Path, *, restored: str) -> Path:
    """As Keras 3 is saved: a function captures `kernel`, while the twin `restored` is what is restored."""
    model = Model()
    for name in {"kernel", restored}:
        model.variable(name, KERNEL)
    model.node("x", "Placeholder", dtype=FLOAT)
    model.node("call", "StatefulPartitionedCall", "x", "kernel", f=function_name("serve"), Tout=[FLOAT])
    model.function("serve", {"x": 1, "kernel": 20}, {"y": "x"})
    model.restore({restored: "stale"})
    saved, checkpoint = message("SavedObjectGraph")(), message("TrackableObjectGraph")()
    for graph, order in ((saved, [1, 2]), (checkpoint, [2, 1])):  # the two graphs number their objects differently
        root = graph.nodes.add()
        graph.nodes.add()
        graph.nodes.add()
        for name, node in zip(("other", "kernel"), order, strict=True):
            root.children.add(node_id=node, local_name=name)
    saved.concrete_functions["serve"].bound_inputs.append(2)
    checkpoint.nodes[1].attributes.add(name="VARIABLE_VALUE", checkpoint_key="kernel/value")
    model.meta_graph.object_graph_def = saved.SerializeToString()
    tensors = {"kernel/value": KERNEL, "stale": KERNEL - 1}
    tensors["_CHECKPOINTABLE_OBJECT_GRAPH"] = np.array(checkpoint.SerializeToString(), object)
    bundle(path / "variables/variables", tensors)
    return model.save(path)


def test_the_object_graph_gives_captured_variables_their_values_though_twins_are_restored(tmp_path):
    variables = read_saved_model(_captured(tmp_path, restored="Variable_1")).variables

    np.testing.assert_array_equal(variables["kernel"], KERNEL)
    np.testing.assert_array_equal(variables["Variable_1"], KERNEL - 1)


def test_the_object_graph_wins_over_the_restore_graph(tmp_path):
    np.testing.assert_array_equal(read_saved_model(_captured(tmp_path, restored="kernel")).variables["kernel"], KERNEL)


def test_a_variable_without_a_value_is_named(tmp_path):
    model = Model()
    model.variable("kernel", KERNEL)
    model.variable("lonely", KERNEL)
    model.restore({"kernel": "w"})
    bundle(tmp_path / "variables/variables", {"w": KERNEL})

    variables = read_saved_model(model.save(tmp_path)).variables

    assert "lonely" not in variables
    assert variables.get("lonely") is None
    with pytest.raises(Invalid, match="'lonely' has no value") as caught:
        variables["lonely"]
    assert caught.value.where
    assert caught.value.hint


def test_a_value_that_contradicts_its_variable_is_refused(tmp_path):
    model = Model()
    model.variable("kernel", KERNEL)
    model.restore({"kernel": "w"})
    bundle(tmp_path / "variables/variables", {"w": KERNEL.T})

    with pytest.raises(Invalid, match=r"float32 \(4, 3\).*float32 \(3, 4\)"):
        read_saved_model(model.save(tmp_path)).variables["kernel"]


def test_partitioned_variables_are_slices_of_one_tensor(tmp_path):
    top, bottom = ((0, 3), (0, 3)), ((3, 1), (0, 3))
    model = Model()
    model.variable("part_0", KERNEL[:3])
    model.variable("part_1", KERNEL[3:])
    model.restore({"part_0": "w", "part_1": "w"}, parts=["4 3 0,3:0,3", "4 3 3,1:0,3"])
    bundle(tmp_path / "variables/variables", {"w": KERNEL}, slices={"w": [top, bottom]})

    variables = read_saved_model(model.save(tmp_path)).variables

    np.testing.assert_array_equal(variables["part_0"], KERNEL[:3])
    np.testing.assert_array_equal(variables["part_1"], KERNEL[3:])


def test_a_tensor_stored_in_slices_is_joined_and_cut_anew(tmp_path):
    bundle(tmp_path / "v", {"w": KERNEL}, slices={"w": [((0, -1), (0, 1)), ((0, -1), (1, 2))]})

    opened = Bundle(tmp_path / "v", verify=True)

    np.testing.assert_array_equal(opened.read("w"), KERNEL)
    np.testing.assert_array_equal(opened.read("w", ((1, 2), (0, -1))), KERNEL[1:3])
    with pytest.raises(Invalid, match="does not fit"):
        opened.read("w", ((3, 2), (0, -1)))


@pytest.mark.parametrize(
    "value",
    [
        np.array(3.5),
        np.zeros((0, 3), np.float32),
        np.array([True, False]),
        np.array([1.5, -2], ml_dtypes.bfloat16),
        np.array([-8, 7, 0], ml_dtypes.int4),
        np.array([[b"", b"text"], [b"x" * 300, b"\0\xff"]], object),
    ],
    ids=lambda value: f"{value.dtype}{value.shape}",
)
def test_every_kind_of_tensor_is_read_as_written(tmp_path, value):
    bundle(tmp_path / "v", {"t": value})

    read = Bundle(tmp_path / "v", verify=True).read("t")

    assert (read.dtype, read.shape) == (value.dtype, value.shape)
    np.testing.assert_array_equal(read, value)
    assert not read.flags.writeable


@pytest.mark.parametrize(
    ("dtype", "fields", "expected"),
    [
        (1, {"float_val": [1, 2]}, np.array([1, 2, 2, 2], np.float32)),
        (1, {}, np.zeros(4, np.float32)),
        (3, {"int_val": [-1, 2, 3, 4]}, np.array([-1, 2, 3, 4], np.int32)),
        (6, {"int_val": [-128]}, np.full(4, -128, np.int8)),
        (9, {"int64_val": [1 << 40]}, np.full(4, 1 << 40, np.int64)),
        (10, {"bool_val": [True, False]}, np.array([True, False, False, False])),
        (19, {"half_val": [0x3C00]}, np.ones(4, np.float16)),
        (14, {"half_val": [0x3F80]}, np.ones(4, ml_dtypes.bfloat16)),
        (8, {"scomplex_val": [1, 2]}, np.full(4, 1 + 2j, np.complex64)),
        (25, {"float8_val": b"\x38"}, np.ones(4, ml_dtypes.float8_e4m3fn)),
        (29, {"int_val": [-3]}, np.full(4, -3, ml_dtypes.int4)),
        (7, {"string_val": [b"a", b"b"]}, np.array([b"a", b"b", b"b", b"b"], object)),
        (7, {}, np.array([b""] * 4, object)),
    ],
)
def test_a_constants_last_value_fills_the_rest(dtype, fields, expected):
    proto = message("TensorProto")(dtype=dtype, **fields)
    proto.tensor_shape.dim.add(size=4)

    read = array_of(proto, where="here")

    assert read.dtype == expected.dtype
    np.testing.assert_array_equal(read, expected)


def test_a_constant_whose_bytes_do_not_fit_its_shape_is_refused():
    proto = message("TensorProto")(dtype=1, tensor_content=b"\0" * 7)

    with pytest.raises(Invalid, match="7 bytes") as caught:
        array_of(proto, where="node 'c'")
    assert caught.value.where == "node 'c'"


def test_a_graph_def_alone_is_a_source_graph():
    graph_def = message("GraphDef")()
    graph_def.node.add(name="x", op="Placeholder")
    graph_def.node.add(name="y", op="Split", input=["x", "x:1"])

    graph = graph_of(graph_def, OpDefinitions(), name="frozen")

    assert graph.nodes["y"].inputs == (SourceRef("x", 0), SourceRef("x", 1))


def test_reading_loads_protobuf_only_when_asked():
    script = "import sys, octavo.read.saved_model; sys.exit('google.protobuf' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0  # our own script


# ---------------------------------------------------------------------------------------- hostile files


def _says(error, *words):
    assert error.where, "an error names its place"
    assert error.hint, "an error names its cure"
    for word in words:
        assert word in str(error)


def test_a_path_that_is_no_directory_is_a_usage_error(tmp_path):
    file = tmp_path / "saved_model.pb"
    file.write_bytes(b"")
    for path, problem in ((file, "is a file"), (tmp_path / "absent", "does not exist")):
        with pytest.raises(UsageError, match=problem):
            read_saved_model(path)


def test_a_directory_without_a_model_is_unreadable(tmp_path):
    with pytest.raises(Unreadable) as caught:
        read_saved_model(tmp_path)
    _says(caught.value, "saved_model.pb")


@pytest.mark.parametrize(("name", "form"), [("saved_model.pbtxt", "text"), ("saved_model.cpb", "chunks")])
def test_other_forms_of_a_saved_model_are_named(tmp_path, name, form):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(Unsupported) as caught:
        read_saved_model(tmp_path)
    _says(caught.value, form, name)


@pytest.mark.parametrize("keep", [0, 1, 10, -1])
def test_a_truncated_model_file_is_unreadable(tmp_path, keep):
    file = _restoring(tmp_path) / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(Unreadable) as caught:
        read_saved_model(tmp_path)
    _says(caught.value, "saved_model.pb")


def test_wrong_tags_list_those_that_exist(tmp_path):
    with pytest.raises(UsageError) as caught:
        read_saved_model(_restoring(tmp_path), tags=frozenset({"train"}))
    _says(caught.value, "train", "serve")


@pytest.mark.parametrize("name", ["variables.index", "variables.data-00000-of-00001"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_missing_and_truncated_variables_name_the_file(tmp_path, name, damage):
    file = _restoring(tmp_path) / "variables" / name
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(Unreadable) as caught:
        read_saved_model(tmp_path)
    _says(caught.value, name)


def test_each_damaged_byte_of_an_index_is_noticed(tmp_path):
    file = _restoring(tmp_path) / "variables/variables.index"
    sound = file.read_bytes()
    footer = range(len(sound) - 48, len(sound))
    padding = {at for at in footer if sound[at] == 0}  # nobody reads it, and nothing guards it
    metaindex = {len(sound) - 48, len(sound) - 47}  # nobody reads that block either
    for at in set(range(len(sound))) - padding - metaindex - _metaindex(sound):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 0x55]) + sound[at + 1 :])
        with pytest.raises(Unreadable):
            read_saved_model(tmp_path)


def _metaindex(table: bytes) -> set[int]:
    start, size = table[-48], table[-47]
    assert max(start, size) < 128, "the offsets are one byte each"
    return set(range(start, start + size + 5))


def test_changed_weights_are_noticed_when_asked_to_verify(tmp_path):
    shard = _restoring(tmp_path) / "variables/variables.data-00000-of-00001"
    shard.write_bytes(b"\x01" + shard.read_bytes()[1:])

    assert read_saved_model(tmp_path).variables["kernel"].shape == (4, 3)
    with pytest.raises(Unreadable) as caught:
        read_saved_model(tmp_path, verify=True).variables["kernel"]
    _says(caught.value, "checksum", shard.name, "'w'")


def test_changed_strings_are_always_noticed(tmp_path):
    bundle(tmp_path / "v", {"t": np.array([b"abc", b"d"], object)})
    shard = tmp_path / "v.data-00000-of-00001"
    sound = shard.read_bytes()
    for at in range(len(sound)):
        shard.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        with pytest.raises(Unreadable):
            Bundle(tmp_path / "v").read("t")


def test_compressed_blocks_are_named():
    with pytest.raises(Unsupported) as caught:
        list(read_table(table({b"k": b"v"}, kind=1), where="variables.index"))
    _says(caught.value, "compressed", "variables.index")


def test_an_unknown_tensor_is_named(tmp_path):
    bundle(tmp_path / "v", {"t": KERNEL})
    with pytest.raises(Invalid) as caught:
        Bundle(tmp_path / "v").read("u")
    _says(caught.value, "'u'")


@pytest.mark.parametrize(("inputs", "problem"), [(["absent"], "absent"), (["x:one"], "one")])
def test_a_reference_that_leads_nowhere_is_invalid(tmp_path, inputs, problem):
    model = Model()
    model.node("x", "Placeholder")
    model.node("y", "Relu", *inputs)
    read = read_saved_model(model.save(tmp_path))  # a node is made, and judged, when it is looked up
    with pytest.raises(Invalid, match=problem) as caught:
        read.graph.nodes["y"]
    assert caught.value.where


def test_a_signature_of_a_tensor_that_is_not_there_is_invalid(tmp_path):
    model = Model()
    model.signature("serve", {}, {"y": "absent:0"})
    with pytest.raises(Invalid) as caught:
        read_saved_model(model.save(tmp_path))
    _says(caught.value, "absent:0", "'serve'")


# ----------------------------------------------------------------------------------- models of the world


@pytest.mark.parametrize("path", sorted((DATA / "models").glob("*/*savedmodel")), ids=lambda path: path.name)
def test_the_evaluation_models_are_read_whole(path):
    read = read_saved_model(path, verify=True)

    handles = {node.name for node in read.graph.nodes.values() if node.op in HANDLES}
    assert set(read.variables) == handles
    assert all(np.isfinite(value).all() for value in read.variables.values() if value.dtype.kind == "f")
    for graph in (read.graph, *read.functions.values()):
        assert all(
            node.attrs[name] is not None for node in graph.nodes.values() for name in node.attrs if name[0] != "_"
        )
    assert read.signatures


def test_the_evaluation_models_are_there():
    if not (DATA / "models").is_dir():
        pytest.skip("the evaluation data is not beside the repository; set OCTAVO_DATA")
