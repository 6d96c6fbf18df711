"""Operations that LiteRT has no twin for, and that others express: lowered, against TensorFlow."""

import numpy as np
import pytest
from lowering import agree, codes, lower, tf

from octavo.ir.op import NotLoweredError

RANDOM = np.random.default_rng(7)
RAW = tf.raw_ops


def real(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


EINSUMS = {
    "diagonal": ("ii->i", [(3, 3)]),
    "trace": ("ii->", [(3, 3)]),
    "batch of diagonals": ("bii->bi", [(2, 4, 4)]),
    "diagonal of three": ("iii->i", [(3, 3, 3)]),
    "two diagonals": ("iijj->ij", [(3, 3, 2, 2)]),
    "diagonal in a product": ("bii,ij->bj", [(2, 3, 3), (3, 4)]),
    "into a diagonal": ("bi->bii", [(2, 3)]),
    "a product into a diagonal": ("bi,bi->bii", [(2, 3), (2, 3)]),
    "apart in the result": ("ij->iji", [(2, 3)]),
    "an ellipsis that stretches": ("...ij,...jk->...ik", [(1, 2, 3, 4), (5, 1, 4, 2)]),
    "an ellipsis that is longer in one": ("...i,...i->...", [(3, 4), (2, 1, 4)]),
    "a scalar": (",ij->ij", [(), (2, 3)]),
}


@pytest.mark.parametrize("name", EINSUMS)
def test_einsum(name):
    equation, shapes = EINSUMS[name]
    agree(lambda *terms: RAW.Einsum(inputs=list(terms), equation=equation), *(real(*shape) for shape in shapes))


def test_einsum_with_a_stretching_ellipsis_and_an_open_batch():
    agree(lambda x, y: tf.einsum("...ij,...jk->...ik", x, y), real(2, 3, 4), real(1, 4, 5), dynamic=[0])


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_where_the_largest_pixels_are(padding):
    agree(lambda x: RAW.MaxPoolWithArgmax(input=x, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding=padding,
                                          include_batch_in_index=False), real(2, 7, 6, 3), dynamic=[0])  # fmt: skip


def test_places_that_count_through_a_batch_are_refused():
    with pytest.raises(NotLoweredError, match="batch of more than one"):
        lower(lambda x: tf.nn.max_pool_with_argmax(x, 2, 2, "VALID", include_batch_in_index=True), real(2, 4, 4, 1))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_dilation_of_an_image(padding):
    filter = real(3, 2, 3)
    agree(lambda x: RAW.Dilation2D(input=x, filter=filter, strides=[1, 2, 1, 1], rates=[1, 1, 2, 1], padding=padding),
          real(2, 7, 8, 3), dynamic=[0])  # fmt: skip


WARPS = np.array([[1, 0.2, -1, -0.1, 0.9, 1.5, 0, 0], [0.8, -0.3, 2, 0.25, 1.1, -2, 0.01, -0.02]], np.float32)


@pytest.mark.parametrize("mode", ["CONSTANT", "REFLECT", "WRAP", "NEAREST"])
@pytest.mark.parametrize("method", ["NEAREST", "BILINEAR"])
def test_images_through_a_projection(mode, method):
    def warp(image, transforms):
        return RAW.ImageProjectiveTransformV3(images=image, transforms=transforms, output_shape=[6, 9], fill_value=0.5,
                                              interpolation=method, fill_mode=mode)  # fmt: skip

    image = real(2, 7, 8, 3)
    agree(lambda x: warp(x, WARPS), image)
    agree(lambda x: warp(x, WARPS[:1]), image, dynamic=[0])
    agree(warp, image, WARPS, dynamic=[0, 1])


def test_parts_by_number():
    numbers = np.array([0, 2, 1, 2, 0, 0], np.int32)
    graph = lower(lambda x, p: tf.dynamic_partition(x, p, 3), real(6, 2), numbers)
    assert codes(graph).count("WHERE") == 3
    data = real(6, 2)
    _agree_where_lengths_differ(lambda x, p: tf.dynamic_partition(x, p, 3), data, numbers)


def test_what_one_vector_has_alone():
    x, y = np.array([5, 1, 7, 3, 1], np.int32), np.array([1, 9, 7], np.int32)
    _agree_where_lengths_differ(lambda x, y: RAW.ListDiff(x=x, y=y), x, y)


def test_how_often_numbers_occur():
    x = np.array([4, 4, 2, 9, 2, 4], np.int32)
    _agree_where_lengths_differ(lambda x: RAW.UniqueWithCounts(x=x, out_idx=tf.int32), x)
    _agree_where_lengths_differ(lambda x: RAW.UniqueWithCountsV2(x=x, axis=[0], out_idx=tf.int64), x)


@pytest.mark.parametrize("kind", ["Sum", "Mean", "SqrtN"])
def test_rows_of_a_table_joined_by_segment(kind):
    table, picked, numbers = real(5, 3), np.array([4, 0, 0, 2], np.int32), np.array([0, 0, 1, 1], np.int32)
    op, sized = getattr(RAW, f"SparseSegment{kind}"), getattr(RAW, f"SparseSegment{kind}WithNumSegments")
    agree(lambda i: op(data=table, indices=i, segment_ids=numbers), picked)
    agree(lambda i, n: sized(data=table, indices=i, segment_ids=n, num_segments=3), picked, numbers)
    _agree_where_lengths_differ(lambda i, n: op(data=table, indices=i, segment_ids=n), picked, numbers)


@pytest.mark.parametrize(("a", "b"), [(False, False), (True, False), (False, True)])
def test_a_sparse_matrix_times_a_dense_one(a, b):
    places = np.array([[0, 1], [1, 3], [2, 0], [2, 2]], np.int64)
    dense = real(3 if a else 4, 5)
    agree(lambda v, y: RAW.SparseTensorDenseMatMul(a_indices=places, a_values=v, a_shape=[3, 4], b=y, adjoint_a=a,
                                                   adjoint_b=b), real(4), dense.T.copy() if b else dense)  # fmt: skip


def test_a_sparse_tensor_in_another_shape():
    places = np.array([[0, 1], [1, 3], [2, 0]], np.int64)
    agree(
        lambda p: RAW.SparseReshape(input_indices=p, input_shape=np.array([3, 4]), new_shape=np.array([2, -1])), places
    )


SLOPES = ["SigmoidGrad", "TanhGrad", "SqrtGrad", "RsqrtGrad", "ReciprocalGrad", "InvGrad"]


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_by_the_result(name):
    y = np.abs(real(3, 4)) + np.float32(0.3)
    agree(lambda y, dy: getattr(RAW, name)(y=y, dy=dy), y, real(3, 4), dynamic=[0, 1])


@pytest.mark.parametrize("name", ["ReluGrad", "Relu6Grad", "LeakyReluGrad", "SoftplusGrad", "SoftsignGrad"])
def test_slopes_by_the_operand(name):
    agree(lambda dy, x: getattr(RAW, name)(gradients=dy, features=x), real(3, 4), 5 * real(3, 4))


@pytest.mark.parametrize("name", ["EluGrad", "SeluGrad"])
def test_slopes_of_exponential_units(name):
    agree(lambda dy, y: getattr(RAW, name)(gradients=dy, outputs=y), real(3, 4), np.tanh(real(3, 4)))


def test_slope_of_a_bias():
    agree(lambda x: RAW.BiasAddGrad(out_backprop=x), real(2, 3, 4, 5))
    graph = lower(lambda x: RAW.BiasAddGrad(out_backprop=x, data_format="NCHW"), real(2, 3, 4, 5))
    assert graph.outputs[0].shape == (3,)


def well_conditioned(*shape):
    return (real(*shape) + 3 * np.eye(shape[-1])).astype(np.float32)


@pytest.mark.parametrize("adjoint", [False, True])
@pytest.mark.parametrize("lower", [False, True])
def test_equations(adjoint, lower):
    matrix, right = well_conditioned(2, 4, 4), real(2, 4, 3)
    agree(lambda m, r: tf.linalg.solve(m, r, adjoint=adjoint), matrix, right)
    agree(lambda m, r: tf.linalg.triangular_solve(m, r, lower=lower, adjoint=adjoint), matrix, right)
    agree(lambda m: tf.linalg.inv(m, adjoint=adjoint), matrix)


def test_logarithms_of_determinants_and_products_with_three_diagonals():
    agree(lambda m: RAW.LogMatrixDeterminant(input=m), well_conditioned(2, 3, 3))
    rows = [real(1, 5) for _ in range(3)]
    agree(lambda x: RAW.TridiagonalMatMul(superdiag=rows[0], maindiag=rows[1], subdiag=rows[2], rhs=x), real(5, 2))


def test_losses_of_class_numbers():
    agree(
        lambda x, n: RAW.SparseSoftmaxCrossEntropyWithLogits(features=x, labels=n),
        real(3, 5),
        np.array([4, 0, 2], np.int32),
    )


def test_bessel_functions_of_order_one():
    x = np.linspace(-9, 9, 41, dtype=np.float32)
    agree(lambda x: RAW.BesselI1e(x=x), x, within=2e-6)  # the polynomials are good to 2e-7 of values up to 0.22
    agree(lambda x: RAW.BesselI1(x=x), x, within=2e-6)


def test_truncated_normal_numbers_of_a_known_seed_are_tensorflows():
    agree(lambda x: x + tf.random.stateless_truncated_normal([7, 5], seed=[3, 9]), real(7, 5))


def test_truncated_normal_numbers_of_a_run():
    graph = lower(lambda x: x + tf.random.truncated_normal([40, 50]), real(40, 50))
    from kernel import run

    (drawn,) = run(graph, {"in0": np.zeros((40, 50), np.float32)})
    assert np.abs(drawn).max() <= 2
    assert abs(drawn.mean()) < 0.1  # five deviations of the mean of 2,000 numbers
    assert abs(drawn.std() - 0.8796) < 0.07  # of a normal distribution within two deviations


def test_shuffling_keeps_every_slice():
    from kernel import run

    graph = lower(lambda x: tf.random.shuffle(x, seed=3), real(6, 2))
    rows = np.arange(12, dtype=np.float32).reshape(6, 2)
    (shuffled,) = run(graph, {"in0": rows})
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, rows))


