"""Matrix products, einsum, convolutions: lowered, against TensorFlow."""

from itertools import product

import numpy as np
import pytest
from lowering import agree, codes, lower, tf

from octavo.ir.dim import symbol
from octavo.ir.op import NotLoweredError

RANDOM = np.random.default_rng(0)


def real(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("a", "b"), list(product((False, True), repeat=2)))
def test_a_product_with_a_constant_matrix_is_fully_connected(a, b):
    weights = real(5, 3) if b else real(3, 5)
    x = real(3, 4) if a else real(4, 3)
    graph = agree(lambda x: tf.raw_ops.MatMul(a=x, b=weights, transpose_a=a, transpose_b=b), x, dynamic=[0])
    assert codes(graph)[-1] == "FULLY_CONNECTED"


@pytest.mark.parametrize(("a", "b"), list(product((False, True), repeat=2)))
def test_a_product_of_two_tensors_is_a_batch_matmul(a, b):
    x, y = (real(2, 3, 4) if a else real(2, 4, 3)), (real(2, 5, 3) if b else real(2, 3, 5))
    graph = agree(lambda x, y: tf.raw_ops.BatchMatMulV2(x=x, y=y, adj_x=a, adj_y=b), x, y, dynamic=[0, 1])
    assert codes(graph) == ["BATCH_MATMUL"]
    assert graph.outputs[0].shape == (symbol("batch"), 4, 5)


def test_rows_keep_their_dimensions_when_a_constant_matrix_follows():
    weights = real(1, 4, 6)
    graph = agree(lambda x: tf.raw_ops.BatchMatMulV3(x=x, y=weights, Tout=tf.float32), real(2, 3, 5, 4), dynamic=[0])
    assert codes(graph) == ["FULLY_CONNECTED"]
    assert graph.outputs[0].shape == (symbol("batch"), 3, 5, 6)


def test_a_batch_of_constant_matrices_stays_a_batch_matmul():
    weights = real(2, 4, 6)
    assert codes(agree(lambda x: tf.raw_ops.BatchMatMulV2(x=x, y=weights), real(2, 3, 4))) == ["BATCH_MATMUL"]


MANY_DIMENSIONS = {
    "alike": ((3, 2, 2, 3, 4, 5), (3, 2, 2, 3, 5, 2)),
    "as in halo attention": ((3, 2, 2, 1, 4, 5), (3, 2, 2, 3, 5, 2)),
    "the right stretches in front": ((3, 2, 2, 3, 4, 5), (3, 5, 2)),
    "the left stretches in the middle": ((3, 1, 1, 3, 4, 5), (3, 2, 4, 3, 5, 2)),
    "both stretch by turns": ((3, 1, 2, 1, 2, 4, 5), (3, 3, 1, 2, 1, 5, 2)),
    "eight dimensions": ((3, 2, 1, 2, 2, 1, 4, 5), (3, 2, 1, 2, 2, 1, 5, 2)),
    "dimensions of one element": ((3, 1, 1, 1, 4, 5), (3, 1, 1, 1, 5, 2)),
}


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("case", MANY_DIMENSIONS)
def test_products_over_more_dimensions_than_the_kernel_takes_are_folded(case, dynamic, batch):
    shapes = [(batch, *shape[1:]) if len(shape) > 3 else shape for shape in MANY_DIMENSIONS[case]]
    opened = [index for index, shape in enumerate(shapes) if dynamic and len(shape) > 3]
    graph = agree(lambda x, y: tf.raw_ops.BatchMatMulV2(x=x, y=y), *(real(*shape) for shape in shapes), dynamic=opened)
    (multiplied,) = [node for node in graph.nodes if node.op.code == "BATCH_MATMUL"]
    assert max(value.rank for value in multiplied.inputs) <= 5


