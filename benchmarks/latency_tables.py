"""What `latency.py` found, as records and as a page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from peer_modes import MODES

LOUD = 0.15
"""Ratios whose halves disagree by more than this are shown, and left out of the means."""
PEERS = ("tensorflow", "litert-quantizer")


class Timing(NamedTuple):
    """The least milliseconds of a call; `noise` is how much the least of the odd turns differs from the even ones'."""

    threads: int
    least: float
    noise: float
    turns: int


class Entry(msgspec.Struct, frozen=True):
    """One file: bytes, decibels against float, times; or why there is none."""

    maker: str
    mode: str
    size: int = 0
    sqnr: float | None = None
    times: tuple[Timing, ...] = ()
    failure: str = ""
    warnings: tuple[str, ...] = ()


class Result(msgspec.Struct, frozen=True):
    """All files of one model."""

    model: str
    day: str
    entries: tuple[Entry, ...]

    def of(self, maker: str, mode: str) -> Entry | None:
        """The maker's file of that mode, if it could make one."""
        found = (each for each in self.entries if (each.maker, each.mode) == (maker, mode) and not each.failure)
        return next(found, None)

    def time(self, maker: str, mode: str, threads: int) -> Timing | None:
        """The time of the maker's file."""
        entry = self.of(maker, mode)
        return None if entry is None else next((t for t in entry.times if t.threads == threads), None)

    def ratio(self, mode: str, maker: str, threads: int = 1, *, against: str = "") -> tuple[float, float] | None:
        """The maker's time over Octavo's own of that mode (or of the mode `against`), and its noise."""
        theirs, ours = self.time(maker, mode, threads), self.time("octavo", against or mode, threads)
        return None if theirs is None or ours is None else (theirs.least / ours.least, theirs.noise + ours.noise)


def of_model(result: Result) -> str:
    """The model's rows, for a terminal."""
    lines = [result.model]
    for entry in result.entries:
        times = " ".join(f"{t.threads}t {t.least:9.3f} ms ±{t.noise:4.0%} ({t.turns})" for t in entry.times)
        told = entry.failure or f"{entry.size:>10} {entry.sqnr if entry.sqnr is not None else 0:6.1f} dB {times}"
        lines.append(f"  {entry.mode:12} {entry.maker:17} {told}")
        lines += [f"      {warning[:200]}" for warning in entry.warnings if "slower" in warning]
    return "\n".join(lines)


def page(results: Sequence[Result], machine: str) -> str:
    """The whole page."""
    processor, versions = machine.split("\n")
    days = sorted({result.day for result in results})
    intro = (
        "# Latency, size and SQNR\n\n"
        f"`python benchmarks/latency.py`, {' to '.join(dict.fromkeys((days[0], days[-1])))}: {processor.split(', load')[0]}; {versions}.\n"
        "Every file of a model is loaded at once and they take turns; the least time counts. `float` is Octavo's float model.\n"
        "Ratios are times of a call, below 1 is faster than float; ± is how far two halves of the turns disagree.\n"
    )
    return "\n".join([intro, _means(results), *(_mode(results, mode) for mode in MODES)])


def _means(results: Sequence[Result]) -> str:
    lines = [
        "## In one table",
        "Geometric means over the models that the peer converts. Time and size: Octavo's over the better peer's of each model; below 1 is better; times too noisy to tell (± 0.15) are left out.",
        "",
        "| mode | models | time, 1 thread | time, 2 threads | size | SQNR, Octavo − better peer | Octavo's time over float, 1 thread |",
        "|---|---|---|---|---|---|---|",
    ]
    for mode in MODES:
        rows = [r for r in results if r.of("octavo", mode) and any(r.of(p, mode) for p in PEERS)]
        own = [r.ratio(mode, "octavo", against="float32") for r in results]
        cells = [_mean(1 / min(_ratios(r, mode, threads)) if _ratios(r, mode, threads) else None for r in rows)
                 for threads in (1, 2)]  # fmt: skip
        cells.append(_mean(r.of("octavo", mode).size / min(_sizes(r, mode)) for r in rows))  # type: ignore[union-attr]  # rows
        gains = [r.of("octavo", mode).sqnr - max(_decibels(r, mode)) for r in rows]  # type: ignore[union-attr,operator]  # rows
        gain = f"{np.median(gains):+.1f} dB (median)" if gains and mode != "float32" else "—"
        cells = [cells[0], cells[1], cells[2], gain, _mean(each[0] for each in own if each)]
        lines.append(f"| {mode} | {len(rows)} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _ratios(result: Result, mode: str, threads: int) -> list[float]:
    """Each peer's time over Octavo's; none where the machine was too busy to tell."""
    found = [each for peer in PEERS if (each := result.ratio(mode, peer, threads))]
    return [ratio for ratio, _ in found] if all(noise < LOUD for _, noise in found) else []


def _sizes(result: Result, mode: str) -> list[int]:
    return [entry.size for peer in PEERS if (entry := result.of(peer, mode))]


def _decibels(result: Result, mode: str) -> list[float]:
    return [max(entry.sqnr or -99.0, -99.0) for peer in PEERS if (entry := result.of(peer, mode))]


def _mean(ratios: Iterable[float | None]) -> str:
    known = [each for each in ratios if each]
    return f"{np.exp(np.mean(np.log(known))):.2f}" if known else "—"


def _mode(results: Sequence[Result], mode: str) -> str:
    lines = [
        f"## {mode}",
        "| model | float, 1 thread | Octavo, 1 and 2 threads | TensorFlow | litert-quantizer | KiB: Octavo (TensorFlow, litert-quantizer) | SQNR in dB |",
        "|---|---|---|---|---|---|---|",
    ]
    notes = []
    for result in results:
        float_time = result.time("octavo", "float32", 1)
        cells = [result.model, f"{float_time.least:.3g} ms" if float_time else "—"]
        cells += [_times(result, maker, mode) for maker in ("octavo", *PEERS)]
        entries = [result.of(maker, mode) for maker in ("octavo", *PEERS)]
        cells.append(_triple([None if e is None else f"{e.size / 1024:.0f}" for e in entries]))
        cells.append(_triple([None if e is None else _shown(e.sqnr) for e in entries]))
        lines.append("| " + " | ".join(cells) + " |")
        notes += [
            f"- {result.model}, {entry.maker}: {entry.failure.replace('|', '/')}"
            for entry in result.entries
            if entry.mode == mode and entry.failure
        ]
        own = next((e for e in result.entries if (e.maker, e.mode) == ("octavo", mode)), None)
        notes += [f"- {result.model}, octavo warns: {w}" for w in (own.warnings if own else ()) if "slower" in w]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def _times(result: Result, maker: str, mode: str) -> str:
    found = []
    for threads in (1, 2):
        time, base = result.time(maker, mode, threads), result.time("octavo", "float32", threads)
        if time is None or base is None:
            return "—"
        found.append(f"{time.least / base.least:.2f} ± {time.noise + base.noise:.2f}")
    return ", ".join(found)


def _triple(cells: list[str | None]) -> str:
    first, *others = (cell or "—" for cell in cells)
    return f"{first} ({', '.join(others)})"


def _shown(decibels: float | None) -> str:
    return "—" if decibels is None else "exact" if decibels > 120 else f"{decibels:.1f}"
