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
