"""Writes `docs/peers.md`: Octavo beside TensorFlow and litert-quantizer, out of what the benchmarks wrote.

`python tools/write_peers.py` after the benchmarks were run anew; a test holds the page to their pages. No figure stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "peers.md"
TEXT = """# Octavo and its peers

Where Octavo is better than TensorFlow's converter and litert-quantizer, where it is not, and what they do that it does not. Every
figure on this page is taken by a script from the pages that the benchmarks write: [benchmarks](benchmarks.md),
[accuracy](accuracy.md), [latency](latency.md). They were measured on one x86 processor with two cores; there are none of Arm.

## Accuracy, int8
{accuracy}

## Nearness to float on untrained networks
{families}

## Latency and size
Octavo's time and size over those of the better peer, geometric means; below 1 is better. SQNR is how near the outputs are to
float: 20 dB more is ten times nearer.

{modes}

{slower}

## Cost of a conversion
{cost}

## Models that could be quantized to int8 at all
{refused}

## What each does
| | Octavo | TensorFlow's converter | litert-quantizer |
|---|---|---|---|
| starts from | SavedModel, `.keras`, `.h5`, frozen graph, live model, float `.tflite` | SavedModel, live model; frozen graph and `.h5` by `tf.compat.v1` | float `.tflite` |
| needs TensorFlow | no | yes | no, but whatever makes the float `.tflite` |
| choice of activation ranges | least error, percentile, entropy, average, min/max | min/max | min/max, moving average |
| rounding of weights by samples | yes, and bias correction, equalization | no | GPTQ for weights |
| LSTM and GRU layers of Keras 3 in integers | yes | no | no |
| weights of four and two bits | int4, int2; by channel, int4 by block | no (int4 for training-time quantization) | int4, int2; by channel and by block |
| a reason for every operation's precision | yes | no | no |
| error of each layer, with causes and cures | yes | numbers per layer | numbers per tensor |
| models trained for integers (FakeQuant) | yes | yes | no |
| targets with checks | GPU, NNAPI, TFLM, Edge TPU, Ethos-U, Hexagon | GPU, in its Analyzer | no |
| compares its models statistically | yes | no | no |

## What the peers do and Octavo does not
TensorFlow's converter:

- runs an operation without a LiteRT form by TensorFlow's own kernel (Flex, `SELECT_TF_OPS`); Octavo lists such operations in an error
- makes custom operations out of unknown ones (`allow_custom_ops`)
- takes lookup tables and strings
- makes sparse weights (`EXPERIMENTAL_SPARSITY`), and variables that stay variables in the `.tflite`
- has ten years of users

litert-quantizer:

- rotates weights and activations by Hadamard matrices, for large language models
- has ready recipes for some of these, and GPTQ and a search for clipped ranges (OCTAV) as algorithms of their own, to be
  registered and exchanged
- recovers weights that had been quantized and dequantized before
- works on models of several gigabytes as its main task; the largest in Octavo's benchmarks is VGG16, of half a gigabyte

