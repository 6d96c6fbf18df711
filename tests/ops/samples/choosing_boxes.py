from typing import Any

import numpy as np
from drawing import Draw, drawn
from hypothesis import strategies as st
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


def boxes(draw: Draw) -> dict[str, Any]:
    """Boxes on a grid of eighths, so that overlaps are far from the thresholds or equal, and scores that differ."""
    count = draw(st.integers(1, 8))
    corners = draw(st.lists(st.tuples(*[st.integers(0, 16)] * 2), min_size=count, max_size=count))
    sizes = draw(st.lists(st.tuples(*[st.sampled_from([3, 5, 7])] * 2), min_size=count, max_size=count))
    order = draw(st.permutations(range(count)))
    low = np.array(corners) / 8
    return {"b": np.concatenate([low, low + np.array(sizes) / 8], 1), "s": (np.array(order) + 1) / (count + 1)}


@drawn
def suppressed(draw: Draw) -> Sample:
    given = boxes(draw)
    count = len(given["s"])
    return Sample(
        f"""
main(%b: float32[{count},4], %s: float32[{count}]) {{
  %n = const int32[] {draw(st.integers(1, count + 2))}
  %o = const float32[] {draw(st.sampled_from([0.111, 0.333, 0.511, 0.777]))}
  %t = const float32[] {draw(st.sampled_from([0.0, 0.33, 0.51]))}
  %i, %c = NON_MAX_SUPPRESSION_V4(%b, %s, %n, %o, %t)
  return %i, %c
}}""",
        inputs=given,
    )


@drawn
def softened(draw: Draw) -> Sample:
    given = boxes(draw)
    count = len(given["s"])
    return Sample(
        f"""
main(%b: float32[{count},4], %s: float32[{count}]) {{
  %n = const int32[] {draw(st.integers(1, count + 2))}
  %o = const float32[] {draw(st.sampled_from([0.511, 1.0]))}
  %t = const float32[] {draw(st.sampled_from([0.0, 0.0813]))}
  %g = const float32[] {draw(st.sampled_from([0.0, 0.3, 0.5]))}
  %i, %v, %c = NON_MAX_SUPPRESSION_V5(%b, %s, %n, %o, %t, %g)
  return %i, %v, %c
}}""",
        inputs=given,
    )


@drawn
def different(draw: Draw) -> Sample:
    numbers = draw(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
    kind = draw(st.sampled_from(["float32", "int32", "int64", "int16"]))
    return Sample(
        f"""
main(%x: {kind}[{len(numbers)}]) {{
  %y, %i = UNIQUE(%x) {{idx_out_type={draw(st.sampled_from(["INT32", "INT64"]))}}}
  return %y, %i
}}""",
        inputs={"x": numbers},
        lengths={"distinct": len(set(numbers))},
    )


DRAWN = {"NON_MAX_SUPPRESSION_V4": suppressed, "NON_MAX_SUPPRESSION_V5": softened, "UNIQUE": different}
