"""Every rule, from its own docstring: what it makes of each Before, and that it leaves each Unless alone."""

import itertools
import re
import textwrap
import zlib

import numpy as np
import pytest

from octavo.ir.dim import Symbolic
from octavo.ir.interpret import interpret
from octavo.ir.text import parse, show
from octavo.ops import registry
from octavo.optimize.engine import optimize
from octavo.optimize.rule import rules

RULES = {rule.name: rule for rule in rules()}
SECTION = re.compile(r"^(Before|After|Unless):\n((?:    .*\n|\n)+)", re.MULTILINE)
BATCH, LENGTH = 2, 3


def sections(rule):
    """(heading, graph) for each graph in the docstring."""
    first, _, rest = rule.rewrite.__doc__.partition("\n")
    return SECTION.findall(f"{first}\n{textwrap.dedent(rest)}\n")


def graph_of(text):
    return parse(text, registry().ops)


EXAMPLES = [
    pytest.param(rule, before, after, id=f"{rule.name}-{index}")
    for rule in RULES.values()
    for index, ((heading, before), (_, after)) in enumerate(itertools.pairwise(sections(rule)))
    if heading == "Before"
]
EXCEPTIONS = [
    pytest.param(rule, text, id=f"{rule.name}-{index}")
    for rule in RULES.values()
    for index, (heading, text) in enumerate(sections(rule))
    if heading == "Unless"
]


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_shows_what_it_does(rule):
    headings = [heading for heading, _ in sections(rule)]
    assert headings.count("Before") == headings.count("After") > 0, "the docstring needs Before and After graphs"
    assert all(b == "After" for a, b in itertools.pairwise(headings) if a == "Before")
    assert re.search(r"[→=]", rule.equation), "the first line of the docstring is the equation"


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_a_rule_makes_after_of_before(rule, before, after):
    graph = graph_of(before)
    record = optimize(graph, only=[rule])
    assert show(graph, canonical=True) == show(graph_of(after), canonical=True)
    assert {applied.rule for applied in record.applied} == {rule.name}


@pytest.mark.parametrize(("rule", "before", "after"), EXAMPLES)
def test_a_rule_keeps_the_results(rule, before, after):  # noqa: ARG001  # what it becomes is another test's matter
    graph = graph_of(before)
    given = {value.name: numbers(value) for value in graph.inputs}
    expected = results(graph, given)
    optimize(graph, only=[rule])
    for one, other in zip(results(graph, given), expected, strict=True):
        assert one.dtype == other.dtype
        # float32 sums of some hundred terms of size 1, in another order
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5 * max(1, np.abs(other).max()))


@pytest.mark.parametrize(("rule", "text"), EXCEPTIONS)
def test_a_rule_leaves_its_exceptions_alone(rule, text):
    graph = graph_of(text)
    record = optimize(graph, only=[rule])
    assert show(graph, canonical=True) == show(graph_of(text), canonical=True)
    assert not record.applied


def results(graph, given):
    found = interpret(graph, given)
    return [np.asarray(found[value]) for value in graph.outputs]


def numbers(value):
    """Numbers for an input, drawn from its name; those of an input called `positive…` are."""
    shape = [size(dim) for dim in value.shape]
    random = np.random.default_rng(zlib.crc32(value.name.encode()))
    if value.dtype.kind in "iu":
        return random.integers(0, 8, shape).astype(value.dtype)
    drawn = random.standard_normal(shape) * 2
    return (np.abs(drawn) + 0.1 if value.name.startswith("positive") else drawn).astype(value.dtype)


def size(dim):
    """A dimension of this run: each symbol has a length."""
    if not isinstance(dim, Symbolic):
        return dim
    lengths = {s: BATCH if s == "batch" else LENGTH for monomial in dim.terms for s in monomial}
    return sum(c * int(np.prod([lengths[s] for s in m], dtype=int)) for m, c in dim.terms.items())


def test_integers_that_stand_for_real_numbers_are_left_alone():
    text = """main(%x: int8[batch,4] q(0.5, 3)) {
      %s = const int32[2] [-1, 4]
      %t = const int32[3] [-1, 2, 2]
      %a: int8[batch,4] q(0.5, 3) = RESHAPE(%x, %s)
      %y: int8[batch,2,2] q(0.5, 3) = RESHAPE(%a, %t)
      return %y
    }"""
    graph = graph_of(text)
    assert not optimize(graph).applied
    assert show(graph) == show(graph_of(text))


def test_alike_nodes_that_round_differently_are_not_shared():
    graph = graph_of("""main(%x: int8[batch,4] q(0.5, 3)) {
      %a: int8[batch,4] q(0.5, 3) = RELU(%x)
      %b: int8[batch,4] q(0.25, 3) = RELU(%x)
      %c: int8[batch,4] q(0.25, 3) = RELU(%x)
      %y: int8[batch,12] q(0.5, 3) = CONCATENATION(%a, %b, %c) {axis=1}
      return %y
    }""")
    optimize(graph)
    assert [node.op.code for node in graph] == ["RELU", "RELU", "CONCATENATION"]
