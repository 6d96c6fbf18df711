"""Run every operation's samples on every integer form, declared or not, and compare with what its file says.

    python tools/measure_kernels.py            print the table
    python tools/measure_kernels.py --write    and write it to docs/kernels.md

Each case runs in a child process: some kernels end the process on a form that they do not know. The samples are
those of the tests; each is tried as it stands, a hundred times as large, a hundred times as small, and shifted so
that zero lies at the end of the range. An operation is right on a form when every case that the runtime takes ends
within the sample's steps of its own meaning.
"""

from __future__ import annotations

import argparse
import os
import pickle
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "ops"))

from integers import integer_case, real, step, too_fine  # noqa: E402  # stands beside the tests
from kernel import run  # noqa: E402
from sample import VARIANTS, Sample, samples  # noqa: E402

from octavo.ir.graph import Node  # noqa: E402
from octavo.ir.interpret import interpret  # noqa: E402
from octavo.ir.port import Bias, Fixed, Observed, SameAs, Weight  # noqa: E402

COARSE = {"int8": 2.0, "int16": 655.0, "float32": 0.05}
"""Errors up to here (two steps of 256, one part in a hundred, one in twenty) are coarse, and not yet wrong."""
WEIGHTS = ("int8", "int4", "int2")


@dataclass(frozen=True)
class Outcome:
    """One case: how far off in steps of the output (with float activations: relative), or why it did not run."""

    error: float = 0.0
    allowed: float = 1.0
    failure: str = ""

    @property
    def right(self) -> bool:
        """Whether it ran and came near."""
        return not self.failure and self.error <= self.allowed * (1 + 1e-5)


Form = tuple[str, str]
"""The dtypes of activations and weights; no weight is ""."""


def forms(sample: Sample) -> Iterator[Form]:
    """Each integer form that the operation's ports can express."""
    node = sample.node()
    ports = type(node.op).ports.values()
    weight = next((port for port in ports if isinstance(port, Weight)), None)
    if not any(isinstance(port, Observed | SameAs | Fixed | Weight) for port in ports):
        return
    if not any(value is not None and value.dtype == np.float32 for value in node.inputs):
        return
    for activations in ("int8", "int16", "float32"):
        if any(isinstance(port, Fixed) and getattr(port, activations, True) is None for port in ports):
            continue
        if weight is None and activations != "float32":
            yield activations, ""
        yield from ((activations, kind) for kind in (WEIGHTS if weight else ()))


def outcome(sample: Sample, form: Form, *, any_scale: bool = False) -> Outcome | None:
    """One case; None where the meaning has no finite result, or (unless `any_scale`) a port or the sums forbid it."""
    graph = sample.graph()
    with np.errstate(all="ignore"):
        numbers = interpret(graph, sample.numbers(graph))
    node = graph.nodes[-1]
    if not all(np.isfinite(numbers[v]).all() for v in node.outputs if v.dtype.kind == "f"):
        return None
    activations, weights = form
    case = integer_case(node, numbers, activations=activations, weights=weights or "int8")
    if not all(np.isfinite(e).all() for e in case.expected if e.dtype.kind == "f"):
        return None
    if not any_scale and (not _allowed(case.graph.nodes[-1], activations) or too_fine(case)):
        return None
    try:
        results = run(case.graph, case.inputs)
    except (RuntimeError, ValueError) as error:
        return Outcome(failure=_gist(str(error)))
    worst = 0.0
    for value, result, expected in zip(case.graph.outputs, results, case.expected, strict=True):
        unit = step(value) or float(np.abs(expected.astype(np.float64)).max(initial=1e-3))
        difference = float(np.abs(real(result, value).astype(np.float64) - expected).max(initial=0))
        exact = expected.dtype.kind != "f"
        worst = max(worst, np.inf if exact and difference else difference / unit)
    allowed = {"int8": sample.int8_steps, "int16": sample.int16_steps, "float32": sample.hybrid}[activations]
    return Outcome(error=np.inf if np.isnan(worst) else worst, allowed=allowed)


