"""Which precision each operation gets: the recipe's wish, what the kernel can do, and what surrounds it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from octavo.ir.dim import for_one, product
from octavo.ir.graph import Graph, Model, Node, Value
from octavo.ir.port import Fixed, Handed, Observed, Plain, SameAs, Weight
from octavo.ir.source import Array
from octavo.plan import DENIED, OpDecision, Treatment, Who
from octavo.quantize.selecting import Selection, layer_of, replaced
from octavo.recipe import Block, Precision, Recipe, Weights
from octavo.targets.known import TARGETS

INTEGER = {"int8": "int8", "int16x8": "int16"}
"""The dtype of activations under each integer precision."""
WIDER: dict[Weights, tuple[Weights, ...]] = {
    "int2": ("int2", "int4", "int8"),
    "int4": ("int4", "int8"),
    "int8": ("int8",),
}
"""Each dtype of weights, and those that can stand in for it."""

INSIDE = "it is part of a graph that the runtime, or a kernel of the user's, runs in its own way"


class Choice(Struct, frozen=True):
    """A precision on its way to an `OpDecision`."""

    precision: Treatment
    asked: Precision
    who: Who
    why: str
    weights: Weights = "int8"
    block: Block = 0
    per_channel: bool = True


Finer = Literal["weights", "activations", "float"]
"""What is made finer: weights narrower than int8 become int8; activations int16 too, or float where these are slow; or
all is float but weights, which are stored as int8."""
Raise = tuple[Finer, str]
"""What of an operation shall be finer, and why."""
Refusal = tuple[Who, str] | tuple[Who, str, Finer]
"""Who keeps an operation in float, and why; `measured` does not insist on float, only on finer numbers, and says which.
"""


def choose(
    graph: Graph, recipe: Recipe, refused: Mapping[Node, Refusal] = MappingProxyType({}), *, is_foreign: bool = False
) -> dict[Node, Choice]:
    """The precision of every node of the graph; those `refused`, each for a reason, do not compute in integers.

    A graph `is_foreign` that is run by an operation that Octavo does not know; its activations stay float.
    """
    selection = Selection(graph, recipe)
    choices = {node: _restrict(node, _asked(node, selection), recipe) for node in graph}
    for node in (node for node in graph if node in refused):
        who, why, *finer = refused[node]
        choice = choices[node]
        made = _finer(node, choice, recipe, *finer) if who == "measured" else replace(choice, precision="float32")
        choices[node] = replace(made, who=who, why=why)
    if is_foreign:
        choices = {node: _without_integers(choice) for node, choice in choices.items()}
    _leave_islands(graph, choices)
    return choices


def foreign(model: Model) -> set[Graph]:
    """The graphs that operations run of which nobody knows how tensors get in and out."""
    found = set(model.bodies)
    for graph in model.graphs:
        for node in graph:
            if node.op.ties(node):
                found -= set(node.op.graphs)
    return found


def unserved(model: Model, recipe: Recipe) -> dict[Graph, set[Node]]:
    """Per graph, the nodes that the recipe asks for more than their kernels give: others may do their work.

    They shall compute in integers and have no kernels for them, or slow ones; or they shall store numbers as integers,
    and their kernels read none beside float activations.
    """
    strange = foreign(model)
    choices = {graph: {} if graph in strange else choose(graph, recipe) for graph in model.graphs}
    return {
        graph: {node for node, choice in made.items() if _is_unserved(node, choice, recipe)}
        for graph, made in choices.items()
    }


def _is_unserved(node: Node, choice: Choice, recipe: Recipe) -> bool:
    if choice.asked in INTEGER:
        is_slow = bool(node.op.kernels.slow_int8) or node.op.lags(node)
        return choice.who == "kernel" or (choice.precision == "int8" and is_slow and TARGETS[recipe.target].is_cpu)
    constants = [value.const for value in node.inputs if value is not None and value.const is not None]
    is_large = any(array.dtype == np.float32 and array.size >= recipe.small for array in constants)
    return choice.asked in ("dynamic", "weight_only") and weight_of(node) is None and is_large


def takes_float(recipe: Recipe) -> bool:
    """Whether an operation may stay float where the recipe asks for integers."""
    dtypes = TARGETS[recipe.target].dtypes
    return not recipe.strict and (not dtypes or "float32" in dtypes)


def decision(node: Node, choice: Choice) -> OpDecision:
    """The plan's row for a node."""
    return OpDecision(
        node=node.name,
        op=node.op.code,
        layer=layer_of(node),
        precision=choice.precision,
        asked=choice.asked,
        who=choice.who,
        why="; ".join(filter(None, (choice.why, _costs(node, choice)))),
        slow=_slow(node, choice),
    )


