"""Spectra of sounds. Sources: `stft_spectrogram.py`, `mel_spectrogram.py` and `backend/tensorflow/math.py` of Keras."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, layer
from octavo.read.keras.layers.convolution import flat_window

_LEAST: Final = np.float32(1e-7)
"""Keras's epsilon."""
_COMPLEX: Final = np.dtype(np.complex64)
_FLOAT32: Final = np.dtype(np.float32)


@layer("STFTSpectrogram")
def short_time_spectrum(layer: Layer, x: Tensor) -> Tensor:
    """Convolutions with cosines and sines, which are the layer's weights; each channel is a sound of its own."""
    emit, first, mode = layer.emit, layer.get("data_format") == "channels_first", str(layer.get("mode", "log"))
    sounds = x if first else emit.transpose(x, [0, 2, 1])
    channels, length = emit.size(sounds, 1), emit.size(sounds, 2)
    line = emit.reshape(sounds, [-1, length, 1])
    frame = int(layer.get("frame_length", 256))
    bins = int(layer.get("fft_length") or 2 ** math.ceil(math.log2(frame))) // 2 + 1
    parts: list[Tensor] = []
    for part in ("real", "imag"):
        if mode != ("imag" if part == "real" else "real"):
            kernel = layer.weight(len(parts), f"{part}_kernel", (frame, 1, bins))
            step = int(layer.get("frame_step") or frame // 2)
            padding = str(layer.get("padding", "valid"))
            made = flat_window(emit, "Conv2D", line, kernel, strides=[step], dilation=[1], padding=padding)
            parts.append(emit.reshape(made, [-1, channels, emit.size(made, 1), bins]))
    spectrum = _of_mode(layer, mode, parts)
    if layer.get("expand_dims"):
        return spectrum if first else emit.transpose(spectrum, [0, 2, 3, 1])
    width = spectrum.shape[-1]
    if not isinstance(channels, int) or not isinstance(width, int):
        raise NotLoweredError("the number of channels must be known before the model runs")
    turned = emit.transpose(spectrum, [0, 1, 3, 2] if first else [0, 2, 1, 3])
    rows = [channels * width, emit.size(spectrum, 2)]
    return emit.reshape(turned, [-1, *(rows if first else rows[::-1])])


def _of_mode(layer: Layer, mode: str, parts: list[Tensor]) -> Tensor:
    """[batch, channels, frames, bins] of the real and the imaginary part, or of one of them."""
    emit = layer.emit
    if len(parts) == 1:
        return parts[0]
    real, imaginary = parts
    if mode == "angle":
        return emit("Atan2", imaginary, real)
    if mode == "stft":
        return emit("ConcatV2", real, imaginary, np.int32(3), N=2)
    power = emit("AddV2", emit("Square", real), emit("Square", imaginary))
    if mode == "psd":
        inner = emit(
            "Slice", power, np.array([0, 0, 0, 1], np.int32), np.array([-1, -1, -1, _width(power) - 2], np.int32)
        )
        around = np.array([[0, 0], [0, 0], [0, 0], [1, 1]], np.int32)
        return emit("AddV2", power, emit("Pad", inner, around))
    magnitude = emit("Sqrt", emit("Maximum", power, _LEAST))
    return magnitude if mode == "magnitude" else emit("Log", emit("Maximum", magnitude, _LEAST))


@layer("MelSpectrogram")
def mel_spectrum(layer: Layer, x: Tensor) -> Tensor:
    """[…, mels, frames]: windows of a mirrored sound, their spectra, bands of these, and decibels if asked for."""
    emit = layer.emit
    window, size = int(layer.get("sequence_length") or layer.config["fft_length"]), int(layer.config["fft_length"])
    length = x.shape[-1]
    if not isinstance(length, int):
        raise NotLoweredError("the length of the sound must be known before the model runs")
    single = x.rank == 1
    x = emit("ExpandDims", x, np.int32(0)) if single else x
    padded = emit("MirrorPad", x, np.array([[0, 0], [size // 2] * 2], np.int32), mode="REFLECT")
    starts = np.arange(0, length + 2 * (size // 2) - size + 1, int(layer.config["sequence_stride"]))
    frames = emit("GatherV2", padded, (starts[:, None] + np.arange(size)).astype(np.int32), np.int32(1), batch_dims=0)
    weighted = emit("Mul", frames, _window(layer, window, size))
    spectrum = emit("RFFT", weighted, np.array([size], np.int32), Treal=_FLOAT32, Tcomplex=_COMPLEX)
    magnitude = emit("ComplexAbs", spectrum, T=_COMPLEX, Tout=_FLOAT32)
    powers = emit("Pow", magnitude, np.float32(layer.get("mag_exp", 2.0)))
    mels = emit("BatchMatMulV2", powers, _bands(layer, size // 2 + 1), adj_x=False, adj_y=False)
    mels = _decibels(layer, mels) if layer.get("power_to_db", True) else mels
    turned = emit.transpose(mels, [0, 2, 1])
    return emit("Squeeze", turned, squeeze_dims=[0]) if single else turned


def _decibels(layer: Layer, mels: Tensor) -> Tensor:
    """Relative to a reference, and not below the loudest of all by more than so much."""
    emit, least = layer.emit, float(layer.get("min_power", 1e-10))
    reference = 10 * math.log10(max(abs(float(layer.get("ref_power", 1.0))), least))
    logarithms = emit("Mul", emit("Log", emit("Maximum", mels, np.float32(least))), np.float32(10 / math.log(10)))
    level = emit("Sub", logarithms, np.float32(reference))
    loudest = emit("Max", level, np.arange(level.rank, dtype=np.int32), keep_dims=False)
    return emit("Maximum", level, emit("Sub", loudest, np.float32(layer.get("top_db", 80.0))))


def _window(layer: Layer, length: int, size: int) -> Array:
    """The window, in the middle of `size` numbers."""
    given = layer.get("window", "hann")
    turns = np.cos(2 * np.pi * np.arange(length) / max(length - length % 2, 1))
    if given not in ("hann", "hamming"):
        raise NotLoweredError(f"its window is {given!r}")
    edge = 0.5 if given == "hann" else 0.54
    before = (size - length) // 2
    return np.pad(edge - (1 - edge) * turns, (before, size - length - before)).astype(np.float32)


def _bands(layer: Layer, bins: int) -> Array:
    """[bins, mels]: triangles that are as wide as each other in mels; the constant part has no share."""
    rate, count = float(layer.get("sampling_rate", 16000)), int(layer.get("num_mel_bins", 128))
    low, high = float(layer.get("min_freq", 20.0)), float(layer.get("max_freq") or int(rate / 2))

    def mel(hertz: float | Array) -> Array:
        return np.asarray(1127.0 * np.log(1 + np.asarray(hertz) / 700))

    at = mel(np.linspace(0, rate / 2, bins)[1:])[:, None]
    edges = np.linspace(mel(low), mel(high), count + 2)
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (at - lower) / (centre - lower), (upper - at) / (upper - centre)
    return np.pad(np.maximum(0, np.minimum(rising, falling)), ((1, 0), (0, 0))).astype(np.float32)


def _width(x: Tensor) -> int:
    width = x.shape[-1]
    assert isinstance(width, int)  # the number of bins is an attribute
    return width
