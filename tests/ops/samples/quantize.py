from sample import Sample

SCALE = "the scale is a fact of the values, so the operation alone has no meaning in numpy"

SAMPLES = [
    Sample(
        """
main(%x: float16[batch,3]) {
  %y = DEQUANTIZE(%x)
  return %y
}""",
        integers=(),
        why=SCALE,
    ),
]