def _costs(node: Node, choice: Choice) -> str:
    """What the integers cost in time, unless that is told as being slow."""
    dtype = INTEGER.get(choice.precision, "")
    return node.op.costs(node, dtype) if dtype and not _slow(node, choice) else ""


def _slow(node: Node, choice: Choice) -> str:
    """Why the node takes many times as long as in float, if it does."""
    if choice.precision in INTEGER:
        kernels = node.op.kernels
        return kernels.slow_int16 or kernels.loops_int16 if choice.precision == "int16x8" else kernels.slow_int8
    weight = weight_of(node)
    widened = choice.precision == "weight_only" and weight is not None and not weight[1].picks
    return f"XNNPACK leaves operations whose weights are widened from {choice.weights}" if (
        widened and choice.weights != "int8"
    ) else ""  # fmt: skip


def weights_of(node: Node) -> list[tuple[str, Weight, Value]]:
    """The ports and the constants of the node's weights; only recurrent operations have more than one."""
    operands = zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    ports = [(name, node.op.port(name), value) for name, value in operands if value is not None]
    return [(name, port, value) for name, port, value in ports if isinstance(port, Weight)]


def weight_of(node: Node) -> tuple[str, Weight, Value] | None:
    """The port and the constant of the node's first weight, if it has one."""
    return next(iter(weights_of(node)), None)


def tables_of(node: Node, recipe: Recipe) -> list[Value]:
    """The constants that are worth storing as integers, of a node that has no weights: widened at load."""
    operands = zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    real = [v for name, v in operands if v is not None and isinstance(node.op.port(name), Observed | SameAs)]
    return [
        value
        for value in real
        if value.const is not None and value.dtype == np.float32 and value.const.size >= recipe.small
    ]


def computes(node: Node) -> bool:
    """Whether the node takes or makes real numbers that integers could stand for."""
    ports = zip(
        [*node.op.operands(len(node.inputs)), *node.op.results(len(node.outputs))],
        [*node.inputs, *node.outputs],
        strict=False,
    )
    return any(
        value is not None
        and value.dtype == np.float32
        and isinstance(node.op.port(name), Observed | SameAs | Fixed | Weight | Handed)
        for name, value in ports
    )


def _asked(node: Node, selection: Selection) -> Choice:
    """What the recipe wants of the node."""
    recipe = selection.recipe
    instead = "".join(f", in place of {code}, which has no such kernel or a slow one" for code in replaced(node))
    if selection.is_denied(node):
        return Choice("float32", "float32", "recipe", DENIED)
    if (found := selection.rule_for(node)) is not None:
        rule, name = found
        weights, block = rule.weights or recipe.weights, recipe.block if rule.block is None else rule.block
        per_channel = recipe.per_channel if rule.per_channel is None else rule.per_channel
        why = f"{name} of the recipe{instead}"
        return Choice(rule.precision, rule.precision, "rule", why, weights, block, per_channel)
    if not selection.is_allowed(node):
        return Choice("float32", "float32", "recipe", "the recipe does not allow it")
    why = f"the recipe's default{instead}"
    return Choice(recipe.precision, recipe.precision, "recipe", why, recipe.weights, recipe.block, recipe.per_channel)


def _restrict(node: Node, choice: Choice, recipe: Recipe) -> Choice:
    """The choice, or what remains possible of it on this node."""
    if not computes(node):
        return replace(choice, precision="exact", who="graph", why=node.op.foreign or "it computes no real numbers")
    if choice.asked in INTEGER:
        if reason := objection(node, INTEGER[choice.asked]):
            return _in_float(node, choice, recipe, "kernel", reason)
        if reason := _slower(node, choice, recipe):
            return _in_float(node, choice, recipe, "speed", reason)
        return _stored_wider(node, choice, INTEGER[choice.asked])
    if choice.asked in ("dynamic", "weight_only", "float16"):
        return _weights_only(node, choice, recipe)
    return choice


