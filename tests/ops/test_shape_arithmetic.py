"""Shape arithmetic over a batch known only at run time leaves nothing to compute at run time."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "differential"))
from lowering import agree, codes, tf

from octavo.ir.build import Builder
from octavo.ir.dim import UndecidedError, number, parse, some, span, steps, symbol
from octavo.ir.graph import Graph
from octavo.ir.interpret import interpret
from octavo.ir.op import NotLoweredError
from octavo.ir.type import Type
from octavo.ops.shape import runtime_dims

IMAGES = np.random.default_rng(9).standard_normal((2, 4, 5, 3)).astype(np.float32)


def shapes_of(graph, code):
    """The constants that give the shapes of the nodes `code` that are needed; None where one is not constant."""
    return [None if n.inputs[1].const is None else n.inputs[1].const.tolist() for n in graph if n.op.code == code]


def flatten(x):
    return tf.reshape(x, tf.stack([tf.shape(x)[0], 60]))


def flatten_by_product(x):
    return tf.reshape(x, tf.stack([tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])]))


def rows_times_channels(x):
    """A dense layer on the last axis, as tensordot spells it."""
    shape = tf.shape(x)
    free = tf.gather(shape, [0, 1, 2])
    rows = tf.reduce_prod(free, keepdims=False)
    columns = tf.reduce_prod(tf.gather(shape, [3]))
    flat = tf.reshape(tf.transpose(x, [0, 1, 2, 3]), tf.stack([rows, columns]))
    return tf.reshape(flat * 2.0, tf.concat([free, [3]], 0))


@pytest.mark.parametrize("function", [flatten, flatten_by_product, rows_times_channels])
def test_reshapes_are_constants(function):
    graph = agree(function, IMAGES, dynamic=(0,))
    assert set(codes(graph)) <= {"RESHAPE", "MUL"}
    assert all(shape is not None and shape.count(-1) == 1 for shape in shapes_of(graph, "RESHAPE"))


def test_upsampling_by_repeats_tiles_and_reshapes():
    graph = agree(repeat, IMAGES, dynamic=(0,))
    assert set(codes(graph)) <= {"RESHAPE", "TILE"}


def repeat(x):
    return tf.repeat(tf.repeat(x, 2, axis=1), 3, axis=2)


@pytest.mark.parametrize("layer", ["UpSampling2D", "Flatten", "Reshape", "Dense", "RepeatVector", "TimeDistributed"])
def test_keras_layers_leave_no_shape_at_run_time(layer):
    keras = pytest.importorskip("keras")
    made = {
        "UpSampling2D": lambda: (keras.layers.UpSampling2D(2), IMAGES),
        "Flatten": lambda: (keras.layers.Flatten(), IMAGES),
        "Reshape": lambda: (keras.layers.Reshape((10, -1)), IMAGES),
        "Dense": lambda: (keras.layers.Dense(7), IMAGES),
        "RepeatVector": lambda: (keras.layers.RepeatVector(3), IMAGES[:, 0, 0]),
        "TimeDistributed": lambda: (keras.layers.TimeDistributed(keras.layers.Flatten()), IMAGES),
    }[layer]()
    graph = agree(_closed(*made), made[1], dynamic=(0,))
    assert "SHAPE" not in codes(graph)
    assert all(shape is not None for shape in shapes_of(graph, "RESHAPE"))


def _closed(layer, images):
    """The layer as a function of its input, with its weights as constants."""
    layer.build(images.shape)
    values = {weight.path: weight.numpy() for weight in layer.weights}
    return lambda x: layer.stateless_call([tf.constant(values[w.path]) for w in layer.weights], [], x)[0]


def test_arithmetic_with_a_dimension_survives_a_detour_through_floats():
    def halves(x):
        count = tf.cast(tf.math.ceil(tf.cast(tf.shape(x)[0], tf.float32) * 2.0), tf.int32)
        return tf.reshape(x, tf.stack([count, -1]))

    assert codes(agree(halves, IMAGES, dynamic=(0,))) == ["RESHAPE"]


def test_comparisons_with_a_dimension_fold_where_every_run_agrees():
    def clamped(x):
        batch = tf.shape(x)[0]
        return tf.reshape(x, tf.stack([tf.maximum(batch, 1), tf.where(batch > 0, 60, 1)]))

    assert codes(agree(clamped, IMAGES, dynamic=(0,))) == ["RESHAPE"]


def test_a_length_is_computed_from_any_dimension_that_depends_on_it_alone():
    n, batch = symbol("n"), symbol("batch")
    graph = Graph()
    value = graph.input("x", Type(np.dtype(np.float32), (3 * n * batch + 2 * batch, batch)))
    graph.outputs = [runtime_dims(Builder(graph), [n, 2 * n + 1, batch], value)]
    found = interpret(graph, {"x": np.zeros((3 * 7 * 5 + 2 * 5, 5), np.float32)})
    assert found[graph.outputs[0]].tolist() == [7, 15, 5]


def test_a_length_that_no_dimension_tells_is_refused():
    n, m = symbol("n"), symbol("m")
    graph = Graph()
    value = graph.input("x", Type(np.dtype(np.float32), (n * m, n * n)))
    with pytest.raises(NotLoweredError, match="dimension n cannot be computed"):
        runtime_dims(Builder(graph), [n, m], value)


@pytest.mark.parametrize(
    "least", [number("n"), some("found"), steps(0, number("n"), 1), span(16, None, number("n"), 1)]
)
def test_what_may_be_nothing_is_not_taken_for_a_length_of_one_at_least(least):
    with pytest.raises(UndecidedError):
        assert least > 0
    assert symbol("batch") > 0
    assert parse(str(2 * least + 1)) == 2 * least + 1


def test_half_a_length_may_be_nothing_and_is_never_less():
    half = symbol("batch") // 2
    with pytest.raises(UndecidedError):
        assert half > 0
    assert half + 1 > 0
    assert not half < 0
    assert (symbol("batch") + 1) // 2 > 0


def test_a_range_up_to_a_length_is_as_long_and_one_up_to_a_number_only_if_that_is_not_negative():
    batch, n = symbol("batch"), number("n")
    assert steps(0, batch, 1) == batch
    assert steps(batch - 1, -1, -1) == batch
    assert steps(0, n, 1) != n
    assert steps(0, n, 1) == parse(str(steps(0, n, 1)))
