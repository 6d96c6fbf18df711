from sample import Sample

SAMPLES = [
    *[
        Sample(
            f"""
main(%x: {kind}[2,3], %y: {kind}[2,3]) {{
  %z = {code}(%x, %y)
  return %z
}}""",
            inputs={"x": [[7, 120, 3], [0, 77, 99]]},
        )
        for code in ("BITWISE_XOR", "RIGHT_SHIFT")
        for kind in ("int8", "int16", "int32", "uint8")
    ],
    Sample(
        """
main(%x: float32[batch,5]) {
  %y = BUCKETIZE(%x) {boundaries=(-1.0, 0.0, 0.5, 1.25)}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[4]) {
  %y = BUCKETIZE(%x) {boundaries=(1.0, 2.0)}
  return %y
}""",
    ),
    *[
        Sample(
            f"""
main(%x: float32[batch,9]) {{
  %y = FAKE_QUANT(%x) {{min=-0.7, max=1.4, num_bits={bits}, narrow_range={narrow}}}
  return %y
}}""",
            runs=not narrow,
            why="the kernel leaves narrow ranges to weights, which are folded",
        )
        for bits, narrow in ((8, False), (5, False), (4, True))
    ],
]
