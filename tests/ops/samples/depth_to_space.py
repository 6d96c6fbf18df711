from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2,12]) {
  %y = DEPTH_TO_SPACE(%x) {block_size=2}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,6,4,3]) {
  %y = SPACE_TO_DEPTH(%x) {block_size=2}
  return %y
}"""),
]
