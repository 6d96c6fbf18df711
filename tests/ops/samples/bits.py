from drawing import Draw, binary, drawn, options, shape
from hypothesis import strategies as st
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


@drawn
def bins(draw: Draw) -> Sample:
    given, kind = shape(draw, least=0), draw(st.sampled_from(["float32", "int32", "int64"]))
    bounds = sorted(draw(st.lists(st.integers(-8, 8), min_size=1, max_size=5, unique=True)))
    return Sample(
        f"""
main(%x: {kind}[{given}]) {{
  %y = BUCKETIZE(%x) {{boundaries={tuple(bound / 4 for bound in bounds)}}}
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def rounded(draw: Draw) -> Sample:
    given = shape(draw)
    low, high, said = draw(st.integers(-9, 0)), draw(st.integers(1, 9)), options(draw, num_bits=range(2, 9))
    return Sample(
        f"""
main(%x: float32[{given}]) {{
  %y = FAKE_QUANT(%x) {{min={low / 8}, max={high / 8}, {said[1:]}
  return %y
}}""",
        lengths=given.lengths,
    )


WHOLE = ("int8", "int16", "int32", "uint8")
DRAWN = {
    "BITWISE_XOR": binary("BITWISE_XOR", kinds=WHOLE),
    "RIGHT_SHIFT": binary("RIGHT_SHIFT", kinds=WHOLE),
    "BUCKETIZE": bins,
    "FAKE_QUANT": rounded,
}
