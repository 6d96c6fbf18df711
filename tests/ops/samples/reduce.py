from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = MEAN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = MEAN(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = MEAN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = SUM(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = SUM(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = SUM(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_PROD(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_PROD(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_PROD(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_MAX(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_MAX(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_MAX(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_MIN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_MIN(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_MIN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ANY(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ANY(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ALL(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ALL(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
]
