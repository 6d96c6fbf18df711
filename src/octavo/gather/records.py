"""TFRecord files as samples, without TensorFlow."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from octavo.errors import SamplesError, did_you_mean, nearest_file
from octavo.gather.example import Feature, parse_example, records
from octavo.gather.images import Images
from octavo.ir.source import Array
from octavo.samples import Input, Samples

SUFFIXES = (".tfrecord", ".tfrecords", ".record")
LABELS = ("label", "labels", "image/class/label", "class", "y", "target")
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"RIFF")
"""How encoded pictures begin."""


@dataclass(frozen=True, slots=True)
class Records:
    """`tf.train.Example`s in TFRecord files: `octavo.Records("train.tfrecord", features={"x": "image/raw"})`.

    `source` is a file (perhaps gzipped) or a folder of them. `features` names the feature that goes into each input, by
    the input's name; by default the feature of that name, or the only one that is no label. A feature of bytes is an
    encoded picture (then `preprocess` is as for `Images`), or the input's numbers as stored. `label` names the feature
    with the label; by default one of the usual names.
    """

    source: str | Path
    features: Mapping[str, str] = field(default_factory=dict)
    label: str = ""
    preprocess: str = ""

    def read(self, inputs: tuple[Input, ...]) -> Samples:
        """The examples as the model takes them, one call at a time.

        Raises:
            SamplesError: there is no such file.
        """
        path = Path(self.source)
        if not path.exists():
            raise SamplesError("there is no such file or folder", where=str(path), hint=nearest_file(path))
        files = files_of(path)
        if not files:
            raise SamplesError(f"the folder holds no files with {', '.join(SUFFIXES)} in their names", where=str(path))
        return Samples(inputs, lambda: self._items(files, inputs), None, str(path))

    def _items(self, files: list[Path], inputs: tuple[Input, ...]) -> Iterator[Any]:
        for path in files:
            for number, features in enumerate(_examples(path)):
                where = f"{path}, record {number}"
                sample = {each.name: self._input(each, features, inputs, where) for each in inputs}
                label = self._label(features)
                yield sample if label is None else (sample, label)

    def _input(self, input: Input, features: dict[str, Feature], inputs: tuple[Input, ...], where: str) -> Any:
        name = self._name(input, features, inputs, where)
        given = features[name]
        shape = [dim if isinstance(dim, int) else -1 for dim in input.shape[1:]]
        if isinstance(given, list):
            if len(given) == 1 and given[0].startswith(PICTURES) and len(input.shape) == 4:
                return next(iter(Images([given[0]], self.preprocess).read((input,)).items()))
            given = np.frombuffer(b"".join(given), input.dtype)
        try:
            return np.asarray(given).astype(input.dtype, casting="same_kind").reshape([1, *shape])
        except (ValueError, TypeError) as error:
            told = f"feature {name!r} holds {np.asarray(given).size} numbers of {np.asarray(given).dtype}"
            wanted = ", ".join(map(str, input.shape[1:]))
            raise SamplesError(f"{told}, the model takes {input.dtype}[{wanted}]", where=where) from error

    def _name(self, input: Input, features: dict[str, Feature], inputs: tuple[Input, ...], where: str) -> str:
        """The feature that goes into the input."""
        name = self.features.get(input.name, input.name)
        if name in features:
            return name
        others = [key for key in features if key not in (*LABELS, self.label)]
        if input.name not in self.features and len(inputs) == 1:
            chosen = [key for key in ("image/encoded", "image_raw", "image", "audio", "x") if key in others]
            if chosen or len(others) == 1:
                return (chosen or others)[0]
        hint = f'octavo.Records(…, features={{"{input.name}": …}}); {did_you_mean(name, others)}'
        raise SamplesError(f"there is no feature {name!r} for the input {input.name!r}", where=where, hint=hint)

    def _label(self, features: dict[str, Feature]) -> Array | None:
        found = next((features[key] for key in ((self.label,) if self.label else LABELS) if key in features), None)
        if found is None or isinstance(found, list):
            return None
        return found if len(found) > 1 else np.asarray(found).reshape(())


def files_of(path: Path) -> list[Path]:
    """The TFRecord files at a path; shards have names such as `train.tfrecord-00000-of-00010`."""
    return (
        [path] if path.is_file() else sorted(file for file in path.iterdir() if any(s in file.name for s in SUFFIXES))
    )


def _examples(path: Path) -> Iterator[dict[str, Feature]]:
    place = -1
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        for place, record in records(content):  # noqa: B007  # told when parsing fails
            yield parse_example(record)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        where = str(path) if place < 0 else f"{path}, record at byte {place}"
        raise SamplesError(f"the TFRecord file cannot be read: {error}", where=where, hint="is it whole?") from error
