"""Operations that move elements, and those that count or order them, mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, codes, tf

RANDOM = np.random.default_rng(8)
A = RANDOM.standard_normal((2, 4, 3)).astype(np.float32)
LONG = RANDOM.standard_normal((2, 7, 5, 3)).astype(np.float32)
raw = tf.raw_ops


@pytest.mark.parametrize("shape", [[-1, 12], [2, 3, 4], [-1], [2, -1, 1, 2]])
def test_reshape_to_a_constant_shape(shape):
    agree(lambda x: tf.reshape(x, shape), A)


def test_squeeze_and_expand_keep_the_batch_open():
    graph = agree(lambda x: tf.squeeze(tf.expand_dims(tf.expand_dims(x, -1), 1), [1, -1]), A, dynamic=(0,))
    assert set(codes(graph)) <= {"RESHAPE"}
    agree(tf.squeeze, A[:, :1])
    agree(lambda x: tf.expand_dims(x, 0), A, dynamic=(0,))


@pytest.mark.parametrize("axis", [1, 2, -1, 0])
def test_joining_and_stacking(axis):
    agree(lambda x, y: tf.concat([x, y, x], axis), A, -A, dynamic=(0, 1))
    agree(lambda x, y: raw.Concat(concat_dim=axis, values=[x, y]) if axis >= 0 else x, A, -A)
    agree(lambda x, y: tf.stack([x, y], axis), A, -A, dynamic=(0, 1))


def test_taking_apart():
    agree(lambda x: tf.split(x, 2, axis=1), A, dynamic=(0,))
    agree(lambda x: tf.split(x, [1, -1, 2], axis=-2), A, dynamic=(0,))
    agree(lambda x: tf.split(x, [2, 2], axis=1), A, dynamic=(0,))
    agree(lambda x: tf.unstack(x, axis=-1), A, dynamic=(0,))
    agree(lambda x: tf.unstack(x, axis=0), A)


SLICES = {
    "one index": lambda x: x[:, 2],
    "an index from the end": lambda x: x[:, -1],
    "a range": lambda x: x[:, 1:6, :, 1:],
    "from the end": lambda x: x[:, -4:-1],
    "steps": lambda x: x[:, ::2, 1::3],
    "backwards": lambda x: x[:, ::-1, 4:1:-2],
    "an ellipsis in front": lambda x: x[..., 0],
    "an ellipsis in the middle": lambda x: x[:, ..., 1:2],
    "new axes": lambda x: x[:, tf.newaxis, 1, ..., tf.newaxis],
    "a new axis alone": lambda x: x[tf.newaxis],
    "everything": lambda x: x[:, :, ...],
    "the first of the batch": lambda x: x[:1],
    "all but the first of the batch": lambda x: x[1:],
    "all but the last of the batch": lambda x: x[:-1],
    "an index of the batch": lambda x: x[0, 1],
    "every second of the batch": lambda x: x[::2],
    "more than there is": lambda x: x[:, 3:100],
    "nothing": lambda x: x[:, 5:5],
    "up to a length that is read from the shape": lambda x: x[:, : tf.shape(x)[2]],
    "up to the batch": lambda x: x[: tf.shape(x)[0], 1:],
    "all but one, counted": lambda x: x[: tf.shape(x)[0] - 1],
}


@pytest.mark.parametrize("name", SLICES)
def test_strided_slices(name):
    agree(SLICES[name], LONG, dynamic=(0,))
    agree(SLICES[name], LONG)


def test_what_slices_nothing_is_no_operation():
    assert codes(agree(SLICES["everything"], LONG, dynamic=(0,))) == []
    assert codes(agree(SLICES["up to the batch"], LONG, dynamic=(0,))) == ["STRIDED_SLICE"]


def test_slices_by_size():
    agree(lambda x: tf.slice(x, [0, 1, 0], [-1, 2, 3]), A, dynamic=(0,))
    agree(lambda x: tf.slice(x, [0, 1, 0], [tf.shape(x)[0], 2, -1]), A, dynamic=(0,))
    assert codes(agree(lambda x: tf.slice(x, [0, 0, 0], [-1, 4, 3]), A, dynamic=(0,))) == []


def test_filling_and_tiling():
    agree(lambda x: x + tf.fill([4, 3], 2.5), A, dynamic=(0,))
    agree(lambda x: tf.fill(tf.stack([tf.shape(x)[0], 5]), 2.0), A, dynamic=(0,))
    agree(lambda x: (tf.zeros_like(x), tf.ones_like(x)), A, dynamic=(0,))
    agree(lambda x: (tf.zeros_like(x) + x, tf.ones_like(x) + x), A)
    agree(lambda x: tf.tile(x, [1, 2, 3]), A, dynamic=(0,))
    agree(lambda x: tf.tile(x, [1, 1, 1]), A, dynamic=(0,))


def test_stretching():
    agree(lambda x: tf.broadcast_to(x, [2, 4, 3]), A[:, :1])
    graph = agree(lambda x: tf.broadcast_to(x, tf.stack([tf.shape(x)[0], 4, 3])), A[:, :1], dynamic=(0,))
    assert codes(graph) == ["TILE"]
    agree(lambda x: tf.broadcast_to(x[0, 0], tf.shape(x)), A, dynamic=(0,))


def test_ranges():
    agree(lambda x: x + tf.range(3.0), A, dynamic=(0,))
    agree(lambda x: tf.range(tf.shape(x)[0]), A, dynamic=(0,))
    agree(lambda x: tf.range(0, 2 * tf.shape(x)[0] + 1, 2), A, dynamic=(0,))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_where_extremes_stand(dtype):
    agree(lambda x: tf.argmax(x, -1, output_type=dtype), A, dynamic=(0,))
    agree(lambda x: tf.argmin(x, 1, output_type=dtype), A, dynamic=(0,))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    indices = np.array([[0, 3, 5], [1, -1, 2]], np.int32)
    agree(lambda i: tf.one_hot(i, 4, 2.0, -1.0, axis=axis), indices, dynamic=(0,))
    agree(lambda i: tf.one_hot(i, 4, axis=axis), indices.astype(np.int64), dynamic=(0,))


def test_the_greatest_elements_in_order():
    agree(lambda x: tf.math.top_k(x, 2), A, dynamic=(0,))
    agree(lambda x: raw.TopKV2(input=x, k=2), np.array([[3, 1, 3, 2]], np.int32))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("exclusive", [False, True])
def test_running_sums(exclusive, reverse):
    agree(lambda x: tf.cumsum(x, 1, exclusive=exclusive, reverse=reverse), A, dynamic=(0,))


def test_reversing():
    agree(lambda x: tf.reverse(x, [-1]), A, dynamic=(0,))
    assert codes(agree(lambda x: tf.reverse(x, [0, 2]), A, dynamic=(0,))) == ["REVERSE_V2", "REVERSE_V2"]
    assert codes(agree(lambda x: tf.reverse(x, [2, 1]), A, dynamic=(0,))) == ["REVERSE_V2"]
    lengths = tf.constant([1, 3])
    agree(lambda x: tf.reverse_sequence(x, lengths, seq_axis=1, batch_axis=0), A)
    agree(lambda x: tf.reverse_sequence(x, tf.constant([1, 2, 2, 0]), seq_axis=0, batch_axis=1), A)


@pytest.mark.parametrize("axis", [1, -1])
def test_rolling(axis):
    agree(lambda x: tf.roll(x, 2, axis), A, dynamic=(0,))
    agree(lambda x: tf.roll(x, [-1, 4], [1, 2]), A, dynamic=(0,))


@pytest.mark.parametrize("shift", [2, -3, 9])
def test_rolling_over_as_many_elements_as_there_are_at_run_time(shift):
    agree(lambda x: tf.roll(x, shift, 0), A, dynamic=(0,))


def test_places_of_what_is_true():
    agree(tf.where, A > 0, dynamic=(0,))


def test_bands_of_matrices():
    agree(lambda x: tf.linalg.band_part(x, -1, 0), A, dynamic=(0,))
    agree(lambda x: tf.linalg.band_part(x, 1, 0), A, dynamic=(0,))


@pytest.mark.parametrize("turn", [tf.identity, tf.transpose], ids=["rows", "columns"])
def test_bands_of_matrices_whose_size_is_known_at_run_time(turn):
    for lower, upper in [(-1, 0), (1, 2), (0, -1)]:
        agree(lambda x, b=(lower, upper): tf.linalg.band_part(turn(x), *b), A[:, :, 0], dynamic=(0,))
    agree(lambda x: tf.linalg.band_part(turn(x), tf.shape(x)[0] - 2, 3 - tf.shape(x)[0]), A[:, :, 0], dynamic=(0,))
    agree(lambda x, n: tf.linalg.band_part(turn(x), n, -n), A[:, :, 0], np.array(1, np.int64), dynamic=(0,))


def test_what_hands_on_its_input():
    agree(lambda x: tf.identity_n([tf.stop_gradient(x), tf.ensure_shape(x, [None, 4, 3])]), A, dynamic=(0,))
    agree(lambda x: (tf.size(x), tf.rank(x), tf.shape(x, tf.int64)), A, dynamic=(0,))
    agree(lambda x, y: tf.shape_n([x, y]), A, A[:, 0], dynamic=(0, 1))


def test_int64_is_taken_apart_by_slices_because_unpack_has_no_kernel_for_it():
    x = np.arange(12).reshape(2, 3, 2)
    graph = agree(lambda x: tf.unstack(x, axis=1), x, dynamic=[0])
    assert set(codes(graph)) == {"SLICE", "RESHAPE"}
