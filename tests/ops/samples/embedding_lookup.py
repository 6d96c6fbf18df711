from drawing import Draw, drawn
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%i: int32[batch]) {
  %table = const float32[4,8]
  %y = EMBEDDING_LOOKUP(%i, %table)
  return %y
}"""),
]


@drawn
def rows(draw: Draw) -> Sample:
    return Sample(
        f"""
main(%i: int32[batch]) {{
  %table = const float32[{draw(st.integers(4, 9))},{draw(st.integers(1, 9))}]
  %y = EMBEDDING_LOOKUP(%i, %table)
  return %y
}}""",
        lengths={"batch": draw(st.integers(1, 6))},
    )


DRAWN = {"EMBEDDING_LOOKUP": rows}
