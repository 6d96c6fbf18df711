"""What the rest of a model sees of a tensor, through the functions of single numbers that read it.

A hard-swish turns all that is below −3 into zero, and a sigmoid all above 8 into one: steps that are spent there are
lost. So the error of a grid is measured behind such functions, not in front of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.source import Array

FAR = 12
"""Operations in a row through which a number is followed."""


def views(values: Collection[Value], outputs: Collection[Value], numbers: Array) -> list[Array]:
    """What `numbers`, held by any of `values`, become where something other than a function of one number reads them.

    `values` share one grid; `outputs` are those of the graph. Each view is float32, of the shape of `numbers`, and
    stands once; the numbers themselves are one if anything reads them as they are, or nothing reads them.
    """
    found: list[Array] = []
    for value in values:
        known = _followed(value, values, numbers)
        found += [array for seen, array in known.items() if _is_seen(seen, known, values, outputs)]
    distinct = {array.tobytes(): array for array in found if np.isfinite(array).all()}
    return list(distinct.values()) if distinct and len(found) == sum(np.isfinite(a).all() for a in found) else [numbers]


def _followed(value: Value, values: Collection[Value], numbers: Array) -> dict[Value, Array]:
    """`numbers` and what becomes of them, by the value that holds it."""
    known = {value: numbers}
    for _ in range(FAR):
        fresh = {
            node.output: result
            for held in known
            for node in held.users
            if len(node.outputs) == 1 and node.output not in known and node.output not in values
            for result in _result(node, known)
        }
        if not fresh:
            break
        known.update(fresh)
    return known


def _result(node: Node, known: dict[Value, Array]) -> Iterator[Array]:
    """What the node makes of the numbers, if it is a function of single numbers and all its operands are known."""
    if not node.op.elementwise or node.output.dtype != np.float32:
        return
    operands = [_operand(value, known) for value in node.inputs]
    if all(operand is not None for operand in operands):
        with np.errstate(all="ignore"):  # infinities and NaN are looked for by the caller
            yield np.asarray(node.op.evaluate(*operands), np.float32)


def _operand(value: Value | None, known: dict[Value, Array]) -> Array | None:
    if value is None:
        return None
    if value.const is not None and value.const.size == 1:
        return value.const.reshape(1)
    return known.get(value)


def _is_seen(value: Value, known: dict[Value, Array], values: Collection[Value], outputs: Collection[Value]) -> bool:
    """Whether anything but the functions that were followed reads the value, or the caller's own group moves it on."""
    others = [node for node in value.users if not set(node.outputs) & (known.keys() | set(values))]
    return bool(others) or value in outputs or not value.users
