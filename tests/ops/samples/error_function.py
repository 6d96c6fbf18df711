from drawing import unary
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,5]) {
  %y = erf(%x)
  return %y
}""",
        runs=False,
        why="the schema has no such operator: it is expanded before writing",
    ),
    Sample(
        """
main(%x: float32[batch,5]) {
  %y = erfc(%x)
  return %y
}""",
        runs=False,
        why="likewise",
    ),
]

DRAWN = {code: unary(code, runs=False) for code in ("erf", "erfc")}
