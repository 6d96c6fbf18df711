from sample import Sample

PLACES = [[0, 2], [1, 1], [0, 2]]

SAMPLES = [
    Sample(
        """
main(%i: int32[3,2], %u: float32[3,4]) {
  %s = const int32[3] [2, 3, 4]
  %y = SCATTER_ND(%i, %u, %s)
  return %y
}""",
        inputs={"i": PLACES},
    ),
    Sample(
        """
main(%i: int32[3,1], %u: int32[3]) {
  %s = const int32[1] [5]
  %y = SCATTER_ND(%i, %u, %s)
  return %y
}""",
        inputs={"i": [[4], [0], [1]]},
    ),
    Sample(
        """
main(%v: float32[3]) {
  %i = const int32[3,2] [[0, 2], [1, 0], [1, 3]]
  %s = const int32[2] [2, 4]
  %d = const float32[] -1.5
  %y = SPARSE_TO_DENSE(%i, %s, %v, %d)
  return %y
}""",
    ),
    Sample(
        """
main(%v: int32[]) {
  %i = const int64[3] [0, 2, 5]
  %s = const int64[1] [7]
  %d = const int32[] 0
  %y = SPARSE_TO_DENSE(%i, %s, %v, %d)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,4], %u: float32[1,2,3], %at: int32[3]) {
  %y = DYNAMIC_UPDATE_SLICE(%x, %u, %at)
  return %y
}""",
        inputs={"at": [1, 4, 0]},
        why="the second place is moved back to 3, where the block still fits",
    ),
    Sample(
        """
main(%x: float32[5,2]) {
  %i = const int32[5] [0, 0, 1, 2, 2]
  %y = SEGMENT_SUM(%x, %i)
  return %y
}""",
    ),
    *[
        Sample(
            f"""
main(%x: {kind}[5,2], %i: int32[5]) {{
  %n = const int32[] 4
  %y = UNSORTED_SEGMENT_{name}(%x, %i, %n)
  return %y
}}""",
            inputs={"i": [2, 0, 2, -1, 1]},
            why="the last segment has no rows, and a row has no segment",
        )
        for name in ("SUM", "PROD", "MAX", "MIN")
        for kind in ("float32", "int32")
    ],
    Sample(
        """
main(%x: float32[batch,3]) {
  %y = MATRIX_DIAG(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,3,5], %d: float32[batch,3]) {
  %y = MATRIX_SET_DIAG(%x, %d)
  return %y
}""",
    ),
]
