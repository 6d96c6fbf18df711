"""Scales and shifts in front of an operation that has a filter and a bias move into them."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array
from octavo.ops.binary import Add, Mul
from octavo.ops.pad import Pad
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, made_by, numbers, operands, per_channel, readers
from octavo.optimize.rules._weighted import WEIGHTED, Weighted, weighted


@rewrites(*WEIGHTED)
def scale_before_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x · s, w) → conv(x, w · s)

    `s` is one number, or one per input channel. Several readers are fine when each of them can take the scale.
    Zeros around the image stay zeros when scaled, so a PAD in between is no obstacle.

    Before:
        main(%x: float32[batch,5,5,4]) {
          %s = const float32[4]
          %w = const float32[6,3,3,2]
          %b = const float32[6]
          %m: float32[batch,5,5,4] = MUL(%x, %s)
          %y: float32[batch,5,5,6] = CONV_2D(%m, %w, %b)
          return %y
        }

    After:
        main(%x: float32[batch,5,5,4]) {
          %w = const float32[6,3,3,2]
          %b = const float32[6]
          %y: float32[batch,5,5,6] = CONV_2D(%x, %w, %b)
          return %y
        }

    Before:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[1,1,1,3]
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %p = const int32[4,2] [[0,0],[1,2],[1,2],[0,0]]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %q: float32[batch,8,8,3] = PAD(%m, %p)
          %y: float32[batch,6,6,6] = DEPTHWISE_CONV_2D(%q, %w, %b) {padding=VALID, depth_multiplier=2}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %p = const int32[4,2] [[0,0],[1,2],[1,2],[0,0]]
          %q: float32[batch,8,8,3] = PAD(%x, %p)
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %y: float32[batch,6,6,6] = DEPTHWISE_CONV_2D(%q, %w, %b) {padding=VALID, depth_multiplier=2}
          return %y
        }

    Before:
        main(%x: float32[batch,7,4]) {
          %s = const float32[4]
          %w = const float32[3,4]
          %v = const float32[2,4]
          %m: float32[batch,7,4] = MUL(%x, %s)
          %y: float32[batch,7,3] = FULLY_CONNECTED(%m, %w, _) {keep_num_dims=True}
          %z: float32[batch,7,2] = FULLY_CONNECTED(%m, %v, _) {keep_num_dims=True}
          return %y, %z
        }

    After:
        main(%x: float32[batch,7,4]) {
          %w = const float32[3,4]
          %v = const float32[2,4]
          %y: float32[batch,7,3] = FULLY_CONNECTED(%x, %w, _) {keep_num_dims=True}
          %z: float32[batch,7,2] = FULLY_CONNECTED(%x, %v, _) {keep_num_dims=True}
          return %y, %z
        }

    Unless:
        main(%x: float32[batch,4]) {
          %s = const float32[4]
          %w = const float32[3,4]
          %m: float32[batch,4] = MUL(%x, %s)
          %y: float32[batch,3] = FULLY_CONNECTED(%m, %w, _)
          return %y, %m
        }

    Unless:
        main(%x: float32[batch,1]) {
          %s = const float32[4]
          %w = const float32[3,4]
          %m: float32[batch,4] = MUL(%x, %s)
          %y: float32[batch,3] = FULLY_CONNECTED(%m, %w, _)
          return %y
        }
    """
    target = weighted(node)
    if target is None or target.input_channels is None:
        return None
    padding = made_by(target.input, Pad)
    inner = target.input if padding is None else padding.inputs[0]
    multiply = made_by(inner, Mul)
    if multiply is None or inner is None:
        return None
    if padding is not None and not (is_alone(target.input, build.graph) and is_alone(inner, build.graph)):
        return None
    for value, constant in operands(multiply):
        scale = per_channel(numbers(constant), value.shape)
        if scale is None or scale.size != target.input_channels:
            continue
        if not all_take(inner, build.graph):
            return build.miss(f"the scaled input is also read by {readers(inner, build.graph)}")
        image = value if padding is None else build(padding.op, value, padding.inputs[1])
        return target.emit(build, input=image, filter=np.asarray(target.filter * target.per_input(scale)))
    return None


