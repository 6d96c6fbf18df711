"""Narrow weights solved one layer after the other, each on what the quantized layers before it hand on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from octavo.given import Given
from octavo.ir.graph import Graph, Model, Node, Signature
from octavo.ir.source import Array
from octavo.judge.real import RealRuntime
from octavo.plan import GraphPlan, Grid, Plan
from octavo.quantize.apply import apply
from octavo.quantize.precision import weight_of
from octavo.quantize.rounding import is_enough
from octavo.quantize.solving import Pairs, solved
from octavo.quantize.weights import bias_of
from octavo.raising import logits
from octavo.samples import Sample
from octavo.write.tflite import to_bytes

JUDGES = 4
"""Every so many of them does not solve, but says whether that was of use."""
ROWS = 64
"""Rows of a layer's inputs that are looked at in a sample; an eighth of the inputs where that is more."""
ENOUGH = 3072
"""Rows that are looked at in all; four times as many as inputs where that is more."""
WIDEST = 2048
"""Layers of more inputs for each output stay as they are: their rows would take hundreds of megabytes."""


def solve_weights(model: Model, plan: Plan, given: Given) -> Plan:
    """The plan with layers' weights and biases solved anew, one after the other, if its outputs are nearer to float so.

    Each layer costs as many inferences as samples are kept.
    """
    for graph, signature in given.called.items():
        few = given.of(graph)
        rows = next(rows for rows in plan.graphs if rows.graph == graph.name)
        order = np.random.default_rng(0).permutation(len(few.kept))  # the first are not enough like the others
        judges, others = (
            [few.kept[at] for at in part] for part in (order[::JUDGES], np.delete(order, np.s_[::JUDGES]))
        )
        if len(judges) < 2 or not any(True for _ in _layers(graph, rows)):
            continue
        candidate = _Solver(model, signature, to_bytes(model), others).run(plan)
        with logits(graph):
            judge = _Solver(model, signature, to_bytes(model), judges)
            plan = min(plan, candidate, key=judge.noise)
    return plan


@dataclass(frozen=True, slots=True)
class _Solver:
    """The model, the same as it is in float, and the samples of one of its signatures."""

    model: Model
    signature: Signature
    exact: bytes
    samples: Sequence[Sample]

    def run(self, plan: Plan) -> Plan:
        """The plan with every layer solved."""
        graph = self.signature.graph
        for node in [node for node, _ in _layers(graph, _rows(plan, graph))]:
            row = next(row for each, row in _layers(graph, _rows(plan, graph)) if each is node)
            pairs = self._pairs(plan, node)
            if pairs is not None and is_enough(pairs.found):
                plan = _with(plan, graph, node, *solved(node, row, pairs))
        return plan

    def noise(self, plan: Plan) -> float:
        """The power of the outputs' changes under the plan over that of the outputs, mean over the outputs."""
        key = self.signature.key or None
        recipe = msgspec.structs.replace(plan.recipe, inputs="float32", outputs="float32")
        candidate = to_bytes(apply(self.model, msgspec.structs.replace(plan, recipe=recipe)))
        exact, found = (RealRuntime(content, signature=key) for content in (self.exact, candidate))
        lost: dict[str, Array] = {}
        for sample in self.samples:
            for (name, one), two in zip(exact.run(sample).items(), found.run(sample).values(), strict=True):
                if one.dtype.kind == "f":
                    powers = [np.square(array, dtype=np.float64).sum() for array in (two - one, one)]
                    lost[name] = lost.get(name, np.zeros(2)) + powers
        return float(np.mean([changed / max(power, 1e-300) for changed, power in lost.values()])) if lost else 0.0

    def _pairs(self, plan: Plan, node: Node) -> Pairs | None:
        """What goes into the node in float and under the plan; None where LiteRT does not show that."""
        value, weight = node.inputs[0], weight_of(node)
        assert value is not None
        assert weight is not None
        assert weight[2].const is not None
        quantized = apply(self.model, plan)
        name = _read_by(next(g for g in quantized.graphs if g.name == self.signature.graph.name), node)
        taken = _taken(node)
        most, enough = max(ROWS, taken // 8), max(ENOUGH, 4 * taken)
        key = self.signature.key or None
        exact = RealRuntime(self.exact, signature=key, keep_all=True)
        found = RealRuntime(to_bytes(quantized), signature=key, keep_all=True)
        total: Pairs | None = None
        for sample in self.samples:
            one, two = (_tensor(exact, sample, value.name), _tensor(found, sample, name))
            rows = [None if t is None else node.op.unfold(t, weight[2].const, most) for t in (one, two)]
            if rows[0] is None or rows[1] is None:
                return None
            pairs = Pairs.of(rows[0], rows[1])
            total = pairs if total is None else total.merge(pairs)
            if total.found.rows >= enough:
                break
        return total


def _layers(graph: Graph, rows: GraphPlan) -> Iterator[tuple[Node, Grid]]:
    """The layers in integers with a scale for each channel, in the order of work, and the rows of their weights."""
    by_reader = {(row.reader, row.value): row for row in rows.grids if row.reader}
    integers = {row.node for row in rows.ops if row.precision in ("int8", "int16x8")}
    for node in graph:
        weight, input = weight_of(node), node.inputs[0] if node.inputs else None
        if weight is None or node.name not in integers or input is None or input.const is not None:
            continue
        row = by_reader.get((node.name, weight[2].name))
        if row is not None and row.axis is not None and not row.block and 1 < _taken(node) <= WIDEST:
            yield node, row


def _taken(node: Node) -> int:
    """How many inputs each output of a layer is a sum of."""
    weight = weight_of(node)
    assert weight is not None
    assert weight[2].const is not None
    assert weight[1].axis is not None
    return int(weight[2].const.size) // int(weight[2].const.shape[weight[1].axis])


def _read_by(graph: Graph, node: Node) -> str:
    """The name of the tensor that the node's twin reads in a quantized graph."""
    name = node.name
    twins = {each.outputs[0].name: each for each in graph}
    twin = next(
        twins[n] for n in (f"{name}/int8", f"{name}/int16", name) if n in twins and twins[n].op.code == node.op.code
    )
    assert twin.inputs[0] is not None
    return twin.inputs[0].name


def _tensor(runtime: RealRuntime, sample: Sample, name: str) -> Array | None:
    """What a tensor holds, in real numbers, when the sample is run."""
    runtime.run(sample)
    held: Mapping[str, Array] = runtime.tensors()
    return held.get(name, runtime.given(sample).get(name))


def _rows(plan: Plan, graph: Graph) -> GraphPlan:
    return next(rows for rows in plan.graphs if rows.graph == graph.name)


def _with(plan: Plan, graph: Graph, node: Node, weight: Grid, correction: Array) -> Plan:
    """The plan with another weight of the node, and a bias that keeps the means."""
    rows, found = _rows(plan, graph), weight_of(node)
    bias = None if found is None else bias_of(node, found[0])
    grids = []
    for row in rows.grids:
        if row.reader == weight.reader and row.value == weight.value:
            grids.append(weight)
        elif bias is not None and row.reader == weight.reader and row.value == bias.name:
            why = f"{row.why.partition(';')[0]}; corrected by the means of quantized inputs"
            grids.append(msgspec.structs.replace(row, correction=tuple(correction.tolist()), why=why))
        else:
            grids.append(row)
    changed = msgspec.structs.replace(rows, grids=tuple(grids))
    return msgspec.structs.replace(plan, graphs=tuple(changed if each is rows else each for each in plan.graphs))
