"""Each way of storing a layer's weights while activations stay float: how fast, and how right.

    python benchmarks/weights.py [--rounds 30]

The measurements behind `Weight.fast` in `src/octavo/ops`: a form is worth emitting in `dynamic` when the kernel that
reads the integers itself is no slower than float. Times are the least of many rounds, with one thread; the ways take
turns, so that all see the same machine. "load" means integers that a DEQUANTIZE widens once, at load.
Which sizes pay is measured by `hybrid.py`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from octavo.ir.graph import Graph, Model, Signature, Value
from octavo.ir.op import Op
from octavo.ir.type import Quantization, Type
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.embedding_lookup import EmbeddingLookup
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.quantize import Dequantize
from octavo.ops.transpose_conv import TransposeConv
from octavo.schema.enums import Padding
from octavo.write.tflite import to_bytes

DTYPES = {"int8": np.dtype(np.int8), "int4": np.dtype(ml_dtypes.int4), "int2": np.dtype(ml_dtypes.int2)}
GREATEST = {"int8": 127, "int4": 7, "int2": 1}
HALVES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


@dataclass(frozen=True)
class Layer:
    """One operation: the shape of its input and of its weight, the weight's channel axis, and its other operands."""

    name: str
    op: Op
    input: tuple[int, ...]
    weight: tuple[int, ...]
    axis: int
    operands: Callable[[Graph, Value, Value], list[Value]]


def biased(graph: Graph, input: Value, weight: Value, channels: int) -> list[Value]:
    return [input, weight, graph.const(np.zeros(channels, np.float32), "bias")]


def _spread_out(graph: Graph, input: Value, weight: Value) -> list[Value]:
    return [graph.const(np.array([1, 56, 56, 32], np.int32), "shape"), weight, input]


