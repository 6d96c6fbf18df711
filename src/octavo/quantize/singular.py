"""What stays float for its reader's sake: integers round small numbers to zero, and ids to other ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from octavo.ir.graph import Graph, Node, Value
from octavo.quantize.precision import INTEGER, Choice, Refusal
from octavo.statistics import Statistics

STEPS = {"int8": 255, "int16": 32767}
"""Steps between zero and the greatest number that a tensor holds."""
MARGIN = {"int8": 1, "int16": 64}
"""How many steps away from zero the samples' smallest number has to stay. Of as many new samples, every second lot has
one nearer to zero, and one lot in 65 one that is 64 times as near; int8 has no steps to spare for that."""


def near_zero(graph: Graph, choices: Mapping[Node, Choice], statistics: Statistics) -> dict[Node, Refusal]:
    """The operations in integers that make what an operation in float reads that grows without bound near zero.

    `log(max(x, 1e-6))` would be −∞ wherever the maximum is less than half a step. What is computed element by element
    is followed back; a sum, or a product with weights, has few numbers that near to zero.
    """
    return {
        maker: ("graph", f"{node.op.code} reads its smallest numbers, which integers round to zero")
        for node in graph
        if choices[node].precision == "float32" and choices[node].asked in INTEGER
        for value in _operands(node, node.op.singular)
        if _may_vanish(value, INTEGER[choices[node].asked], statistics)
        for maker in _makers(value, choices)
    }


def told_apart(graph: Graph, choices: Mapping[Node, Choice]) -> dict[Node, Refusal]:
    """The operations in integers that make numbers which stand for ids, places or counts."""
    return {
        maker: ("graph", f"{node.op.code} makes whole numbers of it, which must not be rounded before")
        for node in graph
        for value in _operands(node, node.op.tells_apart(node))
        for maker in _makers(value, choices)
    }


def _operands(node: Node, names: Collection[str]) -> list[Value]:
    operands = zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    return [value for name, value in operands if name in names and value is not None]


def _makers(value: Value, choices: Mapping[Node, Choice]) -> Iterator[Node]:
    """The operations on single elements behind a value that compute in integers."""
    behind = [value]
    while behind:
        maker = behind.pop().producer
        if maker is None or not (maker.op.elementwise or maker.op.moves):
            continue
        if choices[maker].precision in INTEGER:
            yield maker
        behind += [value for value in maker.inputs if value is not None]


def _may_vanish(value: Value, dtype: str, statistics: Statistics) -> bool:
    """Whether some of the numbers, also of samples not seen, may be less than a step away from zero."""
    seen = statistics.ranges.get(value.name)
    if value.const is not None or seen is None:
        return value.const is None
    least = seen.low if seen.low > 0 else -seen.high if seen.high < 0 else 0.0
    return least < MARGIN[dtype] * max(abs(seen.low), abs(seen.high)) / STEPS[dtype]