def _allowed(node: Node, activations: str) -> bool:
    """Whether the ports allow the scales of the operands."""
    for name, value in zip(type(node.op).operands(len(node.inputs)), node.inputs, strict=True):
        limits = getattr(node.op.port(name), "scales", {}).get(activations)
        quant = value.quant if value is not None and limits else None
        if quant is not None and not limits[0] <= quant.scale[0] <= limits[1]:
            return False
    return True


def apart(sample: Sample, form: Form, *, any_scale: bool = False) -> Outcome | None:
    """The outcome, from a child process that may die of it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with Path(os.devnull).open("w") as quiet, os.fdopen(writer, "wb") as pipe:
            os.dup2(quiet.fileno(), 2)
            pickle.dump(outcome(sample, form, any_scale=any_scale), pipe)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(child, 0)
    if not content:
        return Outcome(failure=f"ends the process (signal {os.WTERMSIG(status)})")
    return pickle.loads(content)  # noqa: S301  # our own child's words


def measured() -> dict[str, dict[Form, list[tuple[str, Outcome]]]]:
    """All cases by operation and form, each with its name."""
    found: dict[str, dict[Form, list[tuple[str, Outcome]]]] = defaultdict(lambda: defaultdict(list))
    for name, sample in samples():
        if sample.meaningless or not sample.runs:
            continue
        for form in forms(sample):
            for variant, (factor, shift) in VARIANTS.items():
                if (result := apart(sample.varied(factor, shift), form)) is not None:
                    found[sample.node().op.code][form].append((f"{name} {variant}", result))
    return found


def declared(code: str, form: Form) -> bool:
    """Whether the operation's file allows the form."""
    from octavo.ops import registry

    op, (activations, weights) = registry().ops[code], form
    weight = next((port for port in op.ports.values() if isinstance(port, Weight)), None)
    if weight is not None and weights not in weight.dtypes.get(activations, ()):
        return False
    return activations == "float32" or not op.kernels.objection(activations)


def emitted(code: str, form: Form) -> str:
    """Whether Octavo emits the form, and on which scales."""
    from octavo.ops import registry

    ports = registry().ops[code].ports.values()
    limits = [port.scales[form[0]] for port in ports if isinstance(port, Observed) and form[0] in port.scales]
    scales = f", scales {limits[0][0]:.2g} to {limits[0][1]:.2g}" if limits else ""
    return f"yes{scales}" if declared(code, form) else "no"


def verdict(cases: list[tuple[str, Outcome]], activations: str) -> str:
    """In a few words: right, or coarse, or in which cases it is wrong or refused."""
    wrong = [(name, case) for name, case in cases if not case.right]
    worst = max(cases, key=lambda item: item[1].error)
    if not wrong:
        return f"right, within {worst[1].error:.2g}"
    if not any(case.failure for _, case in wrong) and worst[1].error <= COARSE[activations]:
        return f"coarse: within {worst[1].error:.3g} ({worst[0]})"
    failures = [case.failure for _, case in wrong if case.failure]
    if len(failures) == len(cases):
        return f"refused: {failures[0]}"
    name, case = max(wrong, key=lambda item: (not item[1].failure, item[1].error))
    what = case.failure or f"off by {case.error:.3g}"
    return f"wrong in {len(wrong)} of {len(cases)}, such as {name}: {what}"


def table(found: Mapping[str, Mapping[Form, list[tuple[str, Outcome]]]]) -> list[str]:
    """One row for each operation and form."""
    rows = ["| operation | activations | weights | emitted | measured |", "|---|---|---|---|---|"]
    for code in sorted(found):
        for form, cases in found[code].items():
            rows.append(
                f"| {code} | {form[0]} | {form[1] or '–'} | {emitted(code, form)} | {verdict(cases, form[0])} |"
            )
    return rows


