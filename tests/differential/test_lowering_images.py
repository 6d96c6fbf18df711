"""Pooling, resizing, normalization and rearrangement of images: lowered, against TensorFlow."""

from itertools import product

import numpy as np
import pytest
from lowering import agree, codes, lower, tf

from octavo.ir.build import Builder, Source
from octavo.ir.dim import symbol
from octavo.ir.graph import Graph
from octavo.ir.interpret import interpret
from octavo.ir.op import NotLoweredError
from octavo.ir.source import SourceNode
from octavo.ir.type import Type
from octavo.ops import registry

RANDOM = np.random.default_rng(1)


def real(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("padding", "stride"), list(product(("SAME", "VALID"), (1, 2))))
@pytest.mark.parametrize("op", [tf.raw_ops.AvgPool, tf.raw_ops.MaxPool], ids=["average", "largest"])
def test_pooling(op, padding, stride):
    kind = {"value": "value"} if op is tf.raw_ops.AvgPool else {"value": "input"}
    sizes = {"ksize": [1, 3, 2, 1], "strides": [1, stride, stride, 1], "padding": padding}
    graph = agree(lambda x: op(**{kind["value"]: x}, **sizes), real(2, 7, 6, 3), dynamic=[0])
    assert graph.outputs[0].shape[0] == symbol("batch")


def test_the_second_version_of_pooling_has_sizes_as_operands():
    agree(
        lambda x: tf.raw_ops.MaxPoolV2(input=x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="VALID"),
        real(2, 6, 6, 3),
    )


def test_explicit_padding_never_wins_a_pool():
    agree(
        lambda x: tf.raw_ops.MaxPool(
            input=x,
            ksize=[1, 3, 3, 1],
            strides=[1, 2, 2, 1],
            padding="EXPLICIT",
            explicit_paddings=[0, 0, 1, 1, 1, 1, 0, 0],
        ),
        -np.abs(real(2, 7, 7, 3)) - 1,
    )


def test_a_window_over_channels_is_refused():
    with pytest.raises(NotLoweredError, match="over the batch or the channels"):
        lower(
            lambda x: tf.raw_ops.AvgPool(value=x, ksize=[1, 1, 1, 3], strides=[1, 1, 1, 3], padding="VALID"),
            real(2, 4, 4, 3),
        )


PLACES = [(False, False), (True, False), (False, True)]


@pytest.mark.parametrize(("align", "half"), PLACES)
@pytest.mark.parametrize("size", [(9, 4), (3, 12), (5, 6), (1, 1)], ids=str)
@pytest.mark.parametrize("op", [tf.raw_ops.ResizeBilinear, tf.raw_ops.ResizeNearestNeighbor])
def test_resizing(op, size, align, half):
    agree(
        lambda x: op(images=x, size=size, align_corners=align, half_pixel_centers=half),
        real(2, 5, 6, 3),
        dynamic=[0],
        within=1e-5,
    )


@pytest.mark.parametrize("op", [tf.raw_ops.ResizeBilinear, tf.raw_ops.ResizeNearestNeighbor])
def test_images_of_bytes_are_resized_as_reals(op):
    image = RANDOM.integers(0, 256, (2, 5, 6, 3)).astype(np.uint8)
    agree(lambda x: op(images=x, size=(9, 4), half_pixel_centers=True), image, dynamic=[0])


def test_blocks_move_between_space_and_batch():
    def there_and_back(x):
        dealt = tf.raw_ops.SpaceToBatchND(input=x, block_shape=[2, 3], paddings=[[1, 0], [2, 1]])
        return dealt, tf.raw_ops.BatchToSpaceND(input=dealt, block_shape=[2, 3], crops=[[1, 0], [0, 2]])

    graph = agree(there_and_back, real(2, 5, 6, 3), dynamic=[0])
    assert graph.outputs[1].shape[0] == symbol("batch")


