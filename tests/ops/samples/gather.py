from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,4,5]) {
  %i = const int32[2,3] [[0, 3, 1], [2, 2, 0]]
  %y = GATHER(%x, %i) {axis=1}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,4,5], %i: int32[batch,2]) {
  %y = GATHER(%x, %i) {axis=2, batch_dims=1}
  return %y
}"""),
    Sample("""
main(%i: int32[batch]) {
  %x = const float32[4,5]
  %y = GATHER(%x, %i)
  return %y
}"""),
    Sample(
        """
main(%x: float32[batch,3,4], %i: int32[5,2]) {
  %y = GATHER_ND(%x, %i)
  return %y
}""",
        inputs={"i": [[0, 2], [1, 1], [1, 0], [0, 0], [1, 2]]},
    ),
]
