"""What is done to a picture before a model sees it, by the names that the usual families of models give it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from octavo.errors import UsageError, did_you_mean
from octavo.ir.source import Array

if TYPE_CHECKING:
    from PIL.Image import Image

Scale = Literal["raw", "0..1", "-1..1", "tf", "torch", "caffe"]
"""How pixels become numbers.

- `raw`: 0 to 255, as stored (EfficientNet, ConvNeXt and MobileNetV3 of keras.applications scale inside).
- `0..1`: divided by 255.
- `-1..1`, which keras.applications calls `tf`: divided by 127.5, less one (MobileNet, Inception, Xception, NASNet).
- `torch`: 0 to 1, less ImageNet's mean, divided by its deviation, per channel (DenseNet; PyTorch's models).
- `caffe`: BGR, less ImageNet's mean, 0 to 255 (ResNet, VGG of keras.applications).
"""
Fit = Literal["crop", "stretch", "pad"]
"""How a picture gets the model's size: the middle of it, as far as the shape goes; all of it, stretched; all of it,
with black bars."""
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
CAFFE_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
"""Of blue, green and red."""
FILTERS = {"nearest": 0, "bilinear": 2, "bicubic": 3}
"""Interpolations, by Pillow's numbers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to a picture: the scale of its numbers, and how it gets its size.

    `crop` is the part of the shorter side that remains with `fit="crop"`: 0.875 is the evaluation of most ImageNet
    models. `filter` interpolates: nearest, bilinear or bicubic.
    """

    scale: Scale
    fit: Fit = "crop"
    crop: float = 1.0
    filter: str = "bilinear"

    @classmethod
    def parse(cls, text: str | Preprocess) -> Preprocess:
        """What a text such as `torch` or `tf,crop=0.875,filter=bicubic` or `0..1,fit=stretch` says.

        Raises:
            UsageError: a word is none of these.
        """
        if isinstance(text, Preprocess):
            return text
        scale, *options = (part.strip() for part in text.split(","))
        found = cls(scale=_one_of(scale, get_args(Scale), text))  # type: ignore[arg-type]  # just checked
        for option in options:
            key, _, value = option.partition("=")
            found = replace(found, **_option(key.strip(), value.strip(), text))
        return found

    def numbers(self, image: Image, height: int, width: int) -> Array:
        """The picture as the model takes it, [height, width, channels]: float32, or uint8 if raw."""
        sized = self._sized(image, height, width)
        pixels = np.asarray(sized)
        pixels = pixels[..., np.newaxis] if pixels.ndim == 2 else pixels
        return scaled(pixels, self.scale)

    def _sized(self, image: Image, height: int, width: int) -> Image:
        if image.size == (width, height) and (self.fit != "crop" or self.crop == 1):
            return image
        chosen: Any = FILTERS[self.filter]
        if self.fit == "stretch":
            return image.resize((width, height), chosen)
        ratios = (width / image.width, height / image.height)
        if self.fit == "pad":
            factor = min(ratios)
            size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
            canvas = _blank(image, width, height)
            canvas.paste(image.resize(size, chosen), ((width - size[0]) // 2, (height - size[1]) // 2))
            return canvas
        across, down = (self.crop * length / max(ratios) for length in (width, height))
        left, top = (image.width - across) / 2, (image.height - down) / 2
        return image.resize((width, height), chosen, box=(left, top, left + across, top + down))


def scaled(pixels: Array, scale: Scale) -> Array:
    """Pixels of 0 to 255, [..., channels], as numbers of that scale."""
    if scale == "raw":
        return pixels
    numbers = pixels.astype(np.float32)
    if scale == "0..1":
        return numbers / np.float32(255)
    if scale in ("-1..1", "tf"):
        return numbers / np.float32(127.5) - np.float32(1)
    if scale == "torch":
        return (numbers / np.float32(255) - MEAN) / DEVIATION
    return numbers[..., ::-1] - CAFFE_MEAN


def _blank(image: Image, width: int, height: int) -> Image:
    from PIL import Image as Pillow

    return Pillow.new(image.mode, (width, height))


def _one_of(word: str, known: tuple[str, ...], text: str) -> str:
    if word not in known:
        raise UsageError(f"{word!r} is no preprocessing", where=f"{text!r}", hint=did_you_mean(word, known))
    return word


def _option(key: str, value: str, text: str) -> dict[str, Any]:
    if key == "fit":
        return {"fit": _one_of(value, get_args(Fit), text)}
    if key == "filter":
        return {"filter": _one_of(value, tuple(FILTERS), text)}
    if key == "crop" and value.replace(".", "", 1).isdecimal() and 0 < float(value) <= 1:
        return {"crop": float(value)}
    hint = "options: fit=crop|stretch|pad, crop=0.875, filter=nearest|bilinear|bicubic"
    raise UsageError(f"{key}={value} is no option of preprocessing", where=f"{text!r}", hint=hint)
