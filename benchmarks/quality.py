"""Fidelity, size and op counts of Octavo's files and its peers', on the families of the zoo.

    python benchmarks/quality.py [NAMES...] [--only-peers]

References are Keras' own float outputs on 32 images that no calibration has seen. Peers' files are made once
and kept beside each model; Octavo's are made anew on every run.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import peers
import zoo


@dataclass(frozen=True)
class Fidelity:
    """How near a model's outputs come to the reference's."""

    decibels: float  # signal (the reference's energy) over noise (the energy of the difference)
    relative: float  # the largest difference over the largest reference
    agreement: float  # share of samples with the same top class


@dataclass(frozen=True)
class Entry:
    """One file: what it is, how large, how many ops, and how faithful. A failure has a reason instead."""

    maker: str
    size: int = 0
    ops: Counter[str] | None = None
    fidelity: Fidelity | None = None
    failure: str = ""


def outputs(path: Path, pictures: np.ndarray) -> np.ndarray:
    """A `.tflite` model's answers to pictures given one at a time, as float32, dequantized where need be."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for picture in pictures:
        interpreter.set_tensor(entry["index"], _quantize(picture[None], entry))
        interpreter.invoke()
        answers.append(_dequantize(interpreter.get_tensor(exit_["index"]), exit_)[0])
    return np.stack(answers)


def count_ops(path: Path) -> Counter[str]:
    """How often each LiteRT op stands in a file, before any delegate rewrites it."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=plain)
    named = (each["op_name"] for each in interpreter._get_ops_details())  # noqa: SLF001 (the runtime's only list)
    return Counter(name for name in named if name != "DELEGATE")


def compare(reference: np.ndarray, candidate: np.ndarray) -> Fidelity:
    """Fidelity of candidate answers [n, classes] to reference answers of that shape."""
    if not np.isfinite(candidate).all():
        return Fidelity(-np.inf, np.inf, 0.0)
    noise = candidate.astype(np.float64) - reference
    ratio = np.sum(np.square(reference, dtype=np.float64)) / max(np.sum(noise**2), 1e-300)
    agreement = np.mean(reference.argmax(axis=1) == candidate.argmax(axis=1))
    return Fidelity(10 * np.log10(ratio), float(np.abs(noise).max() / np.abs(reference).max()), float(agreement))


def examine(name: str, *, only_peers: bool = False) -> list[Entry]:
    """Every maker's file for one family, Octavo's first."""
    data = zoo.samples(name)
    entries = []
    with tempfile.TemporaryDirectory() as scratch:
        for task in peers.TASKS:
            if task.startswith("octavo") and only_peers:
                continue
            try:
                path = peers.baseline(task, name) if task in peers.BASELINES else _ours(task, name, Path(scratch))
                fidelity = compare(data.outputs, outputs(path, data.evaluation))
                entries.append(Entry(task, path.stat().st_size, count_ops(path), fidelity))
            except RuntimeError as error:  # a conversion that failed, or a file that LiteRT will not run
                entries.append(Entry(task, failure=str(error)))
    return entries


def _ours(task: str, name: str, scratch: Path) -> Path:
    path = scratch / f"{task}.tflite"
    cost = peers.measure(task, *_order(peers.inputs(task, name), path))
    if cost.failure:
        raise RuntimeError(f"{task} on {name}: {cost.failure}")
    return path


def _order(given: tuple[Path, Path | None], target: Path) -> tuple[Path, Path, Path | None]:
    source, samples = given
    return source, target, samples


def _quantize(values: np.ndarray, detail: dict) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    if values.dtype == detail["dtype"] or not scale:
        return values.astype(detail["dtype"])
    limits = np.iinfo(detail["dtype"])
    return np.clip(np.rint(values / scale) + zero_point, limits.min, limits.max).astype(detail["dtype"])


def _dequantize(values: np.ndarray, detail: dict) -> np.ndarray:
    scale, zero_point = detail["quantization"]
    if values.dtype == np.float32 or not scale:
        return values.astype(np.float32)
    return ((values.astype(np.float64) - zero_point) * scale).astype(np.float32)


def _line(name: str, entry: Entry) -> str:
    head = f"{name:18} {entry.maker:22}"
    if entry.failure or entry.fidelity is None or entry.ops is None:
        return f"{head} FAILED: {entry.failure}"
    found = entry.fidelity
    return (
        f"{head} {entry.size / 1e6:8.2f} MB {entry.ops.total():5} ops {found.decibels:7.2f} dB "
        f"max relative {found.relative:8.1e}  same top class {found.agreement:6.1%}"
    )


def main() -> None:
    """Print one line per family and maker."""
    parser = argparse.ArgumentParser(description="Fidelity, size and op counts of Octavo and its peers on the zoo.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="families; all by default")
    parser.add_argument("--only-peers", action="store_true", help="leave Octavo out")
    parser.add_argument("--ops", action="store_true", help="list the ops too")
    arguments = parser.parse_args()
    for name in arguments.names or zoo.names():
        for entry in examine(name, only_peers=arguments.only_peers):
            print(_line(name, entry), flush=True)
            if arguments.ops and entry.ops:
                print("    " + ", ".join(f"{op} {count}" for op, count in entry.ops.most_common()), flush=True)


if __name__ == "__main__":
    main()
