from drawing import Draw, drawn, options
from hypothesis import strategies as st
from sample import Sample

WEIGHTS = """
  %a = const float32[5,3]
  %b = const float32[5,3]
  %c = const float32[5,3]
  %d = const float32[5,3]"""
RECURRENT = """
  %e = const float32[5,{out}]
  %f = const float32[5,{out}]
  %g = const float32[5,{out}]
  %h = const float32[5,{out}]"""
BIASES = """
  %i = const float32[5]
  %j = const float32[5]
  %k = const float32[5]
  %l = const float32[5]"""
ALL = "%x, %a, %b, %c, %d, %e, %f, %g, %h, {peepholes}, %i, %j, %k, %l, {projection}, %s, %t"
NONE = "_, _, _, _"
WHY = "the kernel sums products of steps in its own order"

SAMPLES = [
    Sample(
        f"""
main(%x: float32[2,4,3]) {{{WEIGHTS}{RECURRENT.format(out=5)}{BIASES}
  %s = state float32[2,5]
  %t = state float32[2,5]
  %y = UNIDIRECTIONAL_SEQUENCE_LSTM({ALL.format(peepholes="_, _, _", projection="_, _")}, {NONE}) {{fused_activation_function=TANH}}
  return %y
}}""",
        why=WHY,
    ),
    Sample(
        f"""
main(%x: float32[4,2,3]) {{{WEIGHTS}{RECURRENT.format(out=2)}{BIASES}
  %m = const float32[5]
  %n = const float32[5]
  %o = const float32[5]
  %p = const float32[2,5]
  %q = const float32[2]
  %s = state float32[2,2]
  %t = state float32[2,5]
  %y = UNIDIRECTIONAL_SEQUENCE_LSTM({ALL.format(peepholes="%m, %n, %o", projection="%p, %q")}) {{fused_activation_function=TANH, cell_clip=0.5, proj_clip=0.75, time_major=True}}
  return %y
}}""",
        why=WHY,
    ),
    Sample(
        """
main(%x: float32[1,4,3]) {
  %b = const float32[5,3]
  %c = const float32[5,3]
  %d = const float32[5,3]
  %f = const float32[5,5]
  %g = const float32[5,5]
  %h = const float32[5,5]
  %j = const float32[5]
  %k = const float32[5]
  %l = const float32[5]
  %n = const float32[5]
  %o = const float32[5]
  %p = const float32[5]
  %s = state float32[1,5]
  %t = state float32[1,5]
  %y = UNIDIRECTIONAL_SEQUENCE_LSTM(%x, _, %b, %c, %d, _, %f, %g, %h, _, _, _, _, %j, %k, %l, _, _, %s, %t, _, %n, %o, %p) {fused_activation_function=TANH}
  return %y
}""",
        why=WHY,
    ),
]


@drawn
def layers(draw: Draw) -> Sample:
    batch, steps, features, units = (draw(st.integers(1, 5)) for _ in range(4))
    first, projected = draw(st.booleans()), draw(st.sampled_from([0, 1, 3]))
    out = projected or units
    constants = [
        *((name, f"{units},{features}") for name in "abcd"),
        *((name, f"{units},{out}") for name in "efgh"),
        *((name, f"{units}") for name in "ijkl"),
        *([("p", f"{out},{units}")] if projected else []),
        *((name, f"{units}") for name in (PEEPHOLES if draw(st.booleans()) else ())),
    ]
    peepholes = ", ".join("%" + name for name in PEEPHOLES) if constants[-1][0] == "o" else "_, _, _"
    lines = "".join(f"  %{name} = const float32[{dims}]\n" for name, dims in constants)
    operands = ALL.format(peepholes=peepholes, projection="%p, _" if projected else "_, _")
    said = options(draw, time_major=[first], fused_activation_function=["TANH"], cell_clip=[0.0, 0.5])
    return Sample(
        f"""
main(%x: float32[{steps if first else batch},{batch if first else steps},{features}]) {{
{lines}  %s = state float32[{batch},{out}]
  %t = state float32[{batch},{units}]
  %y = UNIDIRECTIONAL_SEQUENCE_LSTM({operands}, {NONE}) {said}
  return %y
}}""",
        why=WHY,
    )


PEEPHOLES = ("m", "n", "o")
DRAWN = {"UNIDIRECTIONAL_SEQUENCE_LSTM": layers}
