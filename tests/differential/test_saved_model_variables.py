"""SavedModels of every producer, read here and by TensorFlow: the same variables, signatures, functions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
from saved_model_producers import PRODUCERS  # noqa: E402

from octavo.errors import Invalid  # noqa: E402
from octavo.ir.source import Array, FunctionName, SourceGraph, SourceModel  # noqa: E402
from octavo.read.saved_model import read_saved_model  # noqa: E402
from octavo.read.saved_model.bundle import Bundle  # noqa: E402
from octavo.read.saved_model.dtypes import dtype_of  # noqa: E402
from octavo.read.saved_model.protos import parse  # noqa: E402
from octavo.read.saved_model.tensors import array_of  # noqa: E402
from octavo.read.saved_model.variables import HANDLES  # noqa: E402

v1 = tf.compat.v1


@dataclass(frozen=True)
class Case:
    path: Path
    read: SourceModel
    values: dict[str, Array]


@pytest.fixture(scope="module", params=list(PRODUCERS))
def case(request, tmp_path_factory) -> Case:
    path = tmp_path_factory.mktemp("models") / request.param
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the producers warn of is not ours
        values = PRODUCERS[request.param](path)
    return Case(path, read_saved_model(path, verify=True), values)


def test_every_variable_equals_tensorflows_bit_for_bit(case):
    restored = _variables_by_tensorflow(case.path)
    assert set(restored) <= set(case.read.variables)
    for name, ours in case.read.variables.items():
        theirs = restored[name] if name in restored else case.values[case.read.graph.nodes[name].attrs["shared_name"]]
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
        assert ours.tobytes() == theirs.tobytes(), name
        assert not ours.flags.writeable


def test_every_variable_that_a_signature_needs_has_a_value(case):
    """Keras also leaves handles that nothing reads and nothing restores: to look one up is an error."""
    needed = {name for name in _needed(case.read) if case.read.graph.nodes[name].op in HANDLES}
    assert bool(needed) == (case.path.name != "constants_only")
    assert needed <= set(case.read.variables)
    for node in case.read.graph.nodes.values():
        if node.op in HANDLES and node.name not in case.read.variables:
            with pytest.raises(Invalid, match=node.name):
                case.read.variables[node.name]


def test_signatures_have_tensorflows_names_dtypes_and_shapes(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loaded = tf.saved_model.load(str(case.path))
    assert {signature.key for signature in case.read.signatures} == set(loaded.signatures)
    for signature in case.read.signatures:
        function = loaded.signatures[signature.key]
        _, inputs = function.structured_input_signature
        for ports, specs in ((signature.inputs, inputs), (signature.outputs, function.structured_outputs)):
            ours = [(port.name, port.dtype, port.shape) for port in ports]
            theirs = [(n, np.dtype(specs[n].dtype.as_numpy_dtype), _shape(specs[n].shape)) for n in sorted(specs)]
            assert ours == theirs


def test_the_graph_and_every_function_are_wired_as_tensorflow_wires_them(case):
    graph_def = _graph_def(case.path)
    assert set(case.read.functions) == {function.signature.name for function in graph_def.library.function}
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(graph_def, name="")
        _same_graph(case.read.graph, graph)
        for function in graph_def.library.function:
            ours, theirs = case.read.functions[function.signature.name], _function_graph(function)
            _same_graph(ours, theirs)
            assert [argument.name for argument in ours.arguments] == [arg.name for arg in function.signature.input_arg]
            assert [(ref.node, ref.output) for ref in ours.outputs] == [_ref(tensor) for tensor in theirs.outputs]


@pytest.mark.parametrize("case", ["resource_variables", "reference_variables"], indirect=True)
def test_partitioned_variables_are_found_by_their_slices(case):
    parts = [case.read.variables[f"net/parts/part_{number}"] for number in range(3)]
    assert [part.shape for part in parts] == [(2, 5)] * 3


@pytest.mark.parametrize("case", ["keras_by_tensorflow"], indirect=True)
def test_keras_saved_by_tensorflow_has_values_for_the_variables_that_its_functions_read(case):
    assert any(name.startswith("Variable") for name in case.read.variables)
    captured = {
        ref.node
        for node in case.read.graph.nodes.values()
        if node.attrs.get("f") is not None and "signature_wrapper" in node.attrs["f"]
        for ref in node.inputs
        if case.read.graph.nodes[ref.node].op == "VarHandleOp"
    }
    assert captured
    assert captured <= set(case.read.variables)


# ------------------------------------------------------------------------------------- bundles and dtypes


DTYPES = ["bfloat16", "half", "float32", "float64", "int4", "uint4", "int8", "uint8", "int16", "uint16", "int32",
          "uint32", "int64", "uint64", "bool", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2"]  # fmt: skip


@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)])
def test_tensors_of_every_dtype_are_read_as_tensorflow_saved_them(tmp_path, shape):
    values = {name: _random(name, shape) for name in DTYPES}
    prefix = str(tmp_path / "v")
    tf.raw_ops.SaveV2(
        prefix=prefix,
        tensor_names=list(values),
        shape_and_slices=[""] * len(values),
        tensors=[tf.constant(value) for value in values.values()],
    )

    bundle = Bundle(Path(prefix), verify=True)

    for name, value in values.items():
        read = bundle.read(name)
        assert (read.dtype, read.shape) == (value.dtype, value.shape)
        assert read.tobytes() == value.tobytes(), name


def test_strings_are_read_as_tensorflow_saved_them(tmp_path):
    value = np.array([[b"", b"x" * 1000], ["ä".encode(), b"\0"]], object)
    prefix = str(tmp_path / "v")
    tf.raw_ops.SaveV2(prefix=prefix, tensor_names=["t"], shape_and_slices=[""], tensors=[tf.constant(value)])

    np.testing.assert_array_equal(Bundle(Path(prefix), verify=True).read("t"), value)


def test_slices_spread_over_shards_are_joined(tmp_path):
    value = np.random.default_rng(0).normal(size=(300, 5)).astype(np.float32)
    rows, prefixes = [(0, 100), (100, 37), (137, 163)], []
    for number, (start, size) in enumerate(rows):  # starts of one, two and three bytes in the key
        prefixes.append(str(tmp_path / f"part{number}"))
        tf.raw_ops.SaveV2(
            prefix=prefixes[-1],
            tensor_names=["t", f"own{number}"],
            shape_and_slices=[f"300 5 {start},{size}:-", ""],
            tensors=[tf.constant(value[start : start + size]), tf.constant(number)],
        )
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=prefixes, destination_prefix=str(tmp_path / "all"))

    bundle = Bundle(tmp_path / "all", verify=True)

    assert len(list(tmp_path.glob("all.data-*-of-00003"))) == 3
    np.testing.assert_array_equal(bundle.read("t"), value)
    np.testing.assert_array_equal(bundle.read("t", ((100, 37), (0, -1))), value[100:137])
    assert bundle.read("own2") == 2


@pytest.mark.parametrize("name", DTYPES)
def test_constants_are_decoded_as_tensorflow_decodes_them(name):
    for value in (_random(name, (2, 3)), np.full((4, 4), _random(name, ())), np.zeros((0,), _random(name, ()).dtype)):
        proto = tf.make_tensor_proto(value)
        read = array_of(parse("TensorProto", proto.SerializeToString(), where="test"), where="test")
        assert read.dtype == value.dtype
        np.testing.assert_array_equal(read, tf.make_ndarray(proto))


def test_dtype_numbers_are_tensorflows():
    for name in DTYPES:
        dtype = tf.as_dtype(name)
        assert dtype_of(dtype.as_datatype_enum) == np.dtype(dtype.as_numpy_dtype)
    for name in ("resource", "variant", "qint8", "quint8", "qint16", "quint16", "qint32"):
        assert dtype_of(tf.as_dtype(name).as_datatype_enum) == name


# ------------------------------------------------------------------------------------- what TensorFlow says


def _variables_by_tensorflow(path: Path) -> dict[str, Array]:
    """The value of each variable node that TensorFlow's own restore initializes."""
    with tf.Graph().as_default() as graph, v1.Session() as session:
        v1.saved_model.load(session, ["serve"], str(path))
        values = {}
        for op in graph.get_operations():
            if op.type == "VarHandleOp":
                if session.run(tf.raw_ops.VarIsInitializedOp(resource=op.outputs[0])):
                    read = tf.raw_ops.ReadVariableOp(resource=op.outputs[0], dtype=op.get_attr("dtype"))
                    values[op.name] = session.run(read)
            elif op.type in HANDLES:
                values[op.name] = session.run(op.outputs[0])
    return values


