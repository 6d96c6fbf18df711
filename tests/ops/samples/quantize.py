from drawing import Draw, drawn, shape
from sample import Sample

SCALE = "the scale is a fact of the values: test_quantize.py"

SAMPLES = [
    Sample(
        """
main(%x: float16[batch,3]) {
  %y = DEQUANTIZE(%x)
  return %y
}""",
        integers=(),
    ),
    Sample(
        """
main(%x: float32[batch,3]) {
  %y: int8[batch,3] q(0.5, 3) = QUANTIZE(%x)
  return %y
}""",
        meaningless=SCALE,
    ),
]


@drawn
def halves(draw: Draw) -> Sample:
    given = shape(draw)
    return Sample(
        f"""
main(%x: float16[{given}]) {{
  %y = DEQUANTIZE(%x)
  return %y
}}""",
        lengths=given.lengths,
    )


DRAWN = {"DEQUANTIZE": halves}
