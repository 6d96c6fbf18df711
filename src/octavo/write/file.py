"""Putting a file in place whole, or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from octavo.errors import UsageError
from octavo.ir.graph import Model
from octavo.write.tflite import serialize

Content = bytes | bytearray | memoryview


def save(content: Model | Content | Sequence[Content], path: str | os.PathLike[str]) -> None:
    """Replace the file at `path` by a model, bytes, or stretches of bytes.

    Readers see the old file or the new one, never a part. Whatever stops the writing leaves nothing behind.

    Raises:
        UsageError: the directory does not exist, may not be written to, or is full.
    """
    parts = serialize(content) if isinstance(content, Model) else content
    with _replacing(Path(path)) as file:
        file.writelines([parts] if isinstance(parts, Content) else parts)


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, which takes its place at the end."""
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror or error}", where=str(path)) from error
    except BaseException:  # an interrupt too must leave nothing behind
        temporary.unlink(missing_ok=True)
        raise
