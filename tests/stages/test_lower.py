"""Lowering, on source models made by hand."""

import itertools

import numpy as np
import pytest
from msgspec.structs import replace

from octavo.errors import Invalid, Unsupported, UsageError
from octavo.ir.interpret import interpret
from octavo.ir.source import (
    FunctionName,
    SourceArgument,
    SourceGraph,
    SourceModel,
    SourceNode,
    SourcePort,
    SourceRef,
    SourceSignature,
)
from octavo.lower.engine import lower
from octavo.lower.twins import input_of, meaning

F32 = np.dtype(np.float32)


def node(name, op, *inputs, **attrs):
    return SourceNode(name, op, tuple(SourceRef(i) if isinstance(i, str) else SourceRef(*i) for i in inputs), attrs)


def model(nodes, *, outputs=("y",), functions=(), variables=None, shape=(None, 4), keys=("serving_default",)):
    nodes = {n.name: n for n in [node("x", "Placeholder"), *nodes]}
    inputs = (SourcePort("image", SourceRef("x"), F32, shape),)
    ports = tuple(SourcePort(f"out_{name}", SourceRef(name), F32, shape) for name in outputs)
    return SourceModel(
        name="model",
        path="model",
        graph=SourceGraph("main", nodes),
        functions={f.name: f for f in functions},
        variables=variables or {},
        signatures=tuple(SourceSignature(key, inputs, ports) for key in keys),
    )


def test_an_unknown_first_dimension_is_the_batch_all_the_way():
    graph = lower(model([node("y", "Relu", "x")])).main
    assert str(graph.inputs[0].type) == str(graph.outputs[0].type) == "float32[batch,4]"


def test_signatures_that_hand_their_input_on_share_a_graph_without_nodes():
    lowered = lower(model([], outputs=("x",), keys=("serve", "again")))
    assert [len(graph) for graph in lowered.graphs] == [0]
    assert all(signature.graph is lowered.main for signature in lowered.signatures)


def test_tensors_keep_the_names_that_tensorflow_gives_them():
    graph = lower(model([node("y", "Relu", "x")])).main
    assert (graph.inputs[0].name, graph.outputs[0].name) == ("x:0", "y:0")


def test_a_variable_is_read_through_a_call_and_its_handle_costs_nothing_unread():
    body = SourceGraph(
        "body",
        {n.name: n for n in [node("read", "ReadVariableOp", "handle"), node("sum", "AddV2", "a", "read")]},
        arguments=(
            SourceArgument("a", F32, None),
            SourceArgument("handle", "resource", None),
            SourceArgument("unread", "resource", None),
        ),
        outputs=(SourceRef("sum"),),
    )
    nodes = [
        node("w", "VarHandleOp"),
        node("lost", "VarHandleOp"),
        node("y", "StatefulPartitionedCall", "x", "w", "lost", f=FunctionName("body")),
    ]
    graph = lower(model(nodes, functions=[body], variables={"w": np.arange(4, dtype=np.float32)})).main
    numbers = interpret(graph, {"x:0": np.ones((2, 4), np.float32)})
    np.testing.assert_array_equal(numbers[graph.outputs[0]], [[1, 2, 3, 4]] * 2)


def test_all_gaps_come_back_in_one_error_with_their_layers():
    nodes = [
        node("layer_a/odd", "OddOp", "x"),
        node("layer_b/stranger", "StrangeOp", "layer_a/odd"),
        node("y", "Relu", "layer_b/stranger"),
    ]
    with pytest.raises(Unsupported) as caught:
        lower(model(nodes))
    assert {(gap.op, gap.layer) for gap in caught.value.gaps} == {
        ("OddOp", "layer_a/odd"),
        ("StrangeOp", "layer_b/stranger"),
    }
    assert "OddOp" in str(caught.value)
    assert "layer_b/stranger" in str(caught.value)


def test_signatures_that_compute_the_same_share_one_graph():
    lowered = lower(model([node("y", "Relu", "x")], keys=("serve", "serving_default")))
    assert len(lowered.graphs) == 1
    assert [signature.key for signature in lowered.signatures] == ["serving_default", "serve"]
    assert lowered.signatures[0].inputs == ("image",)


