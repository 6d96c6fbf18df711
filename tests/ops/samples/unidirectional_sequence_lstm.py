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
