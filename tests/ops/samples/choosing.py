from sample import Sample

SAMPLES = [
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = NOT_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = NOT_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = NOT_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = LESS(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = LESS(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = LESS(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = LESS_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = LESS_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = LESS_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = GREATER(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = GREATER(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = GREATER(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = GREATER_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[batch,3], %b: int32[3]) {
  %y = GREATER_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[batch,3], %b: int64[3]) {
  %y = GREATER_EQUAL(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: bool[batch,3], %b: bool[3]) {
  %y = LOGICAL_AND(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: bool[batch,3], %b: bool[3]) {
  %y = LOGICAL_OR(%a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%a: bool[batch,3]) {
  %y = LOGICAL_NOT(%a)
  return %y
}""",
    ),
    Sample(
        """
main(%c: bool[batch,4,1], %a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = SELECT_V2(%c, %a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%c: bool[4,3], %a: float32[batch,4,3], %b: float32[]) {
  %y = SELECT_V2(%c, %a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%c: bool[batch,4,3], %a: float32[batch,4,3], %b: float32[batch,4,3]) {
  %y = SELECT(%c, %a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%c: bool[2], %a: float32[2,4,3], %b: float32[2,4,3]) {
  %y = SELECT(%c, %a, %b)
  return %y
}""",
    ),
    Sample(
        """
main(%c: bool[2,3]) {
  %y = WHERE(%c)
  return %y
}""",
        inputs={"c": [[True, False, True], [False, False, False]]},
    ),
]
