"""Where operations compute more finely than asked: where that is measured to save the model."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from octavo.errors import TargetError
from octavo.given import Given
from octavo.ir.graph import Graph, Model, Node, Signature, Value
from octavo.ir.source import Array
from octavo.judge.blame import Blame, find_blame
from octavo.judge.real import RealRuntime
from octavo.loss import lost_of_all
from octavo.plan import GraphPlan, Plan
from octavo.quantize.apply import apply
from octavo.quantize.decide import decide
from octavo.quantize.precision import Finer, Raise, weight_of
from octavo.samples import Sample
from octavo.statistics import Statistics
from octavo.write.tflite import to_bytes

RUINOUS = 0.15
"""The part of the outputs' power, apart from what all samples share, that rounding may change: 8 dB. Of the trained
models of the accuracy benchmark none but the worst comes near; at 0.12 one was as accurate as in float."""
SOUND = 0.05
"""When so little is left, nothing more is raised."""
NEARLY = 1.25
"""Fewer operations are better where the noise is at most so many times the least."""
NARROW = 0.02
"""What narrow weights may change of the outputs, of logits where these are probabilities: 17 dB. Weights of int8 change
0.001 to 0.02 of the trained models of the accuracy benchmark."""
TABLE = 1 << 16
"""Numbers of a constant that is no weight of a layer, from which on it is not stored more finely."""
FEW = 8
"""So many operations may be raised of any model, and a third of all of larger ones."""
WORTH = 0.5
"""What is raised must leave less than this part of the noise."""
GAINED = 0.8
"""So it must where weights are narrow: wider ones cost a little of the file, and no time."""
TRIED = 8
"""Samples on which is tried what is raised."""
SEARCHED = 4
"""Samples on which the guilty are searched, which takes the most trials; each costs so many inferences."""
PART = 0.6
"""The search runs about so many times as many inferences as calibration."""
PART_NARROW = 2.0
"""So they do where weights are narrow: who asks for these wants the smallest file that is right."""
LEAST = 8
"""Trials at least: three halvings, and what they found."""


class Made(Struct, frozen=True):
    """The quantized model that was made of a plan, and its bytes."""

    plan: Plan
    model: Model
    content: bytes

    @property
    def parts(self) -> tuple[Model, bytes]:
        """The model and its bytes."""
        return self.model, self.content


class _Trials(Struct):
    """What is tried on: the model, what calibration has learnt of it, and one signature with its samples.

    `made` is the model that was tried last, if it is the one that the plan is for.
    """

    model: Model
    statistics: Sequence[Statistics]
    signature: Signature
    samples: Sequence[Sample]
    exact: Sequence[Mapping[str, Array]]
    made: Made | None = None

    def searching(self) -> _Trials:
        """The same on fewer samples, evenly chosen."""
        step = -(-len(self.samples) // SEARCHED)
        return replace(self, samples=self.samples[::step], exact=self.exact[::step])

    def noise(self, plan: Plan) -> float:
        """How much of what the samples make differ is lost, from 0 to 1, mean over samples and outputs."""
        recipe = msgspec.structs.replace(plan.recipe, inputs="float32", outputs="float32")
        tried = apply(self.model, msgspec.structs.replace(plan, recipe=recipe))
        content = to_bytes(tried)
        self.made = Made(plan, tried, content) if recipe == plan.recipe else None
        try:
            runtime = RealRuntime(content, signature=self.signature.key or None)
            found = [runtime.run(sample) for sample in self.samples]
        except TargetError:  # LiteRT refuses some grids: then nothing is left of the outputs
            return 1.0
        return lost_of_all(self.exact, found)


def raise_ruinous(
    model: Model, plan: Plan, statistics: Sequence[Statistics], given: Given
) -> tuple[Plan, list[str], Made | None]:
    """The plan, with those operations raised whose int8 ruins the outputs, what the user should know, what was made.

    A few inferences tell whether anything is the matter. Only then the guilty are searched, by halving
    (see `octavo.judge.blame`), and the worst of them raised, as few as it takes.
    """
    told: list[str] = []
    made: Made | None = None
    is_narrow = plan.recipe.weights != "int8"
    for graph, signature in given.called.items():
        few = given.of(graph)
        samples = few.some(TRIED)
        rows = next(rows for rows in plan.graphs if rows.graph == graph.name)
        if len(samples) < 2 or not any(row.precision == "int8" for row in rows.ops):
            continue
        with logits(graph) if is_narrow else contextlib.nullcontext():
            content = to_bytes(model) if is_narrow else few.content
            runtime = few.running(content, signature.key or None)
            runtime.reset()  # the trials begin with nothing remembered, either
            trials = _Trials(model, statistics, signature, samples, [runtime.run(sample) for sample in samples])
            whole = trials.noise(plan)
            made = None if is_narrow else trials.made  # which has other outputs where weights are narrow
            if whole <= (NARROW if is_narrow else RUINOUS):
                continue
            plan, left, count = _raised(trials, plan, rows, whole, budget=_budget(few.count, is_narrow=is_narrow))
        told.append(_told(count, whole, left, plan.recipe.weights))
    return plan, told, made if made is not None and made.plan is plan else None


def _raised(trials: _Trials, plan: Plan, rows: GraphPlan, whole: float, *, budget: int) -> tuple[Plan, float, int]:
    """The plan with the worst operations raised, the noise that is left, and how many they are."""
    kept = {node.name for node in trials.signature.graph if node.op.graphs or _is_table(node)}
    suspects = [row.node for row in rows.ops if row.precision == "int8" and row.node not in kept]
    if not suspects:
        return plan, whole, 0
    layers = {node.name for node in trials.signature.graph if _size(node)}
    search = trials.searching()
    found = find_blame(
        suspects, lambda group: search.noise(_only(plan, rows, group)), samples=0, budget=budget, worst=0
    )
    before = outside = {each.graph: _raised_already(each) for each in plan.graphs}  # of other signatures
    is_narrow = plan.recipe.weights != "int8"
    worst = [node for suspect in found.suspects for node in suspect.layers]

    def attempt(nodes: Sequence[str], finer: Finer) -> _Tried:
        chosen = best.raised | {node: (finer, _why(whole)) for node in nodes}
        candidate = decide(trials.model, plan.recipe, trials.statistics, raised=before | {rows.graph: chosen})
        candidate = msgspec.structs.replace(candidate, equalized=plan.equalized)
        return _Tried(len(nodes), trials.noise(candidate), candidate, chosen)

    best = _Tried(0, whole, plan, {})
    if is_narrow:
        narrow = _ordered(trials.signature.graph, found)
        tried = _fewest(narrow, partial(attempt, finer="weights"), sound=NARROW, most=len(narrow))
        best = min(best, tried, key=lambda each: each.noise)
        inner = _inside(trials.signature.graph, plan, _why(whole)) if best.noise > 2 * NARROW else {}
        if inner:
            before = before | inner
            tried = attempt([], "weights")
            best, before = (tried, before) if tried.noise < GAINED * best.noise else (best, outside)
    if best.noise > RUINOUS:
        most = min(len(worst), max(FEW, len(suspects) // 3))
        tried = _fewest(worst, partial(attempt, finer="activations"), sound=SOUND, most=most)
        best, without = min(best, tried, key=lambda each: each.noise), best
        if best.noise > RUINOUS:
            best = without
            widened = next(each for each in best.plan.graphs if each.graph == rows.graph)
            beginning = _beginning(suspects, lambda rest: search.noise(_only(best.plan, widened, rest)))
            if layers.intersection(suspects) - set(beginning):  # else nothing that counts is left in integers
                tried = min(tried, attempt(beginning, "float"), key=lambda each: each.noise)
            best = min(best, tried, key=lambda each: each.noise)
    if best.noise >= (GAINED if is_narrow else WORTH) * whole:
        return plan, whole, 0
    count = sum(row.who == "measured" for each in best.plan.graphs for row in each.ops)
    return best.plan, best.noise, count - sum(map(len, outside.values()))


class _Tried(Struct, frozen=True):
    """A plan with so many operations raised at once, the noise that it leaves, and all that is raised in it."""

    count: int
    noise: float
    plan: Plan
    raised: dict[str, Raise]


def _fewest(nodes: Sequence[str], attempt: Callable[[Sequence[str]], _Tried], *, sound: float, most: int) -> _Tried:
    """The fewest of the first `most` nodes that are enough, or that are nearly as good as more: within a fourth."""
    tried = [attempt(nodes[:1])]
    while tried[-1].noise > sound and tried[-1].count < most:
        tried.append(attempt(nodes[: min(2 * tried[-1].count, most)]))
    enough = max(sound, NEARLY * min(each.noise for each in tried))
    best = next(each for each in tried if each.noise <= enough)
    failed = max((each.count for each in tried if each.count < best.count), default=0)
    while sound <= NARROW and best.count - failed > 1:  # fewer than twice as many as were too few may do
        middle = attempt(nodes[: (best.count + failed) // 2])
        best, failed = (middle, failed) if middle.noise <= enough else (best, middle.count)
    return best


def _inside(graph: Graph, plan: Plan, why: str) -> dict[str, dict[str, Raise]]:
    """The layers of loops and branches that the graph runs, by graph: small, and used over and over."""
    bodies = {body.name: body for body in Model([graph]).bodies}
    found: dict[str, dict[str, Raise]] = {}
    for rows in (rows for rows in plan.graphs if rows.graph in bodies):
        sizes = {node.name: _size(node) for node in bodies[rows.graph]}
        layers = [row.node for row in rows.ops if row.precision == "int8" and sizes[row.node]]
        if layers:
            found[rows.graph] = dict.fromkeys(layers, ("weights", why))
    return found


def _raised_already(rows: GraphPlan) -> dict[str, Raise]:
    """What a plan says that was raised."""
    to: dict[str, Finer] = {"int8": "weights", "int16x8": "activations"}
    return {row.node: (to.get(row.precision, "float"), row.why) for row in rows.ops if row.who == "measured"}


def _beginning(nodes: Sequence[str], noise_of: Callable[[Sequence[str]], float]) -> Sequence[str]:
    """The fewest of the first nodes without which what follows is sound: a spectrum taken of sound, a normalization.

    There no node is to blame more than another, and each alone ruins all.
    """
    failed, enough = 0, len(nodes)
    while enough - failed > 1:
        middle = (failed + enough) // 2
        failed, enough = (failed, middle) if noise_of(nodes[middle:]) <= SOUND else (middle, enough)
    return nodes[:enough]


def _ordered(graph: Graph, found: Blame) -> list[str]:
    """The layers with narrow weights, first those that cost the most for each weight: few bytes mend much."""
    sizes = {node.name: _size(node) for node in graph}
    shares = {node: suspect.share / len(suspect.layers) for suspect in found.suspects for node in suspect.layers}
    return sorted((node for node in shares if sizes[node]), key=lambda node: -shares[node] / sizes[node])


def _size(node: Node) -> int:
    weight = weight_of(node)
    return 0 if weight is None or weight[2].const is None else weight[2].const.size


def _is_table(node: Node) -> bool:
    """Whether the node hands out numbers of a large constant: finer ones would be most of the file (an embedding)."""
    constants = [value.const for value in node.inputs if value is not None and value.const is not None]
    return weight_of(node) is None and any(array.dtype == np.float32 and array.size > TABLE for array in constants)


@contextlib.contextmanager
def logits(graph: Graph) -> Iterator[None]:
    """Let the graph return what goes into a softmax instead of what comes out of it: sure answers hide all noise."""
    outputs = list(graph.outputs)
    graph.outputs = [_before_softmax(value) for value in outputs]
    try:
        yield
    finally:
        graph.outputs = outputs


def _before_softmax(value: Value) -> Value:
    node = value.producer
    if node is None or not node.op.ignores_low or node.inputs[0] is None or node.inputs[0].producer is None:
        return value
    return node.inputs[0]


def _only(plan: Plan, rows: GraphPlan, nodes: Collection[str]) -> Plan:
    """The plan with all int8 operations of the graph but these in float."""
    exempt = {row.node for row in rows.ops if row.precision == "int8"} - set(nodes)
    ops = tuple(msgspec.structs.replace(row, precision="float32") if row.node in exempt else row for row in rows.ops)
    fewer = msgspec.structs.replace(rows, ops=ops, grids=tuple(g for g in rows.grids if g.reader not in exempt))
    graphs = tuple(fewer if each.graph == rows.graph else each for each in plan.graphs)
    return msgspec.structs.replace(plan, graphs=graphs)


def _budget(count: int, *, is_narrow: bool) -> int:
    """How many trials calibration on so many samples pays for."""
    return max(LEAST, int((PART_NARROW if is_narrow else PART) * count) // SEARCHED)


def _why(noise: float) -> str:
    return (
        f"rounding changes the outputs by {noise:.0%} of what samples make them differ; this is among the worst of it"
    )


def _told(count: int, before: float, after: float, weights: str) -> str:
    told = f"rounding changes the outputs by {before:.0%} of what samples make them differ"
    if not count:
        cure = "precision 'int16x8'" if weights == "int8" else "weights 'int8'"
        return f"{told}, and no few operations are to blame; try {cure}, and octavo.blame"
    return f"{told}, {after:.0%} with {count} operation(s) computed more finely; `mixed` = false leaves them as asked"
