"""One run as one self-contained page: style, script and data stand in it, and it asks the network for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from pathlib import Path

import msgspec

from octavo.plan import Plan, differences
from octavo.report.record import Caution, Layer, Run, Scored
from octavo.report.summary import summarize
from octavo.report.verdict import is_disturbed, verdict

ASSETS = Path(__file__).parent / "assets"
CHANGED = 10
"""Layers that are shown of those that became better, and of those that became worse."""
KINDS = {"recipe": "Recipe", "operation": "Operations", "tensor": "Tensors", "channels": "Equalized channels"}
"""What plans may differ in."""
OPEN = 30
"""Longer lists of differences are shut at first."""


def render(run: Run, *, against: Run | None = None) -> str:
    """The page; with what differs from another run, if that is given."""
    mood, sentence = verdict(run)
    parts = {
        "title": escape(run.name),
        "name": _breakable(run.name),
        "style": _asset("report.css"),
        "byline": _byline(run),
        "mood": mood,
        "verdict": escape(sentence),
        "cautions": _cautions(run.cautions),
        "sections": "\n".join(filter(None, _sections(run, against))),
        "data": _data(run),
        "script": _asset("report.js"),
    }
    page = _asset("report.html")
    head, *pieces = page.split("{{")
    filled = (parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces))
    return head + "".join(filled)


def framed(run: Run) -> str:
    """The page in a frame of its own, for a notebook."""
    page = escape(render(run), quote=True)
    return (
        f'<iframe srcdoc="{page}" style="width:100%;height:720px;border:1px solid #8884" title="Octavo run"></iframe>'
    )


def _breakable(name: str) -> str:
    """The name, which may go on in a new line after each of its parts."""
    return re.sub(r"([_./-])", r"\1<wbr>", escape(name))


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _data(run: Run) -> str:
    """What the script reads. It may hold no `</script>`, whatever a layer is called."""
    keys = ("files", "layers", "measured", "histograms", "weights")
    timing = run.measured.timing
    parts = {key: getattr(run, key) for key in keys} | {"disturbed": timing is not None and is_disturbed(timing)}
    text = msgspec.json.encode(parts).decode()
    return text.replace("<", "\\u003c")


def _byline(run: Run) -> str:
    recipe = run.plan.recipe
    made = datetime.fromisoformat(run.provenance.made)
    rules = f" with {len(recipe.rules)} rule(s)" if recipe.rules else ""
    return f"{escape(recipe.precision)}{rules} · {len(run.layers)} operations · {made:%d %B %Y}"


def _cautions(cautions: Sequence[Caution]) -> str:
    items = "".join(
        f"<li>{escape(_begun(each.text))}{_cure(each.cure)}</li>" for each in dict.fromkeys(cautions) if each.text
    )
    return f'<ul class="cautions" id="warnings" aria-label="Warnings">{items}</ul>' if items else ""


def _cure(text: str) -> str:
    return f'<span class="cure">{escape(text)}</span>' if text else ""


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _sections(run: Run, against: Run | None) -> Iterable[str]:
    yield _inputs(run)
    yield _optimizer(run)
    yield _plan(run)
    if against is not None:
        yield _difference(against, run)
    yield _provenance(run)


def _section(key: str, title: str, body: str) -> str:
    heading = f'<h2 id="{key}-title">{title}</h2>'
    return f'<section id="{key}" data-title="{title}" aria-labelledby="{key}-title">{heading}{body}</section>'


def _inputs(run: Run) -> str:
    if not any(not histogram.made_by for histogram in run.histograms):
        return ""
    lede = (
        '<p class="lede">What calibration saw go into the model. A range that surprises you points to samples that are '
        "scaled otherwise than in training.</p>"
    )
    return _section("inputs", "Inputs", f'{lede}<div id="inputs-charts" class="detail" style="padding:0"></div>')


def _optimizer(run: Run) -> str:
    if not run.rewrites and not run.misses:
        return ""
    made = [_rewrite(group.rule, f"<code>{escape(group.equation)}</code>", group.layers) for group in run.rewrites]
    near = [_rewrite(group.rule, escape(group.reason), group.layers) for group in run.misses]
    body = '<p class="lede">Rewrites that leave what the model computes as it is, and make fewer operations of it.</p>'
    body += _table(("Rule", ">Times", "Equation", "Where"), made)
    if near:
        body += "<h3>What nearly fused, and why it did not</h3>" + _table(("Rule", ">Times", "Why not", "Where"), near)
    return _section("rewrites", "Fused", body)


def _rewrite(rule: str, what: str, layers: Sequence[str]) -> tuple[str, ...]:
    return f"<code>{escape(rule)}</code>", str(len(layers)), what, _folded(layers)


def _folded(layers: Sequence[str]) -> str:
    """The first layer; the others on demand."""
    names = [escape(layer) for layer in layers if layer]
    if len(names) < 2:
        return "".join(names)
    return f"<details><summary>{names[0]} and {len(names) - 1} more</summary>{'<br>'.join(names[1:])}</details>"


def _plan(run: Run) -> str:
    before, after = run.files
    summary = summarize(run.plan, size=after.size, float_size=before.size)
    rows = [
        (escape(precision), str(sum(counts.values())), escape(", ".join(f"{op} ×{n}" for op, n in counts.items())))
        for precision, counts in summary.precisions.items()
    ]
    body = _table(("Computes in", ">Operations", "Which"), rows)
    if summary.left_float:
        left = [
            (escape(g.reason), escape(", ".join(f"{op} ×{n}" for op, n in g.operations.items())), _folded(g.layers))
            for g in summary.left_float
        ]
        body += "<h3>Left in float, although the recipe asked for something else</h3>"
        body += _table(("Why", "Operations", "Where"), left)
    recipe = escape(run.plan.recipe.to_json())
    return _section("plan", "Plan", f"{body}<details><summary>The recipe</summary><pre>{recipe}</pre></details>")


def _difference(old: Run, new: Run) -> str:
    figures = [("Size", f"{old.files[1].size:,} bytes", f"{new.files[1].size:,} bytes")]
    if old.measured.timing and new.measured.timing:
        times = [f"{run.measured.timing[1].median:.3g} ms" for run in (old, new) if run.measured.timing]
        figures.append(("Latency, median", times[0], times[1]))
    before = {score.metric: score for score in old.measured.scores}
    for score in new.measured.scores:
        if score.metric in before:
            values = [_value(each.after.value, each.unit) for each in (before[score.metric], score)]
            figures.append((escape(_begun(score.metric)), values[0], values[1]))
    body = _table(("", escape(f"{old.name}, {old.provenance.made[:16]}"), "This run"), figures)
    return _section(
        "difference", "Difference", body + _error_difference(old, new) + _plan_difference(old.plan, new.plan)
    )


def _error_difference(old: Run, new: Run) -> str:
    """The layers whose nearness to float changed most."""
    before = {(row.graph, row.node): row.error.sqnr for row in old.layers if row.error and row.error.sqnr is not None}
    both = [
        (before[row.graph, row.node], row.error.sqnr, row)
        for row in new.layers
        if row.error and row.error.sqnr is not None and (row.graph, row.node) in before
    ]
    changed = sorted((each for each in both if abs(each[1] - each[0]) >= 0.05), key=lambda each: each[1] - each[0])
    most = changed if len(changed) <= 2 * CHANGED else [*changed[:CHANGED], *changed[-CHANGED:]]
    rows = [
        (_link(row), f"{was:.1f} dB", f"{now:.1f} dB", f"{now - was:+.1f} dB".replace("-", "−"))
        for was, now, row in most
    ]
    told = f" <span class='soft'>{len(rows)} of {len(changed)}</span>" if len(rows) < len(changed) else ""
    title = f"<h3>Layers that came nearer to float or went farther from it{told}</h3>"
    return title + _table(("Layer", ">SQNR before", ">Now", ">Change"), rows) if rows else ""


def _link(row: Layer) -> str:
    return f'<a href="#layer-{row.number}" data-go="{row.number}">{escape(row.layer or row.node)}</a>'


def _plan_difference(old: Plan, new: Plan) -> str:
    found: dict[str, list[tuple[str, ...]]] = {}
    for each in differences(old, new):
        found.setdefault(each.what, []).append(tuple(map(escape, (each.where, each.before, each.after))))
    if not found:
        return '<p class="note">The plans are the same.</p>'
    parts = [
        f"<details{' open' if len(rows) <= OPEN else ''}><summary>{KINDS[what]}: {len(rows)}</summary>"
        f"{_table(('Where', 'Before', 'Now'), rows)}</details>"
        for what, rows in found.items()
    ]
    return "<h3>What the plans decide differently</h3>" + "".join(parts)


def _provenance(run: Run) -> str:
    facts = run.provenance
    rows = [
        ("Source", f"{escape(facts.source)}{_hash(facts.sha256)}"),
        ("Float model", f"{run.files[0].size:,} bytes{_hash(run.files[0].sha256)}"),
        *(("Data", f"{escape(place)}{_hash(found)}") for place, found in facts.data.items()),
        ("This model", f"{run.files[1].size:,} bytes{_hash(run.files[1].sha256)}"),
        ("Made", escape(facts.made.replace("T", " ").replace("+00:00", " UTC"))),
        ("Machine", escape(f"{facts.machine}, {facts.cores} core(s), {facts.system}")),
        ("Versions", escape(", ".join(f"{name} {number}" for name, number in facts.versions.items()))),
    ]
    if run.measured.timing is not None:
        both = run.measured.timing
        told = [f"{t.p10:.3g} / {t.median:.3g} / {t.p90:.3g} ms" for t in both]
        how = f"10th / 50th / 90th percentile of {both[0].runs} calls in turns, {both[0].threads} thread(s)"
        rows.append(("Latency", escape(f"float {told[0]}, quantized {told[1]} ({how})")))
    rows += map(_score, run.measured.scores)
    if run.measured.samples:
        rows.append(("Errors on", f"{run.measured.samples} sample(s)"))
    listed = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    command = (
        f"<h3>To get this again</h3><pre>{escape(facts.command)}</pre><button type='button' data-copy>copy</button>"
    )
    body = f'<dl class="facts">{listed}</dl>{command if facts.command else ""}'
    return _section("provenance", "Provenance", body)


def _score(score: Scored) -> tuple[str, str]:
    change = score.change
    before, after, by, low, high = (
        _value(each, score.unit)
        for each in (score.before.value, score.after.value, change.value, change.low, change.high)
    )
    told = f"float {before}, quantized {after}; difference {by} (95 % interval {low} to {high}, p = {score.p:.2g})"
    return escape(_begun(score.metric)), escape(f"{told}, {score.samples} samples")


def _value(value: float, unit: str) -> str:
    """A score or a difference of scores with its unit."""
    return (f"{100 * value:.2f} %" if unit == "share" else f"{value:.4g} {unit}".strip()).replace("-", "−")


def _hash(text: str) -> str:
    return f' <span class="soft">sha-256 <code title="{text}">{text[:16]}…</code></span>' if text else ""


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of names and cells that are HTML. A column whose name starts with `>` is aligned to the right.

    On a phone each row becomes a block whose cells bear the names of their columns.
    """
    kinds = [' class="number"' if name.startswith(">") else "" for name in columns]
    names = [name.lstrip(">") for name in columns]
    head = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, names, strict=True))
    lines = (
        "<tr>"
        + "".join(
            f'<td{kind} data-name="{name}">{cell}</td>' for kind, name, cell in zip(kinds, names, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
