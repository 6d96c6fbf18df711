"""Numbers of one dtype as numbers of another."""

from __future__ import annotations

from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._complex import COMPLEX, joined, parts
from octavo.schema.enums import TensorType


@operation
class Cast(Op):
    """The dtypes are those of the tensors; reals lose what is behind the point. It never sees a scale."""

    in_data_type: TensorType = TensorType.FLOAT32
    out_data_type: TensorType = TensorType.FLOAT32

    code: ClassVar = "CAST"
    symbolic: ClassVar = True

    @lowers("tf.Cast")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """A cast to the same dtype is none; of complex numbers it takes the real part."""
        value, dtype = source.inputs[0], source.dtype("DstT")
        if value.dtype != dtype and dtype == COMPLEX:
            real = cast(build, value, np.dtype(np.float32))
            return joined(build, real, build.const(np.zeros((), np.float32)))
        if value.dtype == COMPLEX and dtype != COMPLEX:
            value, _ = parts(build, value)
        return cast(build, value, dtype)

    def infer(self, input: Value) -> Type:
        """The same shape."""
        return Type(numpy_dtype(self.out_data_type), input.shape)

    def evaluate(self, input: Array) -> Array:
        """Each number in the other dtype; dimensions stay as they are."""
        if input.dtype == object:
            return input
        with np.errstate(invalid="ignore"):
            return input.astype(numpy_dtype(self.out_data_type))

    ports: ClassVar = {"input": Plain(), "output": Plain()}

    def tells_apart(self, node: Node) -> tuple[str, ...]:
        """Whole numbers are ids and places: a step more or less is another one."""
        given = node.inputs[0]
        is_counted = given is not None and given.dtype.kind == "f" and node.output.dtype.kind in "iu"
        return ("input",) if is_counted else ()

    def version(self, node: Node) -> int:
        """uint32 2, int8 3, uint16 4, float16 and float64 5, from int4 6, bfloat16 7, int2 8 (`op_version.cc`)."""
        value = node.inputs[0]
        assert value is not None
        names = {value.dtype.name, node.output.dtype.name}
        for version, dtypes in _VERSIONS.items():
            if names & dtypes:
                return version
        return 1


_VERSIONS = {
    8: {"int2", "uint4"},
    7: {"bfloat16"},
    6: {"int4"},
    5: {"float16", "float64"},
    4: {"uint16"},
    3: {"int8"},
    2: {"uint32"},
}


def cast(build: Builder, value: Value, dtype: np.dtype[Any]) -> Value:
    """`value` as `dtype`; itself when it has that dtype already."""
    if value.dtype == dtype:
        return value
    return build(Cast(tensor_type(value.dtype), tensor_type(dtype)), value)


def numpy_dtype(kind: TensorType) -> np.dtype[Any]:
    """The dtype of the arrays that hold such a tensor."""
    if kind is TensorType.STRING:
        return np.dtype(object)
    name = kind.name.lower()
    return np.dtype(getattr(ml_dtypes, name, name))


def tensor_type(dtype: np.dtype[Any]) -> TensorType:
    """How the schema calls a dtype.

    Raises:
        NotLoweredError: LiteRT has no tensors of this dtype.
    """
    name = "STRING" if dtype.kind == "O" else dtype.name.upper()
    if name not in TensorType.__members__:
        raise NotLoweredError(f"LiteRT has no tensors of {dtype.name}")
    return TensorType[name]
