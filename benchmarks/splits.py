"""What int8 costs a trained model whichever samples calibrate it: the loss over several choices of these.

`python benchmarks/accuracy.py NAMES --splits N --seed S` prints it. Of the labelled samples of a case each split takes about a
hundred for calibration, and the others judge: first the first ones, the last ones and evenly spaced ones, as users take
them, then such as are drawn. The float model runs once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cases import CALIBRATION, Case, Data, Run

JUDGES = 1000
"""So many labels judge at most, evenly chosen of more."""
GROUPS = 10
"""Where a label is about many samples, those of so many labels calibrate at least: a clip is like itself only."""


@dataclass(frozen=True)
class Lost:
    """Points of a hundred that a split loses, and the seconds that its conversion took."""

    split: str
    points: float
    seconds: float


def losses(case: Case, convert: Callable[[dict[str, np.ndarray] | None], Run], count: int, seed: int) -> list[Lost]:
    """What each of `count` splits loses; `convert` makes the int8 model of samples, and of none the float one."""
    whole = case.load()
    exact = case.outputs(convert(None), whole)
    whole = replace(whole, labels=exact.argmax(axis=-1)) if case.labels_are_floats else whole
    groups = _groups(whole)
    found = []
    for name, labels in _splits(np.flatnonzero(case.calibrates(whole.labels)), groups, count, seed):
        chosen = np.flatnonzero(np.isin(groups, labels))
        chosen = chosen[np.linspace(0, len(chosen) - 1, min(CALIBRATION, len(chosen))).astype(int)]
        started = time.process_time()
        run = convert({key: array[chosen] for key, array in whole.inputs.items()})
        seconds = time.process_time() - started
        judges = np.delete(np.arange(len(whole.labels)), labels)
        judges = judges[:: -(-len(judges) // JUDGES)]
        data, kept = _of_labels(whole, groups, judges)
        scores = [case.metric.of(case.rows_of(outputs, data)) for outputs in (exact[kept], case.outputs(run, data))]
        found.append(Lost(name, 100 * float(scores[0] - scores[1]), seconds))
    return found


def line(name: str, found: Sequence[Lost]) -> str:
    """A Markdown row: the mean and the worst loss, each split's, and what a conversion took."""
    points = [each.points for each in found]
    each = ", ".join(f"{lost.split} {lost.points:.1f}" for lost in found)
    return (
        f"| {name} | {np.mean(points):.2f} | {max(points):.1f} | {each} | {np.mean([e.seconds for e in found]):.1f} |"
    )


def table(found: dict[str, list[Lost]]) -> str:
    """Markdown: a row for each model, and what holds over all."""
    rows = [line(name, each) for name, each in found.items()]
    mean = np.mean([lost.points for each in found.values() for lost in each])
    worst = max(lost.points for each in found.values() for lost in each)
    head = "| model | mean loss | worst | each split | CPU s |\n|---|---|---|---|---|"
    return "\n".join([head, *rows, f"\n{mean:.2f} points on average over models and splits, {worst:.1f} at worst."])


def _groups(data: Data) -> np.ndarray:
    """The number of each sample's label."""
    if data.groups is not None:
        return data.groups
    samples = len(next(iter(data.inputs.values())))
    return np.repeat(np.arange(len(data.labels)), samples // len(data.labels))


def _splits(usable: np.ndarray, groups: np.ndarray, count: int, seed: int) -> Iterator[tuple[str, np.ndarray]]:
    """The name and the labels of each split."""
    sizes = np.bincount(groups)[usable]
    least = 1 if sizes.max() == 1 else GROUPS
    most = max(least, -(-CALIBRATION // int(sizes.min())))
    random = np.random.default_rng(seed)
    spaced = np.linspace(0, len(usable) - 1, most).astype(int)
    plain = {"first": usable[:most], "last": usable[-most:], "spaced": usable[spaced]}
    yield from list(plain.items())[:count]
    for number in range(count - len(plain)):
        yield f"drawn {number + 1}", np.sort(random.permutation(usable)[:most])


def _of_labels(data: Data, groups: np.ndarray, labels: np.ndarray) -> tuple[Data, np.ndarray]:
    """The data of some of the labels, and which samples these are."""
    kept = np.flatnonzero(np.isin(groups, labels))
    numbered = None if data.groups is None else np.searchsorted(labels, groups[kept])
    inputs = {name: array[kept] for name, array in data.inputs.items()}
    return Data(data.calibration, inputs, data.labels[labels], numbered), kept
