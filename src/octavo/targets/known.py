"""The targets that Octavo knows. What each takes is from its own documentation or checks, named as `source`."""

from __future__ import annotations

from msgspec.structs import replace

from octavo.recipe import TargetName
from octavo.targets.target import Limit, Target

CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _all(ops: str, of: str, least: float, most: float) -> tuple[Limit, ...]:
    """The same limit for several operators."""
    return tuple(Limit(op, of, least, most) for op in ops.split())


def _versions(most: int, ops: str) -> tuple[Limit, ...]:
    return _all(ops, "version", 1, most)


XNNPACK = Target(
    name="xnnpack",
    about="LiteRT on CPUs: everything runs, with the XNNPACK delegate where it can",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/xnnpack/README.md",
    is_cpu=True,
)

DOT = replace(
    XNNPACK,
    name="xnnpack-dot",
    about="the same on CPUs with dot products of int8 (Arm since 2018, AVX-VNNI, AVX-512): `dynamic` gains more",
    has_dot_products=True,
)

GPU = Target(
    name="gpu",
    about="the GPU delegate of LiteRT, in half precision",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/tools/versioning/gpu_compatibility.cc",
    precisions=frozenset({"float16", "float32"}),
    operators=_names("""
        ABS ADD ADD_N ATAN2 AVERAGE_POOL_2D BATCH_MATMUL CAST CEIL CONCATENATION CONV_2D COS CUMSUM DENSIFY
        DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV DYNAMIC_UPDATE_SLICE ELU EMBEDDING_LOOKUP EQUAL EXP FLOOR
        FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GELU GREATER GREATER_EQUAL HARD_SWISH LEAKY_RELU LESS LESS_EQUAL LOG
        LOGICAL_AND LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL ONE_HOT PACK PAD PADV2
        POW PRELU QUANTIZE REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
        RESIZE_NEAREST_NEIGHBOR RSQRT SELECT SELECT_V2 SIGN SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE
        SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM TANH TILE TRANSPOSE TRANSPOSE_CONV"""),
    dtypes=frozenset({"float16", "float32"}),
    limits=(
        *_all("STRIDED_SLICE", "ellipsis_mask", 0, 0),
        *_all("STRIDED_SLICE", "new_axis_mask", 0, 0),
        *_all("STRIDED_SLICE", "shrink_axis_mask", 0, 0),
        *_all("STRIDED_SLICE SLICE PAD PADV2 MIRROR_PAD", "rank", 3, 4),
        *_all("MIRROR_PAD", "mode", 0, 0),
        *_all("SOFTMAX", "beta", 1, 1),
        *_all("DEPTH_TO_SPACE SPACE_TO_DEPTH", "block_size", 2, float("inf")),
    ),
    is_static=True,
)

