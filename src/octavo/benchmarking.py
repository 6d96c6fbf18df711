"""How fast models are: as wholes, in turns, and each operation alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from octavo.ir.graph import Graph, Model, Node, Signature, Value
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.judge.latency import race
from octavo.judge.real import RealRuntime
from octavo.pipeline import content_of
from octavo.read.open import read
from octavo.report.inspection import layer_of, precision_of
from octavo.report.record import Timing
from octavo.runtime import DEFAULT_SIGNATURE, Runtime
from octavo.samples import Sample, SamplesLike, read_samples
from octavo.showing import MOST, Shown, Table, counted, facts
from octavo.trial import tried
from octavo.write.tflite import to_bytes

Progress = Callable[[str, int, int | None], None]
ALONE = 15
"""Calls of an operation that is timed alone."""
SIZES = (256, 32, 16384, 1)
"""What open dimensions are timed with, where there are no samples: the first that the model runs on."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """How long a model takes with so many threads; `ratio` to the first model, in the median."""

    model: str
    timing: Timing
    ratio: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How long an operation takes alone: the median in milliseconds, and the share of all operations' sum.

    `node` is the name of its first result; `beside` the time of the same operation in the first model, where there
    is one.
    """

    node: str
    op: str
    layer: str
    precision: str
    milliseconds: float
    share: float
    beside: float | None = None


class Benchmark(Shown, msgspec.Struct, frozen=True, kw_only=True):
    """Models beside each other, and the operations of the last, in the order of work.

    `left_out` counts the operations that cannot run alone, by operator.
    """

    wholes: tuple[Whole, ...]
    parts: tuple[Part, ...] = ()
    left_out: dict[str, int] = {}

    def tables(self, *, most: int = MOST) -> tuple[Table, ...]:
        """The models, then the `most` slowest operations."""
        columns = ("model", ">threads", ">least", ">10 %", ">median", ">90 %", ">ratio")
        wholes = Table("Milliseconds of one call", columns, [_whole(each) for each in self.wholes])
        slowest = sorted(self.parts, key=lambda part: -part.milliseconds)[:most]
        beside = any(part.beside is not None for part in slowest)
        names = ("operation", "precision", ">alone", ">share", *([">float"] if beside else []), "layer")
        total = sum(part.milliseconds for part in self.parts)
        return (
            wholes,
            Table(
                f"The slowest of {len(self.parts)} operations, each alone",
                names,
                [_told(part, beside=beside) for part in slowest],
            ),
            facts(
                ("all operations, each alone:", f"{total:.3g} ms" if self.parts else ""),
                ("not timed alone:", counted(self.left_out)),
            ),
        )


def _whole(each: Whole) -> tuple[str, ...]:
    time = each.timing
    times = (f"{value:.3g}" for value in (time.least, time.p10, time.median, time.p90))
    return (each.model, str(time.threads), *times, f"×{each.ratio:.2f}")


