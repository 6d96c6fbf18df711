from sample import Sample

SAMPLES = [
    Sample(
        """
main(%v: float32[]) {
  %dims = const int32[2] [2, 3]
  %y = FILL(%dims, %v)
  return %y
}""",
    ),
    Sample(
        """
main(%v: int64[]) {
  %dims = const int32[2] [2, 3]
  %y = FILL(%dims, %v)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = ZEROS_LIKE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %m = const int32[3] [1, 2, 3]
  %y = TILE(%x, %m)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[3,1]) {
  %shape = const int32[3] [2, 3, 4]
  %y = BROADCAST_TO(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = CAST(%x) {out_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,3]) {
  %y = CAST(%x) {in_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,3]) {
  %y = CAST(%x) {in_data_type=BOOL}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int64[batch,3]) {
  %y = CAST(%x) {in_data_type=INT64, out_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[2], %b: int32[3]) {
  %y = BROADCAST_ARGS(%a, %b)
  return %y
}""",
        inputs={"a": [4, 1], "b": [2, 1, 3]},
    ),
    Sample("""
main(%unread: int32[1]) {
  %s = const int32[] 1
  %l = const int32[] 8
  %d = const int32[] 3
  %y = RANGE(%s, %l, %d)
  return %y
}"""),
    Sample("""
main(%unread: int32[1]) {
  %s = const float32[] 0.5
  %l = const float32[] -2.0
  %d = const float32[] -0.75
  %y = RANGE(%s, %l, %d)
  return %y
}"""),
]
