from drawing import Draw, Shape, drawn, shape, unary
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RELU(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RELU6(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RELU_N1_TO_1(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RELU_0_TO_1(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = LOGISTIC(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = TANH(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = ELU(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = HARD_SWISH(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = GELU(%x)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = GELU(%x) {approximate=True}
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = LEAKY_RELU(%x) {alpha=0.2}
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
    Sample(
        """
main(%x: float32[batch,4,3], %alpha: float32[4,1]) {
  %y = PRELU(%x, %alpha)
  return %y
}""",
        ranges={"x": (-8.0, 8.0)},
    ),
]

WIDE = {"x": (-8.0, 8.0)}


@drawn
def slopes(draw: Draw) -> Sample:
    given = shape(draw)
    dims = [draw(st.sampled_from([1, size])) for size in given.dims[1:]]
    return Sample(
        f"""
main(%x: float32[{given}], %alpha: float32[{Shape(tuple(dims))}]) {{
  %y = PRELU(%x, %alpha)
  return %y
}}""",
        ranges=WIDE,
        lengths=given.lengths,
    )


DRAWN = {
    code: unary(code, ranges=WIDE)
    for code in ("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1", "LOGISTIC", "TANH", "ELU", "HARD_SWISH")
} | {
    "GELU": unary("GELU", choices={"approximate": [False, True]}, ranges=WIDE),
    "LEAKY_RELU": unary("LEAKY_RELU", choices={"alpha": [0.01, 0.2, 1.5]}, ranges=WIDE),
    "PRELU": slopes,
}