def test_blocks_of_a_sequence_move_between_space_and_batch():
    def there_and_back(x):
        dealt = tf.raw_ops.SpaceToBatchND(input=x, block_shape=[2], paddings=[[1, 0]])
        return dealt, tf.raw_ops.BatchToSpaceND(input=dealt, block_shape=[2], crops=[[1, 0]])

    agree(there_and_back, real(2, 5, 3), dynamic=[0])
    agree(there_and_back, real(2, 5, 6, 3), dynamic=[0])


def test_channels_and_blocks_of_pixels_turn_into_each_other():
    agree(lambda x: tf.raw_ops.DepthToSpace(input=x, block_size=2), real(2, 3, 4, 12), dynamic=[0])
    agree(lambda x: tf.raw_ops.SpaceToDepth(input=x, block_size=2), real(2, 6, 4, 3), dynamic=[0])


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
def test_mirrored_borders(mode):
    agree(lambda x: tf.raw_ops.MirrorPad(input=x, paddings=[[0, 0], [2, 1], [0, 3]], mode=mode), real(2, 3, 4))


def test_local_response_normalization():
    agree(lambda x: tf.raw_ops.LRN(input=x, depth_radius=2, bias=1.5, alpha=0.3, beta=0.7), real(2, 3, 4, 7))


@pytest.mark.parametrize("name", ["Softmax", "LogSoftmax"])
def test_softmax(name):
    agree(lambda x: getattr(tf.raw_ops, name)(logits=x), real(2, 5), dynamic=[0])


@pytest.mark.parametrize("op", [tf.raw_ops.FusedBatchNorm, tf.raw_ops.FusedBatchNormV2, tf.raw_ops.FusedBatchNormV3])
def test_batch_normalization_is_one_product_and_one_sum(op):
    scale, offset, mean, variance = real(3), real(3), real(3), np.abs(real(3)) + 0.1
    graph = agree(
        lambda x: op(x=x, scale=scale, offset=offset, mean=mean, variance=variance, is_training=False, epsilon=1e-3)[0],
        real(2, 4, 5, 3),
        dynamic=[0],
    )
    assert codes(graph) == ["MUL", "ADD"]


def test_batch_normalization_by_the_batch_itself():
    pytest.importorskip("octavo.ops.reduce")
    scale, offset = real(3), real(3)
    graph = agree(
        lambda x: tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=[], variance=[], is_training=True, epsilon=1e-3
        )[0],
        real(2, 4, 5, 3),
    )
    assert codes(graph).count("MEAN") == 2


@pytest.mark.parametrize("scaled", [False, True])
def test_the_first_batch_normalization_is_too_old_for_tensorflow_itself(scaled):
    graph = Graph()
    image = graph.input("in0", Type(np.dtype(np.float32), (2, 4, 5, 3)))
    statistics = [real(3), np.abs(real(3)) + 0.1, real(3), real(3)]
    attrs = {"variance_epsilon": 1e-3, "scale_after_normalization": scaled}
    node = SourceNode("n", "BatchNormWithGlobalNormalization", (), attrs)
    lowering = registry().lowerings[node.op]
    graph.outputs = [lowering(Source(node, (image, *map(graph.const, statistics))), Builder(graph))]
    x, (mean, variance, beta, gamma) = real(2, 4, 5, 3), statistics
    expected = tf.nn.batch_normalization(x, mean, variance, beta, gamma if scaled else None, 1e-3).numpy()
    np.testing.assert_allclose(interpret(graph, {"in0": x})[graph.outputs[0]], expected, atol=1e-5)
    assert codes(graph) == ["MUL", "ADD"]


def test_a_bias_is_a_sum():
    bias = real(3)
    assert codes(agree(lambda x: tf.raw_ops.BiasAdd(value=x, bias=bias), real(2, 4, 5, 3), dynamic=[0])) == ["ADD"]
    assert codes(agree(lambda x: tf.raw_ops.BiasAddV1(value=x, bias=bias), real(2, 3), dynamic=[0])) == ["ADD"]


