from drawing import Draw, drawn, unary
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,7]) {
  %y = L2_NORMALIZATION(%x)
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,2,7]) {
  %y = LOCAL_RESPONSE_NORMALIZATION(%x) {radius=2, bias=1.0, alpha=0.5, beta=0.75}
  return %y
}"""),
]


@drawn
def responses(draw: Draw) -> Sample:
    rows, columns, channels, radius = (draw(st.integers(1, 5)) for _ in range(4))
    said = f"radius={radius}, bias={draw(st.integers(1, 3))}.0, alpha={draw(st.integers(1, 4)) / 4}"
    return Sample(
        f"""
main(%x: float32[batch,{rows},{columns},{channels}]) {{
  %y = LOCAL_RESPONSE_NORMALIZATION(%x) {{{said}, beta={draw(st.sampled_from([0.5, 0.75, 1.0]))}}}
  return %y
}}""",
        lengths={"batch": draw(st.integers(1, 3))},
    )


DRAWN = {
    "L2_NORMALIZATION": unary("L2_NORMALIZATION", least=1, most=4),
    "LOCAL_RESPONSE_NORMALIZATION": responses,
}
