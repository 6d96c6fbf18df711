"""What LiteRT says: its reasons as errors of ours, and its notes for its developers kept away."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator

from octavo.errors import TargetError

_CUSTOM = re.compile(r"unresolved custom op: (\S+?)\.?\s")
_STEPS = re.compile(r"(?<=[^\s.:;])\.?\s*(?=Node number \d)")
"""Where one of its reasons ends and the next begins: LiteRT puts nothing between."""


@contextlib.contextmanager
def refusals(what: str) -> Iterator[None]:
    """LiteRT's exceptions as ours; `what` is the matter, unless an operation has no kernel."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        if custom := _CUSTOM.search(str(error)):
            raise TargetError(
                f"the custom operation {custom[1]!r} has no kernel here: only a kernel of yours computes it",
                hint="calibration and comparisons run the model and need it; dynamic, weight_only and float16 do not",
            ) from error
        raise TargetError(f"{what}: {_STEPS.sub('; ', str(error))}") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep LiteRT's notes for its developers ("INFO: Created TensorFlow Lite XNNPACK delegate for CPU.") off stderr.

    They come from C++ and go straight to file descriptor 2, which belongs to the whole process. So it is turned aside
    only while this is the only Python thread, and for as long as loading takes; all that is no such note is written
    to it afterwards. With more threads, or without a descriptor 2, the notes appear.
    """
    try:
        aside = os.dup(2) if threading.active_count() == 1 else None
    except OSError:  # there is no descriptor 2
        aside = None
    if aside is None:
        yield
        return
    with tempfile.TemporaryFile() as notes:
        sys.stderr.flush()
        os.dup2(notes.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(aside, 2)
            os.close(aside)
            notes.seek(0)
            for line in notes:
                if not line.startswith(b"INFO: "):
                    os.write(2, line)
