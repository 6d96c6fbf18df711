"""What converts, from which file, and how near it comes: Octavo beside TensorFlow's own converter.

    python benchmarks/coverage.py [NAMES...] [--again] [--write docs/coverage.md]

Every model of `inventory.py` is saved as SavedModel, `.keras` and `.h5`, and converted from each; TensorFlow converts
the SavedModel, with builtin operations only. All conversions and runs happen in child processes, since some end theirs.
Answers are compared with Keras' own. Results are kept below `$OCTAVO_COVERAGE`, so that a run can be continued.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

Samples = dict[str, np.ndarray]
FILES = {"SavedModel": "saved_model", ".keras": "model.keras", ".h5": "model.h5"}
MODES = ("int8", "int16x8", "dynamic", "float16")
NEAR = 1e-4  # the relative error up to which a float model counts as equal: some hundred roundings of float32
CALIBRATION, HELD_OUT = 32, 16
PATIENCE = 600  # seconds; no conversion here takes a tenth of it


def octavo(source: str, mode: str, calibration: Samples) -> bytes:
    """Octavo's conversion."""
    import octavo

    samples = calibration if mode.startswith("int") else None
    return octavo.convert(source, recipe=mode, samples=samples).content


def tensorflow(source: str, mode: str, calibration: Samples) -> bytes:
    """TensorFlow's conversion of a SavedModel."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(source)
    if mode != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode.startswith("int"):
        count = len(next(iter(calibration.values())))
        rows = [{name: array[at : at + 1] for name, array in calibration.items()} for at in range(count)]
        converter.representative_dataset = lambda: iter(rows)
    if mode == "int16x8":
        integers = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [integers, tf.lite.OpsSet.TFLITE_BUILTINS]
    return bytes(converter.convert())


MAKERS: dict[str, Callable[[str, str, Samples], bytes]] = {"octavo": octavo, "tensorflow": tensorflow}


def attempt(maker: str, source: str, mode: str, calibration: Samples, runs: list[Samples]) -> dict[str, Any]:
    """What a maker's model answers to each run, and its operations; or why there is none. Runs in a child process."""
    warnings.simplefilter("ignore")
    try:
        from octavo.read.tflite import read_tflite
        from octavo.runtime import Runtime

        content = MAKERS[maker](source, mode, calibration)
        operations = sum(len(graph) for graph in read_tflite(content).graphs)
        runtime = Runtime(content)
        names = [port.name for port in runtime.inputs]
        if len(names) == 1:  # an input without a name is called after its tensor in one file, after its layer in others
            runs = [{names[0]: array} for run in runs for array in run.values()]
        return {"answers": [runtime.run(run) for run in runs], "operations": operations}
    except Exception as error:  # noqa: BLE001  # whatever stops a maker is what this table tells
        return {"failure": reason(error)}


def reason(error: Exception) -> str:
    """Why a conversion failed, in a few words: the operations if there are any."""
    gaps = sorted({gap.op for gap in getattr(error, "gaps", ())})
    text = str(error)
    named = re.search(r"TF Select ops: ([\w, ]+)", text) or re.search(r"Custom ops: ([\w, ]+)", text)
    failed = re.findall(r"'(tf\.\w+)' op", text)
    if gaps or named:
        return "no " + (", ".join(gaps) if gaps else named[1].strip())
    return "no " + failed[0].removeprefix("tf.") if failed else text.strip().splitlines()[0][:90] or repr(error)