def test_signatures_that_call_one_function_alike_are_lowered_once():
    body = SourceGraph("body", {"r": node("r", "Relu", "a")}, (SourceArgument("a", F32, None),), (SourceRef("r"),))
    wrappers = [
        SourceGraph(
            name,
            {
                n.name: n
                for n in [node("call", "PartitionedCall", "a", f=FunctionName("body")), node("i", "Identity", "call")]
            },
            (SourceArgument("a", F32, None),),
            (SourceRef("i"),),
        )
        for name in ("first", "second")
    ]
    calls = [node(name, "PartitionedCall", "x", f=FunctionName(name)) for name in ("first", "second")]
    source = model(calls, outputs=("first", "second"), functions=[body, *wrappers], shape=(2, 4))
    (one,) = source.signatures
    keys = [
        meaning(source, replace(one, outputs=(port,)), [input_of(i, {}) for i in one.inputs]) for port in one.outputs
    ]
    assert keys[0] == keys[1]
    other = replace(one, outputs=one.outputs[:1])
    assert keys[0] != meaning(source, other, [input_of(i, {"image": [1, 4]}) for i in one.inputs])


def test_signatures_that_call_one_function_with_the_same_constants_are_lowered_once():
    """Each has a placeholder of its own; what the function closes over stands in the main graph once."""
    arguments = (SourceArgument("a", F32, None), SourceArgument("b", F32, None))
    body = SourceGraph("body", {"r": node("r", "AddV2", "a", "b")}, arguments, (SourceRef("r"),))
    nodes = [
        node("other", "Placeholder"),
        node("three", "Const", value=np.float32(3), dtype=F32),
        node("four", "Const", value=np.float32(4), dtype=F32),
        node("y", "PartitionedCall", "x", "three", f=FunctionName("body")),
        node("z", "PartitionedCall", "other", "three", f=FunctionName("body")),
        node("different", "PartitionedCall", "other", "four", f=FunctionName("body")),
    ]
    source = model(nodes, outputs=("y", "z", "different"), functions=[body])
    (one,) = source.signatures
    keys = []
    for port, given in zip(one.outputs, ("x", "other", "other"), strict=True):
        inputs = (replace(one.inputs[0], ref=SourceRef(given)),)
        keys.append(meaning(source, replace(one, inputs=inputs, outputs=(port,)), [input_of(i, {}) for i in inputs]))
    assert keys[0] == keys[1] != keys[2]


def test_signatures_can_be_chosen_and_a_typo_is_answered():
    source = model([node("y", "Relu", "x")], keys=("classify", "serving_default"))
    assert [s.key for s in lower(source, signatures=["classify"]).signatures] == ["classify"]
    with pytest.raises(UsageError, match="did you mean 'classify'"):
        lower(source, signatures=["clasify"])


def test_shapes_can_be_given_by_input_name():
    graph = lower(model([node("y", "Relu", "x")]), shapes={"image": [1, 4]}).main
    assert graph.outputs[0].shape == (1, 4)
    with pytest.raises(UsageError, match="no input is called 'imagee'"):
        lower(model([node("y", "Relu", "x")]), shapes={"imagee": [1, 4]})


def test_an_input_without_a_rank_says_how_to_go_on():
    with pytest.raises(Unsupported, match=r"give its shape: shapes=\{'image'"):
        lower(model([node("y", "Relu", "x")], shape=None))


def test_a_cycle_is_invalid_and_names_a_node():
    with pytest.raises(Invalid, match="depends on itself"):
        lower(model([node("a", "AddV2", "x", "y"), node("y", "AddV2", "a", "x")]))


def test_a_node_that_reads_nothing_real_is_invalid():
    with pytest.raises(Invalid, match="'ghost' is read"):
        lower(model([node("y", "Relu", "ghost")]))


def test_ten_thousand_nodes_in_a_row_need_no_deep_stack():
    names = ["x", *(f"n{i}" for i in range(10_000))]
    nodes = [node(name, "Relu", before) for before, name in itertools.pairwise(names)]
    assert len(lower(model(nodes, outputs=[names[-1]])).main) == 10_000


def test_an_operation_that_nothing_expresses_is_refused_with_its_reason():
    with pytest.raises(Unsupported, match="LiteRT has no matrix decompositions"):
        lower(model([node("y", "Qr", "x")]))
    with pytest.raises(Unsupported, match="it is no operation of TensorFlow's own"):
        lower(model([node("y", "MadeUp", "x")]))
