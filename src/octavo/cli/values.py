"""The texts of options, as values."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from octavo.errors import RecipeError, UsageError, nearest_file
from octavo.write.file import check_writable


def rules(texts: Iterable[str]) -> list[dict[str, str]]:
    """Rules such as `op=SOFTMAX,precision=float32`, as mappings.

    Raises:
        RecipeError: a part is not `key=value`.
    """
    return [dict(_pair(part, text) for part in text.split(",")) for text in texts]


def _pair(part: str, text: str) -> tuple[str, str]:
    key, sign, value = part.partition("=")
    if not (sign and key.strip() and value.strip()):
        hint = "write it as op=SOFTMAX,precision=float32 (keys: op, layer, depth, port, precision)"
        raise RecipeError(f"{part!r} is not key=value", where=f"--rule {text!r}", hint=hint)
    return key.strip(), value.strip()


def shapes(texts: Sequence[str]) -> dict[str, tuple[int | None, ...]] | None:
    """Shapes such as `image=1,224,224,3` by the name of the input; `?` stands for a length known at run time.

    Raises:
        UsageError: the text is not a name and lengths.
    """
    return dict(map(_shape, texts)) or None


def _shape(text: str) -> tuple[str, tuple[int | None, ...]]:
    name, sign, dims = text.rpartition("=")
    parts = [part.strip() for part in dims.strip("[] ").split(",")] if dims.strip("[] ") else []
    if not (sign and name) or not all(part == "?" or (part.isdecimal() and int(part) > 0) for part in parts):
        hint = "write it as NAME=1,224,224,3; ? stands for a length that is known only at run time"
        raise UsageError("not the name of an input and its shape", where=f"--shape {text!r}", hint=hint)
    return name, tuple(None if part == "?" else int(part) for part in parts)


def samples(texts: Sequence[str]) -> Any:
    """A path, or paths by the key of the signature where they are given as `KEY=PATH`; None without any.

    Raises:
        UsageError: there are several, and not all have keys.
    """
    if not texts:
        return None
    if len(texts) == 1 and (Path(texts[0]).exists() or "=" not in texts[0]):
        return texts[0]
    pairs = [text.partition("=") for text in texts]
    if not all(sign for _, sign, _ in pairs):
        raise UsageError("several --samples need the keys of their signatures", hint="--samples KEY=FILE for each")
    return {key: path for key, _, path in pairs}


def dressed(path: Any, preprocess: str | None) -> Any:
    """Samples at a path (or at paths by signature): pictures that are made ready, where it is said how.

    Raises:
        UsageError: there is preprocessing, and the samples are arrays.
    """
    if preprocess is None or path is None:
        return path
    if isinstance(path, dict):
        return {key: dressed(each, preprocess) for key, each in path.items()}
    from octavo.gather.images import Images
    from octavo.gather.records import SUFFIXES, Records

    where = Path(path)
    if where.suffix in (".npz", ".npy"):
        hint = "leave --preprocess out, or name a folder of pictures"
        raise UsageError("arrays are taken as they are: --preprocess is for pictures", where=str(where), hint=hint)
    names = [file.name for file in where.iterdir()] if where.is_dir() else [where.name]
    is_records = any(suffix in name for suffix in SUFFIXES for name in names)
    return Records(where, preprocess=preprocess) if is_records else Images(where, preprocess)


def main_samples(texts: Sequence[str]) -> Any:
    """The samples of the signature that runs by default."""
    given = samples(texts)
    return given.get("serving_default", next(iter(given.values()))) if isinstance(given, dict) else given


def command_line() -> str:
    """The command that is running, as it can be pasted into a shell."""
    return shlex.join(["octavo", *sys.argv[1:]])


def place_for_output(path: Path, *, inputs: Iterable[str] = ()) -> Path:
    """The path, having made sure before any work that a file can be put there.

    Raises:
        UsageError: it is a directory, its directory does not exist or takes no file, or it is one of the `inputs`.
    """
    if path.is_dir():
        raise UsageError(
            "this is a directory; name a file", where=str(path), hint=f"for example {path / 'model.tflite'}"
        )
    if not path.parent.is_dir():
        hint = nearest_file(path.parent) or f"make it first: mkdir -p {path.parent}"
        raise UsageError(f"the directory {path.parent} does not exist", where=str(path), hint=hint)
    if any(Path(given).exists() and path.exists() and path.samefile(given) for given in inputs):
        raise UsageError("the output would replace the input", where=str(path), hint="give it another name")
    check_writable(path)
    return path
