"""Writes every page of the documentation that a script writes: `python tools/write_pages.py`. A test holds each to its script."""

from __future__ import annotations

import runpy
from pathlib import Path

TOOLS = Path(__file__).parent


def main() -> None:
    """Write the pages, and name those that changed."""
    for script in sorted(TOOLS.glob("write_*.py")):
        if script.name == Path(__file__).name:
            continue
        found = runpy.run_path(str(script))
        path, text = found["PAGE"], found["page"]()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written: {path.relative_to(TOOLS.parent)}")


if __name__ == "__main__":
    main()