def test_places_and_orders():
    agree(lambda x: tf.unravel_index(x, [3, 4, 5]), np.array([0, 59, 23, 7], np.int32))
    agree(lambda x: RAW.DataFormatDimMap(x=x), np.array([0, 1, -1, 2], np.int32))
    agree(lambda x: RAW.DataFormatVecPermute(x=x), np.array([2, 5, 6, 3], np.int32))
    agree(lambda x: RAW.DataFormatVecPermute(x=x, src_format="NCHW", dst_format="NHWC"), np.array([5, 6], np.int32))
    agree(lambda x: RAW.Reverse(tensor=x, dims=[True, False, True]), real(2, 3, 4))
    agree(lambda x, y: RAW.ParallelConcat(values=[x, y], shape=[2, 3]), real(1, 3), real(1, 3))


def _agree_where_lengths_differ(function, *inputs):
    """The kernels' numbers against TensorFlow's, where shapes are known only when the model runs."""
    from kernel import run

    graph = lower(function, *inputs)
    results = run(graph, {value.name: array for value, array in zip(graph.inputs, inputs, strict=True)})
    for result, want in zip(results, tf.nest.flatten(function(*map(tf.constant, inputs))), strict=True):
        np.testing.assert_allclose(result, want.numpy(), rtol=1e-6)
        assert result.dtype == want.numpy().dtype
