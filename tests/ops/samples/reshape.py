from drawing import Draw, Shape, axis, drawn, shape, unary
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %shape = const int32[2] [-1, 12]
  %y = RESHAPE(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[2,6]) {
  %y = RESHAPE(%x) {new_shape=[3, 4]}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[2,6]) {
  %shape = const int32[3] [2, 3, -1]
  %y = RESHAPE(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,1,4,1]) {
  %y = SQUEEZE(%x) {squeeze_dims=[1, 3]}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[1,4,1]) {
  %y = SQUEEZE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] 1
  %y = EXPAND_DIMS(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[] -1
  %y = EXPAND_DIMS(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SHAPE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = SHAPE(%x) {out_type=INT64}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = RANK(%x)
  return %y
}""",
    ),
]

KINDS = st.sampled_from(["float32", "int32", "int64", "bool"])


@drawn
def reshaped(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    dims = list(draw(st.permutations(given.dims)))
    while len(dims) > 1 and draw(st.booleans()):
        dims[:2] = [dims[0] * dims[1]]
    if draw(st.booleans()):
        dims[draw(st.integers(0, len(dims) - 1))] = -1
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %shape = const int32[{len(dims)}] {dims}
  %y = RESHAPE(%x, %shape)
  return %y
}}"""
    )


@drawn
def squeezed(draw: Draw) -> Sample:
    given = Shape(shape(draw, size=st.integers(1, 2)).dims)
    ones = [at for at, size in enumerate(given.dims) if size == 1]
    chosen = [at - draw(st.sampled_from([0, len(given.dims)])) for at in ones if draw(st.booleans())]
    said = f" {{squeeze_dims={chosen}}}" if chosen else ""
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %y = SQUEEZE(%x){said}
  return %y
}}"""
    )


@drawn
def expanded(draw: Draw) -> Sample:
    given = shape(draw, least=0)
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %axis = const int32[] {axis(draw, len(given.dims) + 1)}
  %y = EXPAND_DIMS(%x, %axis)
  return %y
}}""",
        lengths=given.lengths,
    )


DRAWN = {
    "RESHAPE": reshaped,
    "SQUEEZE": squeezed,
    "EXPAND_DIMS": expanded,
    "SHAPE": unary("SHAPE", least=1, kinds=("float32", "int64"), choices={"out_type": ["INT32", "INT64"]}),
    "RANK": unary("RANK", kinds=("float32", "int64")),
}
