"""Arithmetic on two operands that broadcast."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Channels, Together, Weighed
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, lowers, operation
from octavo.ir.port import INT8_AND_INT16, INT8_ONLY, LEFT, LOOPS, Kernels, Observed, SameAs
from octavo.ir.source import Array
from octavo.ops._activation import activate, is_even
from octavo.ops._elementwise import FLOAT_INT, FLOAT_INT32, Elementwise, emit, exact_quotient, greater, lesser, like
from octavo.schema.enums import Activation


@operation
class Binary(Elementwise):
    """`output = compute(lhs, rhs)`."""

    ports: ClassVar = {"lhs": Observed(), "rhs": Observed(), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16


@operation
class Add(Binary):
    """`lhs + rhs`. `pot_scale_int16` asks for scales that are powers of two, which no tool makes any more."""

    fused_activation_function: Activation = Activation.NONE
    pot_scale_int16: bool = False

    code: ClassVar = "ADD"
    converts: ClassVar = (("lhs",), ("rhs",))
    kernels: ClassVar = Kernels(int8="", int16="", loops_int16=LOOPS)
    compute: ClassVar = np.add
    dtypes: ClassVar = (*FLOAT_INT, "int16")
    symbolic: ClassVar = True

    @lowers("tf.Add", "tf.AddV2")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Add(), *source.inputs)

    @lowers("tf.AddN", "tf.AccumulateNV2")
    @staticmethod
    def from_tf_many(source: Source, build: Builder) -> Value:
        """ADD_N has no integer kernel: a chain of additions has."""
        total, *rest = source.inputs
        for value in rest:
            total = emit(build, Add(), total, value)
        return total

    def evaluate(self, *inputs: Array) -> Array:
        """The sum, after the activation."""
        return activate(super().evaluate(*inputs), self.fused_activation_function)

    @property
    def adds(self) -> bool:
        """Without an activation behind it."""
        return self.fused_activation_function is Activation.NONE

    def channels(self, node: Node) -> Together | None:  # noqa: ARG002  # whatever surrounds it
        """A factor on both is one on the result."""
        return Together((0, 1)) if is_even(self.fused_activation_function) else None

    def version(self, node: Node) -> int:
        """int8 2, int16 with any scale 3, int64 4, plain int16 5, float16 6 (`op_version.cc` of LiteRT)."""
        first = _first(node)
        if first.dtype.name == "int16" and first.quant is not None:
            return 1 if self.pot_scale_int16 else 3
        return {"int8": 2, "int64": 4, "int16": 5, "float16": 6}.get(first.dtype.name, 1)


@operation
class Sub(Binary):
    """`lhs − rhs`."""

    fused_activation_function: Activation = Activation.NONE
    pot_scale_int16: bool = False

    code: ClassVar = "SUB"
    converts: ClassVar = (("lhs",), ("rhs",))
    kernels: ClassVar = Kernels(int8="", int16="", loops_int16=LOOPS)
    compute: ClassVar = np.subtract
    dtypes: ClassVar = FLOAT_INT
    symbolic: ClassVar = True

    @lowers("tf.Sub")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Sub(), *source.inputs)

    def evaluate(self, *inputs: Array) -> Array:
        """The difference, after the activation."""
        return activate(super().evaluate(*inputs), self.fused_activation_function)

    def channels(self, node: Node) -> Together | None:  # noqa: ARG002  # whatever surrounds it
        """A factor on both is one on the result."""
        return Together((0, 1)) if is_even(self.fused_activation_function) else None

    def version(self, node: Node) -> int:
        """int8 2, broadcast over more than four dimensions 3, int64 4, int16 5 (`op_version.cc` of LiteRT)."""
        name = _first(node).dtype.name
        if name == "int16":
            return 1 if self.pot_scale_int16 else 5
        return 4 if name == "int64" else 3 if _stretches_far(node) else 2 if name == "int8" else 1


@operation
class Mul(Binary):
    """`lhs · rhs`."""

    fused_activation_function: Activation = Activation.NONE

    code: ClassVar = "MUL"
    converts: ClassVar = (("lhs", "rhs"),)
    kernels: ClassVar = Kernels(int8="", int16="", loops_int16=LOOPS)
    compute: ClassVar = np.multiply
    dtypes: ClassVar = (*FLOAT_INT, "int16", "uint32", "complex64")
    symbolic: ClassVar = True

    @lowers("tf.Mul")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Mul(), *source.inputs)

    @lowers("tf.Square")
    @staticmethod
    def from_tf_square(source: Source, build: Builder) -> Value:
        """SQUARE has no integer kernel: `x · x` has."""
        return emit(build, Mul(), source.inputs[0], source.inputs[0])

    def evaluate(self, *inputs: Array) -> Array:
        """The product, after the activation."""
        return activate(super().evaluate(*inputs), self.fused_activation_function)

    def channels(self, node: Node) -> Channels | None:
        """A constant takes any factor; of two activations, one that is as large as the result hands it on."""
        operands = [(place, value) for place, value in enumerate(node.inputs) if value is not None]
        even = is_even(self.fused_activation_function)
        constant = next((place for place, value in operands if value.const is not None), None)
        if constant is not None:
            return Weighed(1 - constant, constant, None, takes=-1, gives=-1, even=even)
        whole = [place for place, value in operands if value.shape == node.output.shape and not _is_bounded(value)]
        return Together((whole[0],)) if whole and even and node.inputs[0] is not node.inputs[1] else None

    def version(self, node: Node) -> int:
        """int8 2, rescaled by 1 or more 3, int16 4, int64 5, complex 6, plain int16 and uint32 7, float16 8."""
        first = _first(node)
        name = first.dtype.name
        if name == "int16":
            return 7 if first.quant is None else 4
        if name == "int8" and _product_outgrows_output(node):
            return 3
        return {"int8": 2, "int64": 5, "complex64": 6, "uint32": 7, "float16": 8}.get(name, 1)


_AS_STORED = "the LiteRT kernel divides the stored integers, whatever their scales"
_STOPS_AT_ZERO = "its integer kernel fails where the divisor rounds to zero"
"""From `div.cc` of LiteRT, which checks each divisor and fails where one rounds to zero."""


@operation
class Div(Binary):
    """`lhs / rhs`; integers are rounded towards zero."""

    fused_activation_function: Activation = Activation.NONE

    code: ClassVar = "DIV"
    singular: ClassVar = ("rhs",)
    dtypes: ClassVar = FLOAT_INT32
    symbolic: ClassVar = True
    kernels: ClassVar = Kernels(int8=_STOPS_AT_ZERO, int16=_STOPS_AT_ZERO)

    @lowers("tf.RealDiv", "tf.Div", "tf.TruncateDiv")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Multiplying by a constant's reciprocal is faster than dividing by it, and as exact as float32 is."""
        dividend, divisor = source.inputs
        if divisor.const is not None and divisor.dtype.kind == "f" and dividend.known is None:
            return emit(build, Mul(), dividend, _reciprocal(divisor.const))
        return emit(build, Div(), dividend, divisor)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Array:
        """The quotient in the operands' own arithmetic."""
        if lhs.dtype == object:
            return np.asarray(np.frompyfunc(exact_quotient, 2, 1)(lhs, rhs))
        if lhs.dtype.kind in "iu":
            return np.asarray(np.sign(lhs) * np.sign(rhs) * (np.abs(lhs) // np.abs(rhs)))
        return np.asarray(lhs / rhs)

    def evaluate(self, *inputs: Array) -> Array:
        """The quotient, after the activation."""
        return activate(super().evaluate(*inputs), self.fused_activation_function)

    def version(self, node: Node) -> int:
        """2 for broadcasting over more than four dimensions (`op_version.cc` of LiteRT)."""
        return 2 if _stretches_far(node) else 1


@operation
class Selection(Binary):
    """One of the two operands, so all of them share one scale."""

    dtypes: ClassVar = (*FLOAT_INT, "int8", "int16", "uint8")
    symbolic: ClassVar = True
    ports: ClassVar = {"lhs": SameAs("output"), "rhs": SameAs("output"), "output": Observed()}

    def version(self, node: Node) -> int:
        """int8 2, broadcast over more than four dimensions 3, int16 4 (`op_version.cc` of LiteRT)."""
        name = _first(node).dtype.name
        return 4 if name == "int16" else 3 if _stretches_far(node) else 2 if name == "int8" else 1


@operation
class Maximum(Selection):
    """The greater operand."""

    code: ClassVar = "MAXIMUM"

    @lowers("tf.Maximum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Maximum(), *source.inputs)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Any:
        """Dimensions compare where every run agrees."""
        return np.frompyfunc(greater, 2, 1)(lhs, rhs) if lhs.dtype == object else np.maximum(lhs, rhs)


@operation
class Minimum(Selection):
    """The smaller operand."""

    code: ClassVar = "MINIMUM"

    @lowers("tf.Minimum")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, Minimum(), *source.inputs)

    @lowers("tf.ClipByValue")
    @staticmethod
    def from_tf_clip(source: Source, build: Builder) -> Value:
        """`min(max(x, low), high)`."""
        value, low, high = source.inputs
        return emit(build, Minimum(), emit(build, Maximum(), value, low), high)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Any:
        """Dimensions compare where every run agrees."""
        return np.frompyfunc(lesser, 2, 1)(lhs, rhs) if lhs.dtype == object else np.minimum(lhs, rhs)


@operation
class SquaredDifference(Binary):
    """`(lhs − rhs)²`."""

    code: ClassVar = "SQUARED_DIFFERENCE"
    dtypes: ClassVar = FLOAT_INT32
    kernels: ClassVar = Kernels(int8="", int16=INT8_ONLY.int16, slow_int8=LEFT)
    versions: ClassVar = {"int8": 2}

    @lowers("tf.SquaredDifference")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, SquaredDifference(), *source.inputs)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Array:
        """The square of the difference."""
        return np.asarray(np.square(lhs - rhs))


@operation
class FloorDiv(Binary):
    """The greatest whole number that is not above `lhs / rhs`."""

    code: ClassVar = "FLOOR_DIV"
    dtypes: ClassVar = (*FLOAT_INT32, "int8", "int16")
    symbolic: ClassVar = True
    kernels: ClassVar = Kernels(int8=_AS_STORED, int16=_AS_STORED)
    versions: ClassVar = {"float32": 2, "int8": 3, "int16": 3}

    @lowers("tf.FloorDiv")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, FloorDiv(), *source.inputs)

    @staticmethod
    def compute(lhs: Array, rhs: Array) -> Array:
        """Kernels round the rounded quotient; numpy's own `//` of floats rounds the exact one."""
        return np.floor(lhs / rhs) if lhs.dtype.kind == "f" else np.asarray(lhs // rhs)


@operation
class FloorMod(Binary):
    """What `FloorDiv` leaves over; it has the sign of `rhs`."""

    code: ClassVar = "FLOOR_MOD"
    compute: ClassVar = np.mod
    dtypes: ClassVar = (*FLOAT_INT, "int8", "int16")
    symbolic: ClassVar = True
    kernels: ClassVar = Kernels(int8=_AS_STORED, int16=_AS_STORED)
    versions: ClassVar = {"int8": 2, "int16": 2}

    @lowers("tf.FloorMod")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operands are LiteRT's."""
        return emit(build, FloorMod(), *source.inputs)

    @lowers("tf.Mod", "tf.TruncateMod")
    @staticmethod
    def from_tf_truncated(source: Source, build: Builder) -> Value:
        """`lhs − (lhs / rhs towards zero) · rhs`, which has the sign of `lhs`; only integers divide so."""
        lhs, rhs = source.inputs
        if lhs.dtype.kind not in "iu":
            raise NotLoweredError("LiteRT cannot round a float quotient towards zero")
        return emit(build, Sub(), lhs, emit(build, Mul(), emit(build, Div(), lhs, rhs), rhs))


@operation
class Pow(Binary):
    """`lhs` to the power of `rhs`."""

    code: ClassVar = "POW"
    compute: ClassVar = np.power
    dtypes: ClassVar = FLOAT_INT32
    kernels: ClassVar = Kernels()

    @lowers("tf.Pow")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Small powers are products and roots, which are faster and have integer kernels."""
        base, exponent = source.inputs
        simple = None if exponent.const is None or exponent.const.size != 1 else _power(build, base, exponent)
        return emit(build, Pow(), base, exponent) if simple is None else simple


def _power(build: Builder, base: Value, exponent: Value) -> Value | None:
    """`base` to a power that a cheaper operation computes, or None."""
    from octavo.ops.unary import Rsqrt, Sqrt

    assert exponent.const is not None
    if exponent.rank > base.rank:
        return None
    match float(exponent.const.item()):
        case 1.0:
            return base
        case 2.0:
            return emit(build, Mul(), base, base)
        case 3.0:
            return emit(build, Mul(), emit(build, Mul(), base, base), base)
        case 0.5 if base.dtype == np.float32:
            return emit(build, Sqrt(), base)
        case -0.5 if base.dtype == np.float32:
            return emit(build, Rsqrt(), base)
        case -1.0 if base.dtype == np.float32:
            return emit(build, Div(), like(base, 1), base)
    return None


def _reciprocal(array: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(1 / array, array.dtype)


def _is_bounded(value: Value) -> bool:
    return value.producer is not None and value.producer.op.bounded


def _first(node: Node) -> Value:
    value = node.inputs[0]
    assert value is not None
    return value


def _stretches_far(node: Node) -> bool:
    """Whether shapes differ and have more than four dimensions."""
    shapes = [value.shape for value in node.inputs if value is not None]
    return shapes[0] != shapes[1] and max(map(len, shapes)) > 4


def _product_outgrows_output(node: Node) -> bool:
    scales = [v.quant.scale[0] for v in (*node.inputs, node.output) if v is not None and v.quant is not None]
    return len(scales) == 3 and bool(scales[0] * scales[1] >= scales[2])