@pytest.mark.parametrize(("a", "b"), list(product((False, True), repeat=2)))
def test_folded_products_keep_swapped_dimensions(a, b):
    x, y = (real(2, 2, 2, 3, 3, 4) if a else real(2, 2, 2, 3, 4, 3)), (real(2, 2, 1, 3, 5, 3) if b else real(3, 3, 5))
    agree(lambda x, y: tf.raw_ops.BatchMatMulV2(x=x, y=y, adj_x=a, adj_y=b), x, y, dynamic=[0])


def test_integers_have_no_matrix_product():
    x = np.ones((2, 2), np.int32)
    with pytest.raises(NotLoweredError, match="float32 only, not in int32"):
        lower(lambda x: tf.raw_ops.MatMul(a=x, b=x), x)


EINSUMS = {
    "attention scores": ("aecd,abcd->acbe", (2, 3, 4, 5), (2, 6, 4, 5)),
    "attention values": ("acbe,aecd->abcd", (2, 4, 6, 3), (2, 3, 4, 5)),
    "transposed result": ("bij,bjk->bki", (2, 3, 4), (2, 4, 5)),
    "adjoint operands": ("bji,bkj->bik", (2, 4, 3), (2, 5, 4)),
    "outer product": ("bi,bj->bij", (2, 3), (2, 4)),
    "elementwise": ("bij,bij->bij", (2, 3, 4), (2, 3, 4)),
    "inner product": ("bi,bi->b", (2, 3), (2, 3)),
    "ellipsis": ("...ij,...jk->...ik", (2, 3, 4, 5), (2, 3, 5, 6)),
    "many batches": ("abcdij,abcdjk->abcdik", (2, 2, 2, 2, 3, 4), (2, 2, 2, 2, 4, 5)),
    "two sums": ("bhwc,bhwd->bcd", (2, 3, 4, 5), (2, 3, 4, 6)),
}


@pytest.mark.parametrize(("equation", "left", "right"), EINSUMS.values(), ids=EINSUMS.keys())
def test_einsum_of_two_tensors(equation, left, right):
    agree(lambda x, y: tf.raw_ops.Einsum(inputs=[x, y], equation=equation), real(*left), real(*right), dynamic=[0, 1])


DENSE = {
    "heads": ("abc,cde->abde", (2, 3, 4), (4, 5, 6), ["FULLY_CONNECTED", "RESHAPE"]),
    "back from heads": ("abcd,cde->abe", (2, 3, 4, 5), (4, 5, 6), ["RESHAPE", "FULLY_CONNECTED"]),
    "dense": ("...x,xy->...y", (2, 3, 4), (4, 5), ["FULLY_CONNECTED"]),
    "vector": ("abc,c->ab", (2, 3, 4), (4,), ["FULLY_CONNECTED", "RESHAPE"]),
    "transposed result": ("abc,cd->adb", (2, 3, 4), (4, 5), ["FULLY_CONNECTED", "TRANSPOSE"]),
    "constant per batch": ("bsi,sij->bsj", (2, 3, 4), (3, 4, 5), ["BATCH_MATMUL"]),
}


@pytest.mark.parametrize(("equation", "left", "right", "expected"), DENSE.values(), ids=DENSE.keys())
def test_einsum_with_a_constant(equation, left, right, expected):
    weights = real(*right)
    graph = agree(lambda x: tf.raw_ops.Einsum(inputs=[x, weights], equation=equation), real(*left), dynamic=[0])
    if equation != "bsi,sij->bsj":
        assert codes(graph) == expected
    assert graph.outputs[0].shape[0] == symbol("batch")


def test_einsum_with_a_constant_on_the_left():
    weights = real(4, 5)
    graph = agree(lambda x: tf.raw_ops.Einsum(inputs=[weights, x], equation="cd,abc->abd"), real(2, 3, 4), dynamic=[0])
    assert codes(graph) == ["FULLY_CONNECTED"]


def test_einsum_of_one_tensor_transposes():
    assert codes(agree(lambda x: tf.raw_ops.Einsum(inputs=[x], equation="bij->bji"), real(2, 3, 4))) == ["TRANSPOSE"]


