"""Enumerations of the LiteRT schema that operations use in their fields."""

from __future__ import annotations

from enum import IntEnum


class Padding(IntEnum):
    """How a window meets the border: zeros around it (SAME), or never over it (VALID)."""

    SAME = 0
    VALID = 1


class Activation(IntEnum):
    """The activation that an operation applies to its result (`ActivationFunctionType`)."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3
    TANH = 4
    SIGN_BIT = 5


class MirrorPadMode(IntEnum):
    """Whether the border itself is repeated (SYMMETRIC) or not (REFLECT)."""

    REFLECT = 0
    SYMMETRIC = 1


class WeightsFormat(IntEnum):
    """The layout of the weights of a fully connected layer."""

    DEFAULT = 0
    SHUFFLED4x16INT8 = 1


class LSTMKernelType(IntEnum):
    """Which LSTM kernel: every gate with operands of its own, or the fused legacy form."""

    FULL = 0
    BASIC = 1


class TensorType(IntEnum):
    """The dtype of a tensor, as the schema numbers it."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT32 = 2
    UINT8 = 3
    INT64 = 4
    STRING = 5
    BOOL = 6
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    FLOAT64 = 10
    COMPLEX128 = 11
    UINT64 = 12
    RESOURCE = 13
    VARIANT = 14
    UINT32 = 15
    UINT16 = 16
    INT4 = 17
    BFLOAT16 = 18
    INT2 = 19
    UINT4 = 20
    FLOAT8_E4M3FN = 21
    FLOAT8_E5M2 = 22
