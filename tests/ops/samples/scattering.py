import numpy as np
from drawing import Draw, Shape, Strategy, drawn, shape
from hypothesis import strategies as st
from sample import Sample

PLACES = [[0, 2], [1, 1], [0, 2]]

SAMPLES = [
    Sample(
        """
main(%i: int32[3,2], %u: float32[3,4]) {
  %s = const int32[3] [2, 3, 4]
  %y = SCATTER_ND(%i, %u, %s)
  return %y
}""",
        inputs={"i": PLACES},
    ),
    Sample(
        """
main(%i: int32[3,1], %u: int32[3]) {
  %s = const int32[1] [5]
  %y = SCATTER_ND(%i, %u, %s)
  return %y
}""",
        inputs={"i": [[4], [0], [1]]},
    ),
    Sample(
        """
main(%v: float32[3]) {
  %i = const int32[3,2] [[0, 2], [1, 0], [1, 3]]
  %s = const int32[2] [2, 4]
  %d = const float32[] -1.5
  %y = SPARSE_TO_DENSE(%i, %s, %v, %d)
  return %y
}""",
    ),
    Sample(
        """
main(%v: int32[]) {
  %i = const int64[3] [0, 2, 5]
  %s = const int64[1] [7]
  %d = const int32[] 0
  %y = SPARSE_TO_DENSE(%i, %s, %v, %d)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,5,4], %u: float32[1,2,3], %at: int32[3]) {
  %y = DYNAMIC_UPDATE_SLICE(%x, %u, %at)
  return %y
}""",
        inputs={"at": [1, 4, 0]},
        why="the second place is moved back to 3, where the block still fits",
    ),
    Sample(
        """
main(%x: float32[5,2]) {
  %i = const int32[5] [0, 0, 1, 2, 2]
  %y = SEGMENT_SUM(%x, %i)
  return %y
}""",
    ),
    *[
        Sample(
            f"""
main(%x: {kind}[5,2], %i: int32[5]) {{
  %n = const int32[] 4
  %y = UNSORTED_SEGMENT_{name}(%x, %i, %n)
  return %y
}}""",
            inputs={"i": [2, 0, 2, -1, 1]},
            why="the last segment has no rows, and a row has no segment",
        )
        for name in ("SUM", "PROD", "MAX", "MIN")
        for kind in ("float32", "int32")
    ],
    Sample(
        """
main(%x: float32[batch,3]) {
  %y = MATRIX_DIAG(%x)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,3,5], %d: float32[batch,3]) {
  %y = MATRIX_SET_DIAG(%x, %d)
  return %y
}""",
    ),
]

KINDS = st.sampled_from(["float32", "int32"])


def places(draw: Draw, whole: Shape, *, unique: bool) -> tuple[Shape, list[tuple[int, ...]]]:
    """Some places in the first dimensions of a tensor, in order, and the shape of what goes to each."""
    depth = draw(st.integers(1, len(whole.dims)))
    one = st.tuples(*(st.integers(0, size - 1) for size in whole.dims[:depth]))
    chosen = draw(st.lists(one, min_size=1, max_size=6, unique=unique))
    return Shape(whole.dims[depth:]), sorted(chosen) if unique else chosen


@drawn
def scattered(draw: Draw) -> Sample:
    whole, kind = Shape(shape(draw, most=3).dims), draw(KINDS)
    rest, chosen = places(draw, whole, unique=False)
    return Sample(
        f"""
main(%i: int32[{len(chosen)},{len(chosen[0])}], %u: {kind}[{Shape((len(chosen), *rest.dims))}]) {{
  %s = const int32[{len(whole.dims)}] {list(whole.dims)}
  %y = SCATTER_ND(%i, %u, %s)
  return %y
}}""",
        inputs={"i": chosen},
    )


@drawn
def dense(draw: Draw) -> Sample:
    whole, kind = Shape(shape(draw, most=3).dims), draw(KINDS)
    one = st.tuples(*(st.integers(0, size - 1) for size in whole.dims))
    chosen = sorted(draw(st.lists(one, min_size=1, max_size=6, unique=True)))
    return Sample(
        f"""
main(%v: {kind}[{len(chosen)}], %d: {kind}[]) {{
  %i = const int32[{len(chosen)},{len(whole.dims)}] {[list(place) for place in chosen]}
  %s = const int32[{len(whole.dims)}] {list(whole.dims)}
  %y = SPARSE_TO_DENSE(%i, %s, %v, %d)
  return %y
}}"""
    )


def segments(name: str) -> Strategy:
    @drawn
    def rows(draw: Draw) -> Sample:
        given, count = Shape(shape(draw, most=3).dims), draw(st.integers(1, 4))
        least = 0 if name == "SUM" else -1
        which = [draw(st.integers(least, count - 1)) for _ in range(given.dims[0])]
        return Sample(
            f"""
main(%x: {draw(KINDS)}[{given}], %i: int32[{len(which)}]) {{
  %n = const int32[] {count}
  %y = UNSORTED_SEGMENT_{name}(%x, %i, %n)
  return %y
}}""",
            inputs={"i": which},
        )

    return rows


@drawn
def sums(draw: Draw) -> Sample:
    given, which = Shape(shape(draw, most=3).dims), [0]
    for _ in given.dims[0] * [None]:
        which.append(which[-1] + draw(st.integers(0, 1)))
    which = which[: given.dims[0]]
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}], %i: int32[{len(which)}]) {{
  %y = SEGMENT_SUM(%x, %i)
  return %y
}}""",
        inputs={"i": which},
        lengths={"segments": which[-1] + 1},
    )


@drawn
def diagonal(draw: Draw) -> Sample:
    given = shape(draw, most=3)
    return Sample(
        f"""
main(%x: {draw(KINDS)}[{given}]) {{
  %y = MATRIX_DIAG(%x)
  return %y
}}""",
        lengths=given.lengths,
    )


@drawn
def other_diagonal(draw: Draw) -> Sample:
    given = Shape(shape(draw, least=2).dims)
    line = Shape((*given.dims[:-2], min(given.dims[-2:])))
    kind = draw(KINDS)
    return Sample(
        f"""
main(%x: {kind}[{given}], %d: {kind}[{line}]) {{
  %y = MATRIX_SET_DIAG(%x, %d)
  return %y
}}"""
    )


@drawn
def block(draw: Draw) -> Sample:
    given = Shape(shape(draw).dims)
    part = Shape(tuple(draw(st.integers(1, size)) for size in given.dims))
    return Sample(
        f"""
main(%x: float32[{given}], %u: float32[{part}], %at: int32[{len(given.dims)}]) {{
  %y = DYNAMIC_UPDATE_SLICE(%x, %u, %at)
  return %y
}}""",
        inputs={"at": np.array([draw(st.integers(0, size + 1)) for size in given.dims])},
    )


DRAWN = {f"UNSORTED_SEGMENT_{name}": segments(name) for name in ("SUM", "PROD", "MAX", "MIN")} | {
    "SCATTER_ND": scattered,
    "SPARSE_TO_DENSE": dense,
    "SEGMENT_SUM": sums,
    "MATRIX_DIAG": diagonal,
    "MATRIX_SET_DIAG": other_diagonal,
    "DYNAMIC_UPDATE_SLICE": block,
}
