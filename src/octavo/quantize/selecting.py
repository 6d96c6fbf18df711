"""Which operations, and which of their constants, the rules of a recipe are about."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from octavo.errors import RecipeError, did_you_mean
from octavo.ir.graph import Graph, Node
from octavo.ir.port import Bias, Weight
from octavo.recipe import Patterns, Recipe, Rule

KINDS = {"weights": Weight, "weight": Weight, "bias": Bias}
"""Names for ports of a kind, whatever the operator calls them."""


class Selection:
    """The rules of a recipe, over one graph."""

    def __init__(self, graph: Graph, recipe: Recipe) -> None:
        """Look at nothing yet: depths are counted when a rule asks for them."""
        self.graph = graph
        self.recipe = recipe

    def rule_for(self, node: Node, port: str = "") -> tuple[Rule, str] | None:
        """The rule that counts for the node, or for its constant at a port, and what to call the rule."""
        return self._last(self.recipe.rules, node, port, "rule")

    def is_denied(self, node: Node) -> bool:
        """Whether a list of the recipe keeps the node from being quantized."""
        return any(is_named(node, pattern) for pattern in self.recipe.deny)

    def is_allowed(self, node: Node) -> bool:
        """Whether the recipe's default holds for the node."""
        return not self.recipe.allow or any(is_named(node, pattern) for pattern in self.recipe.allow)

    def matches(self, node: Node, rule: Rule) -> bool:
        """Whether the rule is about the node: by operator, layer, depth and by having the port."""
        return (
            any(_is_op(node, pattern) for pattern in _several(rule.op))
            and any(_is_layer(node, pattern) for pattern in _several(rule.layer))
            and (rule.depth == "" or self._depths.get(node, -1) in self._chosen(str(rule.depth)))
            and (not rule.port or any(is_port(node, name, rule.port) for name in _constants(node)))
        )

    @property
    def layers(self) -> int:
        """How many layers there are to count."""
        return max(self._depths.values(), default=-1) + 1

    def _last(self, rules: Sequence[Rule], node: Node, port: str, label: str) -> tuple[Rule, str] | None:
        for number in reversed(range(len(rules))):
            rule, name = rules[number], f"{label} {number + 1}"
            if not self.matches(node, rule):
                continue
            inner = self._last(rule.rules, node, port, f"{name}.")
            if inner is not None:
                return inner
            if not rule.port or (port and is_port(node, port, rule.port)):
                return rule, name.replace(". ", ".")
        return None

    @cached_property
    def _depths(self) -> dict[Node, int]:
        """The number of each node's source layer, in the order of work."""
        places: dict[str, int] = {}
        return {node: places.setdefault(layer_of(node) or node.name, len(places)) for node in self.graph}

    def _chosen(self, depth: str) -> range:
        first, colon, last = depth.partition(":")
        every = range(self.layers)
        if colon:
            return every[int(first) if first else None : int(last) if last else None]
        place = int(first) + (self.layers if int(first) < 0 else 0)
        return range(place, place + 1)


def check_rules(graphs: Sequence[Graph], recipe: Recipe) -> None:
    """Make sure that each rule of the recipe, and each entry of its lists, matches an operation.

    Raises:
        RecipeError: one does not; the hint has the nearest names.
    """
    selections = [Selection(graph, recipe) for graph in graphs]
    every = [(selection, node) for selection in selections for node in selection.graph]
    _check(recipe.rules, every, "rule")
    for key in ("allow", "deny"):
        for pattern in getattr(recipe, key):
            if not any(is_named(node, pattern) for _, node in every):
                raise RecipeError(
                    f"{key} lists {pattern!r}, which matches nothing",
                    where=f"recipe.{key}",
                    hint=did_you_mean(pattern, [*_ops(every), *_layers(every)]),
                )


def _check(rules: Sequence[Rule], among: Sequence[tuple[Selection, Node]], label: str) -> None:
    for number, rule in enumerate(rules, start=1):
        matched = [(selection, node) for selection, node in among if selection.matches(node, rule)]
        if not matched:
            raise RecipeError(
                f"{label} {number} matches nothing: {rule}".replace(". ", "."), where="recipe.rules",
                hint=_nearest(rule, among),
            )  # fmt: skip
        _check(rule.rules, matched, f"{label} {number}.")


def _nearest(rule: Rule, among: Sequence[tuple[Selection, Node]]) -> str:
    """What the first part of the rule that matches nothing may have meant."""
    nodes = [node for _, node in among]
    by_op = [node for node in nodes if any(_is_op(node, pattern) for pattern in _several(rule.op))]
    if not by_op:
        return did_you_mean(_several(rule.op)[0], _ops(among))
    by_layer = [node for node in by_op if any(_is_layer(node, pattern) for pattern in _several(rule.layer))]
    if not by_layer:
        return _nearest_layer(_several(rule.layer)[0], _layers(among))
    if rule.port and not any(is_port(node, name, rule.port) for node in by_layer for name in _constants(node)):
        return did_you_mean(rule.port, [name for node in by_layer for name in _constants(node)])
    return f"the model has {max(selection.layers for selection, _ in among)} layers, from 0 on"


def _nearest_layer(pattern: str, layers: Sequence[str]) -> str:
    """The nearest layers, or the nearest parts of their paths; all layers when none is near."""
    parts = [part for layer in layers for part in layer.split("/")]
    near = did_you_mean(pattern, [*layers, *parts])
    return near if near.startswith("did you mean") else did_you_mean(pattern, layers)


def layer_of(node: Node) -> str:
    """The source layer that the operation computes: its path, without rules and without the operation's own part."""
    source = next((part for part in node.origin if not part.startswith("rule:")), "")
    return source.rpartition("/")[0] or source


def replaced(node: Node) -> list[str]:
    """The operators without integer kernels, or with slow ones, in whose place the node computes."""
    return [part.split(":")[2] for part in node.origin if part.startswith("rule:") and part.count(":") == 2]


def is_named(node: Node, pattern: str) -> bool:
    """Whether the pattern is the node's operator or its layer."""
    return _is_op(node, pattern) or _is_layer(node, pattern)


def is_port(node: Node, name: str, pattern: str) -> bool:
    """Whether the port `name` of the node is meant: by its name, or by what kind of port it is."""
    kind = KINDS.get(pattern.lower())
    return isinstance(node.op.port(name), kind) if kind is not None else fnmatch.fnmatchcase(name, pattern)


def _is_op(node: Node, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(code, pattern.upper()) for code in (node.op.code, *replaced(node)))


def _is_layer(node: Node, pattern: str) -> bool:
    return pattern == "*" or any(fnmatch.fnmatchcase(name, pattern) for name in _names(node))


def _names(node: Node) -> Iterator[str]:
    """Whatever the node's layer may be called: each source operation, the scopes around it, its last part."""
    sources = [part for part in node.origin if not part.startswith("rule:")]
    for source in (*sources, *(value.name for value in node.outputs)):
        parts = source.split("/")
        yield from (source, *("/".join(parts[:end]) for end in range(1, len(parts))), *parts)


def _constants(node: Node) -> list[str]:
    """The ports of the node at which constants of real numbers stand."""
    named = zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    return [name for name, value in named if value is not None and value.const is not None and value.dtype.kind == "f"]


def _ops(among: Iterable[tuple[Selection, Node]]) -> list[str]:
    return [node.op.code for _, node in among]


def _layers(among: Iterable[tuple[Selection, Node]]) -> list[str]:
    return [layer_of(node) or node.name for _, node in among]


def _several(patterns: Patterns) -> tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else patterns
