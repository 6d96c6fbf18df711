from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,5,3]) {
  %begin = const int32[3] [0, 1, 0]
  %size = const int32[3] [-1, 3, 2]
  %y = SLICE(%x, %begin, %size)
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[4]) {
  %begin = const int32[1] [1]
  %size = const int32[1] [1]
  %y = SLICE(%x, %begin, %size)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,3]) {
  %begin = const int32[3] [0, 1, 0]
  %end = const int32[3] [0, 4, 2]
  %strides = const int32[3] [1, 1, 1]
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {begin_mask=1, end_mask=1}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,3]) {
  %begin = const int32[3] [0, 0, 2]
  %end = const int32[3] [0, 0, 0]
  %strides = const int32[3] [1, 2, -1]
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {begin_mask=3, end_mask=3}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,3]) {
  %begin = const int32[3] [0, -1, 0]
  %end = const int32[3] [0, 0, 0]
  %strides = const int32[3] [1, 1, 1]
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {begin_mask=5, end_mask=5, shrink_axis_mask=2}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,3]) {
  %begin = const int32[3] [1, -4, 0]
  %end = const int32[3] [0, -1, 0]
  %strides = const int32[3] [1, 1, 2]
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {end_mask=5}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[4]) {
  %begin = const int32[1] [1]
  %end = const int32[1] [2]
  %strides = const int32[1] [1]
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {shrink_axis_mask=1}
  return %y
}""",
    ),
]
