from drawing import Draw, binary, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = ADD(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = ADD(%a, %b) {fused_activation_function=RELU}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = ADD(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = ADD(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[2,3,2,2,3], %b: float32[2,1,1,1,3]) {
  %y = ADD(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = SUB(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = SUB(%a, %b) {fused_activation_function=RELU}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = SUB(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = SUB(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[2,3,2,2,3], %b: float32[2,1,1,1,3]) {
  %y = SUB(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = MUL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = MUL(%a, %b) {fused_activation_function=RELU}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = MUL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = MUL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[2,3,2,2,3], %b: float32[2,1,1,1,3]) {
  %y = MUL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = DIV(%a, %b)
  return %y
}""",
        ranges={"b": (0.5, 2.0)},
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = DIV(%a, %b) {fused_activation_function=RELU6}
  return %y
}""",
        ranges={"b": (0.5, 2.0)},
    ),
    Sample(
        """
main(%a: int32[5], %b: int32[5]) {
  %y = DIV(%a, %b)
  return %y
}""",
        inputs={"a": [-7, 7, -8, 0, 9], "b": [2, -2, 4, 3, 3]},
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = MAXIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = MAXIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = MAXIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[2,3,2,2,3], %b: float32[2,1,1,1,3]) {
  %y = MAXIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = MINIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = MINIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = MINIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[2,3,2,2,3], %b: float32[2,1,1,1,3]) {
  %y = MINIMUM(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = SQUARED_DIFFERENCE(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = SQUARED_DIFFERENCE(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = FLOOR_DIV(%a, %b)
  return %y
}""",
        ranges={"b": (0.5, 2.0)},
    ),
    Sample(
        """
main(%a: int32[5], %b: int32[5]) {
  %y = FLOOR_DIV(%a, %b)
  return %y
}""",
        inputs={"a": [-7, 7, -8, 0, 9], "b": [2, -2, 4, 3, 3]},
    ),
    Sample(
        """
main(%a: float32[batch,3], %b: float32[3]) {
  %y = FLOOR_MOD(%a, %b)
  return %y
}""",
        ranges={"b": (0.5, 2.0)},
    ),
    Sample(
        """
main(%a: int32[5], %b: int32[5]) {
  %y = FLOOR_MOD(%a, %b)
  return %y
}""",
        inputs={"a": [-7, 7, -8, 0, 9], "b": [2, -2, 4, 3, 3]},
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[4,1]) {
  %y = POW(%a, %b)
  return %y
}""",
        ranges={"a": (0.1, 3.0)},
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = POW(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = ATAN2(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3], %c: float32[batch,4,3]) {
  %y = ADD_N(%a, %b, %c)
  return %y
}""",
    ),
]

FUSED = {"fused_activation_function": ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]}
WHOLE = ("int32", "int64")
APART = {"b": (0.5, 2.0)}
SUMMANDS = st.integers(2, 5)


@drawn
def sums(draw: Draw) -> Sample:
    given, count = shape(draw), draw(SUMMANDS)
    names = [f"%x{at}" for at in range(count)]
    return Sample(
        f"""
main({", ".join(f"{name}: float32[{given}]" for name in names)}) {{
  %y = ADD_N({", ".join(names)})
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def angles(draw: Draw) -> Sample:
    given = shape(draw, least=0)
    return Sample(
        f"""
main(%a: float32[{given}], %b: float32[{given}]) {{
  %y = ATAN2(%a, %b)
  return %y
}}""",
        lengths=given.lengths,
    )


DRAWN = {code: binary(code, choices=FUSED) for code in ("ADD", "SUB", "MUL")} | {
    "DIV": binary("DIV", choices=FUSED, ranges=APART),
    "MAXIMUM": binary("MAXIMUM", kinds=("float32", *WHOLE)),
    "MINIMUM": binary("MINIMUM", kinds=("float32", *WHOLE)),
    "SQUARED_DIFFERENCE": binary("SQUARED_DIFFERENCE", kinds=("float32", "int32")),
    "FLOOR_DIV": binary("FLOOR_DIV", ranges=APART),
    "FLOOR_MOD": binary("FLOOR_MOD", ranges=APART),
    "POW": binary("POW", ranges={"a": (0.1, 3.0)}),
    "ATAN2": angles,
    "ADD_N": sums,
}
