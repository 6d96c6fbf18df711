"""Pictures as samples."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from octavo.errors import SamplesError
from octavo.gather.preprocess import Preprocess
from octavo.gather.table import LABELS, table_of
from octavo.samples import Input, Samples

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
NAMED = 'say how the model was trained: "raw" (0 to 255), "0..1", "-1..1" (also called "tf"), "torch" or "caffe"'


@dataclass(frozen=True, slots=True)
class Images:
    """Pictures as samples: `octavo.Images("photos", preprocess="torch,crop=0.875")`.

    `source` is a folder (with a folder for each class, if labels are wanted), a CSV of paths and labels, or an iterable
    of pictures (Pillow's, arrays of 0 to 255, encoded bytes), of pairs with labels, or of rows such as those of Hugging
    Face's data sets. `preprocess` is what `octavo.gather.preprocess.Preprocess.parse` reads. `size` is
    (height, width), where the model leaves these open.
    """

    source: Any
    preprocess: str | Preprocess = ""
    size: tuple[int, int] | None = None

    def read(self, inputs: tuple[Input, ...]) -> Samples:
        """The pictures as the model takes them, one call at a time.

        Raises:
            SamplesError: the model takes something else than one picture, or there are none.
        """
        origin = str(self.source) if isinstance(self.source, str | Path) else "images"
        if not self.preprocess:
            raise SamplesError("the scale of the pixels is not in the model", where=origin, hint=f"preprocess: {NAMED}")
        picture = _Picture.of(inputs, Preprocess.parse(self.preprocess), self.size)
        if not isinstance(self.source, str | Path):
            return Samples(inputs, lambda: picture.rows(self.source), _count(self.source), origin)
        files = table_of(Path(self.source), SUFFIXES)
        return Samples(inputs, lambda: map(picture.file, files.files), len(files.files), origin, files.labels)


@dataclass(frozen=True, slots=True)
class _Picture:
    """What the model's picture has to be."""

    preprocess: Preprocess
    height: int
    width: int
    mode: str

    @classmethod
    def of(cls, inputs: tuple[Input, ...], preprocess: Preprocess, size: tuple[int, int] | None) -> _Picture:
        shape = inputs[0].shape
        if len(inputs) != 1 or len(shape) != 4 or shape[3] not in MODES:
            told = ", ".join(f"{each.name}: {list(each.shape)}" for each in inputs)
            hint = "pass a function that yields the inputs of each call instead"
            raise SamplesError(
                f"pictures fit one input [batch, height, width, 1 or 3], the model has {told}", hint=hint
            )
        known = tuple(dim for dim in shape[1:3] if isinstance(dim, int)) if size is None else size
        if len(known) != 2:
            hint = "octavo.Images(…, size=(height, width)), or fix the shape of the model's input"
            raise SamplesError(f"the model takes pictures of any size: {list(shape)}", hint=hint)
        return cls(preprocess, known[0], known[1], MODES[int(str(shape[3]))])

    def file(self, path: Path) -> Any:
        return self._numbers(lambda: _open(path), str(path))

    def rows(self, source: Iterable[Any]) -> Iterator[Any]:
        for number, row in enumerate(source):
            given, label = _parts(row)
            numbers = self._numbers(lambda given=given: _open(given), f"image {number}")  # type: ignore[misc]
            yield numbers if label is None else (numbers, label)

    def _numbers(self, opened: Callable[[], Image], where: str) -> Any:
        """The picture with the batch dimension."""
        try:
            image = opened()
            return self.preprocess.numbers(image.convert(self.mode), self.height, self.width)[np.newaxis]
        except (OSError, ValueError, SyntaxError) as error:  # what Pillow raises of damaged files
            hint = "leave it out, or open and save it anew"
            raise SamplesError(f"the picture cannot be read: {error}", where=where, hint=hint) from error


def _parts(row: Any) -> tuple[Any, Any]:
    """The picture and the label, if there is one, of a pair, a row of a data set, or a picture alone."""
    if isinstance(row, tuple) and len(row) == 2:
        return row
    if isinstance(row, Mapping) and "bytes" not in row:
        label = next((row[key] for key in LABELS if key in row), None)
        pictures = [value for key, value in row.items() if key not in LABELS]
        named = [row[key] for key in ("image", "img", "picture", "pixel_values") if key in row]
        if not named and len(pictures) != 1:
            hint = 'keep one column, or rename it to "image"'
            raise SamplesError(f"none of the columns {', '.join(map(repr, row))} is a picture", hint=hint)
        return (named or pictures)[0], label
    return row, None


def _open(given: Any) -> Image:
    """A picture of Pillow's out of a path, encoded bytes, an array, or one already."""
    try:
        from PIL import Image as Pillow
    except ImportError as error:
        hint = 'pip install "octavo[images]"'
        raise SamplesError("pictures are read by Pillow, which is not installed", hint=hint) from error
    if isinstance(given, Pillow.Image):
        return given
    if isinstance(given, Mapping):  # a row of Hugging Face's that was not decoded
        given = given["bytes"] if given.get("bytes") is not None else given["path"]
    if isinstance(given, bytes):
        return Pillow.open(io.BytesIO(given))
    if isinstance(given, str | Path):
        return Pillow.open(given)
    array = np.asarray(given)
    if array.dtype != np.uint8:
        raise ValueError(f"an array of {array.dtype}; pixels are uint8, 0 to 255")
    return Pillow.fromarray(array[..., 0] if array.ndim == 3 and array.shape[-1] == 1 else array)


def _count(source: Any) -> int | None:
    return len(source) if hasattr(source, "__len__") else None