def _slower(node: Node, choice: Choice, recipe: Recipe) -> str:
    """Why float is faster than the integers asked for, where the recipe leaves it open and float may be used."""
    kernels = node.op.kernels
    reason = kernels.slow_int16 if choice.asked == "int16x8" else kernels.slow_int8 if weights_of(node) else ""
    is_open = choice.who == "recipe" and TARGETS[recipe.target].is_cpu and takes_float(recipe)
    return f"{reason}: in float, with conversions around it, it is several times as fast" if reason and is_open else ""


def _in_float(node: Node, choice: Choice, recipe: Recipe, who: Who, why: str) -> Choice:
    """The choice for an operation with float activations; its weights are stored as integers anyway."""
    stored = replace(choice, precision="float32")
    if choice.who == "recipe" and takes_float(recipe) and weights_of(node):
        wish = replace(choice, precision="dynamic", asked="dynamic", weights="int8", block=0)
        stored = replace(_weights_only(node, wish, recipe), asked=choice.asked)
    return replace(stored, who=who, why=why)


def _finer(node: Node, choice: Choice, recipe: Recipe, what: Finer = "activations") -> Choice:
    """What computes more finely: int16 activations where these cost no more, else float.

    What is not in int8, or must stay in integers and has no int16 kernel, stays as it is.
    """
    weight, dtypes = weight_of(node), TARGETS[recipe.target].dtypes
    takes_int16 = not objection(node, "int16") and (not dtypes or "int16" in dtypes)
    if choice.precision != "int8" or not (takes_int16 or takes_float(recipe)):
        return choice
    wide = choice if weight is None else replace(choice, weights="int8", block=0)
    if what == "weights" and wide.weights != choice.weights:
        return wide
    if what == "float" and takes_float(recipe):
        is_large = weight is not None and weight[2].const is not None and weight[2].const.size >= recipe.small
        return replace(wide, precision="weight_only" if is_large else "float32")
    in_int16 = takes_int16 and (not takes_float(recipe) or (weight is not None and not node.op.kernels.slow_int16))
    return replace(wide, precision="int16x8" if in_int16 else "float32")


def _without_integers(choice: Choice) -> Choice:
    return replace(choice, precision="float32", who="graph", why=INSIDE) if choice.precision in INTEGER else choice


def objection(node: Node, dtype: str) -> str:
    """Why the node's activations cannot be of this integer dtype; empty when they can."""
    if reason := node.op.kernels.objection(dtype) or node.op.lacks(node, dtype):
        return reason
    for name, value in zip(node.op.results(len(node.outputs)), node.outputs, strict=False):
        port = node.op.port(name)
        if isinstance(port, Fixed) and getattr(port, dtype) is None:
            return f"the kernel dictates no {dtype} grid for its {name}"
        if not isinstance(port, Plain | Handed) and value.dtype != np.float32:
            return f"its {name} is {value.dtype.name}, not float32"
    for name, port, value in weights_of(node):
        if value.const is None:
            return f"its {name} is computed at run time"
        if "int8" not in port.dtypes.get(dtype, ()):
            return f"the kernel takes no int8 {name} with {dtype} activations"
    return ""