Neither tool, nor Octavo, prunes, distils or trains: for quantization in training use `tfmot` or Keras, and convert the result.
"""


def rows(page: str, heading: str) -> Iterator[dict[str, str]]:
    """The rows of the first table behind a heading, by column."""
    text = (DOCS / page).read_text(encoding="utf-8").split(f"\n{heading}" if heading else "\n# ", 1)[-1]
    table = re.search(r"(^\|.*\n)+", text, re.MULTILINE)
    assert table is not None, f"{page} has no table behind {heading!r}"
    header, _, *lines = ([cell.strip() for cell in line.strip("|").split("|")] for line in table[0].splitlines())
    for line in lines:
        yield dict(zip(header, line, strict=True))


def number(cell: str) -> float | None:
    """The first number of a cell; None for a dash."""
    found = re.search(r"[-−+]?\d+(\.\d+)?", cell)
    return float(found[0].replace("−", "-")) if found else None


def accuracy() -> str:
    """Wins, ties and losses of int8 on trained models, and by how much."""
    every = list(rows("accuracy.md", ""))
    parts = [
        f"Trained models ({len(every)}), each with its own metric, each maker with the same samples ([all figures](accuracy.md)). A model counts as better or worse from a tenth of a point (of a decibel) on; most such differences are within chance.\n",
        "| beside | models | better | equal | worse | difference in points: median | mean |",
        "|---|---|---|---|---|---|---|",
    ]
    losses = []
    for name, column in (
        ("float", "float"),
        ("TensorFlow", "tensorflow-int8"),
        ("litert-quantizer", "litert-quantizer-int8"),
    ):
        found = [
            (row["model (metric, samples)"].split(" (")[0], mine - theirs, "psnr" in row["model (metric, samples)"])
            for row in every
            if not (
                name == "float" and "SQNR" in row["model (metric, samples)"]
            )  # nothing is nearer to float than float
            if (mine := number(row["octavo int8"])) is not None and (theirs := number(row[column])) is not None
        ]
        better, worse = [d for _, d, _ in found if d >= 0.095], [(n, d) for n, d, _ in found if d <= -0.095]
        points = [d for _, d, psnr in found if not psnr]
        told = ", ".join(f"{n} ({d:+.1f})" for n, d in sorted(worse, key=lambda each: each[1])) or "none"
        equal = len(found) - len(better) - len(worse)
        parts.append(
            f"| {name} | {len(found)} | {len(better)} | {equal} | {len(worse)} | {median(points):+.2f} | {mean(points):+.2f} |"
        )
        losses.append(f"- Worse than {name} on: {told}.")
    return "\n".join([*parts, "", *losses])


def families() -> str:
    """How many families are nearer to float than the peers', and which are not."""
    every = list(rows("benchmarks.md", "## Fidelity"))
    column = next(name for name in every[0] if name.startswith("int8 SQNR"))
    triples = {row["family"]: [float(n) for n in re.findall(r"-?\d+\.\d+", row[column])] for row in every}
    lost = {name: (mine, theirs) for name, (mine, theirs, _) in triples.items() if mine < theirs}
    gain = [mine - theirs for mine, theirs, _ in triples.values()]
    other = [mine - theirs for mine, _, theirs in triples.values()]
    told = ", ".join(f"{name} ({mine} dB against {theirs})" for name, (mine, theirs) in lost.items()) or "none"
    return (
        f"Of the {len(every)} families of keras.applications ([all figures](benchmarks.md)) int8 outputs are nearer to float than "
        f"TensorFlow's in {len(every) - len(lost)}, by {median(gain):.1f} dB in the median, and than litert-quantizer's in "
        f"{sum(d > 0 for d in other)}, by {median(other):.1f} dB. Not nearer than TensorFlow's: {told}."
    )


def modes() -> str:
    """The summary of latency, as it stands."""
    every = list(rows("latency.md", "## In one table"))
    lines = ["| " + " | ".join(every[0]) + " |", "|---" * len(every[0]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row.values()) + " |" for row in every)])


def slower() -> str:
    """Where a peer's file is at least five hundredths faster than Octavo's, beyond what the turns disagree by."""
    found = []
    for mode in ("dynamic", "int8", "int16x8"):
        for row in rows("latency.md", f"## {mode}\n"):
            mine, *others = (
                _time(row.get(name, "")) for name in ("Octavo, 1 and 2 threads", "TensorFlow", "litert-quantizer")
            )
            best = min((each for each in others if each is not None), default=None)
            if mine is not None and best is not None and mine[0] - best[0] > max(0.05, mine[1] + best[1]):
                found.append(
                    f"{row['model']} in {mode} ({mine[0]:.2f} against {best[0]:.2f} of the float model's time)"
                )
    told = "; ".join(found) or "none"
    return f"Files of a peer that are clearly faster than Octavo's, on one thread: {told}."


def _time(cell: str) -> tuple[float, float] | None:
    found = re.match(r"(\d+\.\d+) ± (\d+\.\d+)", cell)
    return (float(found[1]), float(found[2])) if found else None


def cost() -> str:
    """The table of conversion costs, as it stands."""
    every = list(rows("benchmarks.md", "## Cost of a conversion"))
    lines = ["| " + " | ".join(every[0]) + " |", "|---" * len(every[0]) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row.values()) + " |" for row in every)])


def refused() -> str:
    """What a maker could not do, of the benchmark of accuracy."""
    text = (DOCS / "accuracy.md").read_text(encoding="utf-8").split("Not available:", 1)[-1]
    found = re.findall(r"^- (\w+): (tensorflow|litert-quantizer)-int8: (.*)$", text, re.MULTILINE)
    lines = ["| model | maker | what happened |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {model} | {maker} | {why} |" for model, maker, why in found)])


def page() -> str:
    """The page's text."""
    return TEXT.format(
        accuracy=accuracy(), families=families(), modes=modes(), slower=slower(), cost=cost(), refused=refused()
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
