"""The command line: a face for the public functions. Each command is a function; its docstring is its help."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command that the process was started with."""
    try:
        from octavo.cli.app import app

        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # both are text files here
        app(prog_name="octavo")
    except KeyboardInterrupt:  # before a command has begun
        sys.exit(130)
