from drawing import Draw, Shape, drawn
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,5,6,2]) {
  %block = const int32[2] [2, 3]
  %paddings = const int32[2,2] [[1, 0], [2, 1]]
  %y = SPACE_TO_BATCH_ND(%x, %block, %paddings)
  return %y
}"""),
    Sample("""
main(%x: float32[2,6,3]) {
  %block = const int32[1] [2]
  %paddings = const int32[1,2] [[0, 0]]
  %y = SPACE_TO_BATCH_ND(%x, %block, %paddings)
  return %y
}"""),
    Sample("""
main(%x: float32[6*batch,5,4,2]) {
  %block = const int32[2] [2, 3]
  %crops = const int32[2,2] [[1, 0], [2, 1]]
  %y = BATCH_TO_SPACE_ND(%x, %block, %crops)
  return %y
}"""),
]

SMALL = st.integers(1, 3)


@drawn
def to_batch(draw: Draw) -> Sample:
    block = draw(st.lists(SMALL, min_size=1, max_size=2))
    around = [[draw(st.integers(0, 2)), 0] for _ in block]
    sizes = [draw(SMALL) * each + draw(st.integers(0, each - 1)) for each in block]
    for pad, size, each in zip(around, sizes, block, strict=True):
        pad[1] = -(pad[0] + size) % each
    return Sample(
        f"""
main(%x: float32[{Shape((draw(SMALL), *sizes, draw(SMALL)))}]) {{
  %block = const int32[{len(block)}] {block}
  %paddings = const int32[{len(block)},2] {around}
  %y = SPACE_TO_BATCH_ND(%x, %block, %paddings)
  return %y
}}"""
    )


@drawn
def from_batch(draw: Draw) -> Sample:
    block = draw(st.lists(SMALL, min_size=1, max_size=2))
    sizes = [draw(st.integers(2, 4)) for _ in block]
    batch = draw(SMALL)
    for each in block:
        batch *= each
    crops = [[draw(st.integers(0, each - 1)), draw(st.integers(0, each - 1))] for each in block]
    return Sample(
        f"""
main(%x: float32[{Shape((batch, *sizes, draw(SMALL)))}]) {{
  %block = const int32[{len(block)}] {block}
  %crops = const int32[{len(block)},2] {crops}
  %y = BATCH_TO_SPACE_ND(%x, %block, %crops)
  return %y
}}"""
    )


DRAWN = {"SPACE_TO_BATCH_ND": to_batch, "BATCH_TO_SPACE_ND": from_batch}
