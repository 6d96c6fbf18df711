"""Concatenations of concatenations."""

from __future__ import annotations

from octavo.ir.graph import Node, Value
from octavo.ops.concatenation import Concatenation
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import is_alone, made_by


@rewrites(Concatenation, phase="canonicalize")
def concatenation_of_concatenation(node: Node, build: Rewriter) -> Value | None:
    """concatenation(concatenation(x, y), z) → concatenation(x, y, z)

    Before:
        main(%x: float32[batch,2], %y: float32[batch,3], %z: float32[batch,4]) {
          %a: float32[batch,5] = CONCATENATION(%x, %y) {axis=1}
          %b: float32[batch,9] = CONCATENATION(%a, %z) {axis=-1}
          return %b
        }

    After:
        main(%x: float32[batch,2], %y: float32[batch,3], %z: float32[batch,4]) {
          %b: float32[batch,9] = CONCATENATION(%x, %y, %z) {axis=-1}
          return %b
        }

    Unless:
        main(%x: float32[batch,2], %y: float32[batch,3], %z: float32[batch,4]) {
          %a: float32[batch,5] = CONCATENATION(%x, %y) {axis=1}
          %b: float32[batch,9] = CONCATENATION(%a, %z) {axis=1}
          return %a, %b
        }
    """
    axis, parts = _axis(node), list[Value | None]()
    for value in node.inputs:
        inner = made_by(value, Concatenation)
        is_part = inner is not None and value is not None and _axis(inner) == axis and is_alone(value, build.graph)
        parts += inner.inputs if inner is not None and is_part else [value]
    return build(node.op, *parts) if len(parts) > len(node.inputs) else None


def _axis(node: Node) -> int:
    assert isinstance(node.op, Concatenation)
    return node.op.axis % node.output.rank
