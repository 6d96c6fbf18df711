"""Latency, size and SQNR of every mode: Octavo's files beside TensorFlow's and litert-quantizer's, on the same models.

    python benchmarks/latency.py [NAMES...] [--seconds S] [--write docs/latency.md]

All makers get the same 100 calibration samples. Peers run in processes of their own; their files are made once and kept
(in `$OCTAVO_LATENCY`, or the directory for temporary files). All files of a model are loaded at once and take turns,
so that a machine whose speed drifts treats them alike; the least time of each counts, and how much the least of the odd
turns differs from that of the even ones is how far the ratio can be trusted. Results are kept beside the files: a run
of some models only renders the others' last results.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

import latency_tables
import octavo
import peer_modes
import zoo
from cases import CALIBRATION, CASES, ONLY
from conversion import machine
from latency_tables import Entry, Result, Timing
from octavo.errors import OctavoError
from octavo.judge.real import RealRuntime

KEPT = Path(os.environ.get("OCTAVO_LATENCY") or Path(tempfile.gettempdir()) / "octavo-latency")
FAMILIES = ("MobileNetV2", "MobileNetV3Small", "EfficientNetB0")
JUDGED = 24
THREADS = (1, 2)
MOST = 8.0
"""A file that takes this many times as long as the float one takes part in fewer turns."""


@dataclass(frozen=True)
class Model:
    """What is converted, and its data: arrays by the name of the input, [samples, …]."""

    name: str
    source: Path
    calibration: Mapping[str, np.ndarray]
    judged: Mapping[str, np.ndarray]


def models(names: list[str]) -> Iterator[Model]:
    """The trained models that stand beside the repository, and some families of the zoo."""
    for case in CASES:
        if case.name in names or not names:
            data = case.load()
            yield Model(case.name, case.source, data.calibration, {k: v[:JUDGED] for k, v in data.inputs.items()})
    for family in FAMILIES:
        if family in names or not names:
            source, data = zoo.build(family), zoo.samples(family)
            yield Model(family, source, {ONLY: data.calibration[:CALIBRATION]}, {ONLY: data.evaluation[:JUDGED]})


def examine(model: Model, *, seconds: float) -> Result:
    """Every maker's files of a model, judged and timed."""
    files = dict(_ours(model)) | dict(_theirs(model))
    entries = [Entry(maker, mode, failure=why) for (maker, mode), (_, why) in files.items() if why]
    made = {key: content for key, (content, why) in files.items() if not why}
    reference = _outputs(made["octavo", "float32"], model.judged)
    times: dict[tuple[str, str], list[Timing]] = {key: [] for key in made}
    for threads in THREADS:
        for key, timing in race(made, model.judged, threads=threads, seconds=seconds).items():
            times[key].append(timing)
    for (maker, mode), content in made.items():
        decibels = _sqnr(reference, _outputs(content, model.judged))
        warnings = _WARNINGS.get((model.name, mode), ()) if maker == "octavo" else ()
        entries.append(Entry(maker, mode, len(content), decibels, tuple(times[maker, mode]), warnings=tuple(warnings)))
    return Result(model.name, dt.date.today().isoformat(), tuple(entries))  # noqa: DTZ011  # the day where it runs


_WARNINGS: dict[tuple[str, str], tuple[str, ...]] = {}


def _ours(model: Model) -> Iterator[tuple[tuple[str, str], tuple[bytes, str]]]:
    for mode in peer_modes.MODES:
        try:
            made = octavo.convert(model.source, recipe=mode, samples=dict(model.calibration))
            _WARNINGS[model.name, mode] = made.warnings
            yield ("octavo", mode), (made.content, "")
        except OctavoError as error:  # told in the table
            yield ("octavo", mode), (b"", str(error).splitlines()[0])


def _theirs(model: Model) -> Iterator[tuple[tuple[str, str], tuple[bytes, str]]]:
    folder = KEPT / model.name
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "calibration.npz", **model.calibration)
    source: Path | str = model.source
    if model.source.suffix != ".tflite":
        modes = [mode for mode in peer_modes.MODES if mode != "weight_only"]
        found = peer_modes.made("tensorflow", model.source, folder, modes)
        source = found["float32"]
        yield from ((("tensorflow", mode), _content(each)) for mode, each in found.items())
    if isinstance(source, Path):
        found = peer_modes.made("litert-quantizer", source, folder, peer_modes.MODES[2:])
        yield from ((("litert-quantizer", mode), _content(each)) for mode, each in found.items())


