from drawing import Draw, drawn, printed, windowed
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %w = const float32[4,3,3,3]
  %b = const float32[4]
  %y = CONV_2D(%x, %w, %b) {fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[2,9,8,3]) {
  %w = const float32[4,3,2,3]
  %b = const float32[4]
  %y = CONV_2D(%x, %w, %b) {padding=VALID, stride_w=2, stride_h=3, dilation_h_factor=2, dilation_w_factor=2}
  return %y
}"""),
    Sample("""
main(%x: float32[2,5,5,6]) {
  %w = const float32[4,3,3,3]
  %b = const float32[4]
  %y = CONV_2D(%x, %w, %b) {stride_w=2, stride_h=2}
  return %y
}"""),
]

CHANNELS = st.integers(1, 4)


@drawn
def convolutions(draw: Draw) -> Sample:
    (height, width), (rows, columns), said = windowed(draw)
    groups, taken, given = draw(st.integers(1, 3)), draw(CHANNELS), draw(CHANNELS)
    said["fused_activation_function"] = draw(st.sampled_from(["NONE", "RELU", "RELU6"]))
    return Sample(
        f"""
main(%x: float32[batch,{height},{width},{groups * taken}]) {{
  %w = const float32[{groups * given},{rows},{columns},{taken}]
  %b = const float32[{groups * given}]
  %y = CONV_2D(%x, %w, %b) {printed(said)}
  return %y
}}""",
        lengths={"batch": draw(st.integers(1, 3))},
    )


DRAWN = {"CONV_2D": convolutions}
