from drawing import Draw, drawn, shape
from hypothesis import strategies as st
from sample import Sample

NESTED = """
main(%x: float32[batch,3], %turns: int32[]) {
  %start = const int32[] 0
  %count, %limit, %y = WHILE(%start, %turns, %x) {cond_subgraph_index=@cond, body_subgraph_index=@body}
  return %y, %count
}
cond(%c: int32[], %l: int32[], %s: float32[batch,3]) {
  %more: bool[] = LESS(%c, %l)
  return %more
}
body(%i: int32[], %n: int32[], %t: float32[batch,3]) {
  %one = const int32[] 1
  %w = const float32[3] [0.5, -1.0, 2.0]
  %j: int32[] = ADD(%i, %one)
  %odd: bool[] = EQUAL(%j, %one)
  %u = IF(%odd, %t) {then_subgraph_index=@first, else_subgraph_index=@later}
  return %j, %n, %u
}
first(%p: float32[batch,3]) {
  %half = const float32[] 0.5
  %q: float32[batch,3] = MUL(%p, %half)
  return %q
}
later(%r: float32[batch,3]) {
  %m: float32[batch,3] = TANH(%r)
  return %m
}"""
GROWING = """
main(%x: float32[1,2]) {
  %y = WHILE(%x) {cond_subgraph_index=@short, body_subgraph_index=@longer}
  return %y
}
short(%a: float32[rows,2]) {
  %five = const int32[] 5
  %zero = const int32[] 0
  %begin = const int32[1] [0]
  %end = const int32[1] [1]
  %step = const int32[1] [1]
  %shape: int32[2] = SHAPE(%a)
  %n: int32[] = STRIDED_SLICE(%shape, %begin, %end, %step) {shrink_axis_mask=1}
  %less: bool[] = LESS(%n, %five)
  return %less
}
longer(%b: float32[rows,2]) {
  %row = const float32[1,2] [[1.0, 2.0]]
  %c: float32[rows+1,2] = CONCATENATION(%b, %row)
  return %c
}"""
CHOICE = """
main(%c: bool[], %x: float32[4,2]) {
  %y, %z = IF(%c, %x) {then_subgraph_index=@whole, else_subgraph_index=@part}
  return %y, %z
}
whole(%a: float32[4,2]) {
  %k = const float32[1] [1.5]
  return %a, %k
}
part(%b: float32[4,2]) {
  %begin = const int32[2] [1, 0]
  %size = const int32[2] [2, 2]
  %k2 = const float32[1] [2.5]
  %s: float32[2,2] = SLICE(%b, %begin, %size)
  return %s, %k2
}"""

SAMPLES = [
    Sample(NESTED, inputs={"turns": 3}),
    Sample(NESTED, inputs={"turns": 0}),
    Sample(GROWING, lengths={"rows": 5}, why="the loop goes on until there are five rows"),
    Sample(CHOICE, inputs={"c": True}, lengths={"whole_0_0": 4}, why="the whole has four rows"),
    Sample(CHOICE, inputs={"c": False}, lengths={"whole_0_0": 2}, why="the part has two rows"),
    Sample(NESTED[NESTED.index("body(") :], inputs={"i": 0, "n": 2}),
    Sample(NESTED[NESTED.index("first(") :]),
    Sample(
        """
main(%x: float32[5,batch,3], %u: float32[1,batch,3], %i: int32[]) {
  %zero = const int32[] 0
  %at = PACK(%i, %zero, %zero) {values_count=3}
  %y = DYNAMIC_UPDATE_SLICE(%x, %u, %at)
  return %y
}""",
        inputs={"i": 3},
    ),
]


@drawn
def loops(draw: Draw) -> Sample:
    given = shape(draw)
    text = NESTED.replace("[batch,3]", f"[{given}]").replace(
        "%w = const float32[3] [0.5, -1.0, 2.0]", "%w = const float32[]"
    )
    return Sample(text, inputs={"turns": draw(st.integers(0, 4))}, lengths=given.lengths)


@drawn
def branches(draw: Draw) -> Sample:
    given = shape(draw)
    return Sample(
        f"""
main(%c: bool[], %x: float32[{given}], %y: float32[{given}]) {{
  %p, %q = IF(%c, %x, %y) {{then_subgraph_index=@one, else_subgraph_index=@other}}
  return %p, %q
}}
one(%a: float32[{given}], %b: float32[{given}]) {{
  %d: float32[{given}] = SUB(%a, %b)
  return %d, %a
}}
other(%e: float32[{given}], %f: float32[{given}]) {{
  %g: float32[{given}] = TANH(%f)
  return %g, %f
}}""",
        inputs={"c": draw(st.booleans())},
        lengths=given.lengths,
    )


DRAWN = {"WHILE": loops, "IF": branches}
