from drawing import Draw, Strategy, drawn, shape
from hypothesis import strategies as st
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

ROWS, COLUMNS = st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([2, 4, 8, 16])
"""The kernel is wrong for rows of one number, which are their own spectrum."""


@drawn
def spectra(draw: Draw) -> Sample:
    rows, columns = draw(ROWS), draw(COLUMNS)
    return Sample(
        f"""
main(%x: float32[batch,{rows},{columns}]) {{
  %n = const int32[2] [{rows}, {columns}]
  %y = RFFT2D(%x, %n)
  return %y
}}""",
        lengths={"batch": draw(st.integers(1, 3))},
    )


def parts(code: str) -> Strategy:
    @drawn
    def part(draw: Draw) -> Sample:
        rows, columns = draw(ROWS), draw(COLUMNS)
        return Sample(
            f"""
main(%x: float32[batch,{rows},{columns}]) {{
  %n = const int32[2] [{rows}, {columns}]
  %c = RFFT2D(%x, %n)
  %y = {code}(%c)
  return %y
}}""",
            lengths={"batch": draw(st.integers(1, 3))},
        )

    return part


@drawn
def pairs(draw: Draw) -> Sample:
    given = shape(draw)
    return Sample(
        f"""
main(%a: float32[{given}], %b: float32[{given}]) {{
  %y = complex(%a, %b)
  return %y
}}""",
        lengths=given.lengths,
        runs=False,
        why=HIDDEN,
    )


DRAWN = {code: parts(code) for code in ("REAL", "IMAG", "COMPLEX_ABS")} | {"RFFT2D": spectra, "complex": pairs}
