"""What a rewrite rule is.

A rule is a function `(node, build) -> Value | None` with `@rewrites(…)` on it. It looks at a node and at what
surrounds it, and returns a value that can stand for the node's output, emitted with `build`; or None when it does
not match. Its docstring starts with its equation and holds Before and After graphs in text form, and Unless graphs
that it must leave alone; all are executed as tests. A rule that nearly matched returns `build.miss(why not)`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Literal, get_args

from msgspec import Struct

from octavo.ir.build import Builder
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.op import Op

Phase = Literal["canonicalize", "recognize", "fuse", "finish", "integers"]
"""When a rule runs: to one spelling of each idea, from many operations to the one that means them all, into the
operations that do the work, and last what only the fused graph shows. The rules for `integers` run only at operations
that shall compute in integers and have no kernel for them: in float their results would be no better and slower."""
PHASES: tuple[Phase, ...] = get_args(Phase)
FOR_INTEGERS = "for_integers_"
"""How the names of the files begin that hold the rules of phase `integers`."""


class Missed(Struct, frozen=True):
    """A rule that nearly matched: which, on which layer, and why not."""

    rule: str
    layer: str
    reason: str


class Rewriter(Builder):
    """A builder that stands in front of the node that a rule looks at."""

    def __init__(self, graph: Graph, node: Node, rule: str) -> None:
        """New nodes stand in front of `node` and compute its layers."""
        super().__init__(graph, before=node, origin=node.origin)
        self.rule = rule
        self.missed: Missed | None = None

    def miss(self, reason: str) -> Value | None:
        """None, having noted why the rule, which nearly matched, does not apply."""
        self.missed = Missed(self.rule, self.origin[0] if self.origin else "", reason)
        return None


Rewrite = Callable[[Node, Rewriter], Value | tuple[Value, ...] | None]


class Rule(Struct, frozen=True):
    """A rewrite, the phase in which it runs, and the ops at whose nodes it looks (any op when empty).

    What it gains is gained by LiteRT's own kernels alone if it is `for_cpu`: other targets run what was there better.
    """

    name: str
    phase: Phase
    roots: frozenset[str]
    rewrite: Rewrite
    for_cpu: bool = False

    def mark(self, node: Node) -> str:
        """What the origin of the nodes that the rule makes of `node` ends with."""
        return f"rule:{self.name}:{node.op.code}" if self.phase == "integers" else f"rule:{self.name}"

    @property
    def equation(self) -> str:
        """The first line of the docstring."""
        return (self.rewrite.__doc__ or "").partition("\n")[0]


def rewrites(*roots: type[Op], phase: Phase = "fuse", for_cpu: bool = False) -> Callable[[Rewrite], Rewrite]:
    """Mark a function as a rule that looks at nodes of the ops `roots`; see `Rule`."""

    def mark(function: Rewrite) -> Rewrite:
        rule = Rule(function.__name__, phase, frozenset(root.code for root in roots), function, for_cpu)
        function.rule = rule  # type: ignore[attr-defined]  # functions carry marks
        return function

    return mark


@cache
def rules(*, of_integers: bool | None = None) -> tuple[Rule, ...]:
    """Every rule in the folder `rules`, in the order of file names and of definition.

    Or only those for integers, which stand in files of their own, or only the others: files are imported on demand.
    """
    package = importlib.import_module("octavo.optimize.rules")
    names = [i.name for i in pkgutil.iter_modules(package.__path__)]
    names = [name for name in names if of_integers in (None, name.startswith(FOR_INTEGERS))]
    modules = [importlib.import_module(f"{package.__name__}.{name}") for name in names]
    marked = [getattr(item, "rule", None) for module in modules for item in vars(module).values()]
    return tuple(dict.fromkeys(rule for rule in marked if isinstance(rule, Rule)))