@rewrites(*WEIGHTED)
def shift_before_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x + t, w, b) → conv(x, w, b + conv(t, w))

    Exact where no window sees zeros around the image: those zeros would have to be `-t`.

    Before:
        main(%x: float32[batch,5,5,4]) {
          %t = const float32[4]
          %w = const float32[6,3,3,2]
          %b = const float32[6]
          %m: float32[batch,5,5,4] = ADD(%x, %t)
          %y: float32[batch,3,3,6] = CONV_2D(%m, %w, %b) {padding=VALID}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,4]) {
          %w = const float32[6,3,3,2]
          %b = const float32[6]
          %y: float32[batch,3,3,6] = CONV_2D(%x, %w, %b) {padding=VALID}
          return %y
        }

    Before:
        main(%x: float32[batch,5,5,3]) {
          %t = const float32[]
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %m: float32[batch,5,5,3] = ADD(%x, %t)
          %y: float32[batch,3,3,6] = DEPTHWISE_CONV_2D(%m, %w, %b) {padding=VALID, depth_multiplier=2}
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %w = const float32[1,3,3,6]
          %b = const float32[6]
          %y: float32[batch,3,3,6] = DEPTHWISE_CONV_2D(%x, %w, %b) {padding=VALID, depth_multiplier=2}
          return %y
        }

    Before:
        main(%x: float32[batch,4]) {
          %t = const float32[1,4]
          %w = const float32[3,4]
          %m: float32[batch,4] = ADD(%x, %t)
          %y: float32[batch,3] = FULLY_CONNECTED(%m, %w, _)
          return %y
        }

    After:
        main(%x: float32[batch,4]) {
          %w = const float32[3,4]
          %b = const float32[3]
          %y: float32[batch,3] = FULLY_CONNECTED(%x, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,4]) {
          %t = const float32[4]
          %w = const float32[6,3,3,4]
          %b = const float32[6]
          %m: float32[batch,5,5,4] = ADD(%x, %t)
          %y: float32[batch,5,5,6] = CONV_2D(%m, %w, %b)
          return %y
        }
    """
    target = weighted(node)
    add = None if target is None else made_by(target.input, Add)
    if target is None or add is None or target.input_channels is None:
        return None
    for value, constant in operands(add):
        shift = per_channel(numbers(constant), value.shape)
        if shift is None or shift.size != target.input_channels:
            continue
        if target.is_padded:
            return build.miss("zeros stand around the shifted image, so the shift cannot join the bias")
        if not all_take(target.input, build.graph, unpadded=True):
            return build.miss(f"the shifted input is also read by {readers(target.input, build.graph)}")
        return target.emit(build, input=value, bias=target.bias + target.response(shift))
    return None


@rewrites(*WEIGHTED)
def scaled_shift_before_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x · s + t, w) → conv(x + t / s, w · s)

    Where zeros around the image keep the shift out of the bias, the scale at least can go: a rescaled and
    normalized image costs one addition. The rounding error stays that of the original.

    Before:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[3]
          %t = const float32[3]
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %a: float32[batch,5,5,3] = ADD(%m, %t)
          %y: float32[batch,5,5,4] = CONV_2D(%a, %w, %b)
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3]) {
          %t = const float32[3]
          %a: float32[batch,5,5,3] = ADD(%x, %t)
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %y: float32[batch,5,5,4] = CONV_2D(%a, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3]) {
          %s = const float32[3] [0.5, 0.0, 2.0]
          %t = const float32[3]
          %w = const float32[4,3,3,3]
          %b = const float32[4]
          %m: float32[batch,5,5,3] = MUL(%x, %s)
          %a: float32[batch,5,5,3] = ADD(%m, %t)
          %y: float32[batch,5,5,4] = CONV_2D(%a, %w, %b)
          return %y
        }
    """
    target = weighted(node)
    if target is None or target.input_channels is None:
        return None
    padding = made_by(target.input, Pad)
    if not target.is_padded and padding is None:
        return None
    shifted = target.input if padding is None else padding.inputs[0]
    found = _scale_and_shift(shifted, build.graph)
    if found is None or found[1].size != target.input_channels or not is_alone(target.input, build.graph):
        return None
    value, scale, shift = found
    if not scale.all():
        return build.miss("a channel is scaled by zero")
    image = build(Add(), value, shift / scale)
    image = image if padding is None else build(padding.op, image, padding.inputs[1])
    return target.emit(build, input=image, filter=np.asarray(target.filter * target.per_input(scale)))


