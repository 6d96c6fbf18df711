"""A progress bar on stderr for what takes longer than a second."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, Self, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

PATIENCE = 1.0
"""Seconds before the bar appears: what is done sooner needs none."""
INTERVAL = 0.1
"""Seconds between two looks of the bar."""


class ProgressBar:
    """A bar with the time that is left, once work has taken a second; nothing where stderr is no terminal.

    It is the `progress` that the public functions take. It is drawn from an interval timer's signal rather than from a
    thread, because the runtime can keep LiteRT's notes off the terminal only while there is one thread; where there is
    no such timer, it is drawn whenever a step is done.
    """

    def __init__(self, what: str, *, quiet: bool = False) -> None:
        """Show `what` until the first step is reported."""
        self._state: tuple[str, int, int | None] = (what, 0, None)
        self._enabled = not quiet and sys.stderr.isatty()
        self._began = monotonic()
        self._drawn = 0.0
        self._drawing = False
        self._stream: TextIO | None = None
        self._bar: tqdm[Any] | None = None
        self._what = ""
        self._former: Any = None

    def __enter__(self) -> Self:
        self._began = monotonic()
        if self._enabled and _has_timer():
            self._former = signal.signal(signal.SIGALRM, lambda *_: self._draw())
            signal.siginterrupt(signal.SIGALRM, False)  # LiteRT's system calls go on
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, INTERVAL)
        return self

    def __exit__(self, *_: object) -> None:
        if self._enabled and _has_timer():
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._former)
        self._enabled = False
        if self._bar is not None:
            self._bar.close()
        if self._stream is not None:
            self._stream.close()

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Note that `done` steps of `total` (None where unknown) are done."""
        self._state = (what, done, total)
        if self._enabled and monotonic() - max(self._began + PATIENCE, self._drawn) > INTERVAL:
            self._draw()

    def _draw(self) -> None:
        """Bring the bar up to date. The signal may come while this is at work: then the next one will do."""
        if self._drawing:
            return
        self._drawing = True
        try:
            what, done, total = self._state
            if self._bar is None or self._what != what:  # the time left is that of one kind of work
                if self._bar is not None:
                    self._bar.close()
                self._bar, self._what = self._made(what, total), what
            self._bar.total, self._bar.n = total, done
            self._bar.refresh()
            self._drawn = monotonic()
        finally:
            self._drawing = False

    def _made(self, what: str, total: int | None) -> tqdm[Any]:
        """A bar. It writes to a descriptor of its own: the runtime turns descriptor 2 aside now and then."""
        from tqdm import tqdm

        width = shutil.get_terminal_size().columns - 1
        if self._stream is None:
            self._stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="replace")

        class Bar(tqdm):  # type: ignore[misc]  # it has no types
            monitor_interval = 0  # its thread would keep the runtime from holding LiteRT's notes back

        form = "{desc} {bar} {n_fmt}/{total_fmt} {remaining}" if total else "{desc} {elapsed}"
        return Bar(desc=what, total=total, file=self._stream, leave=False, bar_format=form, ncols=width)


def _has_timer() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
