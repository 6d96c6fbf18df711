from sample import Sample

SAMPLES = [
    Sample(
        """
main(%a: float32[batch,2,3], %b: float32[batch,4,3]) {
  %y = CONCATENATION(%a, %b) {axis=1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,2], %b: float32[batch,3], %c: float32[batch,1]) {
  %y = CONCATENATION(%a, %b, %c) {axis=-1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[2], %b: int64[3]) {
  %y = CONCATENATION(%a, %b) {axis=0}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,6]) {
  %axis = const int32[] 1
  %p, %q, %r = SPLIT(%axis, %x) {num_splits=3}
  return %p, %q, %r
}""",
    ),
    Sample(
        """
main(%x: float32[batch,6]) {
  %axis = const int32[] -1
  %sizes = const int32[3] [1, -1, 2]
  %p, %q, %r = SPLIT_V(%x, %sizes, %axis) {num_splits=3}
  return %p, %q, %r
}""",
    ),
    Sample(
        """
main(%a: float32[batch,3], %b: float32[batch,3]) {
  %y = PACK(%a, %b) {values_count=2, axis=1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[], %b: int32[]) {
  %y = PACK(%a, %b) {values_count=2}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,2,3]) {
  %p, %q = UNPACK(%x) {num=2, axis=1}
  return %p, %q
}""",
    ),
    Sample(
        """
main(%x: float32[batch,3]) {
  %p, %q, %r = UNPACK(%x) {num=3, axis=-1}
  return %p, %q, %r
}""",
    ),
]
