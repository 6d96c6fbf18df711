"""What quantization costs each trained model: float, Octavo in each effort, and its peers, on the same labelled data.

    python benchmarks/accuracy.py [NAMES...] [--write docs/accuracy.md]
    python benchmarks/accuracy.py [NAMES...] --splits 7 [--seed 0]

All makers are given the same calibration samples. Peers run in processes of their own, because they may crash; their
files are made once and kept (in `$OCTAVO_ACCURACY`, or the directory for temporary files). Octavo's are made anew. What a
file got is kept too, by its bytes, so that only files that have changed are judged again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import os
import pickle
import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import octavo
import peers
import splits
from cases import CASES, ONLY, Case, Data, Run
from conversion import machine
from octavo.errors import OctavoError
from octavo.judge.certainty import Difference, difference, interval
from octavo.judge.metric import Metric
from octavo.judge.real import RealRuntime
from octavo.recipe import Recipe, read_recipe

KEPT = Path(os.environ.get("OCTAVO_ACCURACY") or Path(tempfile.gettempdir()) / "octavo-accuracy")
ENTRIES = "entries.pickle"
EFFORTS = ("fast", "balanced", "best") if "effort" in Recipe.__struct_fields__ else ()
PLAIN = {"ranges": "minmax", "correct_bias": False, "equalize": False, "effort": "fast"}
"""What plain min/max does."""
OURS: dict[str, dict[str, object]] = {
    "octavo int8": {"precision": "int8"},
    **{f"octavo int8 {effort}": {"precision": "int8", "effort": effort} for effort in EFFORTS},
    "octavo int8 minmax": {"precision": "int8", **PLAIN},
    "octavo int16x8": {"precision": "int16x8"},
    "octavo W4A8 minmax": {"precision": "int8", "weights": "int4", **PLAIN},
    **{f"octavo W4A8 {effort}": {"precision": "int8", "weights": "int4", "effort": effort} for effort in EFFORTS},
}
SPLIT = (
    "mobilenet_v1_0.25", "resnet8_cifar10", "vww_agreement", "kws_dscnn", "ad01_toycar", "he_ds_cnn", "he_cnn", "he_dnn",
    "he_lstm", "he_gru", "minilm_stsb", "yamnet_esc10", "text_sst2", "mnist",
)  # fmt: skip
"""Cases with so many samples that a hundred of them may calibrate."""
PEERS = ("tensorflow-int8", "litert-quantizer-int8")


@dataclass
class Entry:
    """One maker's rows of the metric, or why there are none; seconds that the conversion took."""

    rows: np.ndarray | None = None
    failure: str = ""
    seconds: float = 0.0


@dataclass
class Result:
    """What all makers got on one case."""

    case: Case
    entries: dict[str, Entry] = field(default_factory=dict)

    def text(self, maker: str) -> str:
        """The score and half of its interval, in points where it is a share."""
        entry = self.entries.get(maker, Entry())
        if entry.rows is None:
            return "—"
        metric = self.case.metric
        low, high, _ = interval(metric, entry.rows)
        return f"{_shown(metric, metric.of(entry.rows))} ± {_shown(metric, (high - low) / 2)}"

    def against(self, maker: str, other: str) -> Difference | None:
        """How the maker differs from the other, on the same samples."""
        mine, theirs = (self.entries.get(name, Entry()).rows for name in (maker, other))
        return None if mine is None or theirs is None else difference(self.case.metric, theirs, mine)


