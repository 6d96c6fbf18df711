from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,4,3]) {
  %p = const int32[3,2] [[0, 1], [3, 2], [0, 1]]
  %y = MIRROR_PAD(%x, %p)
  return %y
}"""),
    Sample("""
main(%x: float32[batch,4,3]) {
  %p = const int32[3,2] [[0, 0], [4, 2], [3, 1]]
  %y = MIRROR_PAD(%x, %p) {mode=SYMMETRIC}
  return %y
}"""),
]
