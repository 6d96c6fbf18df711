from drawing import unary
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3]) {
  %y = BITCAST(%x)
  return %y
}"""),
    Sample(
        """
main(%x: int32[batch,3]) {
  %y = BITCAST(%x)
  return %y
}""",
        inputs={"x": [[0, 1065353216, 1077936128], [1082130432, -1082130432, 1056964608]]},
    ),
]

DRAWN = {"BITCAST": unary("BITCAST", kinds=("float32", "int32"))}
