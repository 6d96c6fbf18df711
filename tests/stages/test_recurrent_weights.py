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
    + [f"%{name} = const float32[{UNITS}]" for name in "ijkl"]
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
    shape = (1, INPUTS) if text is SVDF else (1, 6, INPUTS)
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
