"""Numbers drawn at random, anew in every run."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Observed, Plain
from octavo.ir.type import Type
from octavo.ops._elementwise import emit, like
from octavo.ops.binary import Add, Mul
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened
from octavo.ops.unary import Floor

_INT32, _FLOAT32 = np.dtype(np.int32), np.dtype(np.float32)


@operation
class Drawn(Op):
    """A tensor of `shape`. Seeds of zero mean a new sequence in every process."""

    seed: int = 0
    seed2: int = 0

    __eq__ = object.__eq__  # two of them draw different numbers
    __hash__ = object.__hash__

    def infer(self, shape: Value) -> Type:
        """float32.

        Raises:
            ValueError: the shape is unknown.
        """
        return Type(_FLOAT32, tuple(known_dims(shape, "the shape of the random numbers")))

    ports: ClassVar = {"shape": Plain(), "output": Observed()}


@operation
class RandomUniform(Drawn):
    """Each number between 0 and 1 is as likely as any other."""

    code: ClassVar = "RANDOM_UNIFORM"

    @lowers("tf.RandomUniform")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return drawn(build, RandomUniform(*seeds(source)), source, source.inputs[0])

    @lowers("tf.RandomUniformInt")
    @staticmethod
    def from_tf_whole(source: Source, build: Builder) -> Value:
        """Whole numbers from one below another: a uniform number of that many, rounded down."""
        shape, low, high = source.inputs
        span = source.const(2, "bound") - source.const(1, "bound")
        if span >= 1 << 24:
            raise NotLoweredError("LiteRT draws float32 numbers, too coarse for so many whole ones")
        uniform = drawn(build, RandomUniform(*seeds(source)), None, shape)
        places = build(Floor(), build(Mul(), uniform, like(uniform, float(span))))
        return emit(build, Add(), cast(build, places, high.dtype), low)


@operation
class RandomStandardNormal(Drawn):
    """A normal distribution around 0 with deviation 1."""

    code: ClassVar = "RANDOM_STANDARD_NORMAL"

    @lowers("tf.RandomStandardNormal")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """TensorFlow's operand is LiteRT's."""
        return drawn(build, RandomStandardNormal(*seeds(source)), source, source.inputs[0])


@operation
class Multinomial(Op):
    """[rows, samples]: numbers of columns of `logits` [rows, columns], drawn in proportion to e to their power."""

    seed: int = 0
    seed2: int = 0

    code: ClassVar = "MULTINOMIAL"
    __eq__ = object.__eq__  # two of them draw different numbers
    __hash__ = object.__hash__

    @lowers("tf.Multinomial")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The kernel decides on int32; TensorFlow may ask for int64."""
        logits, samples = source.inputs
        drawn = build(Multinomial(*seeds(source)), logits, opened(cast(build, samples, _INT32)))
        return cast(build, drawn, source.dtype("output_dtype"))

    def infer(self, logits: Value, num_samples: Value) -> Type:
        """int32.

        Raises:
            ValueError: the number of samples is unknown.
        """
        (count,) = known_dims(num_samples, "the number of samples")
        return Type(_INT32, (logits.shape[0], count))

    ports: ClassVar = {"logits": Observed(), "num_samples": Plain(), "output": Plain()}


def drawn(build: Builder, op: Drawn, source: Source | None, shape: Value) -> Value:
    """A tensor of random numbers, of the dtype that the source asks for.

    Raises:
        NotLoweredError: it asks for another than float32.
    """
    if source is not None and source.dtype("dtype") != np.float32:
        raise NotLoweredError(f"LiteRT draws float32 numbers, not {source.dtype('dtype').name}")
    return build(op, opened(cast(build, shape, _INT32)))


def seeds(source: Source) -> tuple[int, int]:
    """Both seeds."""
    return source.attr("seed", int), source.attr("seed2", int)