def _quiet() -> None:
    """What TensorFlow's C++ says of every failure goes nowhere: its exceptions say the same."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


class Children:
    """One child process for each maker; one that ended is replaced."""

    def __init__(self) -> None:
        self._pools: dict[str, ProcessPoolExecutor] = {}

    def attempt(self, maker: str, *given: Any) -> dict[str, Any]:
        """As `attempt`; a child that ended, or that takes too long, is a failure too."""
        pool = self._pools.get(maker)
        if pool is None:
            pool = self._pools[maker] = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_quiet)
        try:
            return pool.submit(attempt, maker, *given).result(PATIENCE)
        except (BrokenProcessPool, TimeoutError) as error:
            for process in list(getattr(pool, "_processes", {}).values()):
                process.kill()
            del self._pools[maker]
            return {"failure": "its process ended" if isinstance(error, BrokenProcessPool) else "it takes too long"}


def error_of(got: Mapping[str, np.ndarray], want: Mapping[str, np.ndarray]) -> float:
    """The largest difference over the largest number, of the worst output; infinite where shapes or names differ."""
    if got.keys() != want.keys() or any(got[name].shape != want[name].shape for name in want):
        return float("inf")
    return max(_error(got[name], array) for name, array in want.items())


def _error(got: np.ndarray, want: np.ndarray) -> float:
    if want.dtype.kind in "OSU":
        texts = [item if isinstance(item, bytes) else str(item).encode() for item in want.ravel()]
        return float([bytes(item) for item in got.ravel()] != texts)
    difference = np.abs(got.astype(np.float64) - want.astype(np.float64)).max(initial=0.0)
    return float(difference / max(np.abs(want.astype(np.float64)).max(initial=0.0), 1e-30)) if difference else 0.0


def decibels(got: list[dict[str, np.ndarray]], want: Mapping[str, np.ndarray]) -> float | None:
    """Signal over noise of the real outputs together; None where there are none."""
    signal = noise = 0.0
    for name, array in want.items():
        if array.dtype.kind == "f":
            rows = np.concatenate([row[name] for row in got]).astype(np.float64)
            signal, noise = signal + np.square(array).sum(), noise + np.square(rows - array).sum()
    return None if not signal else float(min(10 * np.log10(signal / max(noise, 1e-30)), 150.0))


def answers(model: Any, samples: Samples) -> Samples:
    """What Keras computes, by the names that a SavedModel gives to outputs."""
    import tensorflow as tf

    given = [tf.constant(samples[tensor.name]) for tensor in model.inputs]
    outputs = model(given if len(given) > 1 else given[0], training=False)
    if not isinstance(outputs, dict):
        outputs = {
            f"output_{at}": each for at, each in enumerate(outputs if isinstance(outputs, list | tuple) else [outputs])
        }
    return {name: np.asarray(output) for name, output in outputs.items()}


def measure(name: str, subject: Any, folder: Path, children: Children) -> dict[str, Any]:
    """All that is told of one model."""
    model = subject.make()
    places = save(model, folder)
    run = subject.samples(subject.batch, 1)
    wanted = answers(model, run)
    calibration, held = subject.samples(CALIBRATION, 2), subject.samples(HELD_OUT, 3)
    rows = [{key: array[at : at + 1] for key, array in held.items()} for at in range(HELD_OUT)]
    exact = _of_rows(model, rows)
    told: dict[str, Any] = {"name": name, "group": subject.group, "files": {}, "modes": {}}
    attempts = [("octavo", form, place) for form, place in places.items()] + [
        ("tensorflow", "TensorFlow", places["SavedModel"])
    ]
    for maker, form, place in attempts:
        made = {"failure": place} if not Path(place).exists() else children.attempt(maker, place, "float32", {}, [run])
        told["files"][form] = _told(made, lambda made: {"error": error_of(made["answers"][0], wanted)})
    for mode in MODES if subject.group != "families" else ():
        told["modes"][mode] = {
            maker: _told(
                children.attempt(maker, places["SavedModel"], mode, calibration, rows),
                lambda made: {"decibels": decibels(made["answers"], exact)},
            )
            for maker in MAKERS
        }
    return told


def _of_rows(model: Any, rows: list[Samples]) -> Samples:
    each = [answers(model, row) for row in rows]
    return {name: np.concatenate([row[name] for row in each]) for name in each[0]}


def _told(made: dict[str, Any], measured: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    if "failure" in made:
        return {"failure": made["failure"]}
    return {"operations": made["operations"], **measured(made)}


def save(model: Any, folder: Path) -> dict[str, str]:
    """The model in each of the files; in place of a path, why Keras cannot write it."""
    folder.mkdir(parents=True, exist_ok=True)
    places = {form: str(folder / name) for form, name in FILES.items()}
    model.export(places["SavedModel"], verbose=False)
    for form in (".keras", ".h5"):
        try:
            model.save(places[form])
        except Exception as error:  # noqa: BLE001  # Keras raises anything; the table tells it
            Path(places[form]).unlink(missing_ok=True)
            places[form] = f"Keras cannot save it: {str(error).strip().splitlines()[0][:60]}"
    return places


def main() -> None:
    """Measure what is named, or all; write the table if asked to."""
    parser = argparse.ArgumentParser(description="What converts, from which file, and how near it comes.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="models of the inventory; all by default")
    parser.add_argument("--again", action="store_true", help="measure anew what has been measured already")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table")
    parser.add_argument("--only-write", action="store_true", help="measure nothing more")
    chosen = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")
    import coverage_table
    import inventory

    results = inventory.home() / "results"
    results.mkdir(parents=True, exist_ok=True)
    known = inventory.subjects()
    if unknown := set(chosen.names) - set(known):
        sys.exit(f"no such models: {', '.join(sorted(unknown))}")
    children = Children()
    for name in () if chosen.only_write else chosen.names or known:
        place = results / f"{name}.json"
        if chosen.again or not place.exists():
            told = measure(name, known[name], inventory.home() / name, children)
            place.write_text(json.dumps(told))
            print(name, json.dumps(told["files"]), flush=True)
    if chosen.write:
        done = [json.loads(path.read_text()) for name in known if (path := results / f"{name}.json").exists()]
        absent = sorted(set(known) - {told["name"] for told in done})
        chosen.write.write_text(coverage_table.page(done, near=NEAR, absent=absent), encoding="utf-8")


if __name__ == "__main__":
    main()
