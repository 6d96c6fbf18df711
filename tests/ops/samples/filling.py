import numpy as np
from drawing import Draw, Shape, drawn, shape, stretching, unary
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%v: float32[]) {
  %dims = const int32[2] [2, 3]
  %y = FILL(%dims, %v)
  return %y
}""",
    ),
    Sample(
        """
main(%v: int64[]) {
  %dims = const int32[2] [2, 3]
  %y = FILL(%dims, %v)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = ZEROS_LIKE(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %m = const int32[3] [1, 2, 3]
  %y = TILE(%x, %m)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[3,1]) {
  %shape = const int32[3] [2, 3, 4]
  %y = BROADCAST_TO(%x, %shape)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %y = CAST(%x) {out_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,3]) {
  %y = CAST(%x) {in_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,3]) {
  %y = CAST(%x) {in_data_type=BOOL}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int64[batch,3]) {
  %y = CAST(%x) {in_data_type=INT64, out_data_type=INT32}
  return %y
}""",
    ),
    Sample(
        """
main(%a: int32[2], %b: int32[3]) {
  %y = BROADCAST_ARGS(%a, %b)
  return %y
}""",
        inputs={"a": [4, 1], "b": [2, 1, 3]},
    ),
    Sample("""
main(%unread: int32[1]) {
  %s = const int32[] 1
  %l = const int32[] 8
  %d = const int32[] 3
  %y = RANGE(%s, %l, %d)
  return %y
}"""),
    Sample("""
main(%unread: int32[1]) {
  %s = const float32[] 0.5
  %l = const float32[] -2.0
  %d = const float32[] -0.75
  %y = RANGE(%s, %l, %d)
  return %y
}"""),
]

KINDS = st.sampled_from(["float32", "int32", "int64", "bool"])
TYPES = {"float32": "FLOAT32", "int32": "INT32", "int64": "INT64", "bool": "BOOL"}


@drawn
def filled(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    return Sample(
        f"""
main(%v: {draw(KINDS)}[]) {{
  %dims = const int32[{len(given.dims)}] {list(given.dims)}
  %y = FILL(%dims, %v)
  return %y
}}"""
    )


@drawn
def tiled(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %m = const int32[{len(given.dims)}] {[draw(st.integers(1, 3)) for _ in given.dims]}
  %y = TILE(%x, %m)
  return %y
}}"""
    )


@drawn
def stretched(draw: Draw) -> Sample:
    given = Shape(shape(draw, most=3).dims)
    wanted = [draw(st.integers(1, 4)) if size == 1 else size for size in given.dims]
    wanted = [*draw(st.lists(st.integers(1, 3), max_size=2)), *wanted]
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %shape = const int32[{len(wanted)}] {wanted}
  %y = BROADCAST_TO(%x, %shape)
  return %y
}}"""
    )


@drawn
def converted(draw: Draw) -> Sample:
    given, one, other = shape(draw, least=0), draw(KINDS), draw(KINDS)
    return Sample(
        f"""
main(%x: {one}[{given}]) {{
  %y = CAST(%x) {{in_data_type={TYPES[one]}, out_data_type={TYPES[other]}}}
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def joint(draw: Draw) -> Sample:
    one, other = stretching(draw)
    return Sample(
        f"""
main(%a: int32[{len(one.dims)}], %b: int32[{len(other.dims)}]) {{
  %y = BROADCAST_ARGS(%a, %b)
  return %y
}}""",
        inputs={"a": np.array(one.dims, np.int32), "b": np.array(other.dims, np.int32)},
    )


@drawn
def counted(draw: Draw) -> Sample:
    start, limit = draw(st.integers(-9, 9)), draw(st.integers(-9, 9))
    limit += limit == start  # the signature's runner gives out no empty tensors
    step = draw(st.integers(1, 4)) * (1 if limit > start else -1)
    kind, part = draw(st.sampled_from([("int32", 1), ("float32", 0.25), ("int64", 1)]))
    return Sample(f"""
main(%unread: int32[1]) {{
  %s = const {kind}[] {start * part}
  %l = const {kind}[] {limit * part}
  %d = const {kind}[] {step * part}
  %y = RANGE(%s, %l, %d)
  return %y
}}""")


DRAWN = {
    "FILL": filled,
    "ZEROS_LIKE": unary("ZEROS_LIKE", kinds=("float32", "int32", "int64")),
    "TILE": tiled,
    "BROADCAST_TO": stretched,
    "CAST": converted,
    "BROADCAST_ARGS": joint,
    "RANGE": counted,
}
