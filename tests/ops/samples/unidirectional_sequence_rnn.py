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
