"""Cells of recurrent layers that TensorFlow 1 has in one piece, against TensorFlow."""

import numpy as np
import pytest
from lowering import agree, tf

raw = tf.raw_ops
RANDOM = np.random.default_rng(8)
INPUTS, UNITS = 3, 4


def drawn(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


STATES = drawn(2, UNITS), drawn(2, UNITS)
LOOKS = {name: drawn(UNITS) for name in ("wci", "wcf", "wco")}
WEIGHTS = {"w": drawn(INPUTS + UNITS, 4 * UNITS), "b": drawn(4 * UNITS), **LOOKS}


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_an_lstm_cell(looks, clip):
    options = {"use_peephole": looks, "cell_clip": clip, "forget_bias": 0.7, **WEIGHTS}
    agree(
        lambda x, c, h: tuple(raw.LSTMBlockCell(x=x, cs_prev=c, h_prev=h, **options)),
        drawn(2, INPUTS),
        *STATES,
        dynamic=(0, 1, 2),
    )


def looked_at(results, longest):
    """What TensorFlow computes: behind the longest sequence it sets states and outputs to zero, and leaves the rest."""
    return tuple(part if at in (1, 6) else part[:longest] for at, part in enumerate(results))


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("longest", [3, 5])
def test_an_lstm_layer(looks, longest):
    options = {"use_peephole": looks, "seq_len_max": np.int64(longest), **WEIGHTS}
    for layer, more in ((raw.BlockLSTM, {"forget_bias": 1.0, "cell_clip": 3.0}), (raw.BlockLSTMV2, {"cell_clip": 0.0})):
        agree(
            lambda x, c, h, f=layer, m=more: looked_at(f(x=x, cs_prev=c, h_prev=h, **options, **m), longest),
            drawn(5, 2, INPUTS),
            *STATES,
        )


def test_a_gru_cell():
    weights = {
        "w_ru": drawn(INPUTS + UNITS, 2 * UNITS),
        "w_c": drawn(INPUTS + UNITS, UNITS),
        "b_ru": drawn(2 * UNITS),
        "b_c": drawn(UNITS),
    }
    agree(lambda x, h: tuple(raw.GRUBlockCell(x=x, h_prev=h, **weights)), drawn(2, INPUTS), STATES[1], dynamic=(0, 1))
