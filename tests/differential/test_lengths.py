"""Lengths that are known only when the model runs: those that numbers say, and those that follow from a shape."""

import numpy as np
import pytest

import octavo
from octavo.runtime import Runtime

tf = pytest.importorskip("tensorflow")
RANDOM = np.random.default_rng(3)
TABLE = RANDOM.standard_normal((16, 4)).astype(np.float32)
COUNT = [tf.TensorSpec([], tf.int32, name="n")]
COUNTS = [(np.int32(3),), (np.int32(1),), (np.int32(7),)]
NONE = (np.int32(0),)
TEXT = [tf.TensorSpec([None, None, 4], tf.float32, name="x")]
TEXTS = [(RANDOM.standard_normal(shape).astype(np.float32),) for shape in ((1, 3, 4), (2, 5, 4), (2, 1, 4))]
LENGTHS = [tf.TensorSpec([None], tf.int32, name="lengths")]
SOME_LENGTHS = [(np.array([1, 3, 0], np.int32),), (np.array([2], np.int32),)]


def long(x):
    return tf.shape(x)[1]


def positions(x):
    return x + tf.gather(TABLE, tf.range(long(x)))


FROM_A_SHAPE = {
    "positions": positions,
    "positions after others": lambda x: x + tf.gather(TABLE, tf.range(2, long(x) + 2)),
    "a slice of the positions": lambda x: x + tf.constant(TABLE)[: long(x)],
    "a slice up to twice the length": lambda x: tf.constant(TABLE)[long(x) : 2 * long(x)],
    "real numbers": lambda x: tf.range(tf.cast(long(x), tf.float32)),
    "wide numbers": lambda x: tf.range(tf.cast(long(x), tf.int64)),
    "backwards": lambda x: tf.range(long(x) - 1, -1, -1),
    "every other": lambda x: tf.range(0, long(x), 2),
    "half": lambda x: tf.range(tf.cast(long(x), tf.float32) / 2),
    "half, rounded": lambda x: tf.range(long(x) // 2),
    "four at least": lambda x: tf.range(tf.maximum(long(x), 4)),
    "four at most": lambda x: tf.range(tf.minimum(long(x), 4)),
    "around zero": lambda x: tf.range(1 - long(x), long(x)),
    "no position sees later ones": lambda x: tf.linalg.band_part(tf.ones([long(x), long(x)]), -1, 0),
    "positions compared": lambda x: tf.range(long(x)) <= tf.range(long(x))[:, None],
    "zeros": lambda x: tf.zeros([tf.shape(x)[0], long(x), 3]),
    "filled with a sum": lambda x: tf.fill(tf.shape(x)[:2], tf.reduce_sum(x)),
    "between two ends": lambda x: tf.linspace(0.0, 1.0, long(x)),
    "sines and cosines": lambda x: tf.sin(tf.cast(tf.range(long(x)), tf.float32)[:, None] / np.float32([1, 10])),
}
FROM_A_NUMBER = {
    "numbers": tf.range,
    "odd numbers": lambda n: tf.range(n) * 2 + 1,
    "one range and a longer one": lambda n: (tf.range(n) + tf.range(n), tf.range(n + 1)),
    "in steps of it": lambda n: tf.range(0, 10, n + 1),
    "in real steps": lambda n: tf.range(0.0, tf.cast(n, tf.float32), 0.5),
    "zeros": lambda n: tf.zeros([n, 3]),
    "full of it": lambda n: tf.fill([n, n], n),
    "at least two, at most two": lambda n: tf.zeros([tf.maximum(n, 2), tf.minimum(n, 2)]),
    "their sum": lambda n: tf.reduce_sum(tf.range(n)),
    "rows of a table": lambda n: tf.gather(TABLE, tf.range(n)),
    "the first rows": lambda n: tf.constant(TABLE)[:n],
    "the rows in between": lambda n: tf.constant(TABLE)[n : n + 3],
    "one row": lambda n: tf.constant(TABLE)[n],
    "repeated": lambda n: tf.tile(tf.constant([[1.0, 2.0]]), [n, 1]),
    "in another shape": lambda n: tf.reshape(tf.range(2 * n), [n, 2]),
    "in a shape with an open length": lambda n: tf.reshape(tf.range(2 * n), [2, -1]),
    "with borders": lambda n: tf.pad(tf.ones([2, 2]), [[0, n], [n, 0]]),
    "broadcast": lambda n: tf.broadcast_to(tf.constant([1.0, 2.0]), [n, 2]),
    "joined": lambda n: tf.concat([tf.zeros([n, 4]), tf.constant(TABLE)], 0),
    "a grid": lambda n: tf.meshgrid(tf.range(n), tf.range(n + 1)),
    "how many": lambda n: tf.size(tf.range(n)),
    "the last, if there is one": lambda n: tf.cond(tf.size(tf.range(n)) > 0, lambda: tf.range(n)[-1], lambda: -1),
    "a choice by its sign": lambda n: tf.cond(n > 0, lambda: tf.reduce_sum(tf.range(n)), lambda: -1),
}
NEVER_NONE = {
    "the last rows": lambda n: tf.constant(TABLE)[-n:],
    "backwards from it": lambda n: tf.constant(TABLE)[n::-1],
    "between two ends": lambda n: tf.linspace(0.0, 1.0, n),
    "a product": lambda n: tf.matmul(tf.ones([n, 3]), tf.ones([3, n])),
    "the identity": tf.eye,
    "marks": lambda n: tf.one_hot([0, 1], n),
    "the greatest": lambda n: tf.math.top_k(tf.constant(TABLE[:, 0]), n),
    "parts": lambda n: tf.split(tf.constant(TABLE), [n, 16 - n]),
    "sums of rows": lambda n: tf.math.unsorted_segment_sum(tf.ones([4]), tf.constant([0, 0, 0, 0]), n),
    "scattered": lambda n: tf.scatter_nd([[0]], [5.0], [n]),
    "a picture": lambda n: tf.image.resize(tf.constant(TABLE.reshape(1, 8, 8, 1)), [n, 2 * n]),
    "a picture of blocks": lambda n: tf.image.resize(tf.constant(TABLE.reshape(1, 8, 8, 1)), [n, 2 * n], "nearest"),
    "a convolution": lambda n: tf.nn.conv2d(tf.ones([1, n, n, 2]), tf.ones([3, 3, 2, 4]), 1, "SAME"),
    "each by itself": lambda n: tf.map_fn(lambda i: 2 * i, tf.range(n)),
}
FROM_NUMBERS = {
    "a mask of sequences": tf.sequence_mask,
    "a mask of five places": lambda lengths: tf.sequence_mask(lengths, 5, tf.float32),
    "up to the greatest": lambda lengths: tf.range(tf.reduce_max(lengths)),
    "up to the last": lambda lengths: tf.range(lengths[0], lengths[-1] + 3),
}


def collected(n):
    array = tf.TensorArray(tf.float32, size=n)
    for i in tf.range(n):
        array = array.write(i, tf.cast(i, tf.float32) * tf.ones([2]))
    return array.stack()


def agree(function, specs, inputs):
    """Convert once, and compare with TensorFlow for each of the inputs."""
    concrete = tf.function(function, input_signature=specs).get_concrete_function()
    runtime = Runtime(octavo.convert(concrete).content)
    names = [spec.name for spec in specs]
    for given in inputs:
        wanted = [tensor.numpy() for tensor in tf.nest.flatten(concrete(*map(tf.constant, given)))]
        for found, want in zip(runtime.run(dict(zip(names, given, strict=True))).values(), wanted, strict=True):
            assert (found.shape, found.dtype) == (want.shape, want.dtype)
            np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-5)  # float32 in another order


