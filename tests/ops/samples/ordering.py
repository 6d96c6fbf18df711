import numpy as np
from drawing import Draw, Shape, Strategy, axis, drawn, options, shape
from hypothesis import strategies as st
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


def extremes(code: str) -> Strategy:
    @drawn
    def extreme(draw: Draw) -> Sample:
        given = shape(draw)
        return Sample(
            f"""
main(%x: float32[{given}]) {{
  %axis = const int32[] {axis(draw, len(given.dims))}
  %y = {code}(%x, %axis) {options(draw, output_type=["INT32", "INT64"])}
  return %y
}}""",
            lengths=given.lengths,
        )

    return extreme


@drawn
def hot(draw: Draw) -> Sample:
    given = shape(draw, most=3)
    return Sample(
        f"""
main(%i: {draw(st.sampled_from(["int32", "int64"]))}[{given}], %on: float32[], %off: float32[]) {{
  %depth = const int32[] {draw(st.integers(1, 5))}
  %y = ONE_HOT(%i, %depth, %on, %off) {{axis={draw(st.integers(-1, len(given.dims)))}}}
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def best(draw: Draw) -> Sample:
    given = shape(draw)
    given = given if len(given.dims) > 1 else Shape(given.dims)
    return Sample(
        f"""
main(%x: float32[{given}]) {{
  %k = const int32[] {draw(st.integers(1, given.dims[-1]))}
  %v, %i = TOPK_V2(%x, %k)
  return %v, %i
}}""",
        lengths=given.lengths,
    )


@drawn
def running(draw: Draw) -> Sample:
    given = shape(draw)
    return Sample(
        f"""
main(%x: {draw(st.sampled_from(["float32", "int32", "int64"]))}[{given}]) {{
  %axis = const int32[] {axis(draw, len(given.dims))}
  %y = CUMSUM(%x, %axis) {options(draw, exclusive=[False, True], reverse=[False, True])}
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def turned(draw: Draw) -> Sample:
    given = shape(draw)
    first, last = sorted((draw(st.integers(0, len(given.dims) - 1)), draw(st.integers(0, len(given.dims) - 1))))
    axes = list(range(first, last + 1))  # the kernel takes neighbours only
    return Sample(
        f"""
main(%x: {draw(st.sampled_from(["float32", "int32", "int64"]))}[{given}]) {{
  %axis = const int32[{len(axes)}] {axes}
  %y = REVERSE_V2(%x, %axis)
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def turned_in_part(draw: Draw) -> Sample:
    given = Shape(shape(draw, least=2).dims)
    along, batch = draw(st.permutations(range(len(given.dims))))[:2]
    lengths = [draw(st.integers(1, given.dims[along])) for _ in range(given.dims[batch])]
    return Sample(
        f"""
main(%x: float32[{given}], %n: {draw(st.sampled_from(["int32", "int64"]))}[{len(lengths)}]) {{
  %y = REVERSE_SEQUENCE(%x, %n) {{seq_dim={along}, batch_dim={batch}}}
  return %y
}}""",
        inputs={"n": np.array(lengths)},
    )


DRAWN = {
    "ARG_MAX": extremes("ARG_MAX"),
    "ARG_MIN": extremes("ARG_MIN"),
    "ONE_HOT": hot,
    "TOPK_V2": best,
    "CUMSUM": running,
    "REVERSE_V2": turned,
    "REVERSE_SEQUENCE": turned_in_part,
}
