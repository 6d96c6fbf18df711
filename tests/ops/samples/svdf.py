from drawing import Draw, drawn, options
from hypothesis import strategies as st
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[2,3]) {
  %f = const float32[8,3]
  %t = const float32[8,5]
  %b = const float32[4]
  %s = state float32[2,40]
  %y = SVDF(%x, %f, %t, %b, %s) {rank=2, fused_activation_function=RELU}
  return %y
}"""),
    Sample("""
main(%x: float32[1,6]) {
  %f = const float32[4,6]
  %t = const float32[4,3]
  %s = state float32[1,12]
  %y = SVDF(%x, %f, %t, _, %s) {rank=1}
  return %y
}"""),
]


@drawn
def layers(draw: Draw) -> Sample:
    batch, features, units, rank, steps = (draw(st.integers(1, 5)) for _ in range(5))
    filters = units * rank
    biased = draw(st.booleans())
    said = options(draw, rank=[rank], fused_activation_function=["NONE", "RELU"])
    return Sample(
        f"""
main(%x: float32[{batch},{features}]) {{
  %f = const float32[{filters},{features}]
  %t = const float32[{filters},{steps}]
  %b = const float32[{units}]
  %s = state float32[{batch},{filters * steps}]
  %y = SVDF(%x, %f, %t, {"%b" if biased else "_"}, %s) {said}
  return %y
}}"""
    )


DRAWN = {"SVDF": layers}
