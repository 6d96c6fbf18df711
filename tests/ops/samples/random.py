from drawing import Draw, Shape, Strategy, drawn, shape
from hypothesis import strategies as st
from sample import Sample

CHANCE = "the numbers differ from run to run"

SAMPLES = [
    *[
        Sample(
            f"""
main() {{
  %s = const int32[2] [3, 4]
  %y = {code}(%s) {{seed=3}}
  return %y
}}""",
            meaningless=CHANCE,
        )
        for code in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL")
    ],
    Sample(
        """
main(%x: float32[batch,4]) {
  %n = const int32[] 5
  %y = MULTINOMIAL(%x, %n) {seed=1, seed2=2}
  return %y
}""",
        meaningless=CHANCE,
    ),
]


def chance(code: str) -> Strategy:
    @drawn
    def numbers(draw: Draw) -> Sample:
        dims = list(shape(draw).dims)
        return Sample(
            f"""
main() {{
  %s = const int32[{len(dims)}] {dims}
  %y = {code}(%s) {{seed={draw(st.integers(1, 9))}}}
  return %y
}}""",
            meaningless=CHANCE,
        )

    return numbers


@drawn
def choices(draw: Draw) -> Sample:
    given = shape(draw, least=2, most=2)
    return Sample(
        f"""
main(%x: float32[{Shape(given.dims)}]) {{
  %n = const int32[] {draw(st.integers(1, 5))}
  %y = MULTINOMIAL(%x, %n) {{seed=1, seed2=2}}
  return %y
}}""",
        meaningless=CHANCE,
    )


DRAWN = {code: chance(code) for code in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL")} | {"MULTINOMIAL": choices}