NNAPI = Target(
    name="nnapi",
    about="the Neural Networks API of Android 11 (NNAPI 1.3), by its delegate",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/nnapi/nnapi_delegate.cc",
    precisions=frozenset({"float32", "float16", "int8"}),
    operators=_names("""
        ABS ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_TO_SPACE_ND BIDIRECTIONAL_SEQUENCE_LSTM CAST CONCATENATION
        CONV_2D DENSIFY DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE DIV ELU EMBEDDING_LOOKUP EQUAL EXP EXPAND_DIMS FILL
        FLOOR FULLY_CONNECTED GATHER GREATER GREATER_EQUAL HARD_SWISH HASHTABLE_LOOKUP L2_NORMALIZATION L2_POOL_2D
        LEAKY_RELU LESS LESS_EQUAL LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOGISTIC
        LOG_SOFTMAX LSH_PROJECTION LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL NEG NOT_EQUAL PACK PAD PADV2 POW PRELU
        QUANTIZE REDUCE_ANY REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR
        RESIZE_NEAREST_NEIGHBOR RNN RSQRT SELECT SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SQRT SQUEEZE
        STRIDED_SLICE SUB SUM SVDF TANH TILE TOPK_V2 TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
        UNIDIRECTIONAL_SEQUENCE_RNN"""),
    dtypes=frozenset({"float32", "int8", "uint8"}),
    fewer=dict.fromkeys(
        _names("""
            ABS DIV ELU EMBEDDING_LOOKUP EXP FILL L2_POOL_2D LOG LOG_SOFTMAX NEG POW REDUCE_PROD RNN RSQRT SIN SQRT SUM
            SVDF"""),
        frozenset({"float32"}),
    ),
    per_channel=CONVOLUTIONS,
    on_one_grid=frozenset({"MEAN"}),
    limits=(
        *_versions(1, """
            ABS BIDIRECTIONAL_SEQUENCE_LSTM CAST DIV ELU EMBEDDING_LOOKUP EXP EXPAND_DIMS FILL FLOOR HASHTABLE_LOOKUP
            L2_POOL_2D LEAKY_RELU LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND LOGICAL_NOT LOGICAL_OR LOG_SOFTMAX
            LSH_PROJECTION POW PRELU REDUCE_PROD RESHAPE RNN RSQRT SIN SQRT SQUEEZE SUM SVDF TILE
            UNIDIRECTIONAL_SEQUENCE_RNN"""),
        *_versions(2, """
            ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D BATCH_TO_SPACE_ND CONCATENATION DEQUANTIZE EQUAL GATHER GREATER
            GREATER_EQUAL L2_NORMALIZATION LESS LESS_EQUAL LOGISTIC MAX_POOL_2D MEAN MUL NEG NOT_EQUAL PACK PAD PADV2
            QUANTIZE REDUCE_ANY REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 SELECT SLICE SOFTMAX SPACE_TO_BATCH_ND
            SPACE_TO_DEPTH STRIDED_SLICE TANH TOPK_V2 TRANSPOSE UNIDIRECTIONAL_SEQUENCE_LSTM"""),
        *_versions(3, """
            CONV_2D DEPTHWISE_CONV_2D LSTM MAXIMUM MINIMUM RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SPLIT SUB
            TRANSPOSE_CONV"""),
        *_versions(5, "FULLY_CONNECTED"),
        *_all("CONCATENATION L2_NORMALIZATION", "fused_activation_function", 0, 0),
    ),
    rank=4,
    is_static=True,
)  # fmt: skip

