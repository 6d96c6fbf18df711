"""Volumes: convolutions, transposed ones and pooling in three dimensions mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, tf

from octavo.optimize.engine import optimize

RANDOM = np.random.default_rng(3)
VOLUME = RANDOM.standard_normal((2, 5, 6, 4, 3)).astype(np.float32)


def _filter(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("window", "strides", "gaps"),
    [((3, 3, 2), (1, 1, 1), (1, 1, 1)), ((2, 3, 3), (2, 1, 2), (1, 1, 1)), ((2, 2, 2), (1, 1, 1), (2, 2, 2)),
     ((1, 2, 2), (1, 2, 2), (1, 1, 1)), ((3, 1, 1), (3, 1, 1), (1, 1, 1))],
)  # fmt: skip
def test_convolutions(window, strides, gaps, padding):
    w = _filter(*window, 3, 4)
    options = {"strides": [1, *strides, 1], "padding": padding, "dilations": [1, *gaps, 1]}
    agree(lambda x: tf.nn.conv3d(x, w, **options), VOLUME, dynamic=(0,))


def test_a_convolution_is_one_conv_2d():
    w, b = _filter(3, 3, 3, 3, 4), _filter(4)
    graph = agree(lambda x: tf.nn.relu(tf.nn.conv3d(x, w, [1] * 5, "SAME") + b), VOLUME, dynamic=(0,))
    optimize(graph)
    codes = [node.op.code for node in graph]
    assert [code for code in codes if code not in ("PAD", "SLICE", "RESHAPE")] == ["CONCATENATION", "CONV_2D"]


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(
    ("window", "strides"),
    [((3, 3, 3), (1, 1, 1)), ((3, 3, 2), (2, 2, 2)), ((2, 3, 3), (3, 1, 2)), ((4, 2, 2), (2, 1, 1))],
)  # fmt: skip
@pytest.mark.parametrize("dynamic", [(), (1,)])
def test_transposed_convolutions(window, strides, padding, dynamic):
    w = _filter(*window, 4, 3)
    grow = [1, *strides, 1]
    sizes = [d * s + (max(r - s, 0) if padding == "VALID" else 0)
             for d, s, r in zip(VOLUME.shape[1:4], strides, window, strict=True)]  # fmt: skip

    def function(_, x):
        shape = tf.stack([tf.shape(x)[0], *sizes, 4])
        return tf.nn.conv3d_transpose(x, w, shape, grow, padding)

    agree(function, VOLUME[:, :1, :1, :1], VOLUME, dynamic=dynamic)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("pool", [tf.nn.max_pool3d, tf.nn.avg_pool3d])
@pytest.mark.parametrize(("window", "strides"), [((2, 2, 2), (2, 2, 2)), ((3, 2, 1), (1, 2, 1)), ((1, 3, 3), (1, 1, 2)),
                                                 ((3, 1, 1), (2, 1, 1))])  # fmt: skip
def test_pooling(pool, window, strides, padding):
    agree(lambda x: pool(x, [1, *window, 1], [1, *strides, 1], padding), VOLUME, dynamic=(0,))
