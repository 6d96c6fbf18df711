from drawing import Draw, Shape, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,4,3]) {
  %p = const int32[3,2] [[0, 1], [3, 2], [0, 1]]
  %y = MIRROR_PAD(%x, %p)
  return %y
}"""),
    Sample("""
main(%x: float32[batch,4,3]) {
  %p = const int32[3,2] [[0, 0], [4, 2], [3, 1]]
  %y = MIRROR_PAD(%x, %p) {mode=SYMMETRIC}
  return %y
}"""),
]


@drawn
def padded(draw: Draw) -> Sample:
    given, mode = Shape(shape(draw).dims), draw(st.sampled_from(["REFLECT", "SYMMETRIC"]))
    most = [size - (mode == "REFLECT") for size in given.dims]
    around = [[draw(st.integers(0, end)), draw(st.integers(0, end))] for end in most]
    return Sample(
        f"""
main(%x: float32[{given}]) {{
  %p = const int32[{len(around)},2] {around}
  %y = MIRROR_PAD(%x, %p) {{mode={mode}}}
  return %y
}}"""
    )


DRAWN = {"MIRROR_PAD": padded}
