from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %y = AVERAGE_POOL_2D(%x) {stride_w=2, stride_h=2, filter_width=3, filter_height=3}
  return %y
}"""),
    Sample("""
main(%x: float32[2,5,6,3]) {
  %y = AVERAGE_POOL_2D(%x) {padding=VALID, filter_width=6, filter_height=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %y = MAX_POOL_2D(%x) {stride_w=2, filter_width=3, filter_height=2}
  return %y
}"""),
    Sample("""
main(%x: float32[2,5,6,3]) {
  %y = L2_POOL_2D(%x) {stride_w=2, filter_width=3, filter_height=2}
  return %y
}"""),
]
