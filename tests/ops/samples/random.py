from sample import Sample

CHANCE = "the numbers differ from run to run"

SAMPLES = [
    *[
        Sample(
            f"""
main() {{
  %s = const int32[2] [3, 4]
  %y = {code}(%s) {{seed=3}}
  return %y
}}""",
            meaningless=CHANCE,
        )
        for code in ("RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL")
    ],
    Sample(
        """
main(%x: float32[batch,4]) {
  %n = const int32[] 5
  %y = MULTINOMIAL(%x, %n) {seed=1, seed2=2}
  return %y
}""",
        meaningless=CHANCE,
    ),
]
