from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,4], %y: float32[batch,4,5]) {
  %z = BATCH_MATMUL(%x, %y)
  return %z
}"""),
    Sample("""
main(%x: float32[batch,3,4,2], %y: float32[1,3,5,4]) {
  %z = BATCH_MATMUL(%x, %y) {adj_x=True, adj_y=True}
  return %z
}"""),
    Sample("""
main(%x: float32[3,4]) {
  %y = const float32[2,4,5]
  %z = BATCH_MATMUL(%x, %y)
  return %z
}"""),
]
