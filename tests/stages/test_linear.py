"""The work of a conversion grows with the number of operations, and no faster: calls are counted, since times vary."""

import sys

import numpy as np

from octavo.ir.source import SourceGraph, SourceModel, SourceNode, SourcePort, SourceRef, SourceSignature
from octavo.lower.engine import lower
from octavo.optimize.engine import optimize
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.recipe import read_recipe
from octavo.statistics import Statistics
from octavo.write.tflite import to_bytes

F32 = np.dtype(np.float32)
WINDOW = {"strides": [1, 1, 1, 1], "dilations": [1, 1, 1, 1], "padding": "SAME", "data_format": "NHWC"}


def residual(blocks):
    """A net of so many blocks: convolution, bias, normalization, activation, gate, reshapes, softmax, sum."""
    random, nodes, before = np.random.default_rng(0), [], "x"

    def emit(name, op, *inputs, **attrs):
        refs = []
        for at, given in enumerate(inputs):
            if isinstance(given, str):
                refs.append(SourceRef(given))
                continue
            nodes.append(SourceNode(f"{name}/c{at}", "Const", (), {"value": given, "dtype": given.dtype}))
            refs.append(SourceRef(f"{name}/c{at}"))
        nodes.append(SourceNode(name, op, tuple(refs), attrs))
        return name

    def numbers(*shape):
        return random.uniform(0.5, 1.5, shape).astype(F32)

    for at in range(blocks):
        y = emit(f"b{at}/conv", "Conv2D", before, numbers(3, 3, 4, 4), explicit_paddings=[], **WINDOW)
        y = emit(f"b{at}/bias", "BiasAdd", y, numbers(4), data_format="NHWC")
        y = emit(f"b{at}/scale", "Mul", y, numbers(4))
        y = emit(f"b{at}/shift", "Sub", y, numbers(4))
        y = emit(f"b{at}/relu", "Relu", y)
        gate = emit(f"b{at}/mean", "Mean", y, np.array([1, 2], np.int32), keep_dims=True)
        y = emit(f"b{at}/gated", "Mul", y, emit(f"b{at}/gate", "Sigmoid", gate))
        z = emit(f"b{at}/rows", "Reshape", y, np.array([-1, 16, 4], np.int32))
        z = emit(f"b{at}/turned", "Transpose", emit(f"b{at}/soft", "Softmax", z), np.array([0, 2, 1], np.int32))
        z = emit(f"b{at}/back", "Reshape", z, np.array([-1, 4, 4, 4], np.int32))
        before = emit(f"b{at}/sum", "AddV2", before, emit(f"b{at}/more", "Maximum", y, z))
    graph = SourceGraph("main", {node.name: node for node in [SourceNode("x", "Placeholder", (), {}), *nodes]})
    ports = [(SourcePort(key, SourceRef(name), F32, (None, 4, 4, 4)),) for key, name in (("x", "x"), ("y", before))]
    return SourceModel("net", "net", graph, {}, {}, (SourceSignature("serving_default", *ports),))


def work(blocks, mode):
    """How many functions are called to convert a net, and the operations that it has then."""
    source, count = residual(blocks), 0

    def called(frame, event, argument):  # noqa: ARG001  # what `sys.setprofile` gives
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        model = lower(source)
        optimize(model.main)
        to_bytes(apply(model, decide(model, read_recipe(mode), [Statistics()])))
    finally:
        sys.setprofile(None)
    return count, len(model.main)


def test_twice_the_operations_are_twice_the_work():
    work(2, "dynamic")  # what is imported and remembered the first time is no work of the nets below
    (few, _), (more, _), (most, operations) = (work(blocks, "dynamic") for blocks in (25, 50, 100))
    assert operations >= 900
    growth = (most - more) / (more - few)
    assert 1.9 < growth < 2.1, "100 blocks more should cost what 50 did, twice"


def test_an_operation_is_converted_with_a_few_thousand_calls():
    work(2, "dynamic")
    calls, operations = work(100, "dynamic")
    assert calls / operations < 2500  # about a thousand operations in half a second, at five million calls a second