FAR = {
    "ADD": "%y = ADD(%x, %x)",
    "SUB": "%z = const float32[] 1.0\n %y = SUB(%x, %z)",
    "MUL": "%y = MUL(%x, %x)",
    "FULLY_CONNECTED": "%w = const float32[5,5]\n %b = const float32[5]\n %y = FULLY_CONNECTED(%x, %w, %b)",
    "CONV_2D": "%w = const float32[5,1,1,5]\n %b = const float32[5]\n %y = CONV_2D(%x, %w, %b)",
    "DEPTHWISE_CONV_2D": "%w = const float32[1,3,3,5]\n %b = const float32[5]\n %y = DEPTHWISE_CONV_2D(%x, %w, %b)",
}
"""Operations that can cut their result at six, however far what they add up reaches."""


def steps_table() -> Iterator[str]:
    """Up to how many steps of the result a step of what is added up may be, for each kernel that adds."""
    yield "| operation | activations | right up to | then |"
    yield "|---|---|---|---|"
    for code, body in FAR.items():
        shape = "4,5" if code == "FULLY_CONNECTED" else "1,4,4,5"
        line = f"{body} {{fused_activation_function=RELU6}}"
        sample = Sample(f"main(%x: float32[{shape}]) {{\n {line}\n return %y\n}}")
        for activations in ("int8", "int16"):
            right = 0.0
            for factor in 2.0 ** np.arange(0, 24, 0.5):
                varied = sample.varied(float(factor), 0.0)
                found = apart(varied, (activations, "int8"), any_scale=True)
                if found is not None and not found.right:
                    what = found.failure or f"off by {found.error:.3g}"
                    yield f"| {code} | {activations} | {right:.3g} | {_finest(varied, activations):.3g}: {what} |"
                    break
                right = _finest(varied, activations)


def _finest(sample: Sample, activations: str) -> float:
    """How many steps of the result a step of what is added up is."""
    graph = sample.graph()
    node = graph.nodes[-1]
    case = integer_case(node, interpret(graph, sample.numbers(graph)), activations=activations, weights="int8")
    new = case.graph.nodes[-1]
    names = type(node.op).operands(len(new.inputs))
    scales = {n: v.quant.scale.max() for n, v in zip(names, new.inputs, strict=True) if v is not None and v.quant}
    groups = [*node.op.converts, *(port.of for port in node.op.ports.values() if isinstance(port, Bias))]
    assert new.output.quant is not None
    return float(max(np.prod([scales[name] for name in group]) for group in groups) / new.output.quant.scale[0])


def _gist(message: str) -> str:
    """The last line that says something, without places in LiteRT's sources."""
    lines = [line for line in message.splitlines() if line.strip()]
    text = lines[0].partition("Node number")[0] if lines else ""
    text = text if not text.startswith("/") and ".cc:" not in text else text[text.index(".cc:") + 4 :].partition(" ")[2]
    return text.replace("|", "/").strip(" ./")[:90] or "without a word"


HEAD = """# What LiteRT's integer kernels compute
Generated by `python tools/measure_kernels.py --write` on ai-edge-litert {version}: the samples of `tests/ops/samples`
on every integer form, also on those that Octavo never emits; inputs as they are, many times as large or as small, and
all positive. Where a port limits its scales, only cases within are run; and none whose result is far narrower than what
is added up (see below). "Emitted" says what the operation's file allows.
Errors are in steps of the output; with float activations, relative to the greatest number.

"""


FINE = """
## Steps far finer than what is added up
A result that is cut at six, of sums that reach far beyond. A step of an operand (of a product of two: of the product)
is so many steps of the result. Octavo leaves such an operation in float (`src/octavo/quantize/limits.py`).

"""
LOOPS = "\n## Loops after a change of batch\n"


def main() -> None:
    """Measure, print, and perhaps write; what stands in the document behind the tables stays."""
    from importlib.metadata import version

    parser = argparse.ArgumentParser(description="Integer kernels against their meaning.")
    parser.add_argument("--write", action="store_true", help="write docs/kernels.md")
    arguments = parser.parse_args()
    path = ROOT / "docs" / "kernels.md"
    notes = LOOPS + path.read_text(encoding="utf-8").partition(LOOPS)[2]
    head = HEAD.format(version=version("ai-edge-litert"))
    text = head + "\n".join(table(measured())) + "\n" + FINE + "\n".join(steps_table()) + "\n" + notes
    sys.stdout.write(text)
    if arguments.write:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
