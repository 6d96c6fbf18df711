"""What the documentation's site lists: each page of figures and each decision; a new one needs no entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"


def on_config(config: Any) -> Any:
    """The settings of mkdocs, with those pages behind the ones that are named there."""
    named = {page for entry in config.nav for page in entry.values() if isinstance(page, str)}
    measured = sorted(path.name for path in DOCS.glob("*.md") if path.name not in named)
    decisions = ["decisions/index.md", *sorted(f"decisions/{path.name}" for path in DOCS.glob("decisions/0*.md"))]
    config.nav = [*config.nav, {"Measured": measured}, {"Decisions": decisions}]
    return config