def judge(case: Case) -> Result:
    """Every maker's model of a case."""
    data, result = case.load(), Result(case)
    folder = KEPT / case.name
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "calibration.npz", **data.calibration)
    result.entries["float"] = _entry(case, data, lambda: octavo.convert(case.source).content)
    if case.labels_are_floats and result.entries["float"].rows is not None:
        data = case.with_labels_of(_runner(octavo.convert(case.source).content), data)
        result.entries["float"] = _entry(case, data, lambda: octavo.convert(case.source).content)
    for maker in PEERS:
        result.entries[maker] = _entry(case, data, lambda maker=maker: _peer(case, folder, maker).read_bytes())
    made: dict[Recipe, Entry] = {}
    for maker, recipe in OURS.items():
        asked = read_recipe(recipe)
        if asked not in made:
            made[asked] = _entry(case, data, lambda recipe=asked: _ours(case, data, recipe))
        result.entries[maker] = made[asked]
    return result


def _entry(case: Case, data: Data, make: Callable[[], bytes]) -> Entry:
    started = time.process_time()
    try:
        content = make()
        seconds = time.process_time() - started
        kept = KEPT / case.name / f"{hashlib.sha256(content).hexdigest()}.npy"
        if not kept.exists():
            np.save(kept, case.judge(_runner(content), data))
        return Entry(np.load(kept), seconds=seconds)
    except (OctavoError, RuntimeError, ValueError, KeyError) as error:  # told in the table, and the others go on
        return Entry(failure=f"{type(error).__name__}: {str(error).splitlines()[0][:300]}")


def _ours(case: Case, data: Data, recipe: Recipe) -> bytes:
    return octavo.convert(case.source, recipe=recipe, samples=data.calibration).content


def _runner(content: bytes) -> Run:
    runtime = RealRuntime(content)
    only = runtime.inputs[0].name

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return runtime.run({(only if name == ONLY else name): array for name, array in inputs.items()})

    return run


def _peer(case: Case, folder: Path, maker: str) -> Path:
    """A peer's file, made on the first call."""
    path = folder / f"{maker}.tflite"
    if path.exists():
        return path
    if case.source.suffix == ".tflite" and maker.startswith("tensorflow"):
        raise RuntimeError("TensorFlow does not quantize .tflite files")
    source = case.source
    if maker.startswith("litert") and source.suffix != ".tflite":
        source = _peer(case, folder, "tensorflow-float")
    draft = path.with_suffix(".draft")
    cost = peers.measure(maker, source, draft, None if maker.endswith("float") else folder / "calibration.npz")
    if cost.failure:
        draft.unlink(missing_ok=True)
        raise RuntimeError(cost.failure)
    return draft.rename(path)


def _shown(metric: Metric, value: float) -> str:
    return f"{100 * value:.1f}" if metric.unit == "share" or metric.name == "Spearman" else f"{value:.2f}"


def table(results: list[Result]) -> str:
    """A Markdown row for each case, a column for each maker, and the paired comparisons that decide."""
    makers = ["float", *OURS, *PEERS]
    lines = ["| model (metric, samples) | " + " | ".join(makers) + " | octavo int8 − float | − TensorFlow |"]
    lines.append("|---" * (len(makers) + 3) + "|")
    for result in results:
        entry = result.entries["float"]
        count = 0 if entry.rows is None else len(entry.rows)
        change = _change(result, "octavo int8", "float")
        lead = _change(result, "octavo int8", "tensorflow-int8")
        cells = [f"{result.case.name} ({result.case.metric.name}, {count})", *map(result.text, makers), change, lead]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _change(result: Result, maker: str, other: str) -> str:
    found = result.against(maker, other)
    if found is None:
        return "—"
    metric = result.case.metric
    sure = "" if found.p >= 0.05 else " **"
    return f"{'+' if found.value > 0 else ''}{_shown(metric, found.value)} (p {found.p:.2g}){sure}"


def failures(results: list[Result]) -> str:
    """Who could not do what, one line for each reason."""
    told: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for maker, entry in result.entries.items():
            if entry.failure:
                told.setdefault((result.case.name, _short(entry.failure)), []).append(maker)
    return "\n".join(f"- {name}: {', '.join(makers)}: {why}" for (name, why), makers in told.items())


