"""Cells of recurrent layers that TensorFlow 1 has in one piece (`lstm_ops.cc`, `gru_ops.cc`)."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops.activation import Logistic, Tanh
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Maximum, Minimum, Mul, Sub
from octavo.ops.concatenation import concatenate
from octavo.ops.pack import Pack
from octavo.ops.pad import pad
from octavo.ops.split import Split
from octavo.ops.unpack import Unpack

MOST = 64
"""A layer of up to so many turns is written out."""
Weights = tuple[Value, Value, Value, Value, Value]
"""Of the gates, of input, forget and output gates' looks at the state, and the bias."""


@lowers("tf.LSTMBlockCell")
def lstm_cell(source: Source, build: Builder) -> tuple[Value, ...]:
    """One turn: the input gate, the state, the other gates, the new input, the state's tanh, and the output."""
    x, state, output, *weights = source.inputs
    matrix, into, forget, out, bias = weights
    return _turn(source, build, (x, state, output), (matrix, into, forget, out, bias))


@lowers("tf.BlockLSTM", "tf.BlockLSTMV2")
def lstm_layer(source: Source, build: Builder) -> tuple[Value, ...]:
    """Turn after turn, along the first dimension; turns behind the longest sequence give zeros."""
    x, state, output, *weights = source.inputs[1:]
    matrix, into, forget, out, bias = weights
    turns = min(int(source.const(0, "longest sequence").item()), _length(x))
    if not 0 < turns <= MOST:
        raise NotLoweredError(f"a layer of {turns} turns is not written out, and LiteRT has no such cell")
    steps = build.many(Unpack(num=_length(x), axis=0), x)[:turns]
    made: list[tuple[Value, ...]] = []
    for step in steps:
        made.append(_turn(source, build, (step, state, output), (matrix, into, forget, out, bias)))
        state, output = made[-1][1], made[-1][6]
    rest = [(0, _length(x) - turns), (0, 0), (0, 0)]
    stacked = (build(Pack(values_count=turns, axis=0), *each) for each in zip(*made, strict=True))
    return tuple(pad(build, each, rest) for each in stacked)


@lowers("tf.GRUBlockCell")
def gru_cell(source: Source, build: Builder) -> tuple[Value, ...]:
    """One turn: reset gate, update gate, the new output alone, and the output."""
    x, before, gates, candidate, gate_bias, bias = source.inputs
    both = build(Logistic(), build(Add(), matmul(build, concatenate(build, [x, before], 1), gates), gate_bias))
    reset, update = build.many(Split(num_splits=2), np.array(1, np.int32), both)
    seen = concatenate(build, [x, build(Mul(), before, reset)], 1)
    new = build(Tanh(), build(Add(), matmul(build, seen, candidate), bias))
    kept = build(Mul(), update, build(Sub(), before, new))
    return reset, update, new, build(Add(), new, kept)


def _turn(source: Source, build: Builder, given: tuple[Value, Value, Value], weights: Weights) -> tuple[Value, ...]:
    x, state, output = given
    matrix, look_in, look_forget, look_out, bias = weights
    attrs = source.node.attrs
    is_second, looks = source.node.op == "BlockLSTMV2", bool(attrs.get("use_peephole"))
    sums = build(Add(), matmul(build, concatenate(build, [x, output], 1), matrix), bias)
    parts = build.many(Split(num_splits=4), np.array(1, np.int32), sums)
    into, new, forget, out = (parts[at] for at in ((0, 2, 1, 3) if is_second else (0, 1, 2, 3)))
    if looks:
        into = build(Add(), into, build(Mul(), state, look_in))
        forget = build(Add(), forget, build(Mul(), state, look_forget))
    more = 0.0 if is_second else float(attrs.get("forget_bias", 1.0))
    forget = build(Add(), forget, np.float32(more)) if more else forget
    into, forget, new = build(Logistic(), into), build(Logistic(), forget), build(Tanh(), new)
    after = build(Add(), build(Mul(), new, into), build(Mul(), state, forget))
    clip = float(attrs.get("cell_clip", 0.0 if is_second else 3.0))
    if clip > 0:
        after = build(Minimum(), build(Maximum(), after, np.float32(-clip)), np.float32(clip))
    out = build(Logistic(), build(Add(), out, build(Mul(), after, look_out)) if looks else out)
    seen = build(Tanh(), after)
    return into, after, forget, out, new, seen, build(Mul(), out, seen)


def _length(x: Value) -> int:
    turns = x.shape[0]
    if not isinstance(turns, int):
        raise NotLoweredError("the number of its turns must be known before the model runs")
    return turns
