"""The models that coverage is measured on: every layer, operation, small network and family, by name.

Most are the cases that the differential tests use (`tests/differential/keras_layers.py`, `tests/models/networks.py`);
here stand those layers whose inputs or answers these tests cannot hold: strings, tables, hashes, variable lengths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

for folder in ("differential", "models"):
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / folder))
import keras_layers  # noqa: E402  # of the tests
import networks  # noqa: E402

import zoo  # noqa: E402

L = keras.layers
Samples = dict[str, np.ndarray]


@dataclass(frozen=True)
class Subject:
    """A model to convert: its group, how to make it, and its inputs by name for a number of samples."""

    group: str
    make: Callable[[], keras.Model]
    samples: Callable[[int, int], Samples]
    batch: int = 3
    """How many samples go into a run; 1 for models of a fixed batch."""


def subjects() -> dict[str, Subject]:
    """All of them, the quick ones first."""
    return {**_layers(), **_more(), **_networks(), **_families()}


def _layers() -> dict[str, Subject]:
    cases = {**keras_layers.CASES, **keras_layers.LATER}
    return {name: Subject("layers and operations", case.model, _of_case(case)) for name, case in cases.items()}


def _of_case(case: keras_layers.Case) -> Callable[[int, int], Samples]:
    def samples(count: int, seed: int) -> Samples:
        drawn = case.samples(count + seed)
        return {name: array[seed:] for name, array in drawn.items()}

    return samples


def _networks() -> dict[str, Subject]:
    def samples(name: str, count: int, seed: int) -> Samples:
        return networks.drawn(networks.built(name), count, seed=seed)

    return {
        name: Subject("networks", partial(networks.built, name), partial(samples, name)) for name in networks.NETWORKS
    }


def _families() -> dict[str, Subject]:
    """Those of keras.applications: the zoo's SavedModels are loaded back, since these hold the weights."""
    return {name: Subject("families", partial(_family, name), partial(_images, name)) for name in zoo.names()}


def _family(name: str) -> keras.Model:
    """The family with the zoo's scaled weights."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    return zoo.model(name)


def _images(name: str, count: int, seed: int) -> Samples:
    (key,) = np.load(zoo.build(name).parent / "calibration.npz").files
    return {key: zoo.samples(name).evaluation[seed : seed + count]}


def _more() -> dict[str, Subject]:
    """Layers of the inventory that no test case holds."""
    text, words = ["cat", "dog", "fish"], np.array([b"dog", b"cow", b"cat", b"fish"], object)

    def strings(count: int, seed: int, *, width: int = 4) -> Samples:
        return {"x0": np.resize(np.roll(words, seed), (count, width)).astype(object)}

    def numbers(count: int, seed: int, *, width: int = 4) -> Samples:
        return {"x0": np.random.default_rng(seed).integers(0, 9, (count, width)).astype(np.int64)}

    def reals(*shape: int) -> Callable[[int, int], Samples]:
        return lambda count, seed: {
            "x0": np.random.default_rng(seed).uniform(-2, 2, (count, *shape)).astype(np.float32)
        }

    def one(layer: Callable[[], Any], shape: tuple[int | None, ...], dtype: str = "float32", batch: Any = None) -> Any:
        def make() -> keras.Model:
            keras.utils.clear_session()
            keras.utils.set_random_seed(4)
            given = keras.Input(shape, name="x0", dtype=dtype, batch_size=batch)
            return keras.Model(given, layer()(given))

        return make

    def subject(make: Callable[[], keras.Model], samples: Callable[[int, int], Samples], batch: int = 3) -> Subject:
        return Subject("layers and operations", make, samples, batch)

    def stacked(x: Any) -> Any:
        return L.Dense(2)(L.GRU(4)(L.LSTM(5, return_sequences=True)(x)))

    def joined(x: Any) -> Any:
        return L.HashedCrossing(7)([x[:, 0], x[:, 1]])

    steps = reals(6, 4)
    return {
        "lstm_sequences": subject(one(lambda: L.LSTM(3, return_sequences=True), (6, 4)), steps),
        "lstm_one_sample": subject(one(lambda: L.LSTM(3), (6, 4), batch=1), steps, 1),
        "lstm_any_length": subject(one(lambda: L.LSTM(3), (None, 4)), steps),
        "gru_reset_before": subject(one(lambda: L.GRU(3, reset_after=False), (6, 4)), steps),
        "masking_gru": subject(one(lambda: lambda x: L.GRU(3)(L.Masking()(x)), (6, 4)), steps),
        "embedding_mask_lstm": subject(
            one(lambda: lambda x: L.LSTM(3)(L.Embedding(9, 4, mask_zero=True)(x)), (4,), "int64"), numbers
        ),
        "stacked_recurrent": subject(one(lambda: stacked, (6, 4)), steps),
        "conv_lstm_1d": subject(one(lambda: L.ConvLSTM1D(2, 3), (4, 8, 2)), reals(4, 8, 2)),
        "global_max_3d": subject(one(L.GlobalMaxPooling3D, (3, 4, 5, 2)), reals(3, 4, 5, 2)),
        "up_sampling_3d": subject(one(L.UpSampling3D, (3, 4, 5, 2)), reals(3, 4, 5, 2)),
        "zero_padding_3d": subject(one(L.ZeroPadding3D, (3, 4, 5, 2)), reals(3, 4, 5, 2)),
        "cropping_3d": subject(one(L.Cropping3D, (3, 4, 5, 2)), reals(3, 4, 5, 2)),
        "stft_spectrogram": subject(
            one(lambda: L.STFTSpectrogram(frame_length=32, frame_step=16), (200, 1)), reals(200, 1)
        ),
        "categories": subject(one(lambda: L.CategoryEncoding(9, output_mode="multi_hot"), (4,), "int64"), numbers),
        "string_lookup": subject(one(lambda: L.StringLookup(vocabulary=text), (4,), "string"), strings),
        "string_lookup_inverted": subject(
            one(lambda: L.StringLookup(vocabulary=text, invert=True), (4,), "int64"), numbers
        ),
        "string_lookup_multi_hot": subject(
            one(lambda: L.StringLookup(vocabulary=text, output_mode="multi_hot"), (4,), "string"), strings
        ),
        "integer_lookup_dense": subject(
            one(lambda: L.IntegerLookup(vocabulary=[*range(3, 8)]), (4,), "int64"), numbers
        ),
        "integer_lookup_inverted": subject(
            one(lambda: L.IntegerLookup(vocabulary=[4, 99, 7], invert=True), (4,), "int64"),
            lambda count, seed: {"x0": numbers(count, seed)["x0"] % 4},
        ),
        "integer_lookup_sparse": subject(
            one(lambda: L.IntegerLookup(vocabulary=[2, 700_000, 5]), (4,), "int64"), numbers
        ),
        "text_vectorization": subject(
            one(lambda: L.TextVectorization(vocabulary=text, output_sequence_length=4), (1,), "string"),
            partial(strings, width=1),
        ),
        "hashed_crossing": subject(one(lambda: joined, (2,), "int64"), partial(numbers, width=2)),
    }


def home() -> Path:
    """Where models and results are kept between runs."""
    return Path(os.environ.get("OCTAVO_COVERAGE") or zoo.home().parent / "octavo-coverage")
