"""Files with their labels: a folder for each class, a flat folder, or a CSV of paths and labels."""

from __future__ import annotations

import csv
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from octavo.errors import SamplesError, nearest_file
from octavo.ir.source import Array

PATHS = ("path", "file", "filename", "file_name", "image", "audio", "name")
LABELS = ("label", "labels", "class", "y", "target")


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Files in order; `labels` are class numbers or real numbers, one for each, or None.

    `classes` names the classes by their numbers, where they have names: in the order of the alphabet.
    """

    files: tuple[Path, ...]
    labels: Array | None = None
    classes: tuple[str, ...] = ()


def table_of(path: Path, suffixes: Collection[str]) -> Table:
    """The files at `path` whose names end with one of `suffixes`, with their labels.

    A folder's subfolders are classes, numbered in the order of the alphabet; files right in the folder have no labels.
    A CSV has a header with a column of paths, relative to the CSV, and perhaps one of labels.

    Raises:
        SamplesError: nothing is there, or a row of the CSV leads nowhere.
    """
    if not path.exists():
        raise SamplesError("there is no such file or folder", where=str(path), hint=nearest_file(path))
    if path.suffix == ".csv":
        return _from_csv(path)
    if path.is_file():
        return Table((path,))
    return _from_folder(path, suffixes)


def _from_folder(path: Path, suffixes: Collection[str]) -> Table:
    flat = _with(path, suffixes)
    classes = {folder.name: _with(folder, suffixes) for folder in sorted(path.iterdir()) if folder.is_dir()}
    classes = {name: files for name, files in classes.items() if files}
    if flat and classes:
        hint = "put every file into the folder of its class, or none"
        raise SamplesError(f"{len(flat)} file(s) lie beside the folders of classes", where=str(path), hint=hint)
    if not flat and not classes:
        hint = f"files of these kinds are read: {', '.join(sorted(suffixes))}"
        raise SamplesError("the folder holds no such files, and no folder that does", where=str(path), hint=hint)
    if flat:
        return Table(tuple(flat))
    numbers = [number for number, files in enumerate(classes.values()) for _ in files]
    return Table(tuple(file for files in classes.values() for file in files), np.array(numbers), tuple(classes))


def _with(folder: Path, suffixes: Collection[str]) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in suffixes and file.is_file())


def _from_csv(path: Path) -> Table:
    try:
        with path.open(newline="", encoding="utf-8-sig") as opened:
            rows = list(csv.DictReader(opened))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SamplesError(f"the table cannot be read: {error}", where=str(path)) from error
    if not rows:
        raise SamplesError("the table has no rows", where=str(path), hint="a header such as path,label and rows below")
    column = _column(rows[0], PATHS)
    if column is None:
        hint = f"call it one of {', '.join(PATHS)}"
        raise SamplesError(f"no column of {', '.join(map(repr, rows[0]))} holds paths", where=str(path), hint=hint)
    files = tuple(path.parent / (row[column] or "") for row in rows)
    for number, file in enumerate(files, start=2):
        if not file.is_file():
            raise SamplesError(f"there is no file {file}", where=f"{path}, line {number}", hint=nearest_file(file))
    labelled = _column(rows[0], LABELS)
    return Table(files) if labelled is None else Table(files, *_numbered([row[labelled] or "" for row in rows]))


def _column(row: dict[str, str], known: Collection[str]) -> str | None:
    """The first column with one of the names."""
    return next((name for want in known for name in row if name and name.strip().lower() == want), None)


def _numbered(texts: list[str]) -> tuple[Array, tuple[str, ...]]:
    """Labels that are numbers as these; names by their place in the alphabet, with the names."""
    try:
        return np.array([int(text) for text in texts]), ()
    except ValueError:
        pass
    try:
        return np.array([float(text) for text in texts]), ()
    except ValueError:
        classes, numbers = np.unique(np.array(texts), return_inverse=True)
        return numbers, tuple(classes.tolist())