LAYERS = (
    Layer("FULLY_CONNECTED 1024→1024", FullyConnected(), (1, 1024), (1024, 1024), 0,
          lambda g, x, w: biased(g, x, w, 1024)),
    Layer("FULLY_CONNECTED 64 rows of 512→512", FullyConnected(), (64, 512), (512, 512), 0,
          lambda g, x, w: biased(g, x, w, 512)),
    Layer("CONV_2D 28×28×64→64 3×3", Conv2D(), (1, 28, 28, 64), (64, 3, 3, 64), 0, lambda g, x, w: biased(g, x, w, 64)),
    Layer("CONV_2D 14×14×256→256 1×1", Conv2D(), (1, 14, 14, 256), (256, 1, 1, 256), 0,
          lambda g, x, w: biased(g, x, w, 256)),
    Layer("DEPTHWISE_CONV_2D 56×56×64 3×3", DepthwiseConv2D(), (1, 56, 56, 64), (1, 3, 3, 64), 3,
          lambda g, x, w: biased(g, x, w, 64)),
    Layer("TRANSPOSE_CONV 28×28×32→32 3×3", TransposeConv(padding=Padding.SAME, stride_h=2, stride_w=2),
          (1, 28, 28, 32), (32, 3, 3, 32), 0, _spread_out),
    Layer("EMBEDDING_LOOKUP 64 of 5000×128", EmbeddingLookup(), (64,), (5000, 128), 0, lambda _, x, w: [x, w]),
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """One way of storing: its name, a run of the model in it, and what should come out."""

    name: str
    run: Callable[[], np.ndarray] | None
    expected: np.ndarray
    failure: str = ""


def ways(layer: Layer) -> Iterator[Way]:
    """Every way, float first."""
    yield way(layer, "float32")
    for name in DTYPES:
        yield from (way(layer, name), way(layer, f"{name}, load"))
    yield from (way(layer, f"{name}, load") for name in HALVES)


def way(layer: Layer, name: str, *, threads: int = 1) -> Way:
    """The way of that name; weights and input are the same in all."""
    random = np.random.default_rng(0)
    weight = random.standard_normal(layer.weight).astype(np.float32)
    is_lookup = isinstance(layer.op, EmbeddingLookup)
    given = random.integers(0, layer.weight[0], layer.input).astype(np.int32) if is_lookup else (
        random.standard_normal(layer.input).astype(np.float32)
    )  # fmt: skip
    dtype, _, at_load = name.partition(", ")
    stored, real, quant = _stored(weight, dtype, layer.axis)
    try:
        run = _built(layer, given, stored, quant, kept=not at_load, threads=threads)
    except (RuntimeError, ValueError) as error:
        return Way(name, None, real, str(error).splitlines()[0][-70:])
    return Way(name, run, _built(layer, given, real, None, kept=True, threads=1)())


def _stored(weight: np.ndarray, dtype: str, axis: int) -> tuple[np.ndarray, np.ndarray, Quantization | None]:
    """The weight as it is stored, the numbers that stand for it, and their scale per channel if they are integers."""
    if dtype == "float32":
        return weight, weight, None
    if dtype in HALVES:
        halved = weight.astype(HALVES[dtype])
        return halved, halved.astype(np.float32), None
    others = tuple(i for i in range(weight.ndim) if i != axis)
    scale = (np.abs(weight).max(axis=others) / GREATEST[dtype]).astype(np.float32)
    shaped = scale.reshape([-1 if i == axis else 1 for i in range(weight.ndim)])
    stored = np.rint(weight / shaped).astype(np.int8)
    return stored.astype(DTYPES[dtype]), stored * shaped, Quantization(scale, np.zeros(scale.shape, np.int64), axis)


def _built(
    layer: Layer, given: np.ndarray, stored: np.ndarray, quant: Quantization | None, *, kept: bool, threads: int
) -> Callable[[], np.ndarray]:
    """A run of the layer; `kept` lets its kernel read the weight as it is stored."""
    graph = Graph("layer")
    input = graph.input("x", Type(given.dtype, given.shape))
    weight = graph.const(stored, "weight", quant)
    real = Value("real", Type(np.dtype(np.float32), stored.shape), const=np.zeros(stored.shape, np.float32))
    operand = weight
    if not kept:
        operand = graph.insert(Dequantize(), [weight], [real.type], names=["wide"]).output
    operands = layer.operands(graph, input, operand)
    inferred = layer.op.infer(*(real if value in (weight, operand) else value for value in operands))
    assert isinstance(inferred, Type)
    types = [Type(np.dtype(np.float32), inferred.shape)]
    graph.outputs = [graph.insert(layer.op, operands, types, names=["y"]).output]
    content = to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))
    interpreter = Interpreter(model_content=content, num_threads=threads)
    interpreter.allocate_tensors()
    place, out = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run() -> np.ndarray:
        interpreter.set_tensor(place, given)
        interpreter.invoke()
        return interpreter.get_tensor(out)

    run()
    return run


def measured(layer: Layer, rounds: int) -> Iterator[str]:
    """A row for each way: time relative to float, and the error relative to the greatest number."""
    tried = list(ways(layer))
    best = dict.fromkeys((way.name for way in tried), float("inf"))
    for _ in range(rounds):
        for way in tried:
            if way.run is not None:
                best[way.name] = min(best[way.name], _seconds(way.run))
    for way in tried:
        if way.run is None:
            yield f"| {layer.name} | {way.name} | – | refused: {way.failure} |"
            continue
        error = np.abs(way.run() - way.expected).max() / np.abs(way.expected).max()
        yield f"| {layer.name} | {way.name} | {best[way.name] / best['float32']:.2f} | {error:.2g} |"


def _seconds(run: Callable[[], np.ndarray] | None) -> float:
    assert run is not None
    start = time.perf_counter()
    for _ in range(5):
        run()
    return (time.perf_counter() - start) / 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Ways of storing weights beside float activations.")
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    sys.stdout.write("| layer | weights | time, float = 1 | error |\n|---|---|---|---|\n")
    for layer in LAYERS:
        for row in measured(layer, rounds):
            sys.stdout.write(row + "\n")


if __name__ == "__main__":
    main()
