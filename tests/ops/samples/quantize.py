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