def _needed(model: SourceModel) -> set[str]:
    """The nodes of the main graph that the outputs of the signatures depend on."""
    names, seen = [port.ref.node for signature in model.signatures for port in signature.outputs], set()
    while names:
        name = names.pop()
        if name not in seen:
            seen.add(name)
            names += [ref.node for ref in model.graph.nodes[name].inputs]
    return seen


def _graph_def(path: Path) -> Any:
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    return model.meta_graphs[0].graph_def


def _function_graph(function: Any) -> Any:
    from tensorflow.python.framework.function_def_to_graph import function_def_to_graph

    return function_def_to_graph(function, include_library_functions=True)


def _same_graph(ours: SourceGraph, theirs: Any) -> None:
    operations = {op.name: op for op in theirs.get_operations()}
    arguments = {argument.name for argument in ours.arguments}
    assert set(operations) == set(ours.nodes) | arguments
    for node in ours.nodes.values():
        op = operations[node.name]
        assert (node.op, [(ref.node, ref.output) for ref in node.inputs]) == (
            op.type,
            [_ref(tensor) for tensor in op.inputs],
        )
        for name in op.node_def.attr:
            if not name.startswith("_"):
                _same_attribute(node.attrs[name], op.get_attr(name), f"{node.name}.{name}")


def _same_attribute(ours: Any, theirs: Any, where: str) -> None:
    if isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for one, other in zip(ours, theirs, strict=True):
            _same_attribute(one, other, where)
    elif isinstance(theirs, tf.DType):
        assert str(ours) == ("object" if theirs == tf.string else theirs.base_dtype.name), where
    elif isinstance(ours, FunctionName):
        assert ours == theirs.name, where
    elif isinstance(ours, np.ndarray):
        np.testing.assert_array_equal(ours, tf.make_ndarray(theirs), err_msg=where)
    elif hasattr(theirs, "unknown_rank"):
        assert ours == _shape(tf.TensorShape(theirs)), where
    elif isinstance(theirs, bytes):
        assert (ours.encode() if isinstance(ours, str) else ours) == theirs, where
    else:
        assert ours == theirs, where


def _ref(tensor: Any) -> tuple[str, int]:
    return tensor.op.name, tensor.value_index


def _shape(shape: Any) -> tuple[int | None, ...] | None:
    return None if shape.rank is None else tuple(shape.as_list())


def _random(name: str, shape: tuple[int, ...]) -> Array:
    value = np.random.default_rng(5).integers(0, 8, shape)
    return np.asarray(value).astype(tf.as_dtype(name).as_numpy_dtype)
