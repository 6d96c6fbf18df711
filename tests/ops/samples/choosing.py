import math

import numpy as np
from drawing import Draw, Shape, binary, drawn, shape, stretching, unary
from hypothesis import strategies as st
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

NUMBERS = ("float32", "int32", "int64")


@drawn
def selected(draw: Draw) -> Sample:
    given, flags = stretching(draw)
    other = Shape(given.dims[draw(st.integers(0, len(given.dims))) :], given.is_open and given.dims == flags.dims)
    other = Shape(other.dims)
    return Sample(
        f"""
main(%c: bool[{Shape(flags.dims)}], %a: float32[{Shape(given.dims)}], %b: float32[{other}]) {{
  %y = SELECT_V2(%c, %a, %b)
  return %y
}}"""
    )


@drawn
def selected_alike(draw: Draw) -> Sample:
    given = shape(draw, least=2)
    flags = draw(st.sampled_from([given, Shape(given.dims[:1], given.is_open)]))
    return Sample(
        f"""
main(%c: bool[{flags}], %a: float32[{given}], %b: float32[{given}]) {{
  %y = SELECT(%c, %a, %b)
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def found(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    flags = draw(st.lists(st.booleans(), min_size=(count := math.prod(given.dims)), max_size=count))
    flags[0] = flags[0] or not any(flags)  # the signature's runner gives out no empty tensors
    return Sample(
        f"""
main(%c: bool[{given}]) {{
  %y = WHERE(%c)
  return %y
}}""",
        inputs={"c": np.reshape(flags, given.dims)},
        lengths={"found": sum(flags)},
    )


DRAWN = {
    code: binary(code, kinds=NUMBERS)
    for code in ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
} | {
    "LOGICAL_AND": binary("LOGICAL_AND", kinds=("bool",)),
    "LOGICAL_OR": binary("LOGICAL_OR", kinds=("bool",)),
    "LOGICAL_NOT": unary("LOGICAL_NOT", kinds=("bool",)),
    "SELECT_V2": selected,
    "SELECT": selected_alike,
    "WHERE": found,
}
