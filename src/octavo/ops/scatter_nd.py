"""Numbers put to places in a tensor of zeros, or of a default."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Kernels, Observed, Plain
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops.cast import cast
from octavo.ops.shape import known_dims, opened

SCATTERED = ("float32", "int8", "uint8", "int32", "int64", "bool")
"""What `scatter_nd.cc` of LiteRT can add up."""
_DENSE = ("float32", "int8", "uint8", "int32", "int64")
_ZERO = "its kernel writes zeros as they are stored, whatever the zero point"


@operation
class ScatterNd(Op):
    """Zeros of `shape`, and each slice of `updates` added at its place, a row of `indices`."""

    code: ClassVar = "SCATTER_ND"

    @lowers("tf.ScatterNd")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """The kernel takes int32 only."""
        return scatter(build, *source.inputs)

    def infer(self, indices: Value, updates: Value, shape: Value) -> Type:
        """`shape`.

        Raises:
            ValueError: it is unknown, or the slices do not fit into it.
        """
        dims = tuple(known_dims(shape, "the shape to scatter into"))
        depth = indices.shape[-1]
        if not isinstance(depth, int) or depth > len(dims) or updates.rank != indices.rank - 1 + len(dims) - depth:
            raise ValueError(f"{updates.type} at {indices.type} does not fit into {list(dims)}")
        return Type(updates.dtype, dims)

    def evaluate(self, indices: Array, updates: Array, shape: Array) -> Array:
        """Slices that meet at one place add up."""
        result = np.zeros([int(dim) for dim in shape], updates.dtype)
        np.add.at(result, tuple(np.moveaxis(indices, -1, 0)), updates)
        return result

    ports: ClassVar = {"indices": Plain(), "updates": Observed(), "shape": Plain(), "output": Observed()}
    kernels: ClassVar = Kernels(int8=_ZERO, int16=_ZERO)


@operation
class SparseToDense(Op):
    """`value` at the places that the rows of `indices` name, `default_value` everywhere else."""

    validate_indices: bool = False

    code: ClassVar = "SPARSE_TO_DENSE"

    @lowers("tf.SparseToDense")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Indices in order are not checked: the kernel would refuse others."""
        indices, shape, values, default = source.inputs
        if values.dtype.name not in _DENSE:
            raise NotLoweredError(f"LiteRT has no SPARSE_TO_DENSE of {values.dtype.name}")
        if int(shape.shape[0]) > 4:
            raise NotLoweredError("LiteRT has no SPARSE_TO_DENSE of more than four dimensions")
        return build(SparseToDense(), indices, opened(cast(build, shape, indices.dtype)), values, default)

    def infer(self, indices: Value, output_shape: Value, value: Value, default_value: Value) -> Type:  # noqa: ARG002  # operands
        """`output_shape`.

        Raises:
            ValueError: it is unknown, or the dtypes of the values differ.
        """
        if value.dtype != default_value.dtype:
            raise ValueError(f"{value.type} and {default_value.type} cannot stand in one tensor")
        return Type(value.dtype, tuple(known_dims(output_shape, "the shape of the result")))

    def evaluate(self, indices: Array, output_shape: Array, value: Array, default_value: Array) -> Array:
        """A scalar of places is one place, a vector of them one for each number."""
        result = np.full([int(dim) for dim in output_shape], default_value)
        places = indices.reshape(-1, len(output_shape)) if indices.ndim < 2 else indices
        result[tuple(places.T)] = value
        return result

    ports: ClassVar = {
        "indices": Plain(),
        "output_shape": Plain(),
        "value": Observed(),
        "default_value": Observed(),
        "output": Observed(),
    }
    kernels: ClassVar = Kernels()


def scatter(build: Builder, indices: Value, updates: Value, shape: Value) -> Value:
    """The slices of `updates` added at their places in a tensor of zeros.

    Raises:
        NotLoweredError: LiteRT does not add numbers of this dtype.
    """
    if updates.dtype.name not in SCATTERED:
        raise NotLoweredError(f"LiteRT has no SCATTER_ND of {updates.dtype.name}")
    narrow = np.dtype(np.int32)
    return build(ScatterNd(), cast(build, indices, narrow), updates, opened(cast(build, shape, narrow)))
