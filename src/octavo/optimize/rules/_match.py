"""Questions that rules ask about a value and what surrounds it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from octavo.ir.dim import Dim
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.op import Op
from octavo.ir.source import Array
from octavo.schema.enums import Activation

FLOAT = np.dtype(np.float32)


def made_by(value: Value | None, *ops: type[Op]) -> Node | None:
    """The node that makes `value`, when it is one of `ops` and applies no activation to its result."""
    node = None if value is None else value.producer
    return node if node is not None and isinstance(node.op, ops) and activation(node) is Activation.NONE else None


def activation(node: Node) -> Activation:
    """The activation that `node` applies to its result."""
    applied: Any = getattr(node.op, "fused_activation_function", Activation.NONE)
    return Activation(applied)


def is_alone(value: Value, graph: Graph) -> bool:
    """Whether exactly one operand of one node reads `value`, and the caller of the graph does not."""
    return len(value.uses) == 1 and value not in graph.outputs


def is_float(*values: Value | None) -> bool:
    """Whether all values are float32 tensors that stand for themselves."""
    return all(value is not None and value.dtype == FLOAT and value.quant is None for value in values)


def numbers(value: Value | None) -> Array | None:
    """The numbers of a float32 constant, else None."""
    return value.const if value is not None and is_float(value) else None


def uniform(value: Value | None) -> float | None:
    """The number that a float32 constant holds everywhere, else None."""
    array = numbers(value)
    if array is None or array.size == 0 or not np.all(array == array.flat[0]):
        return None
    return float(array.flat[0])


def is_near(number: float | None, target: float) -> bool:
    """Whether a number is the float32 or decimal spelling of `target`: within a ten-thousandth of it."""
    return number is not None and abs(number - target) <= 1e-4 * abs(target)


def integers(value: Value | None) -> tuple[int, ...] | None:
    """The numbers of an integer constant, flat, else None."""
    if value is None or value.const is None or value.const.dtype.kind not in "iu":
        return None
    return tuple(int(number) for number in value.const.ravel())


def operands(node: Node) -> Iterator[tuple[Value, Value]]:
    """The two operands of a commutative node, in either order."""
    one, other = node.inputs
    assert one is not None
    assert other is not None
    yield one, other
    yield other, one


def stretches(array: Array, shape: tuple[Dim, ...]) -> bool:
    """Whether `array` broadcasts to `shape` without changing it."""
    if array.ndim > len(shape):
        return False
    return all(a in (1, b) for a, b in zip(array.shape[::-1], shape[::-1], strict=False))


def per_channel(array: Array | None, shape: tuple[Dim, ...]) -> Array | None:
    """The array as one number per channel of a tensor of `shape` (channels last), when it is no more than that."""
    if array is None or not shape or not isinstance(shape[-1], int) or not stretches(array, shape):
        return None
    if array.size not in (1, shape[-1]) or (array.size > 1 and array.shape[-1] != array.size):
        return None
    return np.broadcast_to(array.reshape(-1), (shape[-1],))


def readers(value: Value, graph: Graph) -> str:
    """Who reads `value`, in words."""
    names = [user.origin[0] if user.origin else user.op.code for user in value.users]
    if value in graph.outputs:
        names.append("the caller of the model")
    return " and ".join(names) if len(names) < 4 else f"{len(names)} others"


def factors(value: Value | None) -> tuple[float, list[Value]]:
    """The product that `value` is, as far as MULs reach: its scalar constants together, and the other factors.

    Order and grouping, which differ from framework to framework, are gone.
    """
    from octavo.ops.binary import Mul

    if value is None:
        return 1.0, []
    number = uniform(value)
    if number is not None:
        return number, []
    multiply = made_by(value, Mul)
    if multiply is None:
        return 1.0, [value]
    (one, values), (other, more) = (factors(part) for part in multiply.inputs)
    return one * other, [*values, *more]
