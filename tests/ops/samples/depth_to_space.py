from drawing import Draw, drawn
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,2,12]) {
  %y = DEPTH_TO_SPACE(%x) {block_size=2}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,6,4,3]) {
  %y = SPACE_TO_DEPTH(%x) {block_size=2}
  return %y
}"""),
]

SMALL = st.integers(1, 4)


@drawn
def spread(draw: Draw) -> Sample:
    block, (rows, columns, channels) = draw(st.integers(2, 3)), (draw(SMALL) for _ in range(3))
    return Sample(
        f"""
main(%x: float32[batch,{rows},{columns},{channels * block * block}]) {{
  %y = DEPTH_TO_SPACE(%x) {{block_size={block}}}
  return %y
}}""",
        lengths={"batch": draw(SMALL)},
    )


@drawn
def gathered(draw: Draw) -> Sample:
    block, (rows, columns, channels) = draw(st.integers(2, 3)), (draw(SMALL) for _ in range(3))
    return Sample(
        f"""
main(%x: float32[batch,{rows * block},{columns * block},{channels}]) {{
  %y = SPACE_TO_DEPTH(%x) {{block_size={block}}}
  return %y
}}""",
        lengths={"batch": draw(SMALL)},
    )


DRAWN = {"DEPTH_TO_SPACE": spread, "SPACE_TO_DEPTH": gathered}
