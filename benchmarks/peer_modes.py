"""Every mode of one peer for one model, in a process of its own, and what keeps their files.

    python benchmarks/peer_modes.py MAKER SOURCE FOLDER MODES...     here; `FOLDER/calibration.npz` has the samples

`made` starts that as a child, goes on after a mode that crashed it, and keeps what came of each mode.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import peers

MODES = ("float32", "float16", "weight_only", "dynamic", "int8", "int16x8")
NEEDS_SAMPLES = ("int8", "int16x8")


def made(maker: str, source: Path, folder: Path, modes: Iterable[str]) -> dict[str, Path | str]:
    """The file of each mode, or why there is none. What was made once is kept in `folder`."""
    while missing := [mode for mode in modes if not (_file(folder, maker, mode).exists() or _why(folder, maker, mode))]:
        command = [sys.executable, __file__, maker, str(source), str(folder), *missing]
        done = subprocess.run(command, capture_output=True, text=True, env=peers._environment(), check=False)  # noqa: SLF001  # our own
        left = [mode for mode in missing if not (_file(folder, maker, mode).exists() or _why(folder, maker, mode))]
        if left:
            said = (done.stderr.strip().splitlines() or [""])[-1]
            _note(folder, maker, left[0], f"the process ended with {done.returncode}: {said}"[:300])
    return {
        mode: path if (path := _file(folder, maker, mode)).exists() else _why(folder, maker, mode) for mode in modes
    }


def _file(folder: Path, maker: str, mode: str) -> Path:
    return folder / f"{maker}-{mode}.tflite"


def _why(folder: Path, maker: str, mode: str) -> str:
    note = _file(folder, maker, mode).with_suffix(".failure")
    return note.read_text() if note.exists() else ""


def _note(folder: Path, maker: str, mode: str, why: str) -> None:
    _file(folder, maker, mode).with_suffix(".failure").write_text(why)


def tensorflow(source: Path, folder: Path, modes: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """TensorFlow's converter: each mode with the function that makes it."""
    import tensorflow as tf

    lite = tf.lite
    with peers._saved_model(source) as saved:  # noqa: SLF001  # of this folder
        names = list(tf.saved_model.load(saved).signatures["serving_default"].structured_input_signature[1])
        for mode in modes:

            def make(mode: str = mode) -> bytes:
                converter = peers._tensorflow_converter(saved)  # noqa: SLF001  # likewise
                converter.optimizations = [] if mode == "float32" else [lite.Optimize.DEFAULT]
                if mode == "float16":
                    converter.target_spec.supported_types = [tf.float16]
                if mode in NEEDS_SAMPLES:
                    converter.representative_dataset = lambda: iter(_feeds(folder, names))
                if mode == "int8":
                    converter.target_spec.supported_ops = [lite.OpsSet.TFLITE_BUILTINS_INT8]
                if mode == "int16x8":
                    sixteen = lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
                    converter.target_spec.supported_ops = [sixteen, lite.OpsSet.TFLITE_BUILTINS]
                content: bytes = converter.convert()
                return content

            yield mode, make


def litert_quantizer(source: Path, folder: Path, modes: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """litert-quantizer, of a float `.tflite`."""
    from ai_edge_litert.interpreter import Interpreter
    from litert_quantizer import quantizer, recipe

    signatures = Interpreter(str(source)).get_signature_list()
    key = next(iter(signatures), "serving_default")
    names = signatures[key]["inputs"] if signatures else [Interpreter(str(source)).get_input_details()[0]["name"]]
    recipes = {
        "weight_only": recipe.weight_only_wi8_afp32,
        "dynamic": recipe.dynamic_wi8_afp32,
        "int8": recipe.static_wi8_ai8,
        "int16x8": recipe.static_wi8_ai16,
    }
    for mode in modes:

        def make(mode: str = mode) -> bytes:
            job = quantizer.Quantizer(str(source))
            job.load_quantization_recipe(recipes[mode]())
            seen = job.calibrate({key: _feeds(folder, names)}) if mode in NEEDS_SAMPLES else None
            target = _file(folder, "litert-quantizer", f"{mode}.draft")
            job.quantize(seen, enable_progress_report=False).export_model(str(target), overwrite=True)
            content = target.read_bytes()
            target.unlink()
            return content

        yield mode, make


def _feeds(folder: Path, names: list[str]) -> list[dict[str, object]]:
    return peers._feeds(folder / "calibration.npz", names)  # noqa: SLF001  # of this folder


MAKERS = {"tensorflow": tensorflow, "litert-quantizer": litert_quantizer}


def main() -> None:
    """Make what is asked for, mode after mode."""
    maker, source, folder, *modes = sys.argv[1:]
    for mode, make in MAKERS[maker](Path(source), Path(folder), modes):
        target = _file(Path(folder), maker, mode)
        try:
            content = make()
        except Exception as error:  # noqa: BLE001  # whatever a peer raises is what there is to tell
            _note(Path(folder), maker, mode, f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"[:300])
            continue
        target.with_suffix(".part").write_bytes(content)
        target.with_suffix(".part").rename(target)


if __name__ == "__main__":
    main()
