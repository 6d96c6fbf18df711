"""The pages of the documentation, read as a user reads them: what they tell to run, in order, and what it prints."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import shlex
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from octavo.cli.app import app

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
TUTORIALS = ROOT / "examples" / "tutorials"
OPENING = re.compile(r'^( *)```(\w*)(?: title="([^"]+)")?$')
COMMENT = re.compile(r"^ *<!-- (.*) -->$")
PARTS = ("tutorials", "how-to", "reference")
FILES = ("toml", "json", "csv")
"""Languages of blocks that are files, under the name that their title gives."""


@dataclass(frozen=True)
class Block:
    """A code block: its language, its text without the indentation of a list, its title, and the comment before it.

    The comment `not run: …` says why a block is only text; `of PATH` that it is a part of that file.
    """

    page: str
    line: int
    language: str
    text: str
    title: str = ""
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.page}, line {self.line}"

    @property
    def is_only_text(self) -> bool:
        return self.comment.startswith("not run: ") or self.comment == "test command"


def pages() -> list[str]:
    """Every page with something to run, README first: not those that benchmarks write, nor what commands print."""
    docs = ROOT / "docs"
    found = [docs / "index.md", *(path for part in PARTS for path in sorted((docs / part).glob("*.md")))]
    named = (path.relative_to(ROOT).as_posix() for path in found if path.name != "commands.md")
    return ["README.md", *filter(blocks, named)]


def blocks(page: str) -> list[Block]:
    """The code blocks of a page that have a language."""
    return list(_blocks(page, (ROOT / page).read_text(encoding="utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        opened = OPENING.match(lines[number])
        number += 1
        if opened is None:
            continue
        first, (indent, language, title) = number, opened.groups()
        while lines[number].strip() != "```":
            number += 1
        text = "".join(f"{line.removeprefix(indent)}\n" for line in lines[first:number])
        said = COMMENT.match(lines[first - 2]) if first > 1 else None
        number += 1
        if language:
            yield Block(page, first, language, text, title or "", said[1] if said else "")


@dataclass
class Walk:
    """A page, done from top to bottom in the working directory.

    `found` holds what the `main` of each script returned.
    """

    page: str
    found: dict[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    printed: str = ""

    def through(self) -> None:
        """Do what every block says."""
        for block in blocks(self.page):
            self.do(block)

    def do(self, block: Block) -> None:
        """Run the block, write its file, or hold it against what the block before it printed."""
        if block.is_only_text:
            self.printed = ""
        elif block.text.startswith("--8<-- "):
            assert (ROOT / block.text.split('"')[1]).is_file(), f"{block} includes a file that is not there"
        elif block.comment.startswith("of "):
            source = (ROOT / block.comment.removeprefix("of ")).read_text(encoding="utf-8")
            deep = (textwrap.indent(textwrap.dedent(block.text), " " * indent) for indent in (0, 4, 8))
            assert any(text in source for text in deep), (
                f"{block} is no longer a part of {block.comment.removeprefix('of ')}"
            )
        elif block.language == "python":
            with _overheard() as heard:
                exec(compile(block.text, str(block), "exec"), self.names)  # noqa: S102  # our own pages
            self.printed = heard.getvalue()
        elif block.language == "sh":
            self.printed = "".join(self.command(line, block) for line in _lines(block.text))
        elif block.language in FILES and block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "text":
            assert self.printed, f"{block} shows what nothing printed; say why above it: <!-- not run: … -->"
            assert_alike(block, self.printed)
        else:
            assert block.language in ("toml", "json"), f"{block}: {block.language} without a title or a reason"

    def command(self, line: str, block: Block) -> str:
        """What a line of a shell prints."""
        program, *rest = shlex.split(line, comments=True)
        if program == "octavo":
            result = CliRunner().invoke(app, rest, prog_name="octavo")
            announced = re.search(r"# exit code (\d+)", line)
            expected = int(announced[1]) if announced else 0
            assert result.exit_code == expected, f"{block}: {line}\n{result.output}"
            return result.output
        assert program == "python", f"{block}: say why {line!r} is not run: <!-- not run: … -->"
        return self.script(Path(rest[0]))

    def script(self, path: Path) -> str:
        """What one of the tutorials prints."""
        assert (ROOT / path).is_file()
        with _overheard() as heard, _beside(TUTORIALS):
            module = importlib.import_module(path.stem)
            self.found[path.stem] = module.main()
            importlib.import_module("classifier").show(self.found[path.stem])
        return heard.getvalue()


def _lines(text: str) -> list[str]:
    """The commands of a shell block, those that go on behind a backslash in one."""
    return [line for line in re.sub(r"\\\n *", "", text).splitlines() if line.strip()]


def assert_alike(block: Block, printed: str) -> None:
    """Make sure that each line of the block was printed, whatever the numbers; `…` stands for lines left out."""
    lines = {masked(line) for line in printed.splitlines()}
    for line in block.text.splitlines():
        assert line.strip() in ("", "…") or masked(line) in lines, f"{block} shows {line!r}; printed was\n{printed}"


def masked(line: str) -> str:
    """The line without its numbers, units of size, widths and rules."""
    line = re.sub(r"[-+−]?\d[\d.,]*(e[-+]\d+)?", "N", line)
    line = re.sub(r"N (bytes|kB|MB)", "N size", re.sub(r"[─-]{3,}", "─", line))
    return " ".join(line.split())


@contextlib.contextmanager
def _overheard() -> Iterator[io.StringIO]:
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        yield heard


@contextlib.contextmanager
def _beside(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def needs_tensorflow(page: str) -> bool:
    """Whether the page trains something, which takes a while."""
    return any(
        not block.is_only_text and re.search(r"^(import (keras|tensorflow)|python )", block.text, re.MULTILINE)
        for block in blocks(page)
    )
