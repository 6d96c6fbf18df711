"""The two files of Keras opened: configuration and weights.

A `.keras` archive is a zip of `config.json` and `model.weights.h5`; a `.h5` file holds the configuration as an
attribute. Weights that are stored in one piece are views of the mapped file.

Source: keras/src/saving/saving_lib.py and keras/src/legacy/saving/legacy_h5_format.py, for the layout.
"""

from __future__ import annotations

import io
import json
import mmap
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from octavo.errors import Unreadable, UsageError
from octavo.ir.source import Array
from octavo.read.keras.weights import GroupWeights, ListedWeights, Weights

_AGAIN = "the file is truncated or damaged; copy or save the model again"
_CONFIG = "config.json"
_WEIGHTS = "model.weights.h5"
_METADATA = "metadata.json"


@dataclass(frozen=True, slots=True)
class Archive:
    """A Keras file: the model's serialized form, and the root of its weights.

    `listed` maps each layer of the outermost model to its weights, in HDF5 files of old; None in an archive.
    """

    path: Path
    model: Mapping[str, Any]
    root: Weights
    listed: Mapping[str, Weights] | None
    version: str = ""

    @property
    def keras2(self) -> bool:
        """Whether Keras 2 saved it; tf-keras carries the version of its TensorFlow."""
        return self.version.startswith("2.")


def open_archive(path: Path) -> Archive:
    """The Keras file at `path`, told by its first bytes.

    Raises:
        Unreadable: it is neither, is damaged, or lacks the configuration or the weights.
    """
    with path.open("rb") as file:
        head = file.read(4)
        if not head:
            raise Unreadable("the file is empty", where=str(path), hint=_AGAIN)
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if head.startswith(b"PK"):
        return _zipped(path, content)
    if head == b"\x89HDF":
        return _hdf5(path, content)
    raise Unreadable("this is neither a Keras archive nor an HDF5 file", where=str(path), hint=_AGAIN)


def _zipped(path: Path, content: memoryview) -> Archive:
    try:
        with zipfile.ZipFile(path) as archive:
            config = archive.read(_CONFIG)
            weights = _member(archive, content)
            metadata = archive.read(_METADATA) if _METADATA in archive.namelist() else b"{}"
    except KeyError as error:
        raise Unreadable(f"the archive is incomplete: {error.args[0]}", where=str(path), hint=_AGAIN) from error
    except (zipfile.BadZipFile, EOFError, OSError, ValueError) as error:
        raise Unreadable(f"the archive is damaged: {error}", where=str(path), hint=_AGAIN) from error
    where = f"{path}, {_WEIGHTS}"
    file = _open(weights, where)
    version = str(_json(metadata, f"{path}, {_METADATA}").get("keras_version", ""))
    root = GroupWeights(file, where, _View(weights, where), _Assets(path))
    return Archive(path, _model(config, f"{path}, {_CONFIG}"), root, None, version)


def _member(archive: zipfile.ZipFile, content: memoryview) -> memoryview:
    """The bytes of the weights: a view where they are stored as they are."""
    info = archive.getinfo(_WEIGHTS)
    if info.compress_type != zipfile.ZIP_STORED:
        return memoryview(archive.read(info))
    archive.open(info).close()  # checks the local header
    lengths = np.frombuffer(content[info.header_offset + 26 : info.header_offset + 30], "<u2")
    start = info.header_offset + 30 + int(lengths.sum())
    return content[start : start + info.file_size]


@dataclass(frozen=True, slots=True)
class _Assets:
    """The files of an archive, read when they are asked for."""

    path: Path

    def __call__(self, inner: str) -> bytes | None:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(inner) if inner in archive.namelist() else None


def _hdf5(path: Path, content: memoryview) -> Archive:
    file = _open(content, str(path))
    config = file.attrs.get("model_config")
    if config is None:
        raise Unreadable(
            "the file holds weights only: it has no model_config",
            where=str(path),
            hint="save the whole model: model.save(path)",
        )
    group = file.get("model_weights")
    if group is None or "layer_names" not in group.attrs:
        raise Unreadable("the file has no weights", where=str(path), hint=_AGAIN)
    view = _View(content, str(path))
    listed: dict[str, Weights] = {}
    for name in map(_text, group.attrs["layer_names"]):
        if name not in group:
            raise Unreadable(f"the weights of layer {name!r} are missing", where=str(path), hint=_AGAIN)
        listed[name] = ListedWeights(_entries(group[name], path), f"{path}, layer {name!r}", view)
    version = _text(file.attrs.get("keras_version", "2.0"))
    return Archive(path, _model(config, f"{path}, model_config"), GroupWeights(None, str(path), view), listed, version)


def _entries(group: Any, path: Path) -> list[tuple[str, Any]]:
    names = [_text(name) for name in group.attrs.get("weight_names", ())]
    for name in names:
        if name not in group:
            raise Unreadable(f"the weight {name!r} is listed but missing", where=str(path), hint=_AGAIN)
    return [(name, group[name]) for name in names]


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _json(text: str | bytes, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Unreadable(f"the configuration is damaged: {error}", where=where, hint=_AGAIN) from error
    if not isinstance(found, dict):
        raise Unreadable("this is no JSON object", where=where, hint=_AGAIN)
    return found


def _model(text: str | bytes, where: str) -> Mapping[str, Any]:
    found = _json(text, where)
    if not isinstance(found.get("config"), dict | list) or "class_name" not in found:
        raise Unreadable("the configuration describes no model", where=where, hint=_AGAIN)
    return found


def _open(content: memoryview, where: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise UsageError(
            "Keras files need h5py, which is not installed",
            where=where,
            hint="pip install 'octavo[keras]', or export a SavedModel: model.export(directory)",
        ) from error
    try:
        return h5py.File(_Window(content), "r")
    except (OSError, ValueError, RuntimeError) as error:
        raise Unreadable(f"the HDF5 data is damaged: {error}", where=where, hint=_AGAIN) from error


@dataclass(frozen=True, slots=True)
class _View:
    """Arrays of datasets: views of `content` where they are stored in one piece, unfiltered."""

    content: memoryview
    where: str

    def __call__(self, dataset: Any) -> Array:
        where = f"{self.where}, {dataset.name}"
        try:
            offset = dataset.id.get_offset()
            array: Array = np.asarray(dataset[()]) if offset is None else self._mapped(dataset, offset)
        except (OSError, ValueError, AttributeError) as error:
            raise Unreadable(f"a weight cannot be read: {error}", where=where, hint=_AGAIN) from error
        if dataset.attrs.get("dtype") == "bfloat16":
            array = array.view(ml_dtypes.bfloat16)
        return array.astype(np.float32, copy=False) if array.dtype.kind in "fV" else array

    def _mapped(self, dataset: Any, offset: int) -> Array:
        count = int(np.prod(dataset.shape, dtype=np.int64))
        return np.frombuffer(self.content, dataset.dtype, count, offset).reshape(dataset.shape)


class _Window(io.RawIOBase):
    """Bytes as a file, without a copy."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: len(self._content)}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        part = self._content[self._at : self._at + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
