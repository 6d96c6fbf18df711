"""Where tensors of very unequal ranges are joined on their way out of the model: in float, each keeps its own steps.

A detector that returns boxes up to 320 and scores up to 1 in one tensor would round the scores to zero and one. The
conversion to float, which is due anyway, may as well come before the join as behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import reduce
from operator import or_

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.grid import Interval
from octavo.ir.port import SameAs
from octavo.quantize.group import real_operands
from octavo.quantize.precision import Refusal
from octavo.statistics import Statistics

STEPS = 32
"""An operand that spans fewer int8 steps of the joint grid loses by it."""


def joined_in_float(graph: Graph, outputs: Collection[Value], statistics: Statistics) -> dict[Node, Refusal]:
    """The nodes whose operands would share a grid that is far too wide for some, and nothing but float follows.

    `outputs` are those of the graph that leave it as float.
    """
    free: set[Node] = set()
    for node in reversed(graph):
        if len(node.outputs) != 1:
            continue
        result = node.output
        leaves = result in outputs if result in graph.outputs else bool(result.uses)
        joins = len(list(_ranges(node, statistics))) > 1
        if leaves and free.issuperset(result.users) and (node.op.moves or joins):
            free.add(node)
    found: dict[Node, Refusal] = {}
    floats: set[Node] = set()
    for node in graph:
        if node not in free:
            continue
        behind = any(value is not None and value.producer in floats for value in node.inputs)
        narrow = "" if node.op.moves else _narrow(node, statistics) or ("what it joins is float" if behind else "")
        if narrow:
            found[node] = ("graph", f"{narrow}; behind it all is float anyway")
        if narrow or behind:
            floats.add(node)
    return found


def _narrow(node: Node, statistics: Statistics) -> str:
    """Which operand would lose by the joint grid, if one would."""
    ranges = dict(_ranges(node, statistics))
    whole = reduce(or_, ranges.values(), Interval(0.0, 0.0)).width
    for value, own in ranges.items():
        steps = 255 * own.width / whole if whole > 0 else 255
        if 0 < steps < STEPS and len(ranges) > 1:
            return f"of its joint int8 grid {value.name!r} would span {steps:.2g} steps"
    return ""


def _ranges(node: Node, statistics: Statistics) -> Iterator[tuple[Value, Interval]]:
    """What was seen of the operands that the node reads on the grid of its result."""
    for _, value, port in real_operands(node):
        seen = statistics.ranges.get(value.name)
        if isinstance(port, SameAs) and port.port == "output" and seen is not None:
            yield value, Interval.around(seen.low, seen.high)
