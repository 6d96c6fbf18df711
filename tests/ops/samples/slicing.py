from drawing import Draw, Shape, drawn, shape
from hypothesis import strategies as st
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

KINDS = st.sampled_from(["float32", "int32", "int64"])


@drawn
def part(draw: Draw) -> Sample:
    given = Shape(shape(draw, most=5).dims)
    begin = [draw(st.integers(0, size - 1)) for size in given.dims]
    size = [draw(st.sampled_from([-1, *range(1, whole - at + 1)])) for whole, at in zip(given.dims, begin, strict=True)]
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %begin = const int32[{len(begin)}] {begin}
  %size = const int32[{len(size)}] {size}
  %y = SLICE(%x, %begin, %size)
  return %y
}}"""
    )


@drawn
def every(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    begin, end, strides, masks = [], [], [], {"begin_mask": 0, "end_mask": 0, "shrink_axis_mask": 0}
    for at, size in enumerate(given.dims):
        first, last = sorted(draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2)))
        stride = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        if draw(st.integers(0, 4)) == 0:
            masks["shrink_axis_mask"] |= 1 << at
            first, after, stride = draw(st.sampled_from([first, first - size])), first + 1, 1
        elif stride > 0:
            first, after = draw(st.sampled_from([first, first - size])), draw(st.sampled_from([last + 1, size + 2]))
        else:
            first, after = draw(st.sampled_from([last, last - size])), (first or size) - 1 - size
            after = after if after < first - size or first < 0 else first - size - 1
        begin, end, strides = [*begin, first], [*end, after], [*strides, stride]
        if not masks["shrink_axis_mask"] >> at & 1:
            masks["begin_mask"] |= draw(st.booleans()) << at
            masks["end_mask"] |= (stride < 0 or draw(st.booleans())) << at
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %begin = const int32[{len(begin)}] {begin}
  %end = const int32[{len(end)}] {end}
  %strides = const int32[{len(strides)}] {strides}
  %y = STRIDED_SLICE(%x, %begin, %end, %strides) {{{", ".join(f"{name}={bits}" for name, bits in masks.items())}}}
  return %y
}}"""
    )


DRAWN = {"SLICE": part, "STRIDED_SLICE": every}