def _content(found: Path | str) -> tuple[bytes, str]:
    """The bytes of a file that LiteRT runs, or why there is none."""
    if isinstance(found, str):
        return b"", found
    content = found.read_bytes()
    try:
        RealRuntime(content)
    except (OctavoError, RuntimeError, ValueError) as error:
        return b"", f"LiteRT refuses it: {str(error).splitlines()[0][:120]}"
    return content, ""


def race(
    files: Mapping[tuple[str, str], bytes], judged: Mapping[str, np.ndarray], *, threads: int, seconds: float
) -> dict[tuple[str, str], Timing]:
    """The files take turns for so many seconds; each turn of a file is several calls, of which the least counts."""
    runtimes = {key: RealRuntime(content, threads=threads) for key, content in files.items()}
    sample = {key: _stored(runtime, judged, 0) for key, runtime in runtimes.items()}
    first = {key: float(runtimes[key].benchmark(sample[key], repeats=4)[1:].min()) for key in files}
    usual = first["octavo", "float32"]
    calls = {key: max(2, min(20, round(1e-3 / took))) for key, took in first.items()}
    every = {key: max(1, round(took / usual / MOST)) for key, took in first.items()}
    found: dict[tuple[str, str], list[float]] = {key: [] for key in files}
    end, turn = time.perf_counter() + seconds, 0
    while time.perf_counter() < end or turn < 2 * max(every.values()):
        for key in files:
            if turn % every[key] == 0:
                found[key].append(float(runtimes[key].benchmark(sample[key], repeats=calls[key]).min()))
        turn += 1
    return {key: _timing(threads, each) for key, each in found.items()}


def _timing(threads: int, times: list[float]) -> Timing:
    odd, even = min(times[1::2], default=times[0]), min(times[::2])
    return Timing(threads, 1e3 * min(times), abs(odd / even - 1), len(times))


def _stored(runtime: RealRuntime, arrays: Mapping[str, np.ndarray], at: int) -> dict[str, np.ndarray]:
    only = runtime.inputs[0]
    return {
        (only.name if name == ONLY else name): array[at : at + 1].astype(
            only.dtype if name == ONLY else array.dtype, copy=False
        )
        for name, array in arrays.items()
    }


def _outputs(content: bytes, judged: Mapping[str, np.ndarray]) -> np.ndarray:
    runtime = RealRuntime(content)
    count = len(next(iter(judged.values())))
    found = [next(iter(runtime.run(_stored(runtime, judged, at)).values())) for at in range(count)]
    return np.concatenate(found).astype(np.float64)


def _sqnr(reference: np.ndarray, outputs: np.ndarray) -> float:
    """Decibels between the float outputs' energy and that of the difference; minus infinity where one is not a number."""
    if outputs.shape != reference.shape or not np.isfinite(outputs).all():
        return -np.inf
    noise = np.square(outputs - reference).sum()
    return float(10 * np.log10(np.square(reference).sum() / max(noise, 1e-300)))


def main() -> None:
    """Measure the named models, or all, and show what is known of all."""
    parser = argparse.ArgumentParser(description="Latency, size and SQNR of every mode, beside the peers.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seconds", type=float, default=6.0, help="for each model and number of threads")
    parser.add_argument("--write", type=Path, help="a Markdown page")
    arguments = parser.parse_args()
    for model in models(arguments.names):
        result = examine(model, seconds=arguments.seconds)
        (KEPT / model.name / "result.json").write_bytes(msgspec.json.encode(result))
        print(latency_tables.of_model(result), flush=True)
    order = [*(case.name for case in CASES), *FAMILIES]
    kept = [KEPT / name / "result.json" for name in order]
    page = latency_tables.page(
        [msgspec.json.decode(path.read_bytes(), type=Result) for path in kept if path.exists()], machine()
    )
    if arguments.write:
        arguments.write.write_text(page, encoding="utf-8")
    else:
        print(page)


if __name__ == "__main__":
    main()
