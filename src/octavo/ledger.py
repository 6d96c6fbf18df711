"""What calibration has learnt, on disk: an interrupted run goes on from there."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from octavo.calibrate.memory import Memory
from octavo.calibrate.run import Wanted
from octavo.errors import Invalid, UsageError
from octavo.samples import Sample
from octavo.version import __version__
from octavo.write.file import save

VERSION = 2
"""Of what a memory holds: what another version kept is learnt anew."""


class _File(msgspec.Struct):
    """The memories of the graphs of a model by a key, which tells what else the statistics depend on."""

    memories: dict[str, msgspec.Raw]
    version: int = VERSION


class Ledger:
    """Memories of calibration, kept in a file once work ends, be it done, failed or interrupted.

    One that is `passing` is kept only when a user interrupts the work, and leaves when it is done.
    """

    def __init__(self, path: str | Path, *, passing: bool = False) -> None:
        """Keep them at `path`."""
        self.path = Path(path)
        self._passing = passing
        self._memories: dict[str, Memory] = {}

    def memory(self, content: bytes, wanted: Wanted, signature: str, first: Sequence[Sample]) -> Memory:
        """What is known already of a model of these bytes; one that is passing forgets other samples.

        Raises:
            Invalid: the file holds something else.
        """
        key = _key(content, wanted, signature)
        stored = self._read().get(key)
        memory = Memory() if stored is None else Memory.from_json(bytes(stored), str(self.path))
        self._memories[key] = Memory() if self._passing and not memory.fits(first) else memory
        return self._memories[key]

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """While this lasts, work may be interrupted: what was learnt is kept, and the interrupt tells where."""
        try:
            yield
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(self._told())
            raise
        except Exception:
            if not self._passing:
                self._save()
            raise
        if self._passing and self.path.exists():
            self.path.unlink()
        elif not self._passing:
            self._save()

    def _told(self) -> str:
        """Keep everything; what to tell the user."""
        count = max((memory.count for memory in self._memories.values()), default=0)
        if not count:
            return ""
        try:
            self._save()
        except UsageError as error:
            return f"what {count} samples taught could not be kept: {error.message}"
        return f"what {count} samples taught is kept in {self.path}: the same command goes on from there"

    def _save(self) -> None:
        learnt = {key: msgspec.Raw(memory.to_json()) for key, memory in self._memories.items() if memory.count}
        others = {} if self._passing else self._read()  # of other models and recipes
        if learnt:
            save(msgspec.json.encode(_File({**others, **learnt})), self.path)

    def _read(self) -> dict[str, msgspec.Raw]:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"the statistics cannot be read: {error.strerror}", where=str(self.path)) from error
        try:
            stored = msgspec.json.decode(content, type=_File)
        except msgspec.DecodeError as error:
            hint = "delete it, or name another file"
            raise Invalid(f"this file holds no statistics: {error}", where=str(self.path), hint=hint) from error
        return stored.memories if stored.version == VERSION else {}


def _key(content: bytes, wanted: Wanted, signature: str) -> str:
    """A hash of all that statistics depend on besides the samples."""
    parts: Sequence[Iterable[str]] = (sorted(wanted.ranges), sorted(wanted.spreads), sorted(wanted.layers))
    told = msgspec.json.encode([__version__, signature, *map(list, parts)])
    return hashlib.sha256(told + content).hexdigest()
