from sample import Sample

BOXES = [[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [0, 10.1, 1, 11.1], [0, 100, 1, 101]]
SCORES = [0.9, 0.75, 0.6, 0.95, 0.5, 0.3]

SAMPLES = [
    Sample(
        """
main(%b: float32[6,4], %s: float32[6]) {
  %n = const int32[] 4
  %o = const float32[] 0.5
  %t = const float32[] 0.1
  %i, %c = NON_MAX_SUPPRESSION_V4(%b, %s, %n, %o, %t)
  return %i, %c
}""",
        inputs={"b": BOXES, "s": SCORES},
    ),
    Sample(
        """
main(%b: float32[6,4], %s: float32[6]) {
  %n = const int32[] 6
  %o = const float32[] 1.0
  %t = const float32[] 0.2
  %g = const float32[] 0.5
  %i, %v, %c = NON_MAX_SUPPRESSION_V5(%b, %s, %n, %o, %t, %g)
  return %i, %v, %c
}""",
        inputs={"b": BOXES, "s": SCORES},
    ),
    Sample(
        """
main(%x: int32[7]) {
  %y, %i = UNIQUE(%x)
  return %y, %i
}""",
        inputs={"x": [5, 1, 5, 3, 3, 1, 9]},
        lengths={"distinct": 4},
    ),
    Sample(
        """
main(%x: float32[4]) {
  %y, %i = UNIQUE(%x) {idx_out_type=INT64}
  return %y, %i
}""",
        inputs={"x": [0.5, -1, 0.5, 3]},
        lengths={"distinct": 3},
    ),
]
