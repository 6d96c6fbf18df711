from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,3,4,5]) {
  %shape = const int32[4] [2, 6, 8, 3]
  %w = const float32[3,3,3,5]
  %b = const float32[3]
  %y = TRANSPOSE_CONV(%shape, %w, %x, %b) {stride_w=2, stride_h=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[2,3,4,5]) {
  %shape = const int32[4] [2, 9, 5, 3]
  %w = const float32[3,4,2,5]
  %y = TRANSPOSE_CONV(%shape, %w, %x) {padding=VALID, stride_h=2}
  return %y
}"""),
]
