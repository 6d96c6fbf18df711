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