@pytest.mark.parametrize("function", FROM_A_SHAPE.values(), ids=FROM_A_SHAPE)
def test_lengths_that_follow_from_a_shape(function):
    agree(function, TEXT, TEXTS)


@pytest.mark.parametrize("function", FROM_A_NUMBER.values(), ids=FROM_A_NUMBER)
def test_lengths_that_a_number_says_which_may_be_none(function):
    agree(function, COUNT, [*COUNTS, NONE])


@pytest.mark.parametrize("function", [*NEVER_NONE.values(), collected], ids=[*NEVER_NONE, "collected in a loop"])
def test_lengths_that_a_number_says(function):
    agree(function, COUNT, COUNTS)


@pytest.mark.parametrize("function", FROM_NUMBERS.values(), ids=FROM_NUMBERS)
def test_lengths_that_one_of_many_numbers_says(function):
    agree(function, LENGTHS, SOME_LENGTHS)


def test_a_choice_by_the_sign_of_a_number_is_made_when_the_model_runs():
    agree(FROM_A_NUMBER["a choice by its sign"], COUNT, [(np.int32(-4),), (np.int32(4),)])


def test_what_may_be_empty_is_not_taken_for_more():
    agree(lambda x: tf.shape(tf.where(x > 0.5))[0] > 0, TEXT, [*TEXTS, (np.zeros((1, 2, 4), np.float32),)])


def test_positions_are_added_in_integers_too():
    concrete = tf.function(positions, input_signature=TEXT).get_concrete_function()
    samples = [{"x": x} for (x,) in TEXTS]
    result = octavo.convert(concrete, recipe={"precision": "int8", "ranges": "minmax"}, samples=samples)
    runtime = Runtime(result.content)
    for (x,) in TEXTS:
        (found,) = runtime.run({"x": x}).values()
        reach = np.abs(positions(x)).max()
        np.testing.assert_allclose(found, positions(x), atol=3 * reach / 127)  # a step each for both and their sum
