"""Operations that keep a state from run to run: how their weights are stored, and what comes of it over many runs."""

import numpy as np
import pytest

import octavo
from octavo.ir.graph import Model, Signature
from octavo.ir.text import parse
from octavo.ops import registry
from octavo.read.tflite import read_tflite
from octavo.runtime import Runtime
from octavo.write.tflite import to_bytes

UNITS, INPUTS = 64, 48
WEIGHTS = "\n".join(
    [f"%{name} = const float32[{UNITS},{INPUTS}]" for name in "abcd"]
    + [f"%{name} = const float32[{UNITS},{UNITS}]" for name in "efgh"]
    + [f"%{name} = const float32[{UNITS}]" for name in "ijklmno"]
)
LSTM = f"""main(%x: float32[1,6,{INPUTS}]) {{
  {WEIGHTS}
  %s = state float32[1,{UNITS}]
  %t = state float32[1,{UNITS}]
  %y = UNIDIRECTIONAL_SEQUENCE_LSTM(%x, %a, %b, %c, %d, %e, %f, %g, %h, _, _, _, %i, %j, %k, %l, _, _, %s, %t, _, _, _, _) {{fused_activation_function=TANH}}
  return %y
}}"""
RNN = f"""main(%x: float32[1,6,{INPUTS}]) {{
  %w = const float32[{UNITS},{INPUTS}]
  %r = const float32[{UNITS},{UNITS}]
  %b = const float32[{UNITS}]
  %s = state float32[1,{UNITS}]
  %y = UNIDIRECTIONAL_SEQUENCE_RNN(%x, %w, %r, %b, %s) {{fused_activation_function=TANH}}
  return %y
}}"""
SVDF = f"""main(%x: float32[1,{INPUTS}]) {{
  %f = const float32[64,{INPUTS}]
  %t = const float32[64,10]
  %b = const float32[32]
  %s = state float32[1,640]
  %y = SVDF(%x, %f, %t, %b, %s) {{rank=2}}
  return %y
}}"""
FORMS = {"LSTM": LSTM, "RNN": RNN, "SVDF": SVDF}


def content_of(text):
    """The model, with weights small enough that it forgets: the drawn ones would make it chaotic."""
    graph = parse(text, registry().ops)
    for value in graph.values:
        if value.const is not None:
            value.const = value.const * np.float32(0.08)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


def runs(content, inputs):
    """What comes out of one run after the other, with the state that the run before left."""
    runtime = Runtime(content, signature="serving_default")
    return np.stack([next(iter(runtime.run({"x": each}).values())) for each in inputs])


def inputs_of(text, count):
    shape = (1, INPUTS) if "= SVDF" in text else (1, 6, INPUTS)
    return np.random.default_rng(0).uniform(-1, 1, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("precision", ["dynamic", "weight_only", "float16"])
@pytest.mark.parametrize("form", FORMS)
def test_what_remembers_stores_its_weights_as_the_recipe_asks_and_stays_near_to_float(form, precision):
    text = FORMS[form]
    made = octavo.convert(content_of(text), recipe=precision)
    (row,) = made.plan.graphs[0].ops
    assert row.precision == precision
    inputs = inputs_of(text, 20)
    exact, near = runs(made.reference, inputs), runs(made.content, inputs)
    # a quarter of each number, a half of it; the rest is the file's frame
    weights = sum(v.const.nbytes for v in read_tflite(made.reference).main.values if v.const is not None)
    left = {"dynamic": 0.25, "weight_only": 0.25, "float16": 0.5}[precision]
    assert len(made.content) < len(made.reference) - 0.9 * (1 - left) * weights
    # int8 weights are off by 1/254 of their greatest, and so are activations where the kernel rounds them
    assert np.abs(near - exact).max() < {"float16": 0.005}.get(precision, 0.06) * np.abs(exact).max()


WHOLE = {"precision": "int8", "strict": True}
"""Left to itself, the recipe stays with float activations on CPUs, which is faster."""


@pytest.mark.parametrize("form", ["", "time_major=True, "])
def test_a_layer_that_remembers_computes_in_int8_over_many_runs(form):
    """Its kernel keeps the output in int8 and the cell in int16: errors do not add up from run to run."""
    text = LSTM.replace("{fused", f"{{{form}fused")
    if form:
        text = text.replace(f"[1,6,{INPUTS}]", f"[6,1,{INPUTS}]")
    inputs = inputs_of(text, 60).reshape(60, *((6, 1) if form else (1, 6)), INPUTS)
    made = octavo.convert(content_of(text), recipe=WHOLE, samples=[{"x": each} for each in inputs[:20]])
    (row,) = made.plan.graphs[0].ops
    assert row.precision == "int8"
    assert [node.op.code for node in read_tflite(made.content).main] == [
        "QUANTIZE",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "DEQUANTIZE",
    ]
    assert len(made.content) < 0.3 * len(made.reference)
    exact, near = runs(made.reference, inputs), runs(made.content, inputs)
    assert np.abs(near - exact)[-20:].max() < 0.03 * np.abs(exact).max()


def test_a_layer_whose_first_gate_is_what_the_second_leaves_computes_in_int8_too():
    text = LSTM.replace("(%x, %a, %b", "(%x, _, %b").replace("%d, %e, %f", "%d, _, %f")
    text = text.replace("_, _, _, %i, %j", "_, _, _, _, %j")
    inputs = inputs_of(text, 30)
    made = octavo.convert(content_of(text), recipe=WHOLE, samples=[{"x": each} for each in inputs])
    assert made.plan.graphs[0].ops[0].precision == "int8"
    exact, near = runs(made.reference, inputs), runs(made.content, inputs)
    assert np.abs(near - exact).max() < 0.03 * np.abs(exact).max()


@pytest.mark.parametrize("precision", ["int8", "int16x8"])
@pytest.mark.parametrize("form", FORMS)
def test_on_a_cpu_weights_are_integers_and_activations_float_where_that_is_faster_or_all_there_is(form, precision):
    text = FORMS[form]
    samples = [{"x": each} for each in inputs_of(text, 4)]
    made = octavo.convert(content_of(text), recipe=precision, samples=samples)
    row = made.plan.graphs[0].ops[0]
    assert (row.precision, row.asked) == ("dynamic", precision)
    assert row.who == ("speed" if (form, precision) == ("LSTM", "int8") else "kernel")
    assert len(made.content) < 0.4 * len(made.reference)


REFUSED = {
    "peepholes": (LSTM.replace("_, _, _, %i", "%m, %n, %o, %i"), "int8", "no runtime tells, where it has peepholes"),
    "another activation": (LSTM.replace("=TANH", "=RELU"), "int8", "where it has RELU in place of TANH"),
    "int16": (LSTM, "int16x8", "LiteRT has it in int8 only"),
    "SVDF": (SVDF, "int8", "keeps a memory in int16, of whose range nothing tells"),
    "RNN": (RNN, "int8", "LiteRT has no integer kernel for it"),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_has_no_integer_kernel_stays_float_with_its_reason(form):
    text, precision, why = REFUSED[form]
    samples = [{"x": each} for each in inputs_of(text, 4)]
    made = octavo.convert(content_of(text), recipe=precision, samples=samples)
    assert why in made.plan.graphs[0].ops[0].why
