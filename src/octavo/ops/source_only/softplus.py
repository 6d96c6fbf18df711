"""Activations that LiteRT has no operation for."""

from __future__ import annotations

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit, like
from octavo.ops.activation import Relu
from octavo.ops.binary import Add, Div
from octavo.ops.unary import Abs, Exp, Log, Neg


@lowers("tf.Softplus")
def softplus(source: Source, build: Builder) -> Value:
    """`log(1 + eˣ) = relu(x) + log(1 + e^−|x|)`: the second form never overflows."""
    (x,) = source.inputs
    small = emit(build, Exp(), emit(build, Neg(), emit(build, Abs(), x)))
    return emit(build, Add(), emit(build, Relu(), x), emit(build, Log(), emit(build, Add(), small, like(x, 1))))


@lowers("tf.Softsign")
def softsign(source: Source, build: Builder) -> Value:
    """`x / (1 + |x|)`."""
    (x,) = source.inputs
    return emit(build, Div(), x, emit(build, Add(), emit(build, Abs(), x), like(x, 1)))
