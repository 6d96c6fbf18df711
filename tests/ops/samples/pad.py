from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2]) {
  %p = const int32[3,2] [[0, 0], [1, 2], [0, 3]]
  %y = PAD(%x, %p)
  return %y
}"""),
    Sample("""
main(%x: float32[2,3,2]) {
  %p = const int32[3,2] [[1, 0], [1, 2], [0, 3]]
  %v = const float32[] -1.5
  %y = PADV2(%x, %p, %v)
  return %y
}"""),
]