def _short(failure: str) -> str:
    """The last thing that was said, or the signal that ended the process; no paths."""
    if signal_number := re.search(r"exit -(\d+)", failure):
        return f"the process ended with signal {signal_number[1]}"
    return re.sub(r"\S*/\S+", "…", failure.rpartition(" | ")[2])[:160]


def losses(results: list[Result], maker: str = "octavo int8") -> list[float]:
    """The points (of a hundred) that a maker loses, of every case measured in shares."""
    found = (
        r.against(maker, "float") for r in results if r.case.metric.unit == "share" or r.case.metric.name == "Spearman"
    )
    return [-100 * change.value for change in found if change is not None]


def summary_of(results: list[Result]) -> str:
    """What each of Octavo's ways loses, in a sentence each."""
    lost = {maker: losses(results, maker) for maker in OURS}
    return "\n".join(
        f"`{maker}` loses {np.mean(points):.2f} points on average and {max(points):.2f} at worst."
        for maker, points in lost.items()
        if points
    )


def page(results: list[Result]) -> str:
    """The page of the documentation."""
    summary = summary_of(results)
    return (
        f"""# Accuracy of trained models

Measured on {dt.datetime.now(dt.UTC).date()} by `python benchmarks/accuracy.py`; the models and data are not part of the repository.

```text
{machine()}
```

Every maker is given the same {peers.CALIBRATION} calibration samples or fewer, none of which is among those that judge. Shares are in points of a
hundred, PSNR in decibels, ± half of the 95 % interval (Wilson's for shares of samples, otherwise the bootstrap). The intervals say how
well the number is known; the last columns compare two models on the same samples, which is much sharper: McNemar's exact test,
the sign test or the paired bootstrap, with ** where p < 0.05. `minmax` is Octavo without its range search, bias
correction, equalization and rounding by inputs; W4A8 has int4 weights where kernels read them, and int8 activations.

{summary}

{table(results)}

{"Not available:" if failures(results) else ""}

{failures(results)}
""".rstrip()
        + "\n"
    )


def main() -> None:
    """Measure and print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description="What quantization costs each trained model.")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"cases, the others are told as they were judged last; all by default: {', '.join(c.name for c in CASES)}",
    )
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument(
        "--splits", type=int, metavar="N", help="what the default loses on N choices of calibration samples"
    )
    parser.add_argument("--seed", type=int, default=0, help="by which these are drawn")
    arguments = parser.parse_args()
    if arguments.splits:
        print(over_splits([case for case in CASES if case.name in (arguments.names or SPLIT)], arguments))
        return
    for case in CASES:
        if not arguments.names or case.name in arguments.names:
            result = judge(case)
            (KEPT / case.name / ENTRIES).write_bytes(pickle.dumps(result.entries))
            print(table([result]).splitlines()[-1], failures([result]), sep="\n", flush=True)
    results = [Result(case, _kept(case)) for case in CASES if (KEPT / case.name / ENTRIES).exists()]
    print(table(results), failures(results), sep="\n\n")
    if arguments.write:
        arguments.write.write_text(page(results))


def over_splits(cases: list[Case], arguments: argparse.Namespace) -> str:
    """What the default loses on each choice of samples, a row for each model; each is shown when it is known."""
    found: dict[str, list[splits.Lost]] = {}
    for case in cases:

        def convert(samples: dict[str, np.ndarray] | None, case: Case = case) -> Run:
            recipe = {"precision": "float32" if samples is None else "int8"}
            return _runner(octavo.convert(case.source, recipe=recipe, samples=samples).content)

        found[case.name] = splits.losses(case, convert, arguments.splits, arguments.seed)
        print(splits.line(case.name, found[case.name]), flush=True)
    return "\n" + splits.table(found)


def _kept(case: Case) -> dict[str, Entry]:
    """What the makers got when the case was judged last."""
    entries: dict[str, Entry] = pickle.loads((KEPT / case.name / ENTRIES).read_bytes())
    return entries


if __name__ == "__main__":
    main()
