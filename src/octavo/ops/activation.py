"""Activations that are operations of their own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.channels import Together
from octavo.ir.graph import Node, Value
from octavo.ir.op import lowers, operation
from octavo.ir.pace import Pace
from octavo.ir.port import INT8_AND_INT16, INT8_ONLY, LEFT, Fit, Fixed, Grid, Kernels, Observed, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._broadcast import broadcast
from octavo.ops._elementwise import Elementwise, emit, like

CONVERTED = (("input",),)
"""What a kernel that cuts numbers off converts to steps of its result: a layer that is nearly always 0 has tiny ones,
and beside them large negative numbers overflow and come out as the greatest."""
BENT = Observed(scales={"int16": (0.0, 4.0)})
"""Measured: from a scale of 6 on (numbers of 200,000), the int16 kernels give the other end of their range."""


@operation
class Activating(Elementwise):
    """`output = compute(input)`, with integer kernels for both widths unless `kernels` says otherwise."""

    ports: ClassVar = {"input": Observed(), "output": Observed()}
    kernels: ClassVar = INT8_AND_INT16


@operation
class Relu(Activating):
    """`max(x, 0)`."""

    code: ClassVar = "RELU"
    converts: ClassVar = CONVERTED
    pace: ClassVar = Pace(0.2, 7)
    kernels: ClassVar = Kernels(int8="", int16="", slow_int8=LEFT)
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Relu")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """RELU is for floats; integers have MAXIMUM."""
        from octavo.ops.binary import Maximum

        (value,) = source.inputs
        return emit(build, Maximum(), value, like(value, 0)) if value.dtype.kind in "iu" else emit(build, Relu(), value)

    @staticmethod
    def compute(input: Array) -> Array:
        """Negative numbers become 0."""
        return np.maximum(input, 0)

    def channels(self, node: Node) -> Together:  # noqa: ARG002  # whatever surrounds it
        """A factor goes through."""
        return Together()


@operation
class Relu6(Activating):
    """`min(max(x, 0), 6)`."""

    code: ClassVar = "RELU6"
    converts: ClassVar = CONVERTED
    pace: ClassVar = Pace(0.2, 7)
    kernels: ClassVar = Kernels(int8="", int16="", slow_int8=LEFT)
    ports: ClassVar = {"input": BENT, "output": Observed()}
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Relu6")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Relu6(), *source.inputs)

    @staticmethod
    def compute(input: Array) -> Array:
        """The number, kept within 0 and 6."""
        return np.clip(input, 0, 6)


@operation
class ReluN1To1(Activating):
    """`min(max(x, −1), 1)`."""

    code: ClassVar = "RELU_N1_TO_1"
    converts: ClassVar = CONVERTED
    kernels: ClassVar = INT8_ONLY

    @staticmethod
    def compute(input: Array) -> Array:
        """The number, kept within −1 and 1."""
        return np.clip(input, -1, 1)


@operation
class Relu0To1(Activating):
    """`min(max(x, 0), 1)`."""

    code: ClassVar = "RELU_0_TO_1"
    converts: ClassVar = CONVERTED
    kernels: ClassVar = INT8_ONLY

    @staticmethod
    def compute(input: Array) -> Array:
        """The number, kept within 0 and 1."""
        return np.clip(input, 0, 1)


@operation
class Logistic(Activating):
    """`1 / (1 + e⁻ˣ)`."""

    code: ClassVar = "LOGISTIC"
    pace: ClassVar = Pace(0.48, 0.18)
    bounded: ClassVar = True
    flat: ClassVar = 6.24
    ports: ClassVar = {"input": BENT, "output": Fixed(int8=Grid(1 / 256, -128), int16=Grid(1 / 32768, 0))}
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Sigmoid")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Logistic(), *source.inputs)

    @staticmethod
    def compute(input: Array) -> Any:
        """The exponent is never positive, so nothing overflows."""
        small = np.exp(-np.abs(input))
        return np.where(input >= 0, 1, small) / (1 + small)


@operation
class Tanh(Activating):
    """The hyperbolic tangent."""

    code: ClassVar = "TANH"
    pace: ClassVar = Pace(0.48, 0.18)
    bounded: ClassVar = True
    flat: ClassVar = 3.13
    compute: ClassVar = np.tanh
    ports: ClassVar = {"input": BENT, "output": Fixed(int8=Grid(1 / 128, 0), int16=Grid(1 / 32768, 0))}
    versions: ClassVar = {"int8": 2, "int16": 3}

    @lowers("tf.Tanh")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Tanh(), *source.inputs)


@operation
class Elu(Activating):
    """`x` when positive, else `eˣ − 1`."""

    code: ClassVar = "ELU"
    kernels: ClassVar = INT8_ONLY

    @lowers("tf.Elu")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return emit(build, Elu(), *source.inputs)

    @lowers("tf.Selu")
    @staticmethod
    def from_tf_selu(source: Source, build: Builder) -> Value:
        """`scale · elu(x)`, and below zero another factor on top: `scale · (relu(x) + alpha · elu(min(x, 0)))`."""
        from octavo.ops.binary import Add, Minimum, Mul

        (value,) = source.inputs
        above = emit(build, Mul(), emit(build, Relu(), value), like(value, SELU_SCALE))
        below = emit(build, Elu(), emit(build, Minimum(), value, like(value, 0)))
        return emit(build, Add(), above, emit(build, Mul(), below, like(value, SELU_SCALE * SELU_ALPHA)))

    @staticmethod
    def compute(input: Array) -> Array:
        """The exponent is never positive, so nothing overflows."""
        return np.where(input > 0, input, np.expm1(np.minimum(input, 0)))


@operation
class Gelu(Activating):
    """`x · Φ(x)` with the normal distribution Φ; `approximate` computes Φ by a hyperbolic tangent."""

    approximate: bool = False

    code: ClassVar = "GELU"
    pace: ClassVar = Pace(0.55, 0.55)
    versions: ClassVar = {"int8": 2, "uint8": 2}

    def evaluate(self, *inputs: Array) -> Array:
        """The definition, or its approximation (Hendrycks and Gimpel, 2016)."""
        from octavo.ops.source_only.error_function import erf

        (x,) = inputs
        inner = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)) if self.approximate else erf(x * math.sqrt(0.5))
        return np.asarray(0.5 * x * (1 + inner), x.dtype)


FINEST = 128.0
"""The kernel of HARD_SWISH checks that a step of its input is fewer steps of its result."""


@operation
class HardSwish(Activating):
    """`x · relu6(x + 3) / 6`."""

    code: ClassVar = "HARD_SWISH"
    pace: ClassVar = Pace(0.25, 4)
    kernels: ClassVar = Kernels(int8="", int16=INT8_ONLY.int16, slow_int8=LEFT)

    @staticmethod
    def compute(input: Array) -> Any:
        """The definition."""
        return input * np.clip(input + 3, 0, 6) / 6

    def objection(self, fits: Mapping[str, Fit]) -> str:
        """LiteRT refuses models in which a step of the input is too many steps of the result."""
        if not fits.keys() >= {"input", "output"} or (ratio := fits["input"].scale / fits["output"].scale) < FINEST:
            return ""
        return f"a step of its input is {ratio:.3g} steps of its output, and the kernel takes fewer than {FINEST:g}"


@operation
class LeakyRelu(Activating):
    """`x` when positive, else `alpha · x`."""

    alpha: float = 0.0

    code: ClassVar = "LEAKY_RELU"
    pace: ClassVar = Pace(0.3, 10)
    versions: ClassVar = {"int16": 2}

    @lowers("tf.LeakyRelu")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The slope is an attribute in both."""
        return emit(build, LeakyRelu(alpha=source.attr("alpha", float)), *source.inputs)

    def evaluate(self, *inputs: Array) -> Array:
        """The definition."""
        (x,) = inputs
        return np.where(x > 0, x, x * x.dtype.type(self.alpha))

    def channels(self, node: Node) -> Together:  # noqa: ARG002  # whatever surrounds it
        """A factor goes through."""
        return Together()


@operation
class Prelu(Activating):
    """`x` when positive, else `alpha · x`; `alpha` is a tensor that broadcasts to `x`."""

    code: ClassVar = "PRELU"
    ports: ClassVar = {
        "input": Observed(),
        "alpha": Weight(axis=None, dtypes={"int8": ("int8",), "int16": ("int8",)}),  # int16 ones come out wrong
        "output": Observed(),
    }

    def infer(self, *inputs: Value) -> Type:
        """The input's shape.

        Raises:
            ValueError: `alpha` does not broadcast to it.
        """
        input, alpha = inputs
        if broadcast(input.shape, alpha.shape) != input.shape:
            raise ValueError(f"alpha {alpha.type} does not broadcast to {input.type}")
        return input.type

    @staticmethod
    def compute(input: Array, alpha: Array) -> Array:
        """The definition."""
        return np.where(input >= 0, input, input * alpha)

    def channels(self, node: Node) -> Together:  # noqa: ARG002  # whatever surrounds it
        """A factor goes through; the slopes stay."""
        return Together()


SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772
"""The fixed point of self-normalizing networks (Klambauer and others, 2017)."""
