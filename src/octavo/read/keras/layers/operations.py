"""Bare operations between layers: `keras.ops` in Keras 3 (by class name), TensorFlow functions in Keras 2 (by path)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Operand, Tensor
from octavo.read.keras.layer import Layer, Meaning, operation
from octavo.read.keras.layers import activation
from octavo.read.keras.layers.slicing import sliced

_UNARY = {
    "Abs": ("Absolute", "Fabs", "math.abs"),
    "Acos": ("Arccos", "math.acos"),
    "Acosh": ("Arccosh", "math.acosh"),
    "Asin": ("Arcsin", "math.asin"),
    "Asinh": ("Arcsinh", "math.asinh"),
    "Atan": ("Arctan", "math.atan"),
    "Atanh": ("Arctanh", "math.atanh"),
    "Cosh": ("math.cosh",),
    "Sinh": ("math.sinh",),
    "Erfc": ("math.erfc",),
    "Erfinv": ("math.erfinv",),
    "IsFinite": ("Isfinite", "math.is_finite"),
    "IsInf": ("Isinf", "math.is_inf"),
    "IsNan": ("Isnan", "math.is_nan"),
    "Identity": ("StopGradient", "Copy", "identity", "stop_gradient"),
    "Invert": ("BitwiseInvert", "BitwiseNot"),
    "MatrixInverse": ("Inv", "linalg.inv"),
    "MatrixDeterminant": ("Det", "linalg.det"),
    "RGBToHSV": ("image.rgb_to_hsv",),
    "HSVToRGB": ("image.hsv_to_rgb",),
    "Ceil": ("math.ceil",),
    "Cos": ("math.cos",),
    "Erf": ("math.erf",),
    "Exp": ("math.exp",),
    "Expm1": ("math.expm1",),
    "Floor": ("math.floor",),
    "Log": ("math.log",),
    "Log1p": ("math.log1p",),
    "LogicalNot": ("math.logical_not", "__operators__.logical_not"),
    "Neg": ("Negative", "math.negative", "__operators__.neg"),
    "Reciprocal": ("math.reciprocal",),
    "Relu": ("nn.relu", "keras.activations.relu"),
    "Relu6": ("nn.relu6",),
    "Rsqrt": ("math.rsqrt",),
    "Selu": ("nn.selu",),
    "Sigmoid": ("math.sigmoid", "nn.sigmoid"),
    "Sign": ("math.sign",),
    "Sin": ("math.sin",),
    "Softplus": ("math.softplus", "nn.softplus"),
    "Softsign": ("nn.softsign",),
    "Sqrt": ("math.sqrt",),
    "Square": ("math.square",),
    "Tan": ("math.tan",),
    "Tanh": ("math.tanh", "nn.tanh"),
}
"""TensorFlow's ops of one operand, and what else they are called; the op's own name is a Keras class too."""

_BINARY = {
    "AddV2": ("Add", "math.add", "__operators__.add"),
    "Sub": ("Subtract", "math.subtract", "__operators__.sub"),
    "Mul": ("Multiply", "math.multiply", "__operators__.mul"),
    "RealDiv": ("Divide", "TrueDivide", "math.divide", "math.truediv", "__operators__.truediv"),
    "FloorDiv": ("FloorDivide", "math.floordiv"),
    "FloorMod": ("Mod", "math.floormod"),
    "Pow": ("Power", "math.pow"),
    "Atan2": ("Arctan2", "math.atan2"),
    "DivNoNan": ("DivideNoNan", "math.divide_no_nan"),
    "BitwiseAnd": (),
    "BitwiseOr": (),
    "BitwiseXor": (),
    "LeftShift": ("BitwiseLeftShift",),
    "RightShift": ("BitwiseRightShift",),
    "Maximum": ("math.maximum",),
    "Minimum": ("math.minimum",),
    "SquaredDifference": ("math.squared_difference",),
    "Greater": ("math.greater",),
    "GreaterEqual": ("math.greater_equal",),
    "Less": ("math.less",),
    "LessEqual": ("math.less_equal",),
    "Equal": ("math.equal",),
    "NotEqual": ("math.not_equal",),
    "LogicalAnd": ("math.logical_and",),
    "LogicalOr": ("math.logical_or",),
}
_REDUCTIONS = {
    "Mean": ("math.reduce_mean",),
    "Sum": ("math.reduce_sum",),
    "Max": ("Amax", "math.reduce_max"),
    "Min": ("Amin", "math.reduce_min"),
    "Prod": ("math.reduce_prod",),
    "Any": ("math.reduce_any",),
    "All": ("math.reduce_all",),
}
_ACTIVATIONS = {
    "silu": ("Silu", "nn.silu"),
    "elu": ("Elu", "nn.elu"),
    "celu": ("Celu",),
    "hard_sigmoid": ("HardSigmoid",),
    "hard_silu": ("HardSilu",),
    "hard_tanh": ("HardTanh",),
    "log_sigmoid": ("LogSigmoid",),
    "mish": ("Mish",),
    "squareplus": ("Squareplus",),
    "tanh_shrink": ("TanhShrink",),
    "sparse_plus": ("SparsePlus",),
    "sparse_sigmoid": ("SparseSigmoid",),
}


def _unary(op: str) -> Meaning:
    def meaning(layer: Layer, x: Tensor) -> Tensor:
        return layer.emit(op, x)

    return meaning


def _binary(op: str) -> Meaning:
    def meaning(layer: Layer, *operands: Operand, **named: Operand) -> Tensor:
        given = [*operands, *(named[word] for word in ("x", "x1", "y", "x2") if word in named)]
        if len(given) != 2:
            raise NotLoweredError(f"{len(given)} operands")
        return layer.emit(op, *given)

    return meaning


def _reduction(op: str) -> Meaning:
    def meaning(
        layer: Layer, x: Tensor | None = None, axis: Any = None, keepdims: Any = None, *,
        input_tensor: Tensor | None = None, **unused: Any,
    ) -> Tensor:  # fmt: skip
        given = x if x is not None else input_tensor
        assert given is not None
        if unused:
            raise NotLoweredError(f"called with {sorted(unused)}")
        return layer.emit(op, given, _axes(axis, given.rank), keep_dims=bool(keepdims))

    return meaning


def _activation(name: str) -> Meaning:
    def meaning(layer: Layer, x: Tensor) -> Tensor:
        return activation.FUNCTIONS[name](layer.emit, x)

    return meaning


def _axes(axis: Any, rank: int) -> Any:
    if axis is None:
        return np.arange(rank, dtype=np.int32)
    return np.array(axis if isinstance(axis, list | tuple) else [axis], np.int32)


FAMILIES: dict[str, Meaning] = {
    **{name: _unary(op) for op, names in _UNARY.items() for name in (op, *names)},
    **{name: _binary(op) for op, names in _BINARY.items() for name in (op, *names)},
    **{name: _reduction(op) for op, names in _REDUCTIONS.items() for name in (op, *names)},
    **{name: _activation(function) for function, names in _ACTIVATIONS.items() for name in names},
}
"""Operations that differ by one word."""


@operation("Softmax", "nn.softmax")
def softmax(layer: Layer, x: Tensor, axis: int = -1) -> Tensor:
    """Along one axis."""
    return activation.softmax(layer.emit, x, axis=axis)


@operation("LogSoftmax", "nn.log_softmax")
def log_softmax(layer: Layer, x: Tensor, axis: int = -1) -> Tensor:
    """Along one axis."""
    return activation.softmax(layer.emit, x, axis=axis, op="LogSoftmax")


@operation("Gelu", "nn.gelu")
def gelu(layer: Layer, x: Tensor, approximate: bool | None = None) -> Tensor:  # noqa: FBT001
    """Keras 3 approximates unless told otherwise; TensorFlow does not."""
    return activation.gelu(layer.emit, x, approximate=not layer.keras2 if approximate is None else approximate)


@operation("LeakyRelu", "nn.leaky_relu")
def leaky_relu(layer: Layer, x: Tensor, negative_slope: float = 0.2, alpha: float | None = None) -> Tensor:
    """With a slope below zero."""
    return layer.emit("LeakyRelu", x, alpha=negative_slope if alpha is None else alpha)


@operation("Clip", "clip_by_value")
def clip(
    layer: Layer, x: Tensor, x_min: float | None = None, x_max: float | None = None, *,
    clip_value_min: float | None = None, clip_value_max: float | None = None,
) -> Tensor:  # fmt: skip
    """Kept within two numbers."""
    low = x_min if x_min is not None else clip_value_min
    high = x_max if x_max is not None else clip_value_max
    return layer.emit("ClipByValue", x, np.asarray(low, x.dtype), np.asarray(high, x.dtype))


@operation("Concatenate", "concat")
def concatenate(layer: Layer, xs: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along an axis."""
    return layer.emit("ConcatV2", *xs, np.int32(axis), N=len(xs))


