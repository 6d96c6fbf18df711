"""One target as data, and what of a model it would not run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
from msgspec import Struct, field

from octavo.ir.graph import Graph, Node, Value
from octavo.recipe import Precision, TargetName
from octavo.showing import Shown, Table, facts

LEAVE = "replace it in the model, or let the CPU run it by a rule"
CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""At the border of the model these run on the CPU, as the border itself does."""


class Limit(Struct, frozen=True):
    """What one thing about an operator must be: from `least` to `most`.

    `of` is a field of its options, `rank` (the dimensions of its first operand) or `version` (in the schema).
    """

    op: str
    of: str
    least: float
    most: float

    def objection(self, node: Node) -> str:
        """Why the node is outside of the limit; empty where it is not."""
        found = self._found(node)
        if self.least <= found <= self.most:
            return ""
        wanted = f"{self.least:g}" if self.least == self.most else f"{self.least:g} to {self.most:g}"
        return f"the {self.of} of {self.op} is {found:g}, and has to be {wanted}"

    def _found(self, node: Node) -> float:
        match self.of:
            case "version":
                return node.op.version(node)
            case "rank":
                return next(value.rank for value in node.inputs if value is not None)
            case option:
                return float(getattr(node.op, option))


class Target(Struct, frozen=True, kw_only=True):
    """What a target takes, from its `source`. Empty sets mean that nothing is restricted.

    `precisions` are those of a recipe that it can run, `operators` the names of LiteRT operators, `dtypes` those of
    activations that stand for real numbers, `fewer` the operators that take fewer of these. `per_channel` lists the
    operators whose weights may have a scale per channel, `on_one_grid` those whose result has the grid of their input.
    `limits` are about options, ranks and versions of single operators. `rank` is the most dimensions of a tensor;
    `is_static` forbids dimensions that are known only at run time, the batch excepted, which LiteRT takes for one.
    `has_fallback` says that the CPU runs what the target leaves; `is_cpu`, that LiteRT's own kernels run, whose speed
    is known; `has_dot_products`, that one instruction of the CPU multiplies and adds many int8.
    """

    name: TargetName
    about: str
    source: str
    precisions: frozenset[Precision] = frozenset()
    operators: frozenset[str] = frozenset()
    dtypes: frozenset[str] = frozenset()
    fewer: Mapping[str, frozenset[str]] = field(default_factory=dict)
    per_channel: frozenset[str] = frozenset()
    on_one_grid: frozenset[str] = frozenset()
    limits: tuple[Limit, ...] = ()
    rank: int = 0
    is_static: bool = False
    has_fallback: bool = True
    is_cpu: bool = False
    has_dot_products: bool = False


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that would leave the target: which one, the tensor that it makes, its layer, why, and the cure."""

    op: str
    tensor: str
    layer: str
    why: str
    cure: str


class Departures(Shown, tuple[Departure, ...]):
    """The operations that would leave a target, in the order of work."""

    __slots__ = ()

    def tables(self) -> tuple[Table, ...]:
        """Each operation with its layer, why it leaves, and the cure."""
        rows = [(each.op, each.layer or each.tensor, each.why, each.cure) for each in self]
        found = Table("Operations that would leave the target", ("operation", "layer", "why", "cure"), rows)
        return (found if self else facts(("every operation", "runs on the target")),)


def departures(graph: Graph, target: Target) -> Iterator[Departure]:
    """The operations of a graph that would leave the target, in the order of work."""
    for node in graph:
        found = None if _at_border(graph, node) else _objection(node, target)
        if found is not None:
            source = next((part for part in node.origin if not part.startswith("rule:")), node.name)
            yield Departure(
                op=getattr(node.op, "custom_code", "") or node.op.code,
                tensor=node.name,
                layer=source.rpartition("/")[0] or source,
                why=found[0],
                cure=found[1],
            )


def takes_channels(target: Target, op: str) -> bool:
    """Whether the weights of an operator may have a scale for each channel."""
    return not target.per_channel or op in target.per_channel


def _at_border(graph: Graph, node: Node) -> bool:
    """Conversions of inputs, outputs and constants."""
    if node.op.code not in CONVERSIONS:
        return False
    (read,) = node.inputs
    return read is None or read in graph.inputs or read.const is not None or node.outputs[0] in graph.outputs


def _objection(node: Node, target: Target) -> tuple[str, str] | None:
    """Why the target does not run the node, and the cure."""
    if target.operators and node.op.code not in target.operators:
        return f"{target.name} has no {node.op.code}", LEAVE
    values = [v for v in (*node.inputs, *node.outputs) if v is not None]
    if node.op.code in target.on_one_grid and len({_grid(value) for value in values if value.const is None}) > 1:
        return (
            f"{target.name} wants the result of {node.op.code} on the grid of its input",
            "convert it for this target",
        )
    for value in values:
        found = _of_value(node, value, target)
        if found is not None:
            return found
    broken = (limit.objection(node) for limit in target.limits if limit.op == node.op.code)
    return next(((why, LEAVE) for why in broken if why), None)


def _of_value(node: Node, value: Value, target: Target) -> tuple[str, str] | None:
    is_real = value.quant is not None or value.dtype.kind == "f"
    dtypes = target.fewer.get(node.op.code, target.dtypes)
    if value.const is None and is_real and dtypes and value.dtype.name not in dtypes:
        wanted = " or ".join(sorted(dtypes))
        what = "computes" if dtypes is target.dtypes else f"computes {node.op.code}"
        return f"{value.name!r} is {value.dtype.name}, and {target.name} {what} in {wanted}", (
            "choose a precision that the operation has for it, or let the CPU run it by a rule"
        )
    if target.rank and value.rank > target.rank:
        return f"{value.name!r} has {value.rank} dimensions, and {target.name} takes {target.rank}", "reshape the model"
    if value.quant is not None and value.quant.scale.size > 1 and not takes_channels(target, node.op.code):
        return f"{target.name} takes one scale for the weights of {node.op.code}", "per_channel = false for this target"
    is_open = any(not isinstance(dim, int | np.integer) for dim in value.shape[1:])
    if target.is_static and value.const is None and is_open:
        return f"the shape {value.type} is known only at run time", "give the inputs' shapes: shapes={name: [1, …]}"
    return None


def _grid(value: Value) -> tuple[str, tuple[float, ...], tuple[int, ...]]:
    """What decides whether two tensors are on one grid."""
    if value.quant is None:
        return value.dtype.name, (), ()
    return value.dtype.name, tuple(value.quant.scale.tolist()), tuple(value.quant.zero_point.tolist())
