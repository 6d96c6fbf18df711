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
