"""The cost of a conversion, Octavo and its peers side by side: processor, wall, peak memory.

    python benchmarks/conversion.py [NAMES...] [--runs N] [--precision float int8]

Every run is a cold process, imports included (of compiled modules: one run of each goes before), and the makers take turns, so that a change in the machine's load
meets all of them. The table shows medians, and each peer's ratio to Octavo: above 1 the peer needs more.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
import zoo

PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "litert-quantizer", "ai-edge-litert", "numpy", "octavo")
DEFAULT = ("MobileNetV2", "ResNet50")


def machine() -> str:
    """Two lines: the processor, its cores and load; Python's and the packages' versions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or platform.machine()
    found = [f"{name} {version}" for name in PACKAGES if (version := _version(name))]
    load = os.getloadavg()[0]
    return (
        f"{model}, {os.cpu_count()} cores, load {load:.1f}, {platform.system()} {platform.release()}\n"
        f"Python {platform.python_version()}, {', '.join(found)}"
    )


def compare(name: str, precision: str, *, runs: int) -> dict[str, list[peers.Cost]]:
    """What each maker used in each run on one family; the order turns by one from run to run."""
    tasks = [task for task in peers.TASKS if task.endswith(precision)]
    subprocess.run([sys.executable, zoo.__file__, name], check=True, stdout=subprocess.DEVNULL)  # keeps us slim
    given = {task: peers.inputs(task, name) for task in tasks}  # all that is built is built before a clock starts
    if "tensorflow" in sys.modules:
        raise RuntimeError("this process is no fair parent: its children would inherit TensorFlow's peak memory")
    costs: dict[str, list[peers.Cost]] = {task: [] for task in tasks}
    with tempfile.TemporaryDirectory() as scratch:
        for turn in range(-1, runs):  # the first leaves compiled modules behind, as an installation does
            for task in tasks[turn % len(tasks) :] + tasks[: turn % len(tasks)]:
                source, samples = given[task]
                cost = peers.measure(task, source, Path(scratch) / f"{task}.tflite", samples)
                costs[task] += [cost] if turn >= 0 else []
    return costs


def table(name: str, costs: dict[str, list[peers.Cost]]) -> str:
    """Medians per maker, ratios to Octavo, and failures in full."""
    rows = [f"{name:34} {'CPU s':>8} {'wall s':>8} {'peak MiB':>9}   times Octavo's: CPU, wall, memory"]
    ours: tuple[float, float, float] | None = None
    for task, runs in costs.items():  # Octavo stands first
        failures = [cost.failure for cost in runs if cost.failure]
        if failures:
            rows.append(f"  {task:32} FAILED in {len(failures)} of {len(runs)} runs: {failures[0]}")
            continue
        medians = _medians(runs)
        ours = medians if task.startswith("octavo") else ours
        ratios = " ".join(f"{each / base:7.1f}x" for each, base in zip(medians, ours, strict=True)) if ours else ""
        low, high = min(cost.cpu for cost in runs), max(cost.cpu for cost in runs)
        cpu, wall, memory = medians
        rows.append(f"  {task:32} {cpu:8.2f} {wall:8.2f} {memory:9.0f}   {ratios:26}  CPU {low:.2f} to {high:.2f}")
    return "\n".join(rows)


def _medians(runs: list[peers.Cost]) -> tuple[float, float, float]:
    return (
        statistics.median(cost.cpu for cost in runs),
        statistics.median(cost.wall for cost in runs),
        statistics.median(cost.memory for cost in runs),
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="The cost of a conversion, Octavo and its peers side by side.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"families; by default {' and '.join(DEFAULT)}")
    parser.add_argument("--runs", type=int, default=3, help="cold runs per maker")
    parser.add_argument("--precision", nargs="+", choices=("float", "int8"), default=("float", "int8"))
    arguments = parser.parse_args()
    print(machine(), f"\nmedians of {arguments.runs} cold runs each; int8 with {peers.CALIBRATION} samples")
    for name in arguments.names or DEFAULT:
        for precision in arguments.precision:
            print(table(name, compare(name, precision, runs=arguments.runs)), flush=True)


if __name__ == "__main__":
    main()
