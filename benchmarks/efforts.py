"""What each effort costs beside plain calibration: CPU seconds, memory, and the error of the outputs.

    python benchmarks/efforts.py MODEL SAMPLES [--held-out SAMPLES]

Plain calibration takes least and greatest numbers and rounds to the nearest step. Each conversion runs in a process of
its own, three times; the median counts, with the time of imports and of reading, which all have in common, in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

import octavo
from accuracy import EFFORTS, PLAIN

RECIPES: dict[str, dict[str, object]] = {
    "plain calibration": {"precision": "int8", **PLAIN},
    **{effort: {"precision": "int8", "effort": effort} for effort in EFFORTS},
    **{f"{effort}, int4 weights": {"precision": "int8", "weights": "int4", "effort": effort} for effort in EFFORTS},
}
CHILD = """
import json, resource, sys, time
import octavo
model, samples, out, recipe = sys.argv[1:]
octavo.convert(model, recipe=json.loads(recipe), samples=samples).save(out)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([time.process_time(), used.ru_maxrss / 1024]))
"""
RUNS = 3


def measure(model: str, samples: str, out: str, recipe: dict[str, object]) -> tuple[float, float]:
    """CPU seconds and MiB of a conversion, which is written to `out`."""
    command = [sys.executable, "-c", CHILD, model, samples, out, json.dumps(recipe)]
    costs = [
        json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(RUNS)
    ]
    return statistics.median(cost[0] for cost in costs), statistics.median(cost[1] for cost in costs)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description="What each effort costs beside plain calibration.")
    parser.add_argument("model")
    parser.add_argument("samples")
    parser.add_argument("--held-out", help="samples on which outputs are compared; those of calibration by default")
    parser.add_argument("--out", default="effort.tflite", help="where models are written; the last one stays")
    arguments = parser.parse_args()
    reference = octavo.convert(arguments.model).content
    print("| effort | CPU s | beside plain | MiB | SQNR, dB |\n|---|---|---|---|---|")
    base = 0.0
    for name, recipe in RECIPES.items():
        seconds, memory = measure(arguments.model, arguments.samples, arguments.out, recipe)
        base = base or seconds
        noise = octavo.compare(reference, arguments.out, arguments.held_out or arguments.samples)
        worst = min(output.sqnr for output in noise.outputs)
        print(f"| {name} | {seconds:.2f} | ×{seconds / base:.2f} | {memory:.0f} | {worst:.1f} |", flush=True)


if __name__ == "__main__":
    main()
