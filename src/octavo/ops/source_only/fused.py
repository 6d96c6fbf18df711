"""Operations that TensorFlow's graph optimizer joined: taken apart again, since the rules join them LiteRT's way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers
from octavo.ops._elementwise import emit
from octavo.ops.activation import Elu, Gelu, LeakyRelu, Logistic, Relu, Relu6, Tanh
from octavo.ops.batch_matmul import BatchMatMul
from octavo.ops.binary import Add
from octavo.ops.conv_2d import Conv2D
from octavo.ops.depthwise_conv_2d import DepthwiseConv2D
from octavo.ops.mirror_pad import MirrorPad
from octavo.ops.pad import paddings_of
from octavo.ops.source_only.batch_norm import fused_batch_norm
from octavo.ops.source_only.bias_add import bias_add
from octavo.schema.enums import MirrorPadMode

_CURVES: dict[str, Callable[[], Op]] = {
    "Relu": Relu, "Relu6": Relu6, "Elu": Elu, "Tanh": Tanh, "Sigmoid": Logistic,
    "GeluExact": Gelu, "GeluApproximate": lambda: Gelu(approximate=True),
}  # fmt: skip


@lowers("tf._FusedConv2D", "tf._FusedDepthwiseConv2dNative", "tf._FusedMatMul")
def fused(source: Source, build: Builder) -> Value:
    """A product, and behind it what `fused_ops` names, each with its own operands."""
    lowerings = {"_FusedConv2D": Conv2D.from_tf, "_FusedMatMul": BatchMatMul.from_tf_matmul}
    product = lowerings.get(source.node.op, DepthwiseConv2D.from_tf)
    value = product(Source(source.node, source.inputs[:2]), build)
    rest = list(source.inputs[2:])
    for name in source.attr("fused_ops", list):
        value = _after(source, build, value, str(name), rest)
    return value


@lowers("tf._FusedBatchNormEx")
def batch_norm(source: Source, build: Builder) -> tuple[Value, ...]:
    """The normalization, something added to it, and an activation."""
    result, *statistics = fused_batch_norm(Source(source.node, source.inputs[:5]), build)
    for side in source.inputs[5:]:
        result = emit(build, Add(), result, side)
    name = source.attr("activation_mode", str)
    return (result if name == "Identity" else build(_CURVES[name](), result)), *statistics


@lowers("tf.FusedPadConv2D")
def padded_convolution(source: Source, build: Builder) -> Value:
    """A MIRROR_PAD in front of a convolution."""
    image, around, filter = source.inputs
    mode = MirrorPadMode[source.attr("mode", str)]
    padded = build(MirrorPad(mode=mode), image, paddings_of(around))
    known = {"data_format": "NHWC", "dilations": [1, 1, 1, 1], "explicit_paddings": []}
    node = replace(source.node, attrs={**known, **source.node.attrs})
    return Conv2D.from_tf(Source(node, (padded, filter)), build)


def _after(source: Source, build: Builder, value: Value, name: str, rest: list[Value]) -> Value:
    """`value` behind one more operation, which takes its operands from the front of `rest`."""
    if name == "BiasAdd":
        attrs = {"data_format": "NHWC", **source.node.attrs}
        return bias_add(Source(replace(source.node, attrs=attrs), (value, rest.pop(0))), build)
    if name == "Add":
        return emit(build, Add(), value, rest.pop(0))
    if name == "FusedBatchNorm":
        statistics, rest[:4] = rest[:4], []
        node = replace(source.node, attrs={**source.node.attrs, "is_training": False})
        return fused_batch_norm(Source(node, (value, *statistics)), build)[0]
    if name == "LeakyRelu":
        return build(LeakyRelu(alpha=float(np.float32(source.attr("leakyrelu_alpha", float)))), value)
    if name in _CURVES:
        return build(_CURVES[name](), value)
    raise NotLoweredError(f"{name} is fused into it")
