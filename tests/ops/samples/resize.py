from itertools import product

from drawing import Draw, Strategy, drawn
from hypothesis import strategies as st
from sample import Sample

TEN_BITS = "the integer kernel keeps ten bits of the distance to a neighbour: 2^16 steps · 2^-10"


def _sample(code: str, flags: str) -> Sample:
    text = f"""
main(%x: float32[batch,5,6,2]) {{
  %size = const int32[2] [8, 3]
  %y = {code}(%x, %size) {{{flags}}}
  return %y
}}"""
    return Sample(text, int16_steps=64, why=TEN_BITS)


SAMPLES = [
    _sample(code, flags)
    for code, flags in product(
        ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), ("", "align_corners=True", "half_pixel_centers=True")
    )
]

SIZES = st.integers(1, 9)


def resized(code: str) -> Strategy:
    @drawn
    def image(draw: Draw) -> Sample:
        said = draw(st.sampled_from(["", " {align_corners=True}", " {half_pixel_centers=True}"]))
        return Sample(
            f"""
main(%x: float32[batch,{draw(SIZES)},{draw(SIZES)},{draw(st.integers(1, 4))}]) {{
  %size = const int32[2] [{draw(SIZES)}, {draw(SIZES)}]
  %y = {code}(%x, %size){said}
  return %y
}}""",
            lengths={"batch": draw(st.integers(1, 3))},
        )

    return image


DRAWN = {code: resized(code) for code in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")}
