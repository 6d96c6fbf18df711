"""Putting a file in place whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
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


def check_writable(path: Path) -> None:
    """Make sure, before any work, that a file can be put at `path`: its directory takes one.

    Raises:
        UsageError: it does not.
    """
    probe = _beside(path)
    try:
        probe.open("xb").close()
        probe.unlink()
    except OSError as error:
        raise _refused(path, error) from error


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path`, which takes its place at the end."""
    temporary = _beside(path)
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        raise _refused(path, error) from error
    except BaseException:  # an interrupt too must leave nothing behind
        _remove(temporary)
        raise


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.urandom(8).hex()}")


def _remove(temporary: Path) -> None:
    with contextlib.suppress(OSError):  # where none may be made, none may be removed
        temporary.unlink(missing_ok=True)


def _refused(path: Path, error: OSError) -> UsageError:
    hint = "choose another directory, or make room" if error.errno == errno.ENOSPC else "choose another directory"
    return UsageError(f"cannot write {path}: {error.strerror or error}", where=str(path), hint=hint)
