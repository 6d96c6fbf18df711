"""Operations without integer kernels: what they become where the recipe asks for integers, and what comes of it."""

import itertools
import re
import textwrap

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Model, Signature
from octavo.ir.interpret import interpret
from octavo.ir.text import parse, show
from octavo.ops import registry
from octavo.optimize.engine import adapt, optimize
from octavo.optimize.rule import rules
from octavo.quantize.precision import unserved
from octavo.recipe import Recipe, Rule
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

RULES = {rule.name: rule for rule in rules() if rule.phase == "integers" and rule.name != "gather_as_embedding"}
RANGES = {"small": (-0.02, 0.02), "usual": (-4.0, 4.0), "positive": (3.0, 7.0), "large": (-400.0, 400.0)}
LENGTHS = {"batch": 3}


def example(rule):
    """The graph that the rule's docstring shows first."""
    _, _, rest = rule.rewrite.__doc__.partition("\n")
    return re.search(r"^Before:\n((?:    .*\n|\n)+)", textwrap.dedent(rest), re.MULTILINE)[1].strip()


def content_of(text):
    graph = parse(text, registry().ops)
    names = tuple(f"out{index}" for index in range(len(graph.outputs)))
    signature = Signature("serving_default", graph, tuple(value.name for value in graph.inputs), names)
    return to_bytes(Model([graph], [signature]))


def drawn(text, ends, count=24):
    random = np.random.default_rng(1)
    inputs = parse(text, registry().ops).inputs
    shapes = {v.name: [LENGTHS.get(str(d), d) for d in v.shape] for v in inputs}
    return [{n: random.uniform(*ends, s).astype(np.float32) for n, s in shapes.items()} for _ in range(count)]


def bounds(graph, plan, numbers):
    """How far each value may be off: half a step of its own, one of the kernel's, and what its operands are off.

    The effect of the operands' errors is found by shifting them, all together and at random.
    """
    steps = {grid.value: grid.scale[0] for grid in plan.graphs[0].grids if len(grid.scale) == 1}
    random = np.random.default_rng(0)
    off = {value: 0.5 * steps.get(value.name, 0.0) for value in graph.inputs}
    for node in graph:
        given = [numbers.get(v, v.const if v is not None else None) for v in node.inputs]
        errors = [off[v] if v in off else 0.5 * steps.get(v.name, 0.0) for v in node.inputs]
        exact = node.op.evaluate(*given)
        exact = exact if isinstance(exact, tuple) else (exact,)
        worst = [0.0] * len(exact)
        signs = [*itertools.product((-1, 1), repeat=len(given)), *[None] * 4]
        for pattern in signs:
            shifted = [
                a if a.dtype.kind != "f" else a + e * (pattern[i] if pattern else random.choice([-1, 1], a.shape))
                for i, (a, e) in enumerate(zip(given, errors, strict=True))
            ]
            moved = node.op.evaluate(*(a.astype(b.dtype) for a, b in zip(shifted, given, strict=True)))
            moved = moved if isinstance(moved, tuple) else (moved,)
            pairs = zip(worst, moved, exact, strict=True)
            worst = [max(w, float(np.abs(m.astype(float) - x).max(initial=0))) for w, m, x in pairs]
        off |= {v: w + 1.5 * steps.get(v.name, 0.0) for v, w in zip(node.outputs, worst, strict=True)}
    return off


