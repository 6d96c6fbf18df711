from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,2]) {
  %block = const int32[2] [2, 3]
  %paddings = const int32[2,2] [[1, 0], [2, 1]]
  %y = SPACE_TO_BATCH_ND(%x, %block, %paddings)
  return %y
}"""),
    Sample("""
main(%x: float32[2,6,3]) {
  %block = const int32[1] [2]
  %paddings = const int32[1,2] [[0, 0]]
  %y = SPACE_TO_BATCH_ND(%x, %block, %paddings)
  return %y
}"""),
    Sample("""
main(%x: float32[6*batch,5,4,2]) {
  %block = const int32[2] [2, 3]
  %crops = const int32[2,2] [[1, 0], [2, 1]]
  %y = BATCH_TO_SPACE_ND(%x, %block, %crops)
  return %y
}"""),
]
