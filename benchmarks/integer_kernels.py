"""How long each operation takes in int8 and int16 beside float, alone, as LiteRT runs it here.

    python benchmarks/integer_kernels.py [--rounds 20]

The measurements behind `Kernels.slow_int8` and `slow_int16` in `src/octavo/ops`. Times are the least of many rounds,
with one thread; the forms take turns. Both the operation and what a rule for integers makes of it are shown. The last
column is what `Op.duration` says of float and int8, of x86 without dot products.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

import numpy as np

from octavo.errors import OctavoError
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.text import parse
from octavo.judge.real import RealRuntime
from octavo.ops import registry
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.recipe import Recipe, Rule
from octavo.statistics import Range, Statistics
from octavo.write.tflite import to_bytes

POOL = "{filter_width=2, filter_height=2, stride_w=2, stride_h=2}"
IMAGE = "1,28,28,32"
FORMS = {
    "CONV_2D 1×1, 64 → 64": ("1,28,28,64", "%w = const float32[64,1,1,64]\n %b = const float32[64]\n %y = CONV_2D(%x, %w, %b)"),
    "CONV_2D 3×3, 3 → 16": ("1,96,96,3", "%w = const float32[16,3,3,3]\n %b = const float32[16]\n %y = CONV_2D(%x, %w, %b) {stride_w=2, stride_h=2}"),
    "DEPTHWISE_CONV_2D 3×3": ("1,28,28,64", "%w = const float32[1,3,3,64]\n %b = const float32[64]\n %y = DEPTHWISE_CONV_2D(%x, %w, %b)"),
    "DEPTHWISE_CONV_2D 5×5": ("1,28,28,64", "%w = const float32[1,5,5,64]\n %b = const float32[64]\n %y = DEPTHWISE_CONV_2D(%x, %w, %b)"),
    "DEPTHWISE_CONV_2D 7×7": ("1,28,28,64", "%w = const float32[1,7,7,64]\n %b = const float32[64]\n %y = DEPTHWISE_CONV_2D(%x, %w, %b)"),
    "DEPTHWISE_CONV_2D 7×7 in three": (
        "1,28,28,64",
        """%b = const float32[64]
        %v = const float32[1,3,7,64]
        %s = DEPTHWISE_CONV_2D(%x, %v, %b) {dilation_h_factor=3}
        %u = const float32[1,2,7,64]
        %t = DEPTHWISE_CONV_2D(%x, %u, %b) {dilation_h_factor=4}
        %r = ADD(%s, %t)
        %w = const float32[1,2,7,64]
        %q = DEPTHWISE_CONV_2D(%x, %w, %b) {dilation_h_factor=2}
        %y = ADD(%r, %q)""",
    ),
    **{
        f"CONV_2D 3×3, {channels} → 32": (f"1,28,28,{channels}", f"%w = const float32[32,3,3,{channels}]\n %b = const float32[32]\n %y = CONV_2D(%x, %w, %b)")
        for channels in (1, 3, 8, 32, 128)
    },
    **{
        f"DEPTHWISE_CONV_2D {side}×{side}": (IMAGE, f"%w = const float32[1,{side},{side},32]\n %b = const float32[32]\n %y = DEPTHWISE_CONV_2D(%x, %w, %b)")
        for side in (5, 7)
    },
    "FULLY_CONNECTED 1 × 1024 → 1024": ("1,1024", "%w = const float32[1024,1024]\n %y = FULLY_CONNECTED(%x, %w)"),
    "FULLY_CONNECTED 256 → 256": ("8,256", "%w = const float32[256,256]\n %y = FULLY_CONNECTED(%x, %w)"),
    "BATCH_MATMUL 64 × 64": ("4,64,64", "%y = BATCH_MATMUL(%x, %x)"),
    **{f"{op} {POOL[1:16]}": (IMAGE, f"%y = {op}(%x) {POOL}") for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D")},
    "MEAN": (IMAGE, "%a = const int32[2] [1, 2]\n %y = MEAN(%x, %a)"),
    "TRANSPOSE": (IMAGE, "%a = const int32[4] [0, 2, 1, 3]\n %y = TRANSPOSE(%x, %a)"),
    **{f"{op}(x, x)": (IMAGE, f"%y = {op}(%x, %x)") for op in ("ADD", "MUL", "SUB", "SQUARED_DIFFERENCE", "MAXIMUM")},
    **{
        op: (IMAGE, f"%y = {op}(%x)")
        for op in ("RELU", "RELU6", "HARD_SWISH", "LOGISTIC", "TANH", "SOFTMAX", "GELU", "ELU", "LEAKY_RELU", "EXP", "ABS")
    },
    **{f"MUL(x, x), {op}": (IMAGE, f"%z = MUL(%x, %x)\n %y = {op}(%z)") for op in ("SQRT", "RSQRT")},
    "RELU6 as ADD": (IMAGE, "%z = const float32[] 0.0\n %y = ADD(%x, %z) {fused_activation_function=RELU6}"),
    "HARD_SWISH as ADD, MUL, MUL": (
        IMAGE,
        """%t = const float32[] 3.0
        %r = ADD(%x, %t) {fused_activation_function=RELU6}
        %s = const float32[] 0.1667
        %g = MUL(%r, %s)
        %y = MUL(%x, %g)""",
    ),
    "SQUARED_DIFFERENCE as SUB, MUL": (IMAGE, "%d = SUB(%x, %x)\n %y = MUL(%d, %d)"),
}  # fmt: skip


def graph_of(form: tuple[str, str]) -> Graph:
    """The graph of one form."""
    shape, body = form
    return parse(f"main(%x: float32[{shape}]) {{\n {body}\n return %y\n}}", registry().ops)


def content(form: tuple[str, str], precision: str) -> bytes:
    """The form in a precision, every operation as it is asked for."""
    graph = graph_of(form)
    model = Model([graph], [Signature("serving_default", graph, ("x",), ("y",))])
    if precision == "float32":
        return to_bytes(model)
    side = "int8" if precision == "int8" else "int16"
    recipe = Recipe(precision=precision, inputs=side, outputs=side, rules=(Rule(precision=precision),), ranges="minmax")
    seen = Statistics({value.name: Range(-4.0, 4.0) for value in graph.values if value.const is None})
    return to_bytes(apply(model, decide(model, recipe, [seen])))


def measured(form: tuple[str, str], rounds: int) -> Iterator[float | None]:
    """Microseconds in float, and how many times as long int8 and int16 take; None where there is no such kernel."""
    runtimes: dict[str, RealRuntime] = {}
    for precision in ("float32", "int8", "int16x8"):
        try:
            runtimes[precision] = RealRuntime(content(form, precision))
        except OctavoError:  # no kernel
            continue
    shape = graph_of(form).inputs[0].shape
    sample = {"x": np.random.default_rng(0).standard_normal(shape).astype(np.float32)}
    best = dict.fromkeys(runtimes, float("inf"))
    for _ in range(rounds):
        for precision, runtime in runtimes.items():
            best[precision] = min(best[precision], float(runtime.benchmark(sample, repeats=4).min()))
    yield 1e6 * best["float32"]
    for precision in ("int8", "int16x8"):
        yield best[precision] / best["float32"] if precision in best else None


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Operations in int8 and int16 beside float.")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    sys.stdout.write("| operation | float | int8, float = 1 | int16, float = 1 | said |\n|---|---|---|---|---|\n")
    for name, form in FORMS.items():
        micros, *ratios = measured(form, rounds)
        cells = ["–" if ratio is None else f"{ratio:.2f}" for ratio in ratios]
        said = [sum(times) for times in zip(*(node.op.duration(node) for node in graph_of(form)), strict=True)]
        cells.append(f"{said[0]:.1f} µs, {said[1] / said[0]:.2f}")
        sys.stdout.write(f"| {name} | {micros:.1f} µs | {' | '.join(cells)} |\n")


if __name__ == "__main__":
    main()
