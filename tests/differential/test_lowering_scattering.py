"""Scattering, segments, diagonals, bits and boxes mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, tf

from octavo.ir.op import NotLoweredError

RANDOM = np.random.default_rng(5)
A = RANDOM.standard_normal((4, 3)).astype(np.float32)
WHOLE = RANDOM.integers(-(2**31), 2**31 - 1, (2, 5), np.int32)
OTHER = RANDOM.integers(-(2**31), 2**31 - 1, (2, 5), np.int32)
raw = tf.raw_ops


@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_scattering_over_zeros(kind):
    places = np.array([[2, 0], [0, 1], [2, 0]], kind)
    agree(lambda u: tf.scatter_nd(places, u, np.array([3, 2, 4], kind)), RANDOM.standard_normal((3, 4)).astype("f"))
    agree(lambda i, u: tf.scatter_nd(i, u, np.array([4], kind)), np.array([[3], [1]], kind), np.array([5, 6], np.int32))


@pytest.mark.parametrize(
    "function",
    [tf.tensor_scatter_nd_add, tf.tensor_scatter_nd_sub, tf.tensor_scatter_nd_update, tf.tensor_scatter_nd_max,
     tf.tensor_scatter_nd_min],
)  # fmt: skip
def test_scattering_over_a_tensor(function):
    single = np.array([[0, 2], [3, 1]])
    agree(lambda x, u: function(x, single, u), A, np.array([0.5, -7], np.float32))
    agree(lambda x, u: function(x, [[1], [3]], u), A, A[:2] + 1, dynamic=(0,))


def test_a_place_that_is_written_twice_is_refused():
    for function in (tf.tensor_scatter_nd_update, tf.tensor_scatter_nd_max):
        with pytest.raises(NotLoweredError):
            agree(lambda x, f=function: f(x, [[1], [1]], A[:2]), A)


def test_sparse_to_dense():
    def function(v):
        return raw.SparseToDense(
            sparse_indices=[[0, 1], [2, 0]], output_shape=[3, 2], sparse_values=v, default_value=-1.0
        )

    agree(function, A[0, :2])
    agree(lambda v: tf.sparse.to_dense(tf.SparseTensor([[1], [4]], v, [6])), np.array([3, 4], np.int32))


def test_rows_are_stitched_and_permutations_inverted():
    agree(lambda a, b: tf.dynamic_stitch([[0, 3], [[2, 1], [3, 4]]], [a, b]), A[:2], np.stack([A[:2], A[2:]]))
    agree(tf.math.invert_permutation, np.array([3, 0, 2, 1], np.int32))
    agree(lambda: tf.math.invert_permutation([2, 0, 1]))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean"])
@pytest.mark.parametrize("numbers", [[0, 0, 1, 2], [0, 2, 2, 3]])
def test_sorted_segments(name, numbers):
    agree(lambda x: getattr(tf.math, f"segment_{name}")(x, numbers), A)


def test_segments_by_numbers_known_at_run_time():
    agree(tf.math.segment_sum, A, np.array([0, 1, 1, 2], np.int64))


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min"])
def test_unsorted_segments(name):
    function = getattr(tf.math, f"unsorted_segment_{name}")
    agree(lambda x, i: function(x, i, 4), A, np.array([2, 0, 2, 1], np.int32))
    agree(lambda x, i: function(x, i, 3), np.stack([A, A + 1]), np.array([[2, 0, -1, 1], [1, 1, 2, 0]], np.int64))
    agree(lambda x: function(x, [1, 0, 1, 1], 2), WHOLE[:, :4].T)


@pytest.mark.parametrize("k", [0, 1, -2, (-1, 1), (0, 2), (-2, -1)])
@pytest.mark.parametrize("align", ["RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT"])
def test_diagonals(k, align):
    low, high = k if isinstance(k, tuple) else (k, k)
    longest = min(3 + min(high, 0), 5 - max(low, 0))
    shape = (2, high - low + 1, longest) if low != high else (2, longest)
    d = RANDOM.standard_normal(shape).astype(np.float32)
    m = RANDOM.standard_normal((2, 3, 5)).astype(np.float32)
    agree(lambda x: tf.linalg.diag_part(x, k=k, align=align, padding_value=7.0), m, dynamic=(0,))
    agree(lambda x: tf.linalg.diag(x, k=k, align=align, num_rows=3, num_cols=5, padding_value=2.0), d, dynamic=(0,))
    agree(lambda x, y: tf.linalg.set_diag(x, y, k=k, align=align), m, d)


def test_diagonals_of_the_first_versions():
    agree(lambda x: raw.MatrixDiag(diagonal=x), A, dynamic=(0,))
    agree(lambda x: tf.linalg.diag(x, k=1), A)
    agree(lambda x: raw.MatrixDiagPart(input=x), np.stack([A, A]))
    agree(lambda x, d: raw.MatrixSetDiag(input=x, diagonal=d), np.stack([A, A]), A[:2])
    agree(tf.linalg.tensor_diag, A[0])
    agree(tf.linalg.tensor_diag_part, A[:3])


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_small_matrices_are_inverted(size):
    m = RANDOM.standard_normal((3, size, size)).astype(np.float32)
    agree(tf.linalg.inv, m, dynamic=(0,), within=1e-4)  # as much as the matrices enlarge roundings
    agree(tf.linalg.det, m, dynamic=(0,))
    swapped = np.eye(size, dtype=np.float32)[::-1].copy()
    agree(tf.linalg.inv, swapped)
    agree(tf.linalg.cholesky, m @ m.transpose(0, 2, 1) + np.eye(size, dtype=np.float32), dynamic=(0,))


def test_large_matrices_are_not():
    for function in (tf.linalg.inv, tf.linalg.cholesky, tf.linalg.det):
        with pytest.raises(NotLoweredError, match="too large"):
            agree(function, np.eye(9, dtype=np.float32))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.int32])
def test_bits(kind):
    x, y = WHOLE.astype(kind), OTHER.astype(kind)
    for function in (tf.bitwise.bitwise_and, tf.bitwise.bitwise_or, tf.bitwise.bitwise_xor):
        agree(function, x, y, dynamic=(0, 1))
    agree(tf.bitwise.invert, x)
    agree(lambda a: tf.bitwise.right_shift(a, np.array(3, kind)), x)
    if kind is np.int32:
        agree(lambda a: tf.bitwise.left_shift(a, np.array([0, 1, 5, 30, 31], kind)), x)


def test_bins():
    agree(lambda x: raw.Bucketize(input=x, boundaries=[-1, 0, 0.5]), A, dynamic=(0,))
    agree(lambda x: raw.Bucketize(input=x, boundaries=[0, 4, 9]), np.array([-1, 0, 4, 5, 9], np.int32))


def test_different_numbers():
    agree(tf.unique, np.array([4, 1, 4, 0], np.int32))
    agree(lambda x: raw.UniqueV2(x=x, axis=[0], out_idx=tf.int64), np.array([2.5, 1, 2.5], np.float32))


BOXES = RANDOM.uniform(0, 1, (30, 2)).astype(np.float32)
BOXES = np.concatenate([BOXES, BOXES + RANDOM.uniform(0.05, 0.5, (30, 2)).astype(np.float32)], 1)
SCORES = RANDOM.uniform(0, 1, 30).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.0, 0.4])
@pytest.mark.parametrize("count", [5, 25])
def test_boxes_that_overlap(count, sigma):
    for fill in (True, False):
        options = {"max_output_size": count, "score_threshold": 0.25, "pad_to_max_output_size": fill}
        agree(lambda b, s, o=options: raw.NonMaxSuppressionV4(boxes=b, scores=s, iou_threshold=0.3, **o), BOXES, SCORES)
        agree(
            lambda b, s, o=options: raw.NonMaxSuppressionV5(
                boxes=b, scores=s, iou_threshold=1.0 if sigma else 0.3, soft_nms_sigma=sigma, **o
            ),
            BOXES,
            SCORES,
        )
    agree(lambda b, s: tf.image.non_max_suppression(b, s, count, 0.5), BOXES, SCORES)


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("own", [True, False], ids=["boxes of each class", "boxes of all classes"])
@pytest.mark.parametrize(
    ("each", "total", "padded", "clipped"),
    [(5, 8, False, True), (5, 40, True, True), (40, 20, False, False), (3, 20, False, True)],
)
def test_boxes_of_several_images_and_classes_that_overlap(images, own, each, total, padded, clipped):
    random = np.random.default_rng(4)
    corners = random.uniform(-0.1, 0.9, (images, 30, 3 if own else 1, 2))
    boxes = np.concatenate([corners, corners + random.uniform(0.05, 0.5, corners.shape)], -1).astype(np.float32)
    scores = random.uniform(0, 1, (images, 30, 3)).astype(np.float32)
    scores[-1, :, 0] = 0  # a class of which nothing is found
    agree(
        lambda b, s: tuple(
            tf.image.combined_non_max_suppression(
                b, s, each, total, iou_threshold=0.3, score_threshold=0.4, pad_per_class=padded, clip_boxes=clipped
            )
        ),
        boxes,
        scores,
    )


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("narrow", [True, False])
def test_fake_quantization(bits, narrow):
    x = RANDOM.uniform(-3, 3, (50, 2)).astype(np.float32)
    agree(lambda x: tf.quantization.fake_quant_with_min_max_args(x, -1.1, 2.3, bits, narrow), x, dynamic=(0,))
    agree(lambda x: tf.quantization.fake_quant_with_min_max_vars(x, -0.4, 2.0, bits, narrow), x, dynamic=(0,))
    low, high = np.array([-1, -2], np.float32), np.array([1, 0.5], np.float32)
    agree(lambda x: tf.quantization.fake_quant_with_min_max_vars_per_channel(x, low, high, bits, narrow), x)
    agree(
        lambda x: raw.QuantizeAndDequantizeV3(
            input=x, input_min=-1.0, input_max=2.0, num_bits=bits, signed_input=False, narrow_range=narrow
        ),
        x,
    )
    options = {"num_bits": bits, "narrow_range": narrow, "round_mode": "HALF_UP", "range_given": True}
    agree(lambda x: raw.QuantizeAndDequantizeV2(input=x, input_min=-1.5, input_max=1.0, **options), x)
