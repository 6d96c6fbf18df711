from drawing import Draw, Shape, drawn, printed, stretching
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,4], %y: float32[batch,4,5]) {
  %z = BATCH_MATMUL(%x, %y)
  return %z
}"""),
    Sample("""
main(%x: float32[batch,3,4,2], %y: float32[1,3,5,4]) {
  %z = BATCH_MATMUL(%x, %y) {adj_x=True, adj_y=True}
  return %z
}"""),
    Sample("""
main(%x: float32[3,4]) {
  %y = const float32[2,4,5]
  %z = BATCH_MATMUL(%x, %y)
  return %z
}"""),
]


@drawn
def products(draw: Draw) -> Sample:
    one, other = (Shape(each.dims) for each in stretching(draw, 2))
    rows, inner, columns = (draw(st.integers(1, 6)) for _ in range(3))
    across, along = draw(st.booleans()), draw(st.booleans())
    x = Shape((*one.dims, *((inner, rows) if across else (rows, inner))))
    y = Shape((*other.dims, *((columns, inner) if along else (inner, columns))))
    return Sample(
        f"""
main(%x: float32[{x}], %y: float32[{y}]) {{
  %z = BATCH_MATMUL(%x, %y) {printed({"adj_x": across, "adj_y": along})}
  return %z
}}"""
    )


DRAWN = {"BATCH_MATMUL": products}