def test_a_bias_may_stand_along_the_second_dimension():
    bias = real(3)
    graph = agree(lambda x: tf.raw_ops.BiasAdd(value=x, bias=bias, data_format="NCHW"), real(2, 3, 4, 5), dynamic=[0])
    assert codes(graph) == ["TRANSPOSE", "ADD", "TRANSPOSE"]
    agree(lambda x: tf.raw_ops.BiasAdd(value=x, bias=bias, data_format="NCHW"), real(2, 3, 4), dynamic=[0])


CHANNELS_FIRST = {
    "convolution": (
        lambda x, **f: tf.raw_ops.Conv2D(input=x, filter=FILTER, padding="SAME", **f),
        {"strides": [1, 2, 2, 1], "dilations": [1, 1, 1, 1]},
    ),
    "depthwise": (
        lambda x, **f: tf.raw_ops.DepthwiseConv2dNative(input=x, filter=FILTER, padding="VALID", **f),
        {"strides": [1, 1, 1, 1], "dilations": [1, 2, 2, 1]},
    ),
    "average": (
        lambda x, **f: tf.raw_ops.AvgPool(value=x, padding="SAME", **f),
        {"strides": [1, 2, 2, 1], "ksize": [1, 3, 2, 1]},
    ),
    "largest": (
        lambda x, **f: tf.raw_ops.MaxPool(input=x, padding="VALID", **f),
        {"strides": [1, 1, 2, 1], "ksize": [1, 2, 3, 1]},
    ),
    "blocks": (lambda x, **f: tf.raw_ops.SpaceToDepth(input=x, block_size=2, **f), {}),
}
FILTER = real(3, 3, 4, 2)


@pytest.mark.parametrize(("op", "sizes"), CHANNELS_FIRST.values(), ids=CHANNELS_FIRST.keys())
def test_channels_may_come_first(op, sizes):
    """TensorFlow's CPU kernels refuse most of these, so its answer comes from the same image with channels last."""
    first = {name: [numbers[0], numbers[3], *numbers[1:3]] for name, numbers in sizes.items()}
    image = real(2, 4, 6, 8)
    graph = lower(lambda x: op(x, data_format="NCHW", **first), image, dynamic=[0])
    expected = op(tf.constant(image.transpose(0, 2, 3, 1)), data_format="NHWC", **sizes).numpy().transpose(0, 3, 1, 2)
    (result,) = (interpret(graph, {"in0": image})[value] for value in graph.outputs)
    np.testing.assert_allclose(result, expected, atol=1e-5)
    assert graph.outputs[0].shape == (symbol("batch"), *expected.shape[1:])


@pytest.mark.parametrize(("axis", "batch_dims"), [(0, 0), (1, 0), (2, 0), (-1, 0), (1, 1), (2, 1), (2, 2)])
def test_gathering(axis, batch_dims):
    indices = RANDOM.integers(0, 3, (3, 4, 2)[: max(batch_dims, 1) + 1])
    params = real(3, 4, 5)
    graph = agree(lambda x: tf.raw_ops.GatherV2(params=x, indices=indices, axis=axis, batch_dims=batch_dims), params)
    assert codes(graph) == ["GATHER"]


def test_gathering_rows_of_a_table():
    table = real(7, 4)
    ids = RANDOM.integers(0, 7, (2, 3)).astype(np.int32)
    graph = agree(lambda i: tf.raw_ops.Gather(params=table, indices=i), ids, dynamic=[0])
    assert graph.outputs[0].shape == (symbol("batch"), 3, 4)


def test_gathering_from_a_shape_is_arithmetic():
    def rows(x):
        return tf.raw_ops.Reshape(tensor=x, shape=tf.stack([tf.gather(tf.shape(x), 0), 20]))

    pytest.importorskip("octavo.ops.pack")
    graph = agree(rows, real(2, 4, 5), dynamic=[0])
    assert graph.outputs[0].shape == (symbol("batch"), 20)


def test_gathering_by_whole_places():
    places = np.array([[0, 2], [1, 1], [2, 0]], np.int64)
    agree(lambda x: tf.raw_ops.GatherNd(params=x, indices=places), real(3, 4, 5))
    agree(lambda x: tf.raw_ops.GatherNd(params=x, indices=[[[0]], [[2]]]), real(3, 4, 5))
