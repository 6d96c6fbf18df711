"""Running products, counts, special functions and seeded random numbers mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, tf

RANDOM = np.random.default_rng(10)
A = RANDOM.uniform(-2, 2, (3, 7)).astype(np.float32)
WHOLE = RANDOM.integers(0, 6, (3, 7), np.int32)
raw = tf.raw_ops


@pytest.mark.parametrize("exclusive", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
def test_running_products_and_sums(exclusive, reverse):
    options = {"exclusive": exclusive, "reverse": reverse}
    agree(lambda x: tf.math.cumprod(x, 1, **options), A, dynamic=(0,))
    agree(lambda x: tf.math.cumprod(x, -2, **options), WHOLE)
    agree(lambda x: raw.CumulativeLogsumexp(x=x, axis=1, **options), A, dynamic=(0,))


def test_lines():
    agree(lambda a, b: tf.linspace(a, b, 5), np.float32(-1), np.float32(3))
    agree(lambda a: raw.LinSpace(start=a, stop=2.0, num=1), np.float32(-1))


@pytest.mark.parametrize("weights", [None, A])
def test_counts(weights):
    agree(lambda x: raw.Bincount(arr=x, size=6, weights=[] if weights is None else weights), WHOLE)
    given = np.zeros(0, np.float32) if weights is None else weights
    for binary in (True, False) if weights is None else (False,):
        agree(
            lambda x, b=binary: raw.DenseBincount(input=x, size=5, weights=given, binary_output=b), WHOLE, dynamic=(0,)
        )
    agree(lambda x: raw.DenseBincount(input=x, size=7, weights=np.zeros(0, np.int32), binary_output=False), WHOLE[0])


def test_places_in_sorted_rows():
    rows = np.sort(A, axis=1)
    agree(lambda x: tf.searchsorted(rows, x), A[:, :4])
    agree(lambda x: tf.searchsorted(rows, x, side="right", out_type=tf.int64), rows[:, 2:4].copy())
    agree(lambda x: tf.histogram_fixed_width(x, [-1.5, 1.5], 7), A)


def test_ranks():
    agree(lambda x: tf.math.in_top_k([2, 0, 6], x, 3), A)
    agree(lambda x: raw.NthElement(input=x, n=2), A, dynamic=(0,))
    agree(lambda x: raw.NthElement(input=x, n=4, reverse=True), A)
    agree(lambda x: tf.math.approx_max_k(x, 3), A)


def test_other_arithmetic():
    agree(tf.linalg.cross, A[:, :3].copy(), A[:, 3:6].copy())
    agree(lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=0.5), A, A + RANDOM.uniform(-1, 1, A.shape).astype("f"))
    labels = np.eye(7, dtype=np.float32)[[3, 0, 6]]
    agree(lambda x: tf.nn.softmax_cross_entropy_with_logits(labels, x), A, dynamic=(0,))


SPECIAL = {
    "erfinv": (tf.math.erfinv, [-1, -0.999999, -0.9, -0.3, 0, 0.1, 0.7, 0.99, 1]),
    "ndtri": (tf.math.ndtri, [1e-5, 0.01, 0.3, 0.5, 0.8, 0.999]),
    "lgamma": (tf.math.lgamma, [-3.7, -1.2, -0.5, 0.1, 0.5, 1, 1.5, 2, 3.3, 10, 50, 300]),
    "digamma": (tf.math.digamma, [-3.7, -1.2, -0.5, 0.1, 0.5, 1, 1.5, 2, 3.3, 10, 50, 300]),
    "bessel_i0e": (tf.math.bessel_i0e, [-9, -3, 0, 0.5, 3.7, 3.8, 10, 80]),
    "bessel_i0": (tf.math.bessel_i0, [-5, -3, 0, 0.5, 3.7, 3.8, 6]),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions(name):
    function, places = SPECIAL[name]
    x = np.array(places, np.float32)
    agree(function, x, within=3e-6)
    near = x[np.abs(function(x)) < 20]  # where a large result does not hide an error
    agree(function, near, within=1e-5 if name != "lgamma" else 2e-5)


@pytest.mark.parametrize("seed", [[1, 2], [-7, 1 << 40]])
def test_a_known_seed_gives_the_numbers_of_tensorflow(seed):
    agree(lambda: tf.random.stateless_uniform([5, 3], seed))
    agree(lambda: tf.random.stateless_normal([33], seed))
    agree(lambda: tf.random.stateless_uniform([9], seed, -3, 8, tf.int32))
    agree(lambda: tf.random.stateless_uniform([4], seed, None, None, tf.int32))
    agree(lambda x: x + raw.StatelessRandomUniform(shape=[7], seed=seed), A)


def test_unseeded_numbers_are_drawn_by_litert():
    from lowering import codes, lower

    graph = lower(lambda x: x + tf.random.normal(tf.shape(x)) * tf.random.uniform([7]), A, dynamic=(0,))
    assert {"RANDOM_STANDARD_NORMAL", "RANDOM_UNIFORM"} <= set(codes(graph))
    assert "MULTINOMIAL" in codes(lower(lambda x: tf.random.categorical(x, 4), A))
    assert "RANDOM_UNIFORM" in codes(lower(lambda x: x + tf.random.uniform([3, 7], 0, 9, tf.int32), WHOLE))
