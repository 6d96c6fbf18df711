from drawing import Draw, drawn, options, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,7]) {
  %w = const float32[5,7]
  %b = const float32[5]
  %y = FULLY_CONNECTED(%x, %w, %b) {fused_activation_function=RELU6}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,8]) {
  %w = const float32[6,8]
  %y = FULLY_CONNECTED(%x, %w) {keep_num_dims=True}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,8]) {
  %w = const float32[6,4]
  %b = const float32[6]
  %y = FULLY_CONNECTED(%x, %w, %b)
  return %y
}"""),
]


@drawn
def layers(draw: Draw) -> Sample:
    given, units = shape(draw, least=2), draw(st.integers(1, 6))
    said = options(
        draw, keep_num_dims=[True, False], fused_activation_function=["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]
    )
    return Sample(
        f"""
main(%x: float32[{given}]) {{
  %w = const float32[{units},{given.dims[-1]}]
  %b = const float32[{units}]
  %y = FULLY_CONNECTED(%x, %w{draw(st.sampled_from([", %b", ""]))}) {said}
  return %y
}}""",
        lengths=given.lengths,
    )


DRAWN = {"FULLY_CONNECTED": layers}
