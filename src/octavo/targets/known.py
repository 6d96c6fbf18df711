"""The targets that Octavo knows. What each takes is from its own documentation, named as `source`."""

from __future__ import annotations

from octavo.recipe import TargetName
from octavo.targets.target import Target


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


XNNPACK = Target(
    name="xnnpack",
    about="LiteRT on CPUs: everything runs, with the XNNPACK delegate where it can",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/xnnpack/README.md",
)

GPU = Target(
    name="gpu",
    about="the GPU delegate of LiteRT, in half precision",
    source="https://www.tensorflow.org/lite/performance/gpu",
    precisions=frozenset({"float16", "float32"}),
    operators=_names("""
        ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEQUANTIZE EXP FULLY_CONNECTED LOGICAL_AND
        LOGISTIC LSTM MAX_POOL_2D MAXIMUM MINIMUM MUL PAD PRELU RELU RELU6 RESHAPE RESIZE_BILINEAR SOFTMAX
        STRIDED_SLICE SUB TRANSPOSE_CONV"""),
    dtypes=frozenset({"float16", "float32"}),
    rank=4,
    is_static=True,
)

TFLM = Target(
    name="tflm",
    about="TensorFlow Lite for Microcontrollers: no other processor helps out",
    source="https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/micro_mutable_op_resolver.h",
    precisions=frozenset({"float32", "int8", "int16x8"}),
    operators=_names("""
        ABS ADD ADD_N ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_TO_SPACE_ND CAST CEIL CONCATENATION CONV_2D COS CUMSUM
        DEPTH_TO_SPACE DEPTHWISE_CONV_2D DEQUANTIZE ELU EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD
        FULLY_CONNECTED GATHER GATHER_ND GREATER GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU
        LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MUL NEG
        NOT_EQUAL PACK PAD PADV2 PRELU QUANTIZE REDUCE_MAX RELU RELU6 RESHAPE RESIZE_BILINEAR
        RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SHAPE SIN SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT
        SQUARE SQUEEZE STRIDED_SLICE SUB SVDF TANH TRANSPOSE TRANSPOSE_CONV UNPACK
        ASSIGN_VARIABLE BROADCAST_ARGS BROADCAST_TO CALL_ONCE DIV LOG_SOFTMAX MIRROR_PAD READ_VARIABLE SELECT_V2
        SLICE SQUARED_DIFFERENCE SUM UNIDIRECTIONAL_SEQUENCE_LSTM VAR_HANDLE WHILE ZEROS_LIKE"""),
    dtypes=frozenset({"float32", "int8", "int16"}),
    per_channel=frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}),
    is_static=True,
    has_fallback=False,
)

EDGETPU = Target(
    name="edgetpu",
    about="the Edge TPU of Coral, by its compiler",
    source="https://coral.ai/docs/edgetpu/models-intro/#supported-operations",
    precisions=frozenset({"int8"}),
    operators=_names("""
        ADD AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS FULLY_CONNECTED L2_NORMALIZATION
        LOGISTIC LSTM MAX_POOL_2D MAXIMUM MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6
        RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT
        SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV"""),
    dtypes=frozenset({"int8", "uint8"}),
    is_static=True,
)

ETHOS_U = Target(
    name="ethos-u",
    about="the Ethos-U NPUs of Arm, by the compiler Vela 3.11",
    source="https://git.mlplatform.org/ml/ethos-u/ethos-u-vela.git/about/SUPPORTED_OPS.md",
    precisions=frozenset({"int8", "int16x8"}),
    operators=_names("""
        ABS ADD ARG_MAX AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXP EXPAND_DIMS FULLY_CONNECTED
        HARD_SWISH LEAKY_RELU LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL PACK PAD PRELU QUANTIZE RELU
        RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SHAPE SLICE SOFTMAX SPLIT SPLIT_V
        SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
        UNPACK"""),
    dtypes=frozenset({"int8", "uint8", "int16"}),
    per_channel=frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}),
    rank=4,
    is_static=True,
)

HEXAGON = Target(
    name="hexagon",
    about="the Hexagon delegate for the DSPs of Qualcomm",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/hexagon/README.md",
    precisions=frozenset({"int8"}),
    operators=_names("""
        ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTH_TO_SPACE DEPTHWISE_CONV_2D FULLY_CONNECTED
        HARD_SWISH L2_NORMALIZATION LOGISTIC MAX_POOL_2D MAXIMUM MEAN MINIMUM MIRROR_PAD MUL NEG PACK PAD QUANTIZE
        RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX SPACE_TO_DEPTH SPLIT STRIDED_SLICE
        SUB TANH TRANSPOSE TRANSPOSE_CONV"""),
    dtypes=frozenset({"int8", "uint8"}),
    per_channel=frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"}),
    rank=4,
    is_static=True,
)

TARGETS: dict[TargetName, Target] = {t.name: t for t in (XNNPACK, GPU, TFLM, EDGETPU, ETHOS_U, HEXAGON)}
