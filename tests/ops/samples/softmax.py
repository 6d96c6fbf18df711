from drawing import unary
from sample import Sample

WHY = "the int16 kernel reads exponentials from a table of 513 numbers from −10 to 0, on a grid of its own"

SAMPLES = [
    Sample(
        """
main(%x: float32[batch,3,7]) {
  %y = SOFTMAX(%x)
  return %y
}""",
        int16_steps=20,
        why=WHY,
    ),
    Sample(
        """
main(%x: float32[batch,10]) {
  %y = SOFTMAX(%x) {beta=0.5}
  return %y
}""",
        int16_steps=20,
        why=WHY,
    ),
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
