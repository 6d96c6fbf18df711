from sample import Sample

HIDDEN = "complex numbers are taken apart before a model is written"

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,8]) {
  %n = const int32[2] [4, 8]
  %y = RFFT2D(%x, %n)
  return %y
}""",
        tolerance=1e-5,
    ),
    *[
        Sample(
            f"""
main(%x: float32[batch,1,8]) {{
  %n = const int32[2] [1, 8]
  %c = RFFT2D(%x, %n)
  %y = {code}(%c)
  return %y
}}""",
        )
        for code in ("REAL", "IMAG", "COMPLEX_ABS")
    ],
    Sample(
        """
main(%a: float32[batch,3], %b: float32[batch,3]) {
  %y = complex(%a, %b)
  return %y
}""",
        runs=False,
        why=HIDDEN,
    ),
]
