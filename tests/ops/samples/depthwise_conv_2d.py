from drawing import Draw, drawn, printed, windowed
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %w = const float32[1,3,3,3]
  %b = const float32[3]
  %y = DEPTHWISE_CONV_2D(%x, %w, %b) {stride_w=2, stride_h=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[2,9,8,2]) {
  %w = const float32[1,3,2,6]
  %b = const float32[6]
  %y = DEPTHWISE_CONV_2D(%x, %w, %b) {padding=VALID, depth_multiplier=3, dilation_h_factor=2, dilation_w_factor=3}
  return %y
}"""),
]

CHANNELS = st.integers(1, 4)


@drawn
def convolutions(draw: Draw) -> Sample:
    (height, width), (rows, columns), said = windowed(draw)
    said["stride_w"] = said["stride_h"]  # the kernel takes one stride
    channels, multiplier = draw(CHANNELS), draw(st.integers(1, 3))
    said |= {"depth_multiplier": multiplier, "fused_activation_function": draw(st.sampled_from(["NONE", "RELU"]))}
    return Sample(
        f"""
main(%x: float32[batch,{height},{width},{channels}]) {{
  %w = const float32[1,{rows},{columns},{channels * multiplier}]
  %b = const float32[{channels * multiplier}]
  %y = DEPTHWISE_CONV_2D(%x, %w, %b) {printed(said)}
  return %y
}}""",
        lengths={"batch": draw(st.integers(1, 3))},
    )


DRAWN = {"DEPTHWISE_CONV_2D": convolutions}
