from drawing import Draw, Strategy, drawn, options, shape
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = MEAN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = MEAN(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = MEAN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = SUM(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = SUM(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = SUM(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_PROD(%x, %axis)
  return %y
}""",
        int16_steps=10,
        why="the kernel rounds after each of twenty factors, by half a step each",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_PROD(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_PROD(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_MAX(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_MAX(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_MAX(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,5,3]) {
  %axis = const int32[2] [1, 2]
  %y = REDUCE_MIN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: float32[batch,4,3]) {
  %axis = const int32[1] [-1]
  %y = REDUCE_MIN(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: int32[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_MIN(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ANY(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ANY(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4,3]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ALL(%x, %axis)
  return %y
}""",
    ),
    Sample(
        """
main(%x: bool[batch,4]) {
  %axis = const int32[1] [1]
  %y = REDUCE_ALL(%x, %axis) {keep_dims=True}
  return %y
}""",
    ),
]


def reductions(code: str, *kinds: str) -> Strategy:
    @drawn
    def reduction(draw: Draw) -> Sample:
        given = shape(draw)
        axes = draw(st.lists(st.integers(0, (rank := len(given.dims)) - 1), min_size=1, unique=True))
        axes = [at - rank if draw(st.booleans()) else at for at in axes]
        return Sample(
            f"""
main(%x: {draw(st.sampled_from(kinds))}[{given}]) {{
  %axis = const int32[{len(axes)}] {axes}
  %y = {code}(%x, %axis) {options(draw, keep_dims=[False, True])}
  return %y
}}""",
            lengths=given.lengths,
        )

    return reduction


NUMBERS = ("float32", "int32", "int64")
DRAWN = {code: reductions(code, *NUMBERS) for code in ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN")} | {
    "MEAN": reductions("MEAN", "float32"),
    "REDUCE_ANY": reductions("REDUCE_ANY", "bool"),
    "REDUCE_ALL": reductions("REDUCE_ALL", "bool"),
}
