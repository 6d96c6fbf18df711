"""`octavo doctor`: what this installation can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click
import msgspec

from octavo.cli.command import Command


class Finding(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what to do about it."""

    what: str
    state: Literal["ok", "absent", "broken"]
    told: str
    cure: str = ""


@click.command(cls=Command)
def doctor(*, as_json: bool, quiet: bool) -> None:
    """Look at this installation, and convert and run a model.

    Ends with exit code 1 if something that Octavo needs does not work.
    """
    from octavo.cli.terminal import show_json, show_table

    findings = [_machine(), *_libraries(), *_extras(), _tried("convert and run", _digits)]
    if as_json:
        show_json(findings)
    elif not quiet:
        marks = {"ok": "ok", "absent": "–", "broken": "BROKEN"}
        rows = [(marks[f.state], f.what, f"{f.told}{f'; {f.cure}' if f.cure else ''}") for f in findings]
        show_table("", ("", "what", "found"), rows)
    if any(finding.state == "broken" for finding in findings):
        raise click.exceptions.Exit(1)


def _machine() -> Finding:
    import platform

    from octavo.machine import cores, processor

    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return Finding("machine", "ok", f"{processor()}, {cores()} core(s), {system}")


def _libraries() -> list[Finding]:
    """The libraries that Octavo cannot do without."""
    from octavo.machine import LIBRARIES, versions

    broken = "reinstall Octavo: pip install --force-reinstall octavo"
    found = versions(("octavo", *LIBRARIES))
    return [Finding(name, "ok" if v else "broken", v or "missing", "" if v else broken) for name, v in found.items()]


def _extras() -> list[Finding]:
    """What only some uses need."""
    import importlib.util

    uses = {
        "h5py": ("Keras files (.keras, .h5)", 'pip install "octavo[keras]"'),
        "PIL": ("folders of images as samples", 'pip install "octavo[images]"'),
    }
    findings = []
    for module, (use, cure) in uses.items():
        there = importlib.util.find_spec(module) is not None
        findings.append(
            Finding(use, "ok" if there else "absent", module if there else f"needs {module}", "" if there else cure)
        )
    return findings


def _tried(what: str, attempt: Callable[[], str]) -> Finding:
    """What comes of an attempt; whatever goes wrong is the finding."""
    try:
        return Finding(what, "ok", attempt())
    except Exception as error:  # noqa: BLE001  # a doctor tells of every illness
        cure = "run octavo demo --debug, and report what it says"
        return Finding(what, "broken", f"{type(error).__name__}: {error}", cure)


def _digits() -> str:
    """Convert the example, run it, and tell how long that took."""
    from time import perf_counter

    import octavo
    from octavo.cli.demo import find_example

    example = find_example("digits")
    start = perf_counter()
    result: Any = octavo.convert(example / "saved_model", recipe="int8", samples=example / "calibration.npz")
    score = octavo.evaluate(result.content, example / "held_out.npz")
    return f"the example in int8: {score.value:.2%} accuracy after {perf_counter() - start:.1f} s"