@operation("Stack", "stack")
def stack(layer: Layer, x: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along a new axis."""
    return layer.emit("Pack", *x, axis=axis, N=len(x))


@operation("Reshape", "reshape")
def reshape(layer: Layer, x: Tensor, newshape: Any = None, shape: Any = None) -> Tensor:
    """In another shape; the batch is −1 or given."""
    sizes = [-1 if size is None else size for size in (newshape if newshape is not None else shape)]
    return layer.emit.reshape(x, sizes)


@operation("Transpose", "transpose")
def transpose(layer: Layer, x: Tensor, axes: Any = None, perm: Any = None, *, conjugate: Any = None) -> Tensor:
    """The dimensions in another order, by default backwards."""
    if conjugate:
        raise NotLoweredError("complex numbers")
    order = axes if axes is not None else perm if perm is not None else list(range(x.rank))[::-1]
    return layer.emit.transpose(x, [axis % x.rank for axis in order])


@operation("ExpandDims", "expand_dims")
def expand_dims(layer: Layer, x: Tensor, axis: Any) -> Tensor:
    """One dimension more, or several."""
    for at in axis if isinstance(axis, list | tuple) else [axis]:
        x = layer.emit("ExpandDims", x, np.int32(at))
    return x


@operation("Squeeze", "squeeze")
def squeeze(layer: Layer, x: Tensor, axis: Any = None) -> Tensor:
    """Without dimensions of 1."""
    given = [] if axis is None else list(axis) if isinstance(axis, list | tuple) else [axis]
    return layer.emit("Squeeze", x, squeeze_dims=given or [at for at, dim in enumerate(x.shape) if dim == 1])


@operation("Matmul", "linalg.matmul")
def matmul(layer: Layer, a: Operand, b: Operand, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as TensorFlow calls it
    """The product of matrices."""
    return layer.emit("BatchMatMulV2", a, b, adj_x=transpose_a, adj_y=transpose_b)


@operation("Cast", "cast")
def cast(layer: Layer, x: Tensor, dtype: Any = None) -> Tensor:
    """In another dtype; halves are computed in float32."""
    name = str(dtype)
    return layer.emit.cast(x, np.float32 if "float" in name else np.dtype(name))


@operation("Round", "math.round")
def rounded(layer: Layer, x: Tensor, decimals: int = 0) -> Tensor:
    """To so many decimals, halves to even."""
    if decimals == 0 or x.dtype.kind in "iu":
        return layer.emit("Round", x)
    scale = np.float32(10.0**decimals)
    return layer.emit("RealDiv", layer.emit("Round", layer.emit("Mul", x, scale)), scale)


@operation("Pad", "pad")
def pad(
    layer: Layer, x: Tensor, pad_width: Any = None, constant_values: Any = None, *,
    mode: str = "constant", paddings: Any = None,
) -> Tensor:  # fmt: skip
    """A number around, or the tensor's own numbers mirrored."""
    around = np.broadcast_to(np.asarray(pad_width if pad_width is not None else paddings, np.int32), (x.rank, 2))
    if mode.upper() in ("REFLECT", "SYMMETRIC"):
        return layer.emit("MirrorPad", x, around, mode=mode.upper())
    if mode.upper() != "CONSTANT":
        raise NotLoweredError(f"padding in the mode {mode!r}")
    if constant_values is None:
        return layer.emit("Pad", x, around)
    return layer.emit("PadV2", x, around, np.asarray(constant_values, x.dtype))


@operation("Where", "where")
def where(layer: Layer, condition: Tensor, x1: Operand, x2: Operand) -> Tensor:
    """One or the other; a plain number is of the other's dtype, not of the condition's."""
    like = next((x for x in (x1, x2) if isinstance(x, Tensor)), None)
    if like is None and not any(isinstance(x, np.ndarray | np.generic) for x in (x1, x2)):
        dtype = np.result_type(*map(np.asarray, (x1, x2)))
        x1, x2 = (np.asarray(x, np.float32 if dtype.kind == "f" else np.int32) for x in (x1, x2))
    return layer.emit("SelectV2", condition, *(layer.emit.tensor(x, like=like) for x in (x1, x2)))


@operation("ZerosLike", "zeros_like")
def zeros_like(layer: Layer, x: Tensor, dtype: Any = None) -> Tensor:
    """Zeros, or false, of the shape of `x`."""
    return layer.emit("ZerosLike", x if dtype is None else cast(layer, x, dtype))


@operation("OnesLike", "ones_like")
def ones_like(layer: Layer, x: Tensor, dtype: Any = None) -> Tensor:
    """Ones, or true, of the shape of `x`."""
    return layer.emit("OnesLike", x if dtype is None else cast(layer, x, dtype))


@operation("GetItem", "__operators__.getitem")
def getitem(layer: Layer, x: Tensor, key: Any = None, slice_spec: Any = None) -> Tensor:
    """A part of `x`, as numpy slices."""
    return sliced(layer.emit, x, key if key is not None else slice_spec)


@operation("Einsum", "linalg.einsum")
def einsum(layer: Layer, *operands: Tensor, subscripts: str = "", equation: str = "") -> Tensor:
    """A sum of products."""
    return layer.emit("Einsum", *operands, equation=(subscripts or equation).replace(" ", ""), N=len(operands))
