"""Complex numbers as two tensors of real ones, which LiteRT computes with.

`Complex` joins them; whatever reads it takes them apart again, so that no complex number is left.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any, ClassVar, Final

import numpy as np
from msgspec.structs import replace

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import Op, operation
from octavo.ir.source import Array
from octavo.ir.type import Type

COMPLEX: Final = np.dtype(np.complex64)
PARTWISE: Final = frozenset(
    {
        "Add",
        "AddN",
        "AddV2",
        "AccumulateNV2",
        "BatchToSpaceND",
        "BroadcastTo",
        "Concat",
        "ConcatV2",
        "Cumsum",
        "DynamicStitch",
        "ExpandDims",
        "Gather",
        "GatherNd",
        "GatherV2",
        "Identity",
        "IdentityN",
        "Mean",
        "MirrorPad",
        "Neg",
        "Pack",
        "Pad",
        "Reshape",
        "ReverseV2",
        "Roll",
        "Select",
        "SelectV2",
        "Slice",
        "SpaceToBatchND",
        "Split",
        "SplitV",
        "Squeeze",
        "StopGradient",
        "StridedSlice",
        "Sub",
        "Sum",
        "Tile",
        "Transpose",
        "Unpack",
        "ZerosLike",
    }
)
"""Source ops that treat the real and the imaginary part alike and apart."""
BILINEAR: Final = frozenset({"Mul", "MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum"})
"""Source ops of two operands that are products."""
SPECIAL: Final = {"RealDiv": "quotient", "Div": "quotient", "Exp": "exponential", "Square": "square"}
"""Other source ops, and the function of `source_only.complex_numbers` that each is."""


@operation
class Complex(Op):
    """`real + i · imag`, both float32. The schema has no such operator: what reads it takes its operands."""

    code: ClassVar = "complex"

    def infer(self, real: Value, imag: Value) -> Type:
        """The shape of both.

        Raises:
            ValueError: they differ.
        """
        if real.type != imag.type:
            raise ValueError(f"{real.type} and {imag.type} are no parts of complex numbers")
        return Type(COMPLEX, real.shape)

    def evaluate(self, real: Array, imag: Array) -> Array:
        """Both in one."""
        return (real + 1j * imag).astype(np.complex64)


def joined(build: Builder, real: Value, imag: Value) -> Value:
    """The complex numbers of two parts, the shorter one stretched."""
    from octavo.ops.broadcast_to import stretch

    return build(Complex(), stretch(build, real, imag), stretch(build, imag, real))


def parts(build: Builder, value: Value) -> tuple[Value, Value]:
    """The real and the imaginary part; that of real numbers is zero."""
    from octavo.ops._elementwise import like
    from octavo.ops.spectrum import Imag, Real

    if value.dtype != COMPLEX:
        return value, build.const(like(value, 0))
    if value.producer is not None and isinstance(value.producer.op, Complex):
        real, imag = value.producer.inputs
        assert real is not None
        assert imag is not None
        return real, imag
    return build(Real(), value), build(Imag(), value)


def is_zero(value: Value) -> bool:
    """Whether all numbers are known to be zero, wherever they were moved."""
    if value.const is not None:
        return not value.const.any()
    first = value.producer.inputs[0] if value.producer is not None and value.producer.op.moves else None
    return first is not None and is_zero(first)


def apart(name: str, lowering: Callable[..., Any]) -> Callable[..., Any]:
    """The lowering of `name`, for complex operands too where it can be done with their parts."""
    if name not in PARTWISE | BILINEAR | SPECIAL.keys():
        return lowering
    form = _product if name in BILINEAR else _partwise

    @wraps(lowering)
    def lowered(source: Source, build: Builder) -> Any:
        if not any(value.dtype == COMPLEX for value in source.inputs):
            return lowering(source, build)
        if name in SPECIAL:
            functions = import_module("octavo.ops.source_only.complex_numbers")
            return getattr(functions, SPECIAL[name])(build, *source.inputs)
        return form(lowering, _real(source), build)

    return lowered


def _partwise(lowering: Callable[..., Any], source: Source, build: Builder) -> Any:
    pairs = [parts(build, value) if value.dtype == COMPLEX else (value, value) for value in source.inputs]
    real, imag = (lowering(Source(source.node, tuple(pair[part] for pair in pairs)), build) for part in (0, 1))
    if isinstance(real, tuple):
        return tuple(joined(build, *pair) for pair in zip(real, imag, strict=True))
    return joined(build, real, imag)


def _product(lowering: Callable[..., Any], source: Source, build: Builder) -> Value:
    from octavo.ops.binary import Add, Sub

    (a, b), (c, d) = (parts(build, value) for value in source.inputs)

    def times(x: Value, y: Value) -> Value:
        made: Value = lowering(Source(source.node, (x, y)), build)
        return made

    if is_zero(d):
        return joined(build, times(a, c), times(b, c))
    if is_zero(b):
        return joined(build, times(a, c), times(a, d))
    real = build(Sub(), times(a, c), times(b, d))
    return joined(build, real, build(Add(), times(a, d), times(b, c)))


def _real(source: Source) -> Source:
    """The source node, with the dtype of its parts for its own."""
    attrs = {
        name: np.dtype(np.float32) if isinstance(value, np.dtype) and value == COMPLEX else value
        for name, value in source.node.attrs.items()
    }
    return Source(replace(source.node, attrs=attrs), source.inputs)
