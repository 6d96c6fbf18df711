from drawing import Draw, Shape, axis, drawn, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%a: float32[batch,2,3], %b: float32[batch,4,3]) {
  %y = CONCATENATION(%a, %b) {axis=1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: float32[batch,2], %b: float32[batch,3], %c: float32[batch,1]) {
  %y = CONCATENATION(%a, %b, %c) {axis=-1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int64[2], %b: int64[3]) {
  %y = CONCATENATION(%a, %b) {axis=0}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,6]) {
  %axis = const int32[] 1
  %p, %q, %r = SPLIT(%axis, %x) {num_splits=3}
  return %p, %q, %r
}""",
    ),
    Sample(
        """
main(%x: float32[batch,6]) {
  %axis = const int32[] -1
  %sizes = const int32[3] [1, -1, 2]
  %p, %q, %r = SPLIT_V(%x, %sizes, %axis) {num_splits=3}
  return %p, %q, %r
}""",
    ),
    Sample(
        """
main(%a: float32[batch,3], %b: float32[batch,3]) {
  %y = PACK(%a, %b) {values_count=2, axis=1}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[], %b: int32[]) {
  %y = PACK(%a, %b) {values_count=2}
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,2,3]) {
  %p, %q = UNPACK(%x) {num=2, axis=1}
  return %p, %q
}""",
    ),
    Sample(
        """
main(%x: float32[batch,3]) {
  %p, %q, %r = UNPACK(%x) {num=3, axis=-1}
  return %p, %q, %r
}""",
    ),
]

KINDS = st.sampled_from(["float32", "int32", "int64"])
COUNTS = st.integers(1, 4)


@drawn
def joined(draw: Draw) -> Sample:
    given, kind = Shape(shape(draw).dims), draw(KINDS)
    along = axis(draw, len(given.dims))
    parts = []
    for _ in range(draw(COUNTS)):
        dims = list(given.dims)
        dims[along] = draw(st.integers(1, 4))
        parts.append(Shape(tuple(dims)))
    return Sample(
        f"""
main({", ".join(f"%x{at}: {kind}[{part}]" for at, part in enumerate(parts))}) {{
  %y = CONCATENATION({", ".join(f"%x{at}" for at in range(len(parts)))}) {{axis={along}}}
  return %y
}}"""
    )


@drawn
def halves(draw: Draw) -> Sample:
    dims, parts = list(shape(draw).dims), draw(COUNTS)
    along = axis(draw, len(dims))
    dims[along] = parts * draw(st.integers(1, 3))
    names = ", ".join(f"%p{at}" for at in range(parts))
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{Shape(tuple(dims))}]) {{
  %axis = const int32[] {along}
  {names} = SPLIT(%axis, %x) {{num_splits={parts}}}
  return {names}
}}"""
    )


@drawn
def parts(draw: Draw) -> Sample:
    dims, sizes = list(shape(draw).dims), draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    along = axis(draw, len(dims))
    dims[along] = sum(sizes)
    names = ", ".join(f"%p{at}" for at in range(len(sizes)))
    if draw(st.booleans()):
        sizes[draw(st.integers(0, len(sizes) - 1))] = -1
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{Shape(tuple(dims))}]) {{
  %axis = const int32[] {along}
  %sizes = const int32[{len(sizes)}] {sizes}
  {names} = SPLIT_V(%x, %sizes, %axis) {{num_splits={len(sizes)}}}
  return {names}
}}"""
    )


@drawn
def packed(draw: Draw) -> Sample:
    given, kind, count = shape(draw, least=0), draw(KINDS), draw(COUNTS)
    along = axis(draw, len(given.dims) + 1)
    return Sample(
        f"""
main({", ".join(f"%x{at}: {kind}[{given}]" for at in range(count))}) {{
  %y = PACK({", ".join(f"%x{at}" for at in range(count))}) {{values_count={count}, axis={along}}}
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def unpacked(draw: Draw) -> Sample:
    dims = shape(draw, size=st.integers(1, 4)).dims
    along = axis(draw, len(dims))
    names = ", ".join(f"%p{at}" for at in range(dims[along]))
    return Sample(
        f"""
main(%x: {draw(st.sampled_from(["float32", "int32"]))}[{Shape(dims)}]) {{
  {names} = UNPACK(%x) {{num={dims[along]}, axis={along}}}
  return {names}
}}"""
    )


DRAWN = {"CONCATENATION": joined, "SPLIT": halves, "SPLIT_V": parts, "PACK": packed, "UNPACK": unpacked}
