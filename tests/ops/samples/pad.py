from drawing import Draw, Shape, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2]) {
  %p = const int32[3,2] [[0, 0], [1, 2], [0, 3]]
  %y = PAD(%x, %p)
  return %y
}"""),
    Sample("""
main(%x: float32[2,3,2]) {
  %p = const int32[3,2] [[1, 0], [1, 2], [0, 3]]
  %v = const float32[] -1.5
  %y = PADV2(%x, %p, %v)
  return %y
}"""),
]


def around(draw: Draw, given: Shape) -> str:
    return f"[{len(given.dims)},2] {[[draw(st.integers(0, 3)), draw(st.integers(0, 3))] for _ in given.dims]}"


@drawn
def zeros(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    return Sample(
        f"""
main(%x: {draw(st.sampled_from(["float32", "int32", "int64"]))}[{given}]) {{
  %p = const int32{around(draw, given)}
  %y = PAD(%x, %p)
  return %y
}}"""
    )


@drawn
def numbers(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    return Sample(
        f"""
main(%x: float32[{given}], %v: float32[]) {{
  %p = const int32{around(draw, given)}
  %y = PADV2(%x, %p, %v)
  return %y
}}"""
    )


DRAWN = {"PAD": zeros, "PADV2": numbers}
