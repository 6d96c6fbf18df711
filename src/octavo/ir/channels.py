"""What becomes of the channels of a tensor when they are multiplied by positive numbers: a closed vocabulary.

Channels are the last dimension. An operation says, by `Op.channels`, how factors on its operands and on its result
belong together; where it says nothing, no factor gets past it.
"""

from __future__ import annotations

from msgspec import Struct


class Together(Struct, frozen=True):
    """Factors on all of `operands` are factors on the result, channel by channel: `f(s·x) = s·f(x)`.

    A constant among them is multiplied too.
    """

    operands: tuple[int, ...] = (0,)


class Weighed(Struct, frozen=True):
    """The result is a sum of the operand `input` with weights, plus a bias: factors go into the constants.

    `weight` and `bias` are operands. The input's channels lie along dimension `takes` of the weight, each `repeat`
    times in a row, and the result's along `gives`; where both are one, each result has one channel. Factors on the
    input cannot go into a weight without `takes`, and what is not `even`, because an activation bends it, takes none on
    the result.
    """

    input: int
    weight: int
    bias: int | None
    takes: int | None
    gives: int
    even: bool = True
    repeat: int = 1


Channels = Together | Weighed
