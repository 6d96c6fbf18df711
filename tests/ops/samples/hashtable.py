from drawing import Draw, Strategy, drawn, shape
from hypothesis import strategies as st
from sample import Sample

KEPT = "what a table holds is no operand: tests/differential/test_tables.py holds it against TensorFlow"
TABLE = "%t: resource[1] = HASHTABLE() {table_id=3, key_dtype=INT64, value_dtype=STRING}"
CONTENT = "%keys = const int64[2] [5, 7]\n  %values = const string[2] ['a', 'bb']"
FILL = f"""
fill(%n: int64[]) {{
  {CONTENT}
  {TABLE}
  HASHTABLE_IMPORT(%t, %keys, %values)
  return %n
}}"""
FOUND = f"""
main(%x: int64[batch], %d: string[]) {{
  {TABLE}
  %y: string[batch] = HASHTABLE_FIND(%t, %x, %d)
  return %y
}}"""
CALLED = "main(%x: float32[2]) {\n  CALL_ONCE() {init_subgraph_index=@fill}\n  return %x\n}" + FILL

SAMPLES = [
    Sample(FOUND, runs=False, meaningless=KEPT),
    Sample(f"main() {{\n  {TABLE}\n  return %t\n}}", runs=False, meaningless=KEPT),
    Sample(FILL, runs=False, meaningless=KEPT),
    Sample(CALLED, runs=False, meaningless=KEPT),
]


def after(*lines: str, returned: str = "%y", filled: bool = False) -> Strategy:
    """A graph of an integer tensor of any shape, doubled, and then these lines."""

    @drawn
    def one(draw: Draw) -> Sample:
        given, number = ",".join(map(str, shape(draw).dims)), draw(st.integers(-(2**31), 2**31 - 1))
        body = "\n  ".join(["%y = ADD(%x, %x)", *lines])
        text = f"main(%x: int64[{given}]) {{\n  {body}\n  return {returned}\n}}{FILL.replace('%n: int64[]', '')}"
        text = text.replace("return %n", "return").replace("table_id=3", f"table_id={number}")
        return Sample(text if filled else text[: text.index("\nfill")], meaningless=KEPT)

    return one


CALL = "CALL_ONCE() {init_subgraph_index=@fill}"
DRAWN = {
    "HASHTABLE": after(TABLE),
    "HASHTABLE_IMPORT": after(*CONTENT.split("\n  "), TABLE, "HASHTABLE_IMPORT(%t, %keys, %values)"),
    "HASHTABLE_FIND": after(
        CALL, TABLE, "%d = const string[] '?'", "%z = HASHTABLE_FIND(%t, %x, %d)", returned="%z", filled=True
    ),
    "CALL_ONCE": after(CALL, filled=True),
}
