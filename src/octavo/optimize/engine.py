"""Graph → graph: every rule of a phase, to its fixpoint."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Sequence

from msgspec import Struct, field

from octavo.errors import InternalError
from octavo.ir.build import SMALL
from octavo.ir.graph import Graph, Node, Value
from octavo.ir.verify import verify
from octavo.optimize.rule import PHASES, Missed, Rewriter, Rule, rules

PATIENCE = 50
"""A fixpoint takes at most this many rewrites per node; more means that two rules undo each other."""


class Applied(Struct, frozen=True):
    """A rewrite that happened: the rule, its equation, and the layer at which it matched."""

    rule: str
    equation: str
    layer: str


class Rewrites(Struct):
    """What the optimizer did, and what it nearly did."""

    applied: list[Applied] = field(default_factory=list)
    missed: list[Missed] = field(default_factory=list)

    def __add__(self, later: Rewrites) -> Rewrites:
        """First these, then the later ones."""
        return Rewrites([*self.applied, *later.applied], [*self.missed, *later.missed])


def optimize(graph: Graph, *, only: Sequence[Rule] | None = None, on_cpu: bool = True) -> Rewrites:
    """Rewrite `graph` in place by all rules, or `only` by those given; without those for the CPU if it is for another.

    Nodes that compute with integers that stand for real numbers stay as they are: another form would round otherwise.

    Raises:
        InternalError: a rule broke the graph, or rules undo each other for ever.
    """
    run = _Run(graph)
    sweep(graph)
    everywhere = rules(of_integers=False) if only is None else only
    for phase in PHASES:
        chosen = [rule for rule in everywhere if rule.phase == phase and (on_cpu or not rule.for_cpu)]
        if chosen:
            run.to_fixpoint(chosen)
            share(graph)
            sweep(graph)
            verify(graph, after=f"the {phase} rules")
    return Rewrites(run.applied, list(dict.fromkeys(m for (node, _), m in run.missed.items() if node in graph)))


def adapt(graph: Graph, nodes: Container[Node]) -> Rewrites:
    """Rewrite `nodes` of `graph` in place, which have no integer kernels, into operations that have.

    A node for which no rule knows such a form stays as it is.

    Raises:
        InternalError: a rule broke the graph.
    """
    if not any(node in nodes for node in graph):
        return Rewrites()
    run = _Run(graph)
    chosen = rules(of_integers=True)
    for node in [node for node in graph if node in nodes]:
        for rule in chosen:
            if node in graph and node.op.code in rule.roots and not _is_quantized(node):
                run.apply(node, rule)
    share(graph)
    sweep(graph)
    verify(graph, after="the rules for integers")
    return Rewrites(run.applied, list(run.missed.values()))


def sweep(graph: Graph) -> None:
    """Take out every node that nobody reads."""
    for node in reversed(graph):
        _erase_dead(graph, node)


def share(graph: Graph) -> None:
    """Compute once what several nodes compute alike, and hold each array once."""
    first: dict[object, Node] = {}
    arrays: dict[object, Value] = {}
    for node in graph:
        for index, value in enumerate(node.inputs):
            if value is not None and value.const is not None and value.quant is None:
                graph.rewire(node, index, arrays.setdefault(id(value.const), value))
        read = tuple(map(_identity, node.inputs))
        twin = first.setdefault((node.op, read, tuple(map(_grid, node.outputs))), node)
        if twin is not node and not any(value in graph.outputs for value in node.outputs):
            for old, new in zip(node.outputs, twin.outputs, strict=True):
                graph.replace(old, new, keep_name=False)
            _erase_dead(graph, node)


class _Run(Struct):
    """Rules at work on a graph. What nearly matched counts only while its node lives and the rule did not match."""

    graph: Graph
    applied: list[Applied] = field(default_factory=list)
    missed: dict[tuple[Node, str], Missed] = field(default_factory=dict)

    def to_fixpoint(self, chosen: Sequence[Rule]) -> None:
        """Rewrite until a look at every node changes nothing: what a rule sees may lie several nodes away."""
        limit = len(self.applied) + PATIENCE * (len(self.graph) + 10)
        before = -1
        while before < len(self.applied):
            before = len(self.applied)
            self._settle(chosen, limit)

    def _settle(self, chosen: Sequence[Rule], limit: int) -> None:
        """Look at every node once, and again at what stands near a change."""
        queue = deque(self.graph.nodes)
        waiting = set(queue)
        of_code: dict[str, list[Rule]] = {}
        while queue:
            node = queue.popleft()
            waiting.discard(node)
            code = node.op.code
            if code not in of_code:
                of_code[code] = [rule for rule in chosen if not rule.roots or code in rule.roots]
            for rule in of_code[code] if node in self.graph and not _is_quantized(node) else ():
                touched = self.apply(node, rule)
                if touched is not None:
                    fresh = [other for other in dict.fromkeys(touched) if other not in waiting]
                    waiting.update(fresh)
                    queue.extend(fresh)
                    break
            if len(self.applied) > limit:
                raise InternalError(f"rules undo each other; the last was {self.applied[-1].rule}", where=repr(node))

    def apply(self, node: Node, rule: Rule) -> list[Node] | None:
        """The nodes to look at again when the rule matched, else None."""
        graph, build, earlier = self.graph, Rewriter(self.graph, node, rule.name), node.earlier
        if (
            rule.phase == "integers"
        ):  # a plan that is replayed must find the names again, in a file without source layers
            build.named = node.name
        result = rule.rewrite(node, build)
        if build.missed is not None:
            self.missed[node, rule.name] = build.missed
        if result is None:
            _erase_between(graph, earlier, node)
            return None
        self.missed.pop((node, rule.name), None)
        self.applied.append(Applied(rule.name, rule.equation, node.origin[0] if node.origin else ""))
        made = list(_between(earlier, node))
        for old, new in zip(node.outputs, result if isinstance(result, tuple) else (result,), strict=True):
            graph.replace(old, new)
        gone = _erase_dead(graph, node)
        origin = dict.fromkeys(part for dead in [*reversed(gone), node] for part in dead.origin)
        for new_node in made:
            new_node.origin = (*dict.fromkeys([*new_node.origin, *origin]), rule.mark(node))
        return [*made, *_neighbours(made), *_neighbours_of(result)]


def _identity(value: Value | None) -> object:
    """Equal for one value, and for small constants of the same numbers."""
    if value is None or value.const is None or value.const.nbytes > SMALL or value.dtype == object:
        return value
    return value.type, value.const.tobytes(), _grid(value)


def _grid(value: Value) -> object:
    """What of a value's quantization two alike values have in common."""
    quant = value.quant
    return quant and (quant.scale.tobytes(), quant.zero_point.tobytes(), quant.axis)