def test_einsum_tells_lengths_that_joined_dimensions_lose():
    def every_pair(x, y):
        return tf.raw_ops.Einsum(inputs=[x[:, None] * x[None], y], equation="abd,cd->abc")

    agree(every_pair, real(3, 4), real(5, 4), dynamic=(0,))


def test_einsum_sums_what_one_operand_has_alone():
    pytest.importorskip("octavo.ops.reduce")
    agree(lambda x: tf.raw_ops.Einsum(inputs=[x], equation="bij->j"), real(2, 3, 4))
    agree(lambda x, y: tf.raw_ops.Einsum(inputs=[x, y], equation="bij,bk->bi"), real(2, 3, 4), real(2, 5))


PADDINGS = {"SAME": [], "VALID": [], "EXPLICIT": [0, 0, 1, 2, 0, 3, 0, 0]}


@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "multiplier"),
    [("SAME", 1, 1, 1), ("VALID", 2, 1, 2), ("EXPLICIT", 2, 1, 1), ("SAME", 1, 2, 3), ("VALID", 1, 3, 1)],
)
def test_depthwise_convolution(padding, stride, dilation, multiplier):
    filter = real(3, 2, 3, multiplier)
    graph = agree(
        lambda x: tf.raw_ops.DepthwiseConv2dNative(
            input=x,
            filter=filter,
            strides=[1, stride, stride, 1],
            padding=padding,
            explicit_paddings=PADDINGS[padding],
            dilations=[1, dilation, dilation, 1],
        ),
        real(2, 9, 8, 3),
        dynamic=[0],
    )
    assert graph.outputs[0].shape[0] == symbol("batch")


@pytest.mark.parametrize("padding", ["SAME", "VALID", "EXPLICIT"])
def test_convolution(padding):
    filter = real(3, 2, 3, 4)
    agree(
        lambda x: tf.raw_ops.Conv2D(
            input=x,
            filter=filter,
            strides=[1, 2, 1, 1],
            padding=padding,
            explicit_paddings=PADDINGS[padding],
            dilations=[1, 1, 2, 1],
        ),
        real(2, 9, 8, 3),
        dynamic=[0],
    )


@pytest.mark.parametrize(("padding", "rows"), [("SAME", 6), ("SAME", 5), ("VALID", 7), ("VALID", 8)])
def test_transposed_convolution(padding, rows):
    filter = real(3, 3, 2, 5)
    sizes = np.array([2, rows, rows, 2], np.int32)

    def back(x):
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=sizes, filter=filter, out_backprop=x, strides=[1, 2, 2, 1], padding=padding
        )

    assert codes(agree(back, real(2, 3, 3, 5))) == ["TRANSPOSE_CONV"]


def test_a_transposed_convolution_keeps_a_dynamic_batch():
    filter = real(3, 3, 2, 5)

    def back(x):
        sizes = tf.stack([tf.shape(x)[0], 6, 6, 2])
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=sizes, filter=filter, out_backprop=x, strides=[1, 2, 2, 1], padding="SAME"
        )

    graph = agree(back, real(2, 3, 3, 5), dynamic=[0])
    assert graph.outputs[0].shape == (symbol("batch"), 6, 6, 2)


def test_a_transposed_convolution_runs_on_any_batch():
    from ai_edge_litert.interpreter import Interpreter

    from octavo.ir.graph import Model, Signature
    from octavo.write.tflite import to_bytes

    filter = real(3, 3, 2, 5)

    def back(x):
        sizes = tf.stack([tf.shape(x)[0], 6, 6, 2])
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=sizes, filter=filter, out_backprop=x, strides=[1, 2, 2, 1], padding="SAME"
        )

    graph = lower(back, real(2, 3, 3, 5), dynamic=[0])
    interpreter = Interpreter(model_content=to_bytes(Model([graph], [Signature("main", graph, ("x",), ("y",))])))
    for batch in (1, 3):
        image = real(batch, 3, 3, 5)
        result = interpreter.get_signature_runner("main")(x=image)["y"]
        np.testing.assert_allclose(result, back(tf.constant(image)), atol=1e-5)
