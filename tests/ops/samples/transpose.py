from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2,5]) {
  %p = const int32[4] [0, 3, 1, 2]
  %y = TRANSPOSE(%x, %p)
  return %y
}"""),
]
