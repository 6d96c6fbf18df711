from drawing import unary
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = ABS(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[5]) {
  %y = ABS(%x)
  return %y
}""",
        inputs={"x": [-2, 0, 3, 4, -5]},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = EXP(%x)
  return %y
}""",
        int16_steps=8,
        why="the int16 kernel goes straight between 513 numbers of a table",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = LOG(%x)
  return %y
}""",
        ranges={"x": (0.1, 4.0)},
        int16_steps=400,
        why="the int16 kernel interpolates between 513 entries, too few where a logarithm is steep",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SQRT(%x)
  return %y
}""",
        ranges={"x": (0.0, 4.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RSQRT(%x)
  return %y
}""",
        ranges={"x": (0.2, 4.0)},
        int16_steps=120,
        why="the int16 kernel interpolates between 513 entries, too few where the root is steep",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SQUARE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = NEG(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: int64[5]) {
  %y = NEG(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SIN(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = COS(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = CEIL(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = FLOOR(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = ROUND(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[6]) {
  %y = ROUND(%x)
  return %y
}""",
        inputs={"x": [-1.5, -0.5, 0.5, 1.5, 2.5, 3.49]},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SIGN(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[3]) {
  %y = SIGN(%x)
  return %y
}""",
        inputs={"x": [-2, 0, 3]},
    ),
]

DRAWN = {code: unary(code) for code in ("EXP", "SQUARE", "SIN", "COS", "CEIL", "FLOOR", "ROUND")} | {
    "ABS": unary("ABS", kinds=("float32", "int32")),
    "NEG": unary("NEG", kinds=("float32", "int32", "int64")),
    "SIGN": unary("SIGN", kinds=("float32", "int32")),
    "LOG": unary("LOG", ranges={"x": (0.1, 4.0)}),
    "SQRT": unary("SQRT", ranges={"x": (0.0, 4.0)}),
    "RSQRT": unary("RSQRT", ranges={"x": (0.2, 4.0)}),
}
