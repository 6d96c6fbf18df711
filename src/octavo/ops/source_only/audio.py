"""Sound as pictures: how loud each pitch is at each time."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Maximum, Mul
from octavo.ops.gather import Gather
from octavo.ops.pad import pad
from octavo.ops.source_only.fourier import half_spectrum
from octavo.ops.transpose import transpose
from octavo.ops.unary import Log, Sqrt


@lowers("tf.AudioSpectrogram")
def spectrogram(source: Source, build: Builder) -> Value:
    """[channels, times, pitches] of [samples, channels]: windows under a bell curve, transformed (`spectrogram.cc`)."""
    (sound,) = source.inputs
    require_float32(sound)
    samples = sound.shape[0]
    window, stride = source.attr("window_size", int), source.attr("stride", int)
    if not isinstance(samples, int) or samples < window:
        raise NotLoweredError("the number of samples must be known before the model runs, and fill a window")
    length = 1 << (window - 1).bit_length()
    places = np.arange(0, samples - window + 1, stride)[:, None] + np.arange(window)
    frames = build(Gather(axis=1), transpose(build, sound, (1, 0)), places.astype(np.int32))
    bell = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    shaped = build(Mul(), frames, bell.astype(np.float32))
    real, imag = half_spectrum(build, pad(build, shaped, [(0, 0), (0, 0), (0, length - window)]), length)
    energy = build(Add(), build(Mul(), real, real), build(Mul(), imag, imag))
    return energy if source.attr("magnitude_squared", bool) else build(Sqrt(), energy)


@lowers("tf.Mfcc")
def cepstrum(source: Source, build: Builder) -> Value:
    """The cosine transform of the logarithm of mel bands of a squared spectrogram (`mfcc.cc`)."""
    energy, rate = source.inputs[0], int(source.const(1, "sample rate").item())
    require_float32(energy)
    pitches, bands = energy.shape[-1], source.attr("filterbank_channel_count", int)
    if not isinstance(pitches, int):
        raise NotLoweredError("the number of pitches must be known before the model runs")
    limits = source.attr("lower_frequency_limit", float), source.attr("upper_frequency_limit", float)
    filters = mel_bands(pitches, rate, bands, limits)
    loud = matmul(build, build(Sqrt(), energy), build.const(filters.astype(np.float32)))
    logarithm = build(Log(), build(Maximum(), loud, np.float32(1e-12)))
    count = source.attr("dct_coefficient_count", int)
    waves = np.sqrt(2 / bands) * np.cos(np.pi / bands * np.arange(count) * (np.arange(bands)[:, None] + 0.5))
    return matmul(build, logarithm, build.const(waves.astype(np.float32)))


def mel_bands(pitches: int, rate: int, bands: int, limits: tuple[float, float]) -> Array:
    """[pitches, bands]: how much of each pitch each band holds; triangles that meet (`mfcc_mel_filterbank.cc`)."""
    low, high = (1127 * np.log1p(limit / 700) for limit in limits)
    centres = low + (high - low) / (bands + 1) * np.arange(1, bands + 2)
    step = 0.5 * rate / (pitches - 1)
    mels = 1127 * np.log1p(np.arange(pitches) * step / 700)
    inside = (np.arange(pitches) >= int(1.5 + limits[0] / step)) & (np.arange(pitches) <= int(limits[1] / step))
    above = np.searchsorted(centres[:bands], mels)  # the first band whose centre is not below
    edges = np.concatenate([[low], centres])
    share = (edges[above + 1] - mels) / (edges[above + 1] - edges[above])
    result = np.zeros((pitches, bands + 2))
    rows = np.flatnonzero(inside)
    result[rows, above[rows]] = share[rows]
    result[rows, above[rows] + 1] = 1 - share[rows]
    return result[:, 1 : bands + 1]