def _is_quantized(node: Node) -> bool:
    computed = [value for value in node.inputs if value is not None and value.const is None]
    return any(value.quant is not None for value in (*computed, *node.outputs))


def _neighbours(nodes: Iterable[Node]) -> list[Node]:
    around = [v.producer for n in nodes for v in n.inputs if v is not None and v.producer is not None]
    return around + [user for n in nodes for v in n.outputs for user in v.users]


def _neighbours_of(result: Value | tuple[Value, ...]) -> list[Node]:
    return [user for value in (result if isinstance(result, tuple) else (result,)) for user in value.users]


def _erase_dead(graph: Graph, node: Node) -> list[Node]:
    """Take out `node` when nobody reads it, and what only it read; the nodes that went.

    What gives nothing is there for what it does: it fills a table, or writes a variable.
    """
    gone: list[Node] = []
    stack = [node]
    while stack:
        candidate = stack.pop()
        if (
            candidate not in graph
            or not candidate.outputs
            or any(v.uses or v in graph.outputs for v in candidate.outputs)
        ):
            continue
        stack += [v.producer for v in candidate.inputs if v is not None and v.producer is not None]
        graph.erase(candidate)
        gone.append(candidate)
    return gone


def _between(earlier: Node | None, node: Node) -> list[Node]:
    """The nodes that now stand between `earlier` and `node`."""
    made: list[Node] = []
    walker = node.earlier
    while walker is not earlier and walker is not None:
        made.append(walker)
        walker = walker.earlier
    return made[::-1]


def _erase_between(graph: Graph, earlier: Node | None, node: Node) -> None:
    for made in reversed(_between(earlier, node)):
        graph.erase(made)
