from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %shape = const int32[2] [-1, 12]
  %y = RESHAPE(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[2,6]) {
  %y = RESHAPE(%x) {new_shape=[3, 4]}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[2,6]) {
  %shape = const int32[3] [2, 3, -1]
  %y = RESHAPE(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,1,4,1]) {
  %y = SQUEEZE(%x) {squeeze_dims=[1, 3]}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[1,4,1]) {
  %y = SQUEEZE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = EXPAND_DIMS(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] -1
  %y = EXPAND_DIMS(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SHAPE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SHAPE(%x) {out_type=INT64}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RANK(%x)
  return %y
}""",
    ),
]
