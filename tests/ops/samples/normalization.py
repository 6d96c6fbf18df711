from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,7]) {
  %y = L2_NORMALIZATION(%x)
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,2,7]) {
  %y = LOCAL_RESPONSE_NORMALIZATION(%x) {radius=2, bias=1.0, alpha=0.5, beta=0.75}
  return %y
}"""),
]