def _weights_only(node: Node, choice: Choice, recipe: Recipe) -> Choice:
    """Activations stay float: what can be done about the weights."""
    constants = [value for value in node.inputs if value is not None and value.const is not None]
    if choice.asked == "float16":
        if any(value.dtype == np.float32 for value in constants):
            return choice
        return replace(choice, precision="float32", who="graph", why="it has no weights")
    weights = weights_of(node)
    if not weights and tables_of(node, recipe):
        # what only moves numbers is no affair of XNNPACK's, which knows no narrow weights that are widened at load
        narrow = choice.weights if node.op.moves else "int8"
        why = f"{choice.why}; its constants are stored as integers, dequantized once at load"
        return replace(choice, precision="weight_only", why=why, weights=narrow, block=0)
    if not weights or any(value.const is None or value.dtype != np.float32 for _, _, value in weights):
        return replace(choice, precision="float32", who="graph", why="it has no weights")
    name, port, value = weights[0]
    assert value.const is not None
    shape, size = value.const.shape, sum(v.const.size for _, _, v in weights if v.const is not None)
    if size < recipe.small:
        why = f"its {name} has {size} numbers, fewer than {recipe.small}: nothing to gain"
        return replace(choice, precision="float32", who="graph", why=why)
    if choice.asked == "weight_only":
        return _stored_wider(node, choice, "float32") if port.is_picked(shape) else replace(choice, block=0)
    if not port.fast:
        why = f"no fast kernel takes an integer {name} with float activations: int8, dequantized once at load"
        return replace(choice, precision="weight_only", who="kernel", why=why, weights="int8", block=0)
    if port.picks and not port.is_picked(shape):
        why = f"copying rows of its {name} is faster than widening those picked: dequantized once at load"
        return replace(choice, precision="weight_only", who="speed", why=why, block=0)
    found = _stored_wider(node, choice, "float32")
    if found.weights == "int8" and (why := _gains_nothing(node, recipe)):
        return replace(found, precision="weight_only", who="speed", why=f"{why}: dequantized once at load", block=0)
    return found


def _gains_nothing(node: Node, recipe: Recipe) -> str:
    """Why the kernel that reads int8 weights beside float activations may be slower than float; empty if it is not."""
    name, port, value = weights_of(node)[0]
    shape, rows = tuple(int(dim) for dim in value.shape), for_one(product(node.outputs[0].shape[:-1]))
    if port.is_worth(shape, rows, has_dot_products=TARGETS[recipe.target].has_dot_products):
        return ""
    if not port.is_worth(shape, rows, has_dot_products=True):
        return f"the kernel that reads an int8 {name} this small is slower than float"
    often = "any number of" if rows is None else rows
    return (
        f"for {often} rows, the kernel that reads an int8 {name} is faster only with dot products of int8 (xnnpack-dot)"
    )


def _stored_wider(node: Node, choice: Choice, activations: str) -> Choice:
    """The choice with the narrowest weights, of those asked for and wider ones, that the kernel reads rightly.

    With float activations it must read them fast, too.
    """
    weight = weight_of(node)
    if weight is None or weight[2].const is None:
        return choice
    name, port, value = weight
    assert value.const is not None
    taken = port.fast if activations == "float32" else port.dtypes.get(activations, ())
    shape = value.const.shape
    weights = next((w for w in WIDER[choice.weights] if w in taken and port.holds(w, shape)), WIDER["int8"][0])
    block = choice.block if _takes_block(port, weights, choice.block, value.const, activations) else 0
    why = choice.why
    if weights != choice.weights:
        why += f"; no kernel reads its {name} of {choice.weights} rightly and fast: {weights}"
    elif block != choice.block:
        why += f"; no kernel reads its {name} in blocks of {choice.block}: a scale for each channel"
    return replace(choice, weights=weights, block=block, why=why)


def _takes_block(port: Weight, weights: str, block: int, const: Array, activations: str) -> bool:
    """Whether so many numbers in a row may share a scale."""
    return activations == "float32" and block in port.blocks.get(weights, ()) and const.shape[-1] % block == 0


def _leave_islands(graph: Graph, choices: dict[Node, Choice]) -> None:
    """Operations that only move numbers stay float between float operations: integers would gain nothing there."""
    for nodes in (graph.nodes, graph.nodes[::-1]):
        for node in nodes:
            choice = choices[node]
            if not node.op.moves or choice.precision not in INTEGER:
                continue
            if node.inputs[0] is not None and node.inputs[0].const is not None:  # a table is smaller in integers
                continue
            around = [v.producer for v in node.inputs if v is not None and v.producer is not None]
            around += [user for v in node.outputs for user in v.users]
            if around and not any(choices[other].precision in INTEGER for other in around):
                why = "it only moves numbers, between float operations"
                choices[node] = replace(choice, precision="float32", who="graph", why=why)
