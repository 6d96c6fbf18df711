"""What a run came to, in one sentence, and whether it is good."""

from __future__ import annotations

from typing import Literal

from octavo.report.record import Run, Scored

Mood = Literal["good", "look", "bad"]
NEAR = 20.0
"""Decibels: the noise of quantization is then a tenth of the signal."""
FAR = 10.0


def verdict(run: Run) -> tuple[Mood, str]:
    """Whether the model may be used, and why, as a sentence."""
    moods, parts = zip(*(part for part in (_size(run), _speed(run), _quality(run)) if part is not None), strict=True)
    mood: Mood = "bad" if "bad" in moods else "look" if "look" in moods else "good"
    sentence = (
        parts[-1] if len(parts) == 1 else f"{', '.join(parts[:-1])}{',' if len(parts) > 2 else ''} and {parts[-1]}"
    )
    return mood, f"{sentence[0].upper()}{sentence[1:]}."


def _size(run: Run) -> tuple[Mood, str]:
    before, after = (file.size for file in run.files)
    if after >= before:
        return ("good", "of the same size") if after == before else ("look", f"{after / before - 1:.0%} larger")
    return "good", f"{before / after:.1f} times smaller"


def _speed(run: Run) -> tuple[Mood, str] | None:
    if run.measured.timing is None:
        return None
    before, after = (timing.median for timing in run.measured.timing)
    if after < 0.95 * before:
        return "good", f"{before / after:.1f} times as fast here"
    return ("look", f"{after / before:.1f} times as slow here") if after > 1.1 * before else ("good", "as fast here")


def _quality(run: Run) -> tuple[Mood, str] | None:
    if run.measured.scores is not None:
        return _of_scores(*run.measured.scores)
    if not run.measured.outputs:
        return "look", "not yet measured on samples"
    sqnr = min((o.sqnr for o in run.measured.outputs if o.sqnr is not None), default=None)
    if sqnr is None:
        return "good", "its outputs equal those of the float model"
    mood: Mood = "good" if sqnr >= NEAR else "look" if sqnr >= FAR else "bad"
    how = {"good": "near", "look": "at some distance from", "bad": "far from"}[mood]
    return mood, f"its outputs are {how} those of the float model ({sqnr:.0f} dB)"


def _of_scores(before: Scored, after: Scored) -> tuple[Mood, str]:
    if before.low is None or before.high is None:
        return "good", f"{before.metric} is {after.value:.4g} for {before.value:.4g}"
    points = 100 * (after.value - before.value)
    told = "unchanged" if abs(points) < 0.005 else f"{abs(points):.2f} points {'higher' if points > 0 else 'lower'}"
    mood: Mood = "good" if points > -0.5 else "look" if after.value >= before.low else "bad"
    return mood, f"{before.metric} is {told}"
