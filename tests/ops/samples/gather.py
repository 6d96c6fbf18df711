import numpy as np
from drawing import Draw, Shape, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,4,5]) {
  %i = const int32[2,3] [[0, 3, 1], [2, 2, 0]]
  %y = GATHER(%x, %i) {axis=1}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,3,4,5], %i: int32[batch,2]) {
  %y = GATHER(%x, %i) {axis=2, batch_dims=1}
  return %y
}"""),
    Sample("""
main(%i: int32[batch]) {
  %x = const float32[4,5]
  %y = GATHER(%x, %i)
  return %y
}"""),
    Sample(
        """
main(%x: float32[batch,3,4], %i: int32[5,2]) {
  %y = GATHER_ND(%x, %i)
  return %y
}""",
        inputs={"i": [[0, 2], [1, 1], [1, 0], [0, 0], [1, 2]]},
    ),
]

KINDS = st.sampled_from(["float32", "int32", "int64"])


@drawn
def slices(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    axis = draw(st.integers(0, len(given.dims) - 1))
    batch = draw(st.integers(0, axis))
    places = Shape((*given.dims[:batch], *shape(draw, least=0, most=2, size=st.integers(1, 3)).dims))
    numbers = draw(
        st.lists(st.integers(0, given.dims[axis] - 1), min_size=(n := int(np.prod(places.dims))), max_size=n)
    )
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}], %i: {draw(st.sampled_from(["int32", "int64"]))}[{places}]) {{
  %y = GATHER(%x, %i) {{axis={axis}, batch_dims={batch}}}
  return %y
}}""",
        inputs={"i": np.reshape(numbers, places.dims)},
    )


@drawn
def elements(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    depth = draw(st.integers(1, len(given.dims)))
    lead = Shape(shape(draw, least=1, most=2, size=st.integers(1, 3)).dims)
    count = int(np.prod(lead.dims))
    places = [[draw(st.integers(0, size - 1)) for size in given.dims[:depth]] for _ in range(count)]
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}], %i: int32[{lead},{depth}]) {{
  %y = GATHER_ND(%x, %i)
  return %y
}}""",
        inputs={"i": np.reshape(places, (*lead.dims, depth))},
    )


DRAWN = {"GATHER": slices, "GATHER_ND": elements}
