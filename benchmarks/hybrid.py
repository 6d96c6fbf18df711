"""When a kernel that reads int8 weights beside float activations is faster than float: by rows, inputs and outputs.

    python benchmarks/hybrid.py [--rounds 12] [--write docs/hybrid.md]

The measurements behind `Weight.pays` in `src/octavo/ops`. Each layer runs alone, with one thread and with two, in float
and with int8 weights, in turns; the least of many rounds counts. Whether that pays depends on the processor, so the page
holds a table for each on which this ran: `--write` replaces the one of this machine and leaves the others.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from octavo.ir.graph import Graph, Value
from octavo.ir.port import Weight
from octavo.machine import processor
from octavo.ops.conv_2d import Conv2D
from octavo.ops.fully_connected import FullyConnected
from octavo.schema.enums import Padding
from weights import Layer, biased, way

THREADS = (1, 2)
LARGEST = 500e6
"""Layers of more products take too long here, and are known to gain where smaller ones do."""
DENSE = ((16, 16), (64, 12), (64, 64), (64, 256), (64, 1024), (128, 128), (192, 192), (250, 144), (256, 64), (256, 256), (384, 384),
         (384, 1536), (512, 512), (768, 768), (768, 3072), (1024, 64), (1024, 1024), (1536, 384), (2048, 1000))  # fmt: skip
SEEN = ((3, 16), (8, 16), (16, 16), (16, 64), (16, 96), (32, 32), (32, 128), (64, 16), (64, 64), (64, 384), (128, 128),
        (192, 64), (256, 256), (384, 64), (512, 512), (160, 960), (960, 160))  # fmt: skip
HEAD = """# Where int8 weights beside float activations pay

`python benchmarks/hybrid.py --write docs/hybrid.md`: layers alone, time with int8 weights over that in float, with one
thread and with two. Octavo lets the kernel read the integers where `Weight.pays` of the operation says that it is
faster; elsewhere the weights are widened once, at load, which costs nothing later. The last columns say which it does
for the targets `xnnpack` and `xnnpack-dot`. A layer alone finds its weights in the cache: that is the worst case for
integers, which in a large model are fetched four times as fast. Windows of few channels are multiplied place by place,
eight channels at once.
"""
COLUMNS = """| operation | rows | inputs | outputs | float | 1 thread | 2 threads | xnnpack | xnnpack-dot |
|---|---|---|---|---|---|---|---|---|"""


def layers() -> Iterator[tuple[Layer, int]]:
    """Products and convolutions of many sizes, and how many rows each has."""
    for rows in (1, 2, 4, 8, 16, 64, 256):
        for taken, made in DENSE:
            yield Layer("FULLY_CONNECTED", FullyConnected(), (rows, taken), (made, taken), 0, _bias(made)), rows
    for side, kernel in ((2, 1), (4, 1), (7, 1), (14, 1), (28, 1), (56, 1), (7, 3), (14, 3), (28, 3), (56, 3)):
        yield from (_seen(side, kernel, 1, taken, made) for taken, made in SEEN)
    for side, kernel, stride in ((2, 16, 16), (4, 16, 16), (8, 8, 8), (12, 16, 16), (16, 4, 4), (28, 5, 1), (56, 7, 2)):
        yield from (_seen(side, kernel, stride, taken, made) for taken in (3, 8, 20, 32) for made in (64, 256))


def _seen(side: int, kernel: int, stride: int, taken: int, made: int) -> tuple[Layer, int]:
    """A convolution that looks at a picture from `side` × `side` places."""
    name = "CONV_2D" if kernel == 1 else f"CONV_2D {kernel}×{kernel}×{taken}"
    op = Conv2D(padding=Padding.VALID, stride_h=stride, stride_w=stride)
    given = (side - 1) * stride + kernel
    shapes = (1, given, given, taken), (made, kernel, kernel, taken)
    return Layer(name, op, *shapes, 0, _bias(made)), side * side


def _bias(made: int) -> Callable[[Graph, Value, Value], list[Value]]:
    return lambda graph, given, weight: biased(graph, given, weight, made)


def measured(rounds: int) -> Iterator[str]:
    """The rows of the table."""
    for layer, rows in layers():
        if rows * math.prod(layer.weight) > LARGEST:
            continue
        ratios = []
        for threads in THREADS:
            runs = [way(layer, name, threads=threads).run for name in ("float32", "int8")]
            float_time, int8_time = _race(runs, rounds)
            ratios.append((float_time, int8_time / float_time))
        port = next(port for port in layer.op.ports.values() if isinstance(port, Weight))
        made, taken = layer.weight[0], math.prod(layer.weight[1:])
        forms = " | ".join(
            "int8" if port.is_worth(layer.weight, rows, has_dot_products=dots) else "widened" for dots in (False, True)
        )
        times = " | ".join(f"{ratio:.2f}" for _, ratio in ratios)
        yield f"| {layer.name} | {rows} | {taken} | {made} | {1e6 * ratios[0][0]:.1f} µs | {times} | {forms} |"


def _race(runs: list[Callable[[], object] | None], rounds: int) -> list[float]:
    """The least seconds of each; a turn is as many calls as take a millisecond in float."""
    calls = max(1, min(50, int(1e-3 / max(_seconds(runs[0], 2), 1e-6))))
    best = [float("inf")] * len(runs)
    for _ in range(rounds):
        best = [min(least, _seconds(run, calls)) for least, run in zip(best, runs, strict=True)]
    return best


def _seconds(run: Callable[[], object] | None, calls: int) -> float:
    assert run is not None
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def machine() -> str:
    """The processor, and which vector instructions it has that kernels of integers use."""
    flags = Path("/proc/cpuinfo").read_text("utf-8", "replace") if Path("/proc/cpuinfo").exists() else ""
    known = {
        "avx2": "AVX2",
        "avx_vnni": "AVX-VNNI",
        "avx512f": "AVX-512",
        "avx512_vnni": "AVX-512 VNNI",
        "asimddp": "dot products",
    }
    return f"{processor()} ({', '.join(name for flag, name in known.items() if flag in flags.split())})"


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description="When int8 weights beside float activations pay.")
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    title = f"## {machine()}"
    rows = [title, COLUMNS]
    for row in measured(arguments.rounds):
        sys.stdout.write(row + "\n")
        sys.stdout.flush()
        rows.append(row)
    if arguments.write:
        text = arguments.write.read_text("utf-8") if arguments.write.exists() else HEAD
        others = [part for part in text.split("\n## ")[1:] if part.partition("\n")[0] != title[3:]]
        page = "\n## ".join([HEAD, *(part.rstrip("\n") + "\n" for part in others), "\n".join(rows)[3:]])
        arguments.write.write_text(page + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
