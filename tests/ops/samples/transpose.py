from drawing import Draw, Shape, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2,5]) {
  %p = const int32[4] [0, 3, 1, 2]
  %y = TRANSPOSE(%x, %p)
  return %y
}"""),
]


@drawn
def turned(draw: Draw) -> Sample:
    given = Shape(shape(draw, most=6, size=st.integers(1, 4)).dims)
    order = draw(st.permutations(range(len(given.dims))))
    return Sample(
        f"""
main(%x: {draw(st.sampled_from(["float32", "int32", "int64"]))}[{given}]) {{
  %p = const int32[{len(order)}] {list(order)}
  %y = TRANSPOSE(%x, %p)
  return %y
}}"""
    )


DRAWN = {"TRANSPOSE": turned}
