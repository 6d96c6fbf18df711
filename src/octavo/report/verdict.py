"""What a run came to, in one sentence, and whether it is good."""

from __future__ import annotations

from typing import Literal

from octavo.report.record import Run, Scored, Timing

Mood = Literal["good", "look", "bad"]
NEAR = 20.0
"""Decibels: the noise of quantization is then a tenth of the signal."""
FAR = 10.0
STEADY = 2.0
"""On an idle machine nine calls in ten take less than this many times what the fastest tenth take."""
CHANCE = 0.05
"""Differences that chance shows more often than this count as none."""


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
    if is_disturbed(run.measured.timing):
        return "good", "of a speed that could not be told, as this machine was busy"
    before, after = (timing.median for timing in run.measured.timing)
    if after < 0.95 * before:
        return "good", f"{before / after:.1f} times as fast here"
    return ("look", f"{after / before:.1f} times as slow here") if after > 1.1 * before else ("good", "as fast here")


def is_disturbed(timing: tuple[Timing, Timing]) -> bool:
    """Whether the times of one model vary so much that they do not tell which is faster."""
    before, after = timing
    overlap = before.p10 < after.p90 and after.p10 < before.p90
    return overlap and any(each.p90 > STEADY * each.p10 for each in timing)


def _quality(run: Run) -> tuple[Mood, str] | None:
    if run.measured.scores:
        return _of_score(run.measured.scores[0])
    if not run.measured.outputs:
        return "look", "not yet measured on samples"
    sqnr = min((o.sqnr for o in run.measured.outputs if o.sqnr is not None), default=None)
    if sqnr is None:
        return "good", "its outputs equal those of the float model"
    mood: Mood = "good" if sqnr >= NEAR else "look" if sqnr >= FAR else "bad"
    how = {"good": "near", "look": "at some distance from", "bad": "far from"}[mood]
    return mood, f"its outputs are {how} those of the float model ({sqnr:.0f} dB)"


def _of_score(score: Scored) -> tuple[Mood, str]:
    """What chance could explain is no loss; half a point that it cannot is a small one."""
    change = score.change.value if score.higher_is_better else -score.change.value
    if abs(change) < 5e-5:
        return "good", f"{score.metric} is unchanged"
    points = f"{100 * abs(change):.2f} points" if score.unit == "share" else f"{abs(change):.3g} {score.unit}".strip()
    way = "higher" if score.change.value > 0 else "lower"
    told = f"{score.metric} is {points} {way}"
    if change > 0 or score.p >= CHANCE:
        return "good", told if change > 0 else f"{told}, which may be chance"
    reach = score.before.high - score.before.low
    return ("look" if -change <= max(reach / 2, 0.005) else "bad"), told
