"""Writes `docs/decisions/index.md`: every decision by its title, with the sentence that says what was decided.

`python tools/write_decision_index.py` after a decision was added; a test holds the page to the files.
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "docs" / "decisions"
PAGE = FOLDER / "index.md"
ENOUGH = 60
TEXT = """# Decisions

Why things are as they are: each of these pages is a decision that outlives the change that made it, with what was measured and
what it costs. They are not rewritten; a new one says what it replaces.

{decisions}
"""


def page() -> str:
    """The page's text."""
    return TEXT.format(decisions="\n".join(_entry(path) for path in sorted(FOLDER.glob("[0-9]*.md"))))


def _entry(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    title = re.match(r"# (\d+)\. (.*)\n", text)
    decided = re.search(r"\*\*Decision\.\*\* (.*?)(?:\n\n|$)", text, re.DOTALL)
    assert title is not None, f"{path.name} begins with '# NUMBER. TITLE'"
    assert int(title[1]) == int(path.name[:4]), f"{path.name} has the number {title[1]} in its title"
    assert decided is not None, f"{path.name} has no **Decision.**"
    return f"- **[{title[1]}. {title[2]}]({path.name})** {_first(' '.join(decided[1].split()))}"


def _first(text: str) -> str:
    """The first sentences, up to a length that says something: they end in front of a capital or a code span."""
    sentences = re.split(r"(?<=[^0-9]\.) (?=[A-Z`])", text)
    said = sentences.pop(0)
    while sentences and len(said) < ENOUGH:
        said += f" {sentences.pop(0)}"
    return said


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