TFLM = Target(
    name="tflm",
    about="TensorFlow Lite for Microcontrollers: no other processor helps out",
    source="https://github.com/tensorflow/tflite-micro/blob/main/tensorflow/lite/micro/micro_mutable_op_resolver.h",
    precisions=frozenset({"float32", "int8", "int16x8"}),
    operators=_names("""
        ABS ADD ADD_N ARG_MAX ARG_MIN ASSIGN_VARIABLE AVERAGE_POOL_2D BATCH_MATMUL BATCH_TO_SPACE_ND BROADCAST_ARGS
        BROADCAST_TO CALL_ONCE CAST CEIL CONCATENATION CONV_2D COS CUMSUM DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
        DIV ELU EQUAL EXP EXPAND_DIMS FILL FLOOR FLOOR_DIV FLOOR_MOD FULLY_CONNECTED GATHER GATHER_ND GREATER
        GREATER_EQUAL HARD_SWISH IF L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LESS LESS_EQUAL LOG LOGICAL_AND LOGICAL_NOT
        LOGICAL_OR LOGISTIC LOG_SOFTMAX MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG NOT_EQUAL PACK PAD PADV2
        PRELU QUANTIZE READ_VARIABLE REDUCE_MAX REDUCE_MIN RELU RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR
        REVERSE_V2 ROUND RSQRT SELECT_V2 SHAPE SIN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT
        SQUARE SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM SVDF TANH TRANSPOSE TRANSPOSE_CONV
        UNIDIRECTIONAL_SEQUENCE_LSTM UNPACK VAR_HANDLE WHILE ZEROS_LIKE"""),
    dtypes=frozenset({"float32", "int8", "int16"}),
    per_channel=CONVOLUTIONS,
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
        LOGISTIC LSTM MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6
        RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SLICE SOFTMAX SPACE_TO_DEPTH SPLIT
        SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM"""),
    dtypes=frozenset({"int8", "uint8"}),
    limits=_all("AVERAGE_POOL_2D CONCATENATION MAX_POOL_2D", "fused_activation_function", 0, 0),
    is_static=True,
)

ETHOS_U = Target(
    name="ethos-u",
    about="the Ethos-U NPUs of Arm, by the compiler Vela 3.10",
    source="https://github.com/nxp-imx/ethos-u-vela/blob/8cb3c360902a3e9fd583e474a4393646362dcf42/SUPPORTED_OPS.md",
    precisions=frozenset({"int8", "int16x8"}),
    operators=_names("""
        ABS ADD ARG_MAX AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXP EXPAND_DIMS FULLY_CONNECTED
        HARD_SWISH LEAKY_RELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PRELU QUANTIZE RELU RELU6
        RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR RSQRT SHAPE SLICE SOFTMAX SPLIT SPLIT_V
        SQUARED_DIFFERENCE SQUEEZE STRIDED_SLICE SUB TANH TRANSPOSE TRANSPOSE_CONV UNIDIRECTIONAL_SEQUENCE_LSTM
        UNPACK"""),
    dtypes=frozenset({"int8", "uint8", "int16"}),
    fewer=dict.fromkeys(_names("ARG_MAX HARD_SWISH RSQRT"), frozenset({"int8", "uint8"})),
    per_channel=CONVOLUTIONS,
    limits=(
        *_all("DEPTHWISE_CONV_2D MAX_POOL_2D", "stride_w", 1, 3),
        *_all("CONV_2D DEPTHWISE_CONV_2D AVERAGE_POOL_2D MAX_POOL_2D", "stride_h", 1, 3),
        *_all("TRANSPOSE_CONV", "stride_w", 1, 2),
        *_all("TRANSPOSE_CONV", "stride_h", 1, 2),
        *_all("MAX_POOL_2D AVERAGE_POOL_2D", "filter_height", 1, 256),
        *_all("STRIDED_SLICE", "ellipsis_mask", 0, 0),
        *_all("STRIDED_SLICE", "offset", 0, 0),
    ),
    rank=4,
    is_static=True,
)

HEXAGON = Target(
    name="hexagon",
    about="the Hexagon delegate for the DSPs of Qualcomm",
    source="https://github.com/tensorflow/tensorflow/blob/master/tensorflow/lite/delegates/hexagon/README.md",
    precisions=frozenset({"int8"}),
    operators=_names("""
        ADD ARG_MAX ARG_MIN AVERAGE_POOL_2D CONCATENATION CONV_2D DEPTHWISE_CONV_2D DEPTH_TO_SPACE FULLY_CONNECTED
        HARD_SWISH L2_NORMALIZATION LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MIRROR_PAD MUL NEG PACK PAD QUANTIZE RELU
        RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SLICE SOFTMAX SPACE_TO_DEPTH SPLIT STRIDED_SLICE SUB TANH
        TRANSPOSE TRANSPOSE_CONV"""),
    dtypes=frozenset({"int8", "uint8"}),
    per_channel=CONVOLUTIONS,
    limits=(
        *_all("AVERAGE_POOL_2D L2_NORMALIZATION MAX_POOL_2D", "fused_activation_function", 0, 0),
        *_all("CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV", "stride_w", 1, 3),
        *_all("CONV_2D DEPTHWISE_CONV_2D TRANSPOSE_CONV", "stride_h", 1, 3),
        *_all("DEPTHWISE_CONV_2D", "depth_multiplier", 1, 1),
    ),
    rank=4,
    is_static=True,
)

TARGETS: dict[TargetName, Target] = {t.name: t for t in (XNNPACK, DOT, GPU, NNAPI, TFLM, EDGETPU, ETHOS_U, HEXAGON)}
