"""Octavo and its peers as tasks with one shape: a model in, a `.tflite` out, in a process of its own.

    python benchmarks/peers.py run TASK SOURCE TARGET [SAMPLES]     one conversion in this process
    python benchmarks/peers.py baselines [NAMES...]                 the peers' files beside each family of the zoo

`measure` starts `run` as a cold child and reads the child's own resource usage, imports included.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zoo

CALIBRATION = 100  # samples that every int8 task is given


@dataclass(frozen=True)
class Cost:
    """What one conversion took: seconds of processor (user and system) and of wall, peak MiB; or why it failed."""

    cpu: float
    wall: float
    memory: float
    failure: str = ""


def _environment() -> dict[str, str]:
    """As for a user: quiet, and free to keep compiled modules, which installed packages have."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"TF_CPP_MIN_LOG_LEVEL": "3"}


def tensorflow_float(source: Path, target: Path, _: Path | None = None) -> None:
    with _saved_model(source) as folder:
        target.write_bytes(_tensorflow_converter(folder).convert())


def tensorflow_int8(source: Path, target: Path, samples: Path) -> None:
    import tensorflow as tf

    with _saved_model(source) as folder:
        converter = _tensorflow_converter(folder)
        names = list(tf.saved_model.load(folder).signatures["serving_default"].structured_input_signature[1])
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: iter(_feeds(samples, names))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        target.write_bytes(converter.convert())


def _tensorflow_converter(folder: str) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["serving_default"])


@contextlib.contextmanager
def _saved_model(source: Path) -> Iterator[str]:
    """The directory of a SavedModel; of a Keras file, one that Keras exports."""
    if source.is_dir():
        yield str(source)
        return
    import keras
    import tf_keras

    if source.suffix == ".h5":
        model, options = tf_keras.models.load_model(source, compile=False), {}
    else:  # recurrent: TensorFlow needs to know the batch to do without operations of its own
        model = keras.models.load_model(source, compile=False)
        one = [keras.InputSpec(dtype=i.dtype, shape=(1, *i.shape[1:]), name=i.name) for i in model.inputs]
        options = {"verbose": False, "input_signature": one}
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, **options)
        yield folder


def litert_quantizer_int8(source: Path, target: Path, samples: Path) -> None:
    """`source` is a float `.tflite` here: this peer reads nothing else."""
    from ai_edge_litert.interpreter import Interpreter
    from litert_quantizer import quantizer, recipe

    if not Interpreter(str(source)).get_signature_list():
        source = _with_signature(source, target.with_suffix(".signed"))
    key, signature = next(iter(Interpreter(str(source)).get_signature_list().items()))
    names = signature["inputs"]
    job = quantizer.Quantizer(str(source))
    job.load_quantization_recipe(recipe.static_wi8_ai8())
    statistics = job.calibrate({key: _feeds(samples, names)}, num_threads=os.cpu_count() or 1)
    job.quantize(statistics, enable_progress_report=False).export_model(str(target), overwrite=True)


def _with_signature(source: Path, target: Path) -> Path:
    """The same model with a signature, without which litert-quantizer calibrates nothing: old files have none."""
    from octavo.ir.graph import Model, Signature
    from octavo.read.open import read
    from octavo.write.tflite import to_bytes

    model = read(source)
    assert isinstance(model, Model)
    names = (tuple(value.name for value in values) for values in (model.main.inputs, model.main.outputs))
    model.signatures = [Signature("serving_default", model.main, *names)]
    target.write_bytes(to_bytes(model))
    return target


def octavo_float(source: Path, target: Path, _: Path | None = None) -> None:
    import octavo

    octavo.convert(source, recipe="float32").save(target)


def octavo_int8(source: Path, target: Path, samples: Path) -> None:
    import octavo

    octavo.convert(source, recipe="int8", samples=samples).save(target)


TASKS: dict[str, Callable[[Path, Path, Path | None], None]] = {
    "octavo-float": octavo_float,
    "octavo-int8": octavo_int8,
    "tensorflow-float": tensorflow_float,
    "tensorflow-int8": tensorflow_int8,
    "litert-quantizer-int8": litert_quantizer_int8,
}
BASELINES = {
    "tensorflow-float": "tf_float.tflite",
    "tensorflow-int8": "tf_int8.tflite",
    "litert-quantizer-int8": "litert_quantizer_int8.tflite",
}


def measure(task: str, source: Path, target: Path, samples: Path | None = None) -> Cost:
    """Run one task in a cold child process and read what the child used, its imports included.

    Linux carries the parent's peak memory over `exec`, so callers import nothing heavier than numpy,
    which every task imports itself.
    """
    command = [sys.executable, __file__, "run", task, str(source), str(target), *([str(samples)] if samples else [])]
    with tempfile.TemporaryFile("w+") as said:
        start = time.perf_counter()
        child = subprocess.Popen(command, stdout=said, stderr=said, env=_environment())
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    failure = "" if child.returncode == 0 else f"exit {child.returncode}: {' | '.join(lines[-3:])}"
    unit = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss is in bytes there, in KiB on Linux
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / unit, failure)


def inputs(task: str, name: str) -> tuple[Path, Path | None]:
    """What a task reads for a family of the zoo: its model and, for int8, its samples."""
    saved_model = zoo.build(name)
    samples = None if task.endswith("-float") else saved_model.parent / "calibration.npz"
    return (baseline("tensorflow-float", name) if task.startswith("litert") else saved_model), samples


def baseline(task: str, name: str) -> Path:
    """A peer's file for a family of the zoo, made on the first call and kept beside the model."""
    path = zoo.folder(name) / BASELINES[task]
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}.draft")
        source, samples = inputs(task, name)
        cost = measure(task, source, draft, samples)
        if cost.failure:
            draft.unlink(missing_ok=True)
            raise RuntimeError(f"{task} on {name}: {cost.failure}")
        draft.rename(path)
    return path


def _feeds(samples: Path, names: list[str] | None = None) -> list[dict[str, object]]:
    """One call each; an only array goes by the name of the only input."""
    import numpy as np

    with np.load(samples) as file:
        arrays = {name: file[name] for name in file.files}
    if len(arrays) == 1 and names:
        arrays = {names[0]: next(iter(arrays.values()))}
    count = min(CALIBRATION, len(next(iter(arrays.values()))))
    return [{name: array[at : at + 1] for name, array in arrays.items()} for at in range(count)]


def _baselines(names: list[str]) -> None:
    for name in names:
        for task in BASELINES:
            try:
                path = baseline(task, name)
                print(f"{name:18} {task:22} {path.stat().st_size:>10} bytes", flush=True)
            except RuntimeError as error:
                print(error, flush=True)


def main() -> None:
    """Run one task here, or make the peers' baselines."""
    parser = argparse.ArgumentParser(description="One conversion by Octavo or a peer, or the peers' baselines.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="one conversion in this process")
    run.add_argument("task", choices=TASKS)
    run.add_argument("source", type=Path)
    run.add_argument("target", type=Path)
    run.add_argument("samples", type=Path, nargs="?")
    commands.add_parser("baselines", help="the peers' files").add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_args()
    if arguments.command == "run":
        TASKS[arguments.task](arguments.source, arguments.target, arguments.samples)
    else:
        _baselines(arguments.names or list(zoo.names()))


if __name__ == "__main__":
    main()
