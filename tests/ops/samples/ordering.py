from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = ARG_MAX(%x, %axis) {output_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] -1
  %y = ARG_MAX(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = ARG_MIN(%x, %axis) {output_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%i: int32[batch,3], %on: float32[], %off: float32[]) {
  %depth = const int32[] 4
  %y = ONE_HOT(%i, %depth, %on, %off) {axis=-1}
  return %y
}""",
    ),
    Sample(
        """
main(%i: int64[batch,3], %on: float32[], %off: float32[]) {
  %depth = const int32[] 3
  %y = ONE_HOT(%i, %depth, %on, %off) {axis=1}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,6]) {
  %k = const int32[] 3
  %v, %i = TOPK_V2(%x, %k)
  return %v, %i
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = CUMSUM(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = CUMSUM(%x, %axis) {exclusive=True, reverse=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[5]) {
  %axis = const int32[] 0
  %y = CUMSUM(%x, %axis) {reverse=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REVERSE_V2(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[2] [1, 2]
  %y = REVERSE_V2(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %n = const int32[2] [2, 3]
  %y = REVERSE_SEQUENCE(%x, %n) {seq_dim=1, batch_dim=0}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[4,2,3]) {
  %n = const int32[2] [2, 4]
  %y = REVERSE_SEQUENCE(%x, %n) {seq_dim=0, batch_dim=1}
  return %y
}""",
    ),
]
