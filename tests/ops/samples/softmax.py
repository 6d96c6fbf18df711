from drawing import unary
from sample import Sample

SAMPLES = [
    Sample("""
main(%x: float32[batch,3,7]) {
  %y = SOFTMAX(%x)
  return %y
}"""),
    Sample("""
main(%x: float32[batch,10]) {
  %y = SOFTMAX(%x) {beta=0.5}
  return %y
}"""),
    Sample("""
main(%x: float32[batch,10]) {
  %y = LOG_SOFTMAX(%x)
  return %y
}"""),
]

DRAWN = {
    "SOFTMAX": unary("SOFTMAX", least=1, most=4, choices={"beta": [0.5, 1.0, 2.0]}),
    "LOG_SOFTMAX": unary("LOG_SOFTMAX", least=1, most=4),
}
