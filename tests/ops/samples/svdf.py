from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,3]) {
  %f = const float32[8,3]
  %t = const float32[8,5]
  %b = const float32[4]
  %s = state float32[2,40]
  %y = SVDF(%x, %f, %t, %b, %s) {rank=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[1,6]) {
  %f = const float32[4,6]
  %t = const float32[4,3]
  %s = state float32[1,12]
  %y = SVDF(%x, %f, %t, _, %s) {rank=1}
  return %y
}"""),
]
