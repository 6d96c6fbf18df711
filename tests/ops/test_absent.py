"""Every operation of TensorFlow has a lowering or a reason why it has none."""

from __future__ import annotations

import fnmatch
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from octavo.ops.absent import ABSENT, why

REFERENCE = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "write_operation_reference.py"))
LOWERED = REFERENCE["lowered"]() - REFERENCE["DATAFLOW"]
REGISTERED = """
import tensorflow
from tensorflow.core.framework import op_def_pb2
from tensorflow.python.client import pywrap_tf_session
everything = pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList())
print(*(definition.name for definition in op_def_pb2.OpList.FromString(everything).op))
"""
CONVERTED = frozenset(
    [
        "Abs",
        "Add",
        "AddN",
        "AddV2",
        "All",
        "Any",
        "ApproxTopK",
        "ArgMax",
        "ArgMin",
        "Atan2",
        "AvgPool",
        "BatchMatMul",
        "BatchMatMulV2",
        "BatchMatMulV3",
        "BatchToSpaceND",
        "BiasAdd",
        "Bitcast",
        "BitwiseXor",
        "BroadcastArgs",
        "BroadcastTo",
        "Bucketize",
        "Cast",
        "Ceil",
        "Complex",
        "ComplexAbs",
        "ConcatV2",
        "Conv2D",
        "Conv2DBackpropInput",
        "Conv3D",
        "Conv3DBackpropInputV2",
        "Cos",
        "Cumsum",
        "DepthToSpace",
        "DepthwiseConv2dNative",
        "Div",
        "DynamicStitch",
        "Elu",
        "Equal",
        "Exp",
        "ExpandDims",
        "FakeQuantWithMinMaxArgs",
        "FakeQuantWithMinMaxVars",
        "FakeQuantWithMinMaxVarsPerChannel",
        "Fill",
        "Floor",
        "FloorDiv",
        "FloorMod",
        "FusedBatchNormV3",
        "Gather",
        "GatherNd",
        "GatherV2",
        "Greater",
        "GreaterEqual",
        "If",
        "Imag",
        "InvertPermutation",
        "L2Loss",
        "LRN",
        "LeakyRelu",
        "Less",
        "LessEqual",
        "Lgamma",
        "Log",
        "Log1p",
        "LogSoftmax",
        "LogicalAnd",
        "LogicalNot",
        "LogicalOr",
        "LookupTableFindV2",
        "LookupTableSizeV2",
        "MatMul",
        "MatrixDiag",
        "MatrixDiagV2",
        "MatrixDiagV3",
        "MatrixSetDiagV3",
        "Max",
        "MaxPool",
        "Maximum",
        "Mean",
        "Min",
        "Minimum",
        "MirrorPad",
        "Mul",
        "MulNoNan",
        "Multinomial",
        "Neg",
        "NonMaxSuppressionV4",
        "NonMaxSuppressionV5",
        "NotEqual",
        "OneHot",
        "Pack",
        "Pad",
        "PadV2",
        "Pow",
        "Prod",
        "QuantizeAndDequantizeV4",
        "RFFT",
        "RFFT2D",
        "RandomStandardNormal",
        "RandomUniform",
        "Range",
        "Rank",
        "Real",
        "RealDiv",
        "Reciprocal",
        "Relu",
        "Relu6",
        "Reshape",
        "ResizeBilinear",
        "ResizeNearestNeighbor",
        "ReverseSequence",
        "ReverseV2",
        "RightShift",
        "Roll",
        "Round",
        "Rsqrt",
        "RsqrtGrad",
        "ScatterNd",
        "SegmentSum",
        "Select",
        "SelectV2",
        "Shape",
        "Sigmoid",
        "SigmoidGrad",
        "Sign",
        "Sin",
        "Slice",
        "Softmax",
        "SoftmaxCrossEntropyWithLogits",
        "Softplus",
        "SpaceToBatchND",
        "SpaceToDepth",
        "SparseMatMul",
        "SparseSoftmaxCrossEntropyWithLogits",
        "SparseToDense",
        "Split",
        "SplitV",
        "Sqrt",
        "Square",
        "SquaredDifference",
        "Squeeze",
        "StridedSlice",
        "Sub",
        "Sum",
        "Tanh",
        "TanhGrad",
        "TensorListElementShape",
        "TensorListFromTensor",
        "TensorListGetItem",
        "TensorListLength",
        "TensorListPushBack",
        "TensorListReserve",
        "TensorListResize",
        "TensorListSetItem",
        "TensorListStack",
        "Tile",
        "TopKV2",
        "Transpose",
        "Unique",
        "Unpack",
        "UnsortedSegmentMax",
        "UnsortedSegmentMin",
        "UnsortedSegmentProd",
        "UnsortedSegmentSum",
        "Where",
        "While",
        "XlaDynamicUpdateSlice",
        "ZerosLike",
    ]
)
"""What TensorFlow's converter rewrites to builtins (mlir/lite/transforms/legalize_patterns.td, legalize_tf.cc and
lower_static_tensor_list.cc; mlir/tensorflow/transforms/lower_tf.td)."""


@cache
def registered() -> frozenset[str]:
    """What `import tensorflow` registers, in a process of its own: other tests load libraries that register more.

    Copies between processors are registered by some builds only.
    """
    pytest.importorskip("tensorflow")
    told = subprocess.run([sys.executable, "-c", REGISTERED], check=True, capture_output=True, text=True)
    return frozenset(name for name in told.stdout.split() if not name.startswith("_CopyFrom"))


def test_every_operation_that_tensorflow_registers_is_lowered_or_has_a_reason() -> None:
    assert not [op for op in sorted(registered() - LOWERED) if why(op) is None]


def test_no_operation_that_is_lowered_is_listed_as_absent() -> None:
    listed = {name for names in ABSENT.values() for name in names.split() if not set(name) & set("*?[")}
    assert not listed & LOWERED
    assert not listed - registered()


def test_whole_families_are_named_only_where_some_of_them_are_absent() -> None:
    absent = registered() - LOWERED
    families = {name for names in ABSENT.values() for name in names.split() if set(name) & set("*?[")}
    assert not [family for family in families if not fnmatch.filter(absent, family)]


def test_what_tensorflows_converter_rewrites_to_builtins_is_lowered() -> None:
    assert not [op for op in sorted(CONVERTED) if op not in LOWERED]


def test_an_operation_that_tensorflow_does_not_have_has_no_reason() -> None:
    assert why("MyOwnOperation") is None
