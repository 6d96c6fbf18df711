from drawing import Draw, Strategy, drawn, printed, windowed
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %y = AVERAGE_POOL_2D(%x) {stride_w=2, stride_h=2, filter_width=3, filter_height=3}
  return %y
}"""),
    Sample("""
main(%x: float32[2,5,6,3]) {
  %y = AVERAGE_POOL_2D(%x) {padding=VALID, filter_width=6, filter_height=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,5,6,3]) {
  %y = MAX_POOL_2D(%x) {stride_w=2, filter_width=3, filter_height=2}
  return %y
}"""),
    Sample("""
main(%x: float32[2,5,6,3]) {
  %y = L2_POOL_2D(%x) {stride_w=2, filter_width=3, filter_height=2}
  return %y
}"""),
]


def pools(code: str) -> Strategy:
    @drawn
    def pool(draw: Draw) -> Sample:
        (height, width), (rows, columns), said = windowed(draw, dilated=False)
        said |= {"filter_height": rows, "filter_width": columns}
        said["fused_activation_function"] = draw(st.sampled_from(["NONE", "RELU", "RELU6"]))
        return Sample(
            f"""
main(%x: float32[batch,{height},{width},{draw(st.integers(1, 4))}]) {{
  %y = {code}(%x) {printed(said)}
  return %y
}}""",
            lengths={"batch": draw(st.integers(1, 3))},
        )

    return pool


DRAWN = {code: pools(code) for code in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")}