def _told(part: Part, *, beside: bool) -> tuple[str, ...]:
    earlier = ("" if part.beside is None else f"{part.beside:.3g}",) if beside else ()
    return part.op, part.precision, f"{part.milliseconds:.3g}", f"{part.share:.1%}", *earlier, part.layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How models are timed: calls of each, threads (each number in turn), inputs, and whether operations are, too."""

    rounds: int = 50
    threads: Sequence[int] = (1,)
    samples: SamplesLike | None = None
    operations: bool = True


def benchmark(models: Sequence[bytes | str], course: Course, *, progress: Progress | None = None) -> Benchmark:
    """The times of the models: of each as a whole, and of the operations of the last, beside those of the first.

    Raises:
        OctavoError: a model cannot be read or run.
    """
    contents = [content_of(model) for model in models]
    names = [model if isinstance(model, str) else f"model {place}" for place, model in enumerate(models)]
    sample = sample_for(contents[0], course.samples)
    wholes = [
        whole for threads in course.threads for whole in _wholes(contents, names, sample, (threads, course.rounds))
    ]
    if not course.operations:
        return Benchmark(wholes=tuple(wholes))
    timed = [_parts(content, sample, progress) for content in dict.fromkeys((contents[0], contents[-1]))]
    parts, left_out = timed[-1]
    earlier = {part.node: part for part in timed[0][0]} if len(timed) > 1 else {}
    return Benchmark(wholes=tuple(wholes), parts=tuple(_beside(part, earlier) for part in parts), left_out=left_out)


def timing_of(seconds: Array, threads: int) -> Timing:
    """Percentiles of times."""
    p10, median, p90 = (float(each) * 1e3 for each in np.percentile(seconds, (10, 50, 90)))
    return Timing(least=float(seconds.min()) * 1e3, p10=p10, median=median, p90=p90, runs=len(seconds), threads=threads)


def sample_for(content: bytes, samples: SamplesLike | None) -> Sample:
    """The first sample; without any, numbers from 0 to 1, which ids can be, and zeros where integers go in.

    Open dimensions beside the batch are then as large as `SIZES` has it.
    """
    inputs = RealRuntime(content).inputs
    if samples is not None:
        return next(iter(read_samples(samples, inputs)))
    zeros = tried(content, sizes=SIZES)
    random = np.random.default_rng(0)
    real = [each for each in inputs if each.dtype.kind == "f"]
    return {**zeros, **{each.name: random.random(zeros[each.name].shape).astype(each.dtype) for each in real}}


def _wholes(contents: Sequence[bytes], names: Sequence[str], sample: Sample, how: tuple[int, int]) -> Iterator[Whole]:
    threads, rounds = how
    times = race([RealRuntime(content, threads=threads) for content in contents], sample, rounds=rounds)
    first = float(np.median(times[0]))
    for name, seconds in zip(names, times, strict=True):
        yield Whole(model=name, timing=timing_of(seconds, threads), ratio=float(np.median(seconds)) / first)


def _parts(content: bytes, sample: Sample, progress: Progress | None) -> tuple[list[Part], dict[str, int]]:
    """The operations of the main graph, each alone, on the numbers that it reads in the model."""
    model = read(content)
    assert isinstance(model, Model)
    graph = next((s.graph for s in model.signatures if s.key == DEFAULT_SIGNATURE), model.main)
    held = _held(content, graph, sample)
    left_out: Counter[str] = Counter()
    found: list[tuple[Node, float]] = []
    for done, node in enumerate(graph, start=1):
        seconds = _alone(node, held)
        if seconds is None:
            left_out[node.op.code] += 1
        else:
            found.append((node, seconds))
        if progress is not None:
            progress("timing operations", done, len(graph))
    total = sum(seconds for _, seconds in found) or 1.0
    return [_part(node, seconds, seconds / total) for node, seconds in found], dict(left_out)


def _held(content: bytes, graph: Graph, sample: Sample) -> dict[str, Array]:
    """What each tensor of the graph holds, as stored, by name."""
    runtime = RealRuntime(content, keep_all=True)
    runtime.run(sample)
    stored = runtime.stored(sample)
    given = {value.name: stored[port.name] for value, port in zip(graph.inputs, runtime.inputs, strict=True)}
    return {**given, **runtime.tensors(dequantized=False)}


def _alone(node: Node, held: dict[str, Array]) -> float | None:
    """The seconds that the operation takes in a model of its own; None where it cannot stand alone."""
    read_by = [value for value in node.inputs if value is not None and value.const is None]
    known = all(value.name in held for value in (*read_by, *node.outputs))
    if node.op.graphs or not read_by or not known:
        return None
    if any(value.dtype.kind not in "fiub" for value in (*read_by, *node.outputs)):  # strings, resources
        return None
    graph = Graph("alone")
    twins: dict[Value, Value] = {}
    for value in dict.fromkeys(value for value in node.inputs if value is not None):
        if value.const is not None:
            twins[value] = graph.const(value.const, value.name, value.quant)
        else:
            twins[value] = graph.input(value.name, Type(value.dtype, held[value.name].shape))
            twins[value].quant = value.quant
    types = [Type(value.dtype, held[value.name].shape) for value in node.outputs]
    operands = [None if value is None else twins[value] for value in node.inputs]
    made = graph.insert(node.op, operands, types, names=[value.name for value in node.outputs])
    for value, old in zip(made.outputs, node.outputs, strict=True):
        value.quant = old.quant
    graph.outputs = list(made.outputs)
    names = tuple(f"in_{place}" for place in range(len(graph.inputs)))
    results = tuple(f"out_{place}" for place in range(len(graph.outputs)))
    runtime = Runtime(to_bytes(Model([graph], [Signature("alone", graph, names, results)])), signature="alone")
    feeds = {name: held[value.name] for name, value in zip(names, graph.inputs, strict=True)}
    return float(np.median(runtime.benchmark(feeds, repeats=ALONE)))


def _part(node: Node, seconds: float, share: float) -> Part:
    return Part(
        node=node.name,
        op=node.op.code,
        layer=layer_of(node) or node.name,
        precision=precision_of(node),
        milliseconds=seconds * 1e3,
        share=share,
    )


def _beside(part: Part, earlier: dict[str, Part]) -> Part:
    """The part with the time of the operation in the other model that makes the same tensor."""
    for name in (part.node, part.node.removesuffix("/int8"), part.node.removesuffix("/int16")):
        if name in earlier and earlier[name].op == part.op:
            return msgspec.structs.replace(part, beside=earlier[name].milliseconds)
    return part
