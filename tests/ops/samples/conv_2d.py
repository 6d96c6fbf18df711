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
