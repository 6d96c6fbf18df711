from drawing import Draw, drawn, printed
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,3,4,5]) {
  %shape = const int32[4] [2, 6, 8, 3]
  %w = const float32[3,3,3,5]
  %b = const float32[3]
  %y = TRANSPOSE_CONV(%shape, %w, %x, %b) {stride_w=2, stride_h=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[2,3,4,5]) {
  %shape = const int32[4] [2, 9, 5, 3]
  %w = const float32[3,4,2,5]
  %y = TRANSPOSE_CONV(%shape, %w, %x) {padding=VALID, stride_h=2}
  return %y
}"""),
]

SMALL = st.integers(1, 4)


@drawn
def convolutions(draw: Draw) -> Sample:
    rows, columns, high, wide, down, along = (draw(SMALL) for _ in range(6))
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    sizes = [
        (count - 1) * stride + (window if padding == "VALID" else draw(st.integers(1, stride)))
        for count, window, stride in ((rows, high, down), (columns, wide, along))
    ]
    batch, taken, given = draw(st.integers(1, 3)), draw(SMALL), draw(SMALL)
    said = {"padding": padding, "stride_h": down, "stride_w": along}
    said["fused_activation_function"] = draw(st.sampled_from(["NONE", "RELU"]))
    return Sample(
        f"""
main(%x: float32[{batch},{rows},{columns},{taken}]) {{
  %shape = const int32[4] [{batch}, {sizes[0]}, {sizes[1]}, {given}]
  %w = const float32[{given},{high},{wide},{taken}]
  %b = const float32[{given}]
  %y = TRANSPOSE_CONV(%shape, %w, %x{draw(st.sampled_from([", %b", ""]))}) {printed(said)}
  return %y
}}"""
    )


DRAWN = {"TRANSPOSE_CONV": convolutions}
