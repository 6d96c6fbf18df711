"""Recordings as samples."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from octavo.errors import SamplesError
from octavo.gather.table import table_of
from octavo.ir.source import Array
from octavo.samples import Input, Samples

SUFFIXES = frozenset({".wav", ".wave"})
CONVERT = "convert it, for example: ffmpeg -i in.wav -ar {rate} -c:a pcm_s16le out.wav"


@dataclass(frozen=True, slots=True)
class Sounds:
    """Recordings as samples: `octavo.Sounds("clips", rate=16000)`.

    `source` is a folder of WAV files (with a folder for each class, if labels are wanted), or a CSV of paths and
    labels. Numbers are -1 to 1 for a model that takes float32, and as stored for one that takes int16; several channels
    become their mean. What is shorter than the model's input is filled with silence, what is longer is cut. With
    `rate`, a recording of another rate is an error.
    """

    source: str | Path
    rate: int | None = None

    def read(self, inputs: tuple[Input, ...]) -> Samples:
        """The recordings as the model takes them, one call at a time.

        Raises:
            SamplesError: the model takes something else than one recording, or there are none.
        """
        shape = inputs[0].shape
        if len(inputs) != 1 or len(shape) not in (1, 2, 3) or (len(shape) == 3 and 1 not in shape[1:]):
            told = ", ".join(f"{each.name}: {list(each.shape)}" for each in inputs)
            hint = "if it takes spectrograms, pass a function that yields them"
            raise SamplesError(f"recordings fit one input [batch, samples], the model has {told}", hint=hint)
        files = table_of(Path(self.source), SUFFIXES)
        made = lambda: (self._fitted(path, inputs[0]) for path in files.files)  # noqa: E731  # a fresh generator each time
        return Samples(inputs, made, len(files.files), str(self.source), files.labels)

    def _fitted(self, path: Path, input: Input) -> Array:
        """The recording in the shape and dtype of the input."""
        numbers = load(path, rate=self.rate)
        if input.dtype == np.int16:
            numbers = np.rint(numbers * 32768).clip(-32768, 32767).astype(np.int16)
        inner = input.shape if len(input.shape) == 1 else input.shape[1:]
        length = next((dim for dim in inner if dim != 1), len(numbers))
        length = length if isinstance(length, int) else len(numbers)
        fitted = np.zeros(length, numbers.dtype)
        fitted[: min(length, len(numbers))] = numbers[:length]
        return fitted.reshape([1, *(length if dim != 1 else 1 for dim in inner)][1 if len(input.shape) == 1 else 0 :])


def load(path: Path, *, rate: int | None = None) -> Array:
    """A WAV file as float32[samples] of -1 to 1; several channels become their mean.

    Raises:
        SamplesError: it is damaged, not PCM, or of another rate.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, found = file.getnchannels(), file.getsampwidth(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        told = str(error) or "it ends too early"
        raise SamplesError(
            f"the recording cannot be read: {told}", where=str(path), hint=CONVERT.format(rate=rate or 16000)
        ) from error
    if rate is not None and found != rate:
        hint = CONVERT.format(rate=rate)
        raise SamplesError(f"the recording has {found} samples a second, not {rate}", where=str(path), hint=hint)
    numbers = _pcm(content[: len(content) // (width * channels) * width * channels], width)
    return np.asarray(numbers.reshape(-1, channels).mean(axis=1, dtype=np.float32))


def _pcm(content: bytes, width: int) -> Array:
    """PCM of 8 bits (unsigned), 16, 24 or 32 as float32 of -1 to 1."""
    if width == 1:
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) / 128
    if width == 3:
        parts = np.frombuffer(content, np.uint8).reshape(-1, 3)
        wide: Any = np.zeros((len(parts), 4), np.uint8)
        wide[:, 1:] = parts
        return np.asarray(wide.view("<i4")[:, 0].astype(np.float32) / 2**31)
    return np.asarray(np.frombuffer(content, f"<i{width}").astype(np.float32) / 2 ** (8 * width - 1))