@pytest.mark.parametrize("ends", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_what_a_rule_makes_is_as_near_to_float_as_its_steps_allow(rule, precision, ends):
    if precision == "int16x8" and rule.roots and all(registry().ops[code].kernels.slow_int16 for code in rule.roots):
        pytest.skip("stays in float, which is faster there: no steps, and the rule does not apply")
    text = example(rule)
    samples = drawn(text, ends)
    result = octavo.convert(content_of(text), recipe=Recipe(precision=precision, ranges="minmax"), samples=samples)
    graph = parse(text, registry().ops)
    optimize(graph)
    adapt(graph, unserved(Model([graph]), Recipe(precision=precision))[graph])
    numbers = interpret(graph, samples[0])
    off = bounds(graph, result.plan, numbers)
    outputs = Runtime(result.content, signature="serving_default").run(samples[0])
    for value, name in zip(graph.outputs, outputs, strict=True):
        if value.dtype.kind == "f":
            assert np.abs(outputs[name] - numbers[value]).max() <= off[value] * (1 + 1e-4) + 1e-6
        else:
            np.testing.assert_array_equal(outputs[name], numbers[value])


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_all_that_a_rule_makes_computes_in_integers_and_says_in_whose_place(rule):
    text = example(rule)
    is_slow = all(registry().ops[code].kernels.int16 == "" for code in rule.roots)  # in int8; int16 kernels are there
    precision = "int8" if is_slow else "int16x8"
    result = octavo.convert(content_of(text), recipe=precision, samples=drawn(text, RANGES["positive"]))
    rows = [row for row in result.plan.graphs[0].ops if row.precision != "exact"]
    assert rows
    assert {row.precision for row in rows} == {precision}
    assert all(any(f"in place of {code}" in row.why for code in rule.roots) for row in rows)


def test_operations_whose_int8_kernel_is_slow_are_replaced_on_cpus_and_kept_on_accelerators():
    text = "main(%x: float32[batch,6,6,4]) {\n  %y = HARD_SWISH(%x)\n  return %y\n}"
    samples = drawn(text, (-4.0, 4.0))
    on_cpu = octavo.convert(content_of(text), recipe="int8", samples=samples)
    assert [row.op for row in on_cpu.plan.graphs[0].ops] == ["ADD", "MUL", "MUL"]
    assert all("in place of HARD_SWISH" in row.why for row in on_cpu.plan.graphs[0].ops)
    on_ethos = octavo.convert(content_of(text), recipe="int8", target="ethos-u", samples=samples)
    assert [row.op for row in on_ethos.plan.graphs[0].ops] == ["HARD_SWISH"]


def test_products_of_two_activations_are_said_to_be_slow_in_int8():
    text = "main(%x: float32[2,64,64]) {\n  %y = BATCH_MATMUL(%x, %x)\n  return %y\n}"
    made = octavo.convert(content_of(text), recipe="int8", samples=drawn(text, (-4.0, 4.0)))
    assert "many times as long" in made.plan.graphs[0].ops[0].slow
    assert any("op=BATCH_MATMUL, precision=float32, avoids it" in warning for warning in made.warnings)


def test_in_float_the_operation_stays_as_it_is():
    text = example(RULES["hard_swish_as_product"])
    result = octavo.convert(content_of(text), recipe="float32")
    assert [row.op for row in result.plan.graphs[0].ops] == ["HARD_SWISH"]


def test_a_rule_of_the_recipe_finds_an_operation_by_the_name_that_it_had():
    text = example(RULES["hard_swish_as_product"])
    recipe = Recipe(precision="float32", rules=(Rule(op="HARD_SWISH", precision="int16x8"),))
    result = octavo.convert(content_of(text), recipe=recipe, samples=drawn(text, RANGES["usual"]))
    assert [(row.op, row.who) for row in result.plan.graphs[0].ops] == [
        ("ADD", "rule"),
        ("MUL", "rule"),
        ("MUL", "rule"),
    ]


def test_a_plan_replays_what_was_rewritten():
    text = example(RULES["elu_as_exponential"])
    result = octavo.convert(content_of(text), recipe="int16x8", samples=drawn(text, RANGES["usual"]))
    assert octavo.convert(content_of(text), plan=result.plan).content == result.content


def choice(text, precision, ends):
    result = octavo.convert(content_of(text), recipe=precision, samples=drawn(text, ends))
    return result.plan.graphs[0].ops[0]


@pytest.mark.parametrize("code", ["LESS", "GREATER_EQUAL"])
@pytest.mark.parametrize(("ends", "precision"), [((-400, 400), "float32"), ((-4, 4), "int8"), ((-0.1, 0.1), "float32")])
def test_int8_comparisons_stay_float_where_their_kernel_answers_wrongly(code, ends, precision):
    text = f"main(%x: float32[batch,40], %y: float32[batch,40]) {{\n %z = {code}(%x, %y)\n return %z\n}}"
    assert choice(text, "int8", ends).precision == precision


@pytest.mark.parametrize("ends", [(-1e6, 1e6), (-4, 4), (-1e-4, 1e-4)])
def test_int16_comparisons_read_both_operands_on_one_grid_which_is_always_right(ends):
    text = "main(%x: float32[batch,40], %y: float32[batch,40]) {\n %z = LESS(%x, %y)\n return %z\n}"
    samples = drawn(text, ends)
    for sample in samples:
        sample["y"] /= 50
    result = octavo.convert(content_of(text), recipe="int16x8", samples=samples)
    assert result.plan.graphs[0].ops[0].precision == "int16x8"
    (answer,) = Runtime(result.content, signature="serving_default").run(samples[0]).values()
    apart = np.abs(samples[0]["x"] - samples[0]["y"]) > ends[1] / 32767
    np.testing.assert_array_equal(answer[apart], (samples[0]["x"] < samples[0]["y"])[apart])


def test_a_limit_beyond_the_range_is_compared_in_float():
    text = "main(%x: float32[batch,4]) {\n %c = const float32[] 100.0\n %z = LESS(%x, %c)\n return %z\n}"
    assert "beyond the range" in choice(text, "int16x8", (-4, 4)).why


def test_int16_operands_of_which_one_is_far_wider_are_compared_without_cutting_it():
    text = "main(%x: float32[batch,40], %y: float32[batch,40]) {\n %t = TANH(%x)\n %z = LESS(%x, %y)\n return %z, %t\n}"
    samples = drawn(text, (-400, 400))
    for sample in samples:
        sample["x"] /= 50
    result = octavo.convert(content_of(text), recipe="int16x8", samples=samples)
    answer = Runtime(result.content, signature="serving_default").run(samples[0])["out0"]
    apart = np.abs(samples[0]["x"] - samples[0]["y"]) > 400 / 32767
    np.testing.assert_array_equal(answer[apart], (samples[0]["x"] < samples[0]["y"])[apart])


def test_numbers_are_asked_whether_they_are_equal_as_they_are():
    text = "main(%x: float32[batch,4], %y: float32[batch,4]) {\n %z = EQUAL(%x, %y)\n return %z\n}"
    assert choice(text, "int8", (-4, 4)).precision == "exact"


@pytest.mark.parametrize(("ends", "precision"), [((0.1, 4.0), "float32"), ((1.0, 4.0), "int16x8")])
@pytest.mark.parametrize("code", ["LOG", "RSQRT"])
def test_a_table_of_int16_is_used_where_it_is_fine_enough(code, ends, precision):
    text = f"main(%x: float32[batch,40]) {{\n %y = {code}(%x)\n return %y\n}}"
    row = choice(text, "int16x8", ends)
    assert row.precision == precision
    assert precision != "float32" or "steep" in row.why


def test_an_output_that_leaves_a_dictated_grid_stays_float():
    text = "main(%x: float32[batch,4]) {\n %y = LOG_SOFTMAX(%x)\n return %y\n}"
    assert "grid ends at -15.94" in choice(text, "int8", (-40, 40)).why
    assert choice(text, "int8", (-4, 4)).precision == "int8"


@pytest.mark.parametrize("code", ["LOGISTIC", "TANH", "RELU6", "SOFTMAX"])
def test_int16_curves_of_huge_numbers_stay_float(code):
    text = f"main(%x: float32[batch,4]) {{\n %y = {code}(%x)\n return %y\n}}"
    assert choice(text, "int16x8", (-1e6, 1e6)).precision == "float32"
    assert choice(text, "int16x8", (-100, 100)).precision == "int16x8"


def test_rules_for_integers_leave_no_trace_in_a_graph_that_needs_none():
    graph = parse("main(%x: float32[batch,4]) {\n %y = TANH(%x)\n return %y\n}", registry().ops)
    before = show(graph)
    assert unserved(Model([graph]), Recipe(precision="int8")) == {graph: set()}
    assert not adapt(graph, set()).applied
    assert show(graph) == before
