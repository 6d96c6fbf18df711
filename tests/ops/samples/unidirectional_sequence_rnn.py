from drawing import Draw, drawn, options
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,4,3]) {
  %w = const float32[5,3]
  %r = const float32[5,5]
  %b = const float32[5]
  %s = state float32[2,5]
  %y = UNIDIRECTIONAL_SEQUENCE_RNN(%x, %w, %r, %b, %s) {fused_activation_function=TANH}
  return %y
}"""),
    Sample("""
main(%x: float32[4,1,3]) {
  %w = const float32[5,3]
  %r = const float32[5,5]
  %b = const float32[5]
  %s = state float32[1,5]
  %y = UNIDIRECTIONAL_SEQUENCE_RNN(%x, %w, %r, %b, %s) {time_major=True, fused_activation_function=RELU6}
  return %y
}"""),
]


@drawn
def layers(draw: Draw) -> Sample:
    batch, steps, features, units = (draw(st.integers(1, 5)) for _ in range(4))
    first = draw(st.booleans())
    said = options(draw, time_major=[first], fused_activation_function=["NONE", "TANH", "RELU", "RELU6"])
    return Sample(
        f"""
main(%x: float32[{steps if first else batch},{batch if first else steps},{features}]) {{
  %w = const float32[{units},{features}]
  %r = const float32[{units},{units}]
  %b = const float32[{units}]
  %s = state float32[{batch},{units}]
  %y = UNIDIRECTIONAL_SEQUENCE_RNN(%x, %w, %r, %b, %s) {said}
  return %y
}}"""
    )


DRAWN = {"UNIDIRECTIONAL_SEQUENCE_RNN": layers}
