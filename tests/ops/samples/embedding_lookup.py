from sample import Sample

SAMPLES = [
    Sample("""
main(%i: int32[batch]) {
  %table = const float32[4,8]
  %y = EMBEDDING_LOOKUP(%i, %table)
  return %y
}"""),
]
