"""Arithmetic, activations, comparisons and reductions mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, codes, lower, tf

from octavo.ir.op import NotLoweredError

RANDOM = np.random.default_rng(7)
A = RANDOM.standard_normal((2, 4, 3)).astype(np.float32)
B = RANDOM.standard_normal((2, 4, 3)).astype(np.float32)
ROW = RANDOM.uniform(0.5, 2, (3,)).astype(np.float32)
WHOLE = np.array([[-7, 7, -8], [0, 9, 5]], np.int32)
DIVISORS = np.array([2, -2, 3], np.int32)
raw = tf.raw_ops


ARITHMETIC = (raw.Add, raw.AddV2, raw.Sub, raw.Mul, raw.Maximum, raw.Minimum, raw.SquaredDifference)
ORDER = (raw.Less, raw.LessEqual, raw.Greater, raw.GreaterEqual)
FEATURES = (raw.Relu, raw.Relu6, raw.Elu, raw.Selu, raw.Softplus, raw.Softsign)
PLAIN = (raw.Abs, raw.Exp, raw.Square, raw.Neg, raw.Sin, raw.Cos, raw.Ceil, raw.Floor, raw.Round, raw.Rint, raw.Sign)
COMPOSED = (raw.Erf, raw.Erfc, raw.Expm1, raw.Tan, raw.Sinh, raw.Cosh, raw.Atan, raw.Asinh, raw.Inv)


@pytest.mark.parametrize("op", [*ARITHMETIC, *ORDER, raw.Atan2], ids=lambda op: op.__name__)
def test_two_operands_broadcast(op):
    agree(lambda x, y: op(x=x, y=y), A, B, dynamic=(0, 1))
    agree(lambda x: op(x=x, y=tf.constant(ROW)), A, dynamic=(0,))


@pytest.mark.parametrize("op", [*ARITHMETIC, *ORDER], ids=lambda op: op.__name__)
def test_integers_broadcast(op):
    agree(lambda x: op(x=x, y=tf.constant(DIVISORS)), WHOLE)


@pytest.mark.parametrize("op", [raw.Abs, raw.Sign], ids=lambda op: op.__name__)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_the_signs_of_integers(op, dtype):
    agree(lambda x: op(x=x), WHOLE.astype(dtype), dynamic=(0,))


@pytest.mark.parametrize("op", [raw.RealDiv, raw.Div, raw.FloorDiv, raw.DivNoNan, raw.Xdivy])
def test_division_by_a_tensor_and_by_a_constant(op):
    agree(lambda x, y: op(x=x, y=y), A, np.abs(B) + 0.5, dynamic=(0, 1))
    agree(lambda x: op(x=x, y=tf.constant(ROW)), A, dynamic=(0,))


@pytest.mark.parametrize("op", [raw.FloorDiv, raw.FloorMod, raw.TruncateDiv, raw.TruncateMod])
def test_integers_round_as_each_division_says(op):
    agree(lambda x: op(x=x, y=tf.constant(DIVISORS)), WHOLE)


@pytest.mark.parametrize("op", [raw.DivNoNan, raw.MulNoNan, raw.Xdivy, raw.Xlogy])
def test_where_zero_wins_no_nan_appears(op):
    x = np.array([0, 0, 1.5, 2], np.float32)
    y = np.array([0, 3, 2, 0.5], np.float32)
    agree(lambda x, y: op(x=x, y=y), *((y, x) if op in (raw.DivNoNan, raw.MulNoNan) else (x, y)))


@pytest.mark.parametrize("power", [2.0, 3.0, 0.5, -0.5, -1.0, 1.0, 1.7])
def test_powers_become_what_is_cheapest(power):
    graph = agree(lambda x: tf.pow(x, power), np.abs(A) + 0.1, dynamic=(0,))
    assert codes(graph) == {
        2.0: ["MUL"], 3.0: ["MUL", "MUL"], 0.5: ["SQRT"], -0.5: ["RSQRT"], -1.0: ["DIV"], 1.0: [], 1.7: ["POW"]
    }[power]  # fmt: skip


@pytest.mark.parametrize("op", [*PLAIN, *FEATURES, *COMPOSED, raw.Sigmoid, raw.Tanh], ids=lambda op: op.__name__)
def test_one_operand(op):
    argument = "features" if op in FEATURES else "x"
    agree(lambda x: op(**{argument: x}), 3 * A, dynamic=(0,), within=2e-6)


@pytest.mark.parametrize("op", [raw.Log, raw.Log1p, raw.Sqrt, raw.Rsqrt, raw.Reciprocal], ids=lambda op: op.__name__)
def test_one_operand_above_zero(op):
    agree(lambda x: op(x=x), np.abs(A) + 0.1, dynamic=(0,), within=2e-6)


@pytest.mark.parametrize("op", [raw.Asin, raw.Acos, raw.Atanh], ids=lambda op: op.__name__)
def test_one_operand_within_one(op):
    agree(lambda x: op(x=x), np.clip(A / 4, -0.95, 0.95), dynamic=(0,), within=2e-6)


def test_infinities_and_nan_are_told_apart():
    x = np.array([1, np.inf, -np.inf, np.nan], np.float32)
    for op in (raw.IsFinite, raw.IsNan, raw.IsInf):
        agree(lambda x, op=op: op(x=x), x)


def test_leaky_relu_keeps_its_slope():
    agree(lambda x: raw.LeakyRelu(features=x, alpha=0.3), A, dynamic=(0,))


def test_sums_of_many_and_clips():
    agree(lambda x, y: raw.AddN(inputs=[x, y, x]), A, B, dynamic=(0, 1))
    agree(lambda x: raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.75), A, dynamic=(0,))


@pytest.mark.parametrize("op", [raw.Equal, raw.NotEqual])
def test_equality_of_numbers_and_truths(op):
    agree(lambda x: op(x=x, y=tf.constant(DIVISORS)), WHOLE)
    agree(lambda x: op(x=x, y=tf.constant([True, False, True])), A > 0, dynamic=(0,))


def test_logic():
    agree(lambda x, y: raw.LogicalAnd(x=x, y=raw.LogicalOr(x=y, y=raw.LogicalNot(x=x))), A > 0, B > 0, dynamic=(0, 1))


@pytest.mark.parametrize("keep_dims", [False, True])
@pytest.mark.parametrize("axes", [[1], [-1], [1, 2], [], 2, [0, 1, 2]])
@pytest.mark.parametrize("op", [raw.Mean, raw.Sum, raw.Prod, raw.Max, raw.Min], ids=lambda op: op.__name__)
def test_reductions_along_any_axes(op, axes, keep_dims):
    agree(lambda x: op(input=x, axis=np.array(axes, np.int32), keep_dims=keep_dims), A, dynamic=(0,))


@pytest.mark.parametrize("op", [raw.Any, raw.All])
def test_reductions_of_truths(op):
    agree(lambda x: op(input=x, axis=[-1], keep_dims=True), A > 0, dynamic=(0,))


def test_the_euclidean_norm():
    agree(lambda x: raw.EuclideanNorm(input=x, axis=[1]), A, dynamic=(0,))


def test_choosing_by_element_by_row_and_by_broadcast():
    agree(lambda c, x, y: raw.SelectV2(condition=c, t=x, e=y), A > 0, A, B, dynamic=(0, 1, 2))
    agree(lambda c, x, y: raw.Select(condition=c, x=x, y=y), A > 0, A, B, dynamic=(0, 1, 2))
    agree(lambda c, x, y: raw.Select(condition=c, x=x, y=y), np.array([True, False]), A, B, dynamic=(0, 1, 2))
    agree(lambda c, x: raw.SelectV2(condition=c, t=x, e=0.0), A[:, :, :1] > 0, A, dynamic=(0, 1))


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64, tf.float32, tf.bool, tf.uint8])
def test_casts(dtype):
    agree(lambda x: raw.Cast(x=x, DstT=dtype), np.abs(3 * A), dynamic=(0,))


def test_a_dtype_without_a_kernel_is_refused_with_its_name():
    with pytest.raises(NotLoweredError, match="LiteRT has no SUB for float64"):
        lower(lambda x: x - x, A.astype(np.float64))