@rewrites(*WEIGHTED)
def gate_scale_before_filter(node: Node, build: Rewriter) -> Value | None:
    """conv(x · (g · s), w) → conv(x · g, w · s)

    The scale of a gate, such as the sixth in a hard sigmoid, needs no operation of its own.

    Before:
        main(%x: float32[batch,5,5,3], %g: float32[batch,1,1,3]) {
          %s = const float32[] 0.16666667
          %w = const float32[4,1,1,3]
          %b = const float32[4]
          %h: float32[batch,1,1,3] = MUL(%g, %s)
          %m: float32[batch,5,5,3] = MUL(%x, %h)
          %y: float32[batch,5,5,4] = CONV_2D(%m, %w, %b)
          return %y
        }

    After:
        main(%x: float32[batch,5,5,3], %g: float32[batch,1,1,3]) {
          %m: float32[batch,5,5,3] = MUL(%x, %g)
          %w = const float32[4,1,1,3]
          %b = const float32[4]
          %y: float32[batch,5,5,4] = CONV_2D(%m, %w, %b)
          return %y
        }

    Unless:
        main(%x: float32[batch,5,5,3], %g: float32[batch,1,1,3]) {
          %s = const float32[] 0.16666667
          %w = const float32[4,1,1,3]
          %b = const float32[4]
          %h: float32[batch,1,1,3] = MUL(%g, %s)
          %m: float32[batch,5,5,3] = MUL(%x, %h)
          %y: float32[batch,5,5,4] = CONV_2D(%m, %w, %b)
          return %y, %h
        }
    """
    target = weighted(node)
    multiply = None if target is None else made_by(target.input, Mul)
    if target is None or multiply is None or not is_alone(target.input, build.graph):
        return None
    for value, gate in operands(multiply):
        inner = made_by(gate, Mul)
        if inner is None or not is_alone(gate, build.graph):
            continue
        for source, constant in operands(inner):
            scale = per_channel(numbers(constant), source.shape)
            if scale is None or scale.size != target.input_channels:
                continue
            product = build(Mul(), value, source)
            return target.emit(build, input=product, filter=np.asarray(target.filter * target.per_input(scale)))
    return None


def all_take(value: Value, graph: Graph, *, unpadded: bool = False) -> bool:
    """Whether every reader of `value` can take a scale (`unpadded`: a shift too) of it into its filter."""
    if value in graph.outputs:
        return False
    found = [weighted(user) or _behind_pad(user, graph, unpadded=unpadded) for user in value.users]
    return all(w is not None and w.input_channels == value.shape[-1] and not (unpadded and w.is_padded) for w in found)


def _behind_pad(node: Node, graph: Graph, *, unpadded: bool) -> Weighted | None:
    """What alone reads a PAD: its zeros take a scale, but no shift."""
    if unpadded or not isinstance(node.op, Pad) or not is_alone(node.output, graph):
        return None
    return weighted(node.output.users[0])


def _scale_and_shift(value: Value | None, graph: Graph) -> tuple[Value, Array, Array] | None:
    """(x, s, t) when `value` is x · s + t and nobody else reads what is in between."""
    add = made_by(value, Add)
    if value is None or add is None or not is_alone(value, graph):
        return None
    for scaled, shift in operands(add):
        t = per_channel(numbers(shift), scaled.shape)
        multiply = made_by(scaled, Mul)
        if t is None or multiply is None or not is_alone(scaled, graph):
            continue
        for source, scale in operands(multiply):
            s = per_channel(numbers(scale), source.shape)
            if s is not None:
                return source, s, t
    return None
