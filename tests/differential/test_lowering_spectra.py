"""Fourier transforms, complex numbers and sound mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, codes, tf

RANDOM = np.random.default_rng(6)
LENGTHS = [5, 8, 12, 33, 512]


def parts(c):
    return tf.math.real(c), tf.math.imag(c)


def of(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("length", LENGTHS)
def test_real_transforms_and_back(length):
    agree(lambda x: parts(tf.signal.rfft(x)), of(3, length), dynamic=(0,))
    agree(lambda x: parts(tf.signal.rfft(x, [length + 3])), of(2, 2, length))
    agree(lambda x: tf.abs(tf.signal.rfft(x, [length])), of(2, length + 3))
    agree(lambda a, b: tf.signal.irfft(tf.complex(a, b), [length]), *[of(2, length // 2 + 1)] * 2, dynamic=(0, 1))
    agree(lambda x: tf.signal.irfft(tf.signal.rfft(x) * 0.5), of(2, length // 2 * 2), dynamic=(0,))


@pytest.mark.parametrize("length", LENGTHS)
def test_complex_transforms_and_back(length):
    agree(lambda a, b: parts(tf.signal.fft(tf.complex(a, b))), of(3, length), of(3, length), dynamic=(0, 1))
    agree(lambda a, b: parts(tf.signal.ifft(tf.complex(a, b))), of(3, length), of(3, length))
    agree(lambda x: parts(tf.signal.fft(tf.cast(x, tf.complex64))), of(3, length), dynamic=(0,))


def test_transforms_over_as_many_points_as_there_are_at_run_time():
    agree(lambda x: parts(tf.signal.fft2d(tf.cast(x, tf.complex64))), of(5, 3), dynamic=(0,))
    agree(lambda a, b: parts(tf.signal.fft2d(tf.complex(a, b))), of(6, 3), of(6, 3), dynamic=(0, 1))
    agree(lambda a, b: parts(tf.signal.ifft2d(tf.complex(a, b))), of(7, 4), of(7, 4), dynamic=(0, 1))


@pytest.mark.parametrize("size", [(4, 8), (3, 10), (8, 512)])
def test_transforms_of_images(size):
    agree(lambda x: parts(tf.signal.rfft2d(x)), of(2, *size), dynamic=(0,))
    agree(lambda x: parts(tf.signal.fft2d(tf.complex(x, x * x))), of(2, *size))
    agree(lambda x: tf.signal.irfft2d(tf.signal.rfft2d(x)), of(2, *size), dynamic=(0,))
    agree(lambda x: parts(tf.signal.ifft2d(tf.complex(x, x * x))), of(2, *size))


def test_transforms_of_volumes():
    agree(lambda x: parts(tf.signal.rfft3d(x)), of(2, 3, 4, 5))
    agree(lambda x: parts(tf.signal.fft3d(tf.complex(x, -x))), of(2, 3, 4, 5))


def test_long_powers_of_two_are_one_rfft2d():
    assert codes(agree(lambda x: tf.abs(tf.signal.rfft(x)), of(2, 1024), dynamic=(0,))).count("RFFT2D") == 1
    short = codes(agree(lambda x: tf.math.real(tf.signal.rfft(x)), of(2, 64), dynamic=(0,)))
    assert short == ["FULLY_CONNECTED", "SLICE"]


def test_arithmetic_with_complex_numbers():
    constant = np.array([1 + 2j, -0.5j, 3], np.complex64)

    def function(a, b):
        x, y = tf.complex(a, b), tf.complex(b, a + 3)
        z = (x + y) * (x - constant) / y
        z = tf.exp(-0.1 * tf.transpose(z)) + tf.math.conj(tf.square(tf.reshape(z, [3, -1])))
        z = tf.concat([z[:, ::2], tf.stack([z[:, 0], z[:, 1]], 1)], 1)
        return *parts(z), tf.math.angle(z), tf.abs(z), tf.cast(z, tf.float32), tf.reduce_sum(tf.abs(z * 2))

    agree(function, of(4, 3), of(4, 3), within=1e-4)


def test_products_of_complex_matrices():
    m = (of(3, 4) + 1j * of(3, 4)).astype(np.complex64)
    agree(lambda a: parts(tf.matmul(tf.complex(a, -a), m)), of(2, 3), dynamic=(0,))
    agree(lambda a: parts(tf.linalg.adjoint(tf.complex(a, a * a))), of(2, 3, 4))


@pytest.mark.parametrize("length", [64, 400, 512])
def test_short_time_spectra(length):
    def function(x):
        frames = tf.signal.stft(x, length, length // 2, window_fn=tf.signal.hann_window)
        mel = tf.signal.linear_to_mel_weight_matrix(20, frames.shape[-1], 16000, 100.0, 7000.0)
        return tf.math.log(tf.matmul(tf.abs(frames) ** 2, mel) + 1e-6)

    agree(function, of(2, 2000), within=2e-5)  # two sums in a row


def test_sound_comes_back():
    def function(x):
        return tf.signal.inverse_stft(tf.signal.stft(x, 64, 32), 64, 32)

    agree(function, of(2, 640))


@pytest.mark.parametrize("squared", [True, False])
def test_spectrograms_and_cepstra_of_speech_models(squared):
    def function(x):
        loud = tf.raw_ops.AudioSpectrogram(input=x, window_size=480, stride=160, magnitude_squared=squared)
        return loud, tf.raw_ops.Mfcc(spectrogram=loud, sample_rate=16000, upper_frequency_limit=4000,
                                     lower_frequency_limit=20, filterbank_channel_count=40, dct_coefficient_count=13)  # fmt: skip

    agree(function, RANDOM.uniform(-1, 1, (4000, 1)).astype(np.float32), within=1e-4)  # logarithms of small sums
