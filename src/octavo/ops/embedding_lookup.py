"""Rows of a table."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, operation
from octavo.ir.port import Kernels, Observed, Plain, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type

_STORED = ("int8", "int4", "int2")
_LARGE = 2**20
"""A table of fewer numbers is 4 MB in float32 at most: it is widened at load."""


@operation
class EmbeddingLookup(Op):
    """The rows of `value` [rows, …] at `lookup` [count], a vector of int32.

    Only the rows looked up are dequantized, which saves memory, and takes 2.3 to 2.6 times as long as copying rows of
    floats (`benchmarks/weights.py`). Measured on LiteRT 2.3.0: the kernel reads a wrong row when a row of int4 or int2
    ends within a byte.
    """

    code: ClassVar = "EMBEDDING_LOOKUP"

    def infer(self, lookup: Value, value: Value) -> Type:
        """[count, …], in float32 however the table is stored.

        Raises:
            ValueError: the positions are no vector of int32.
        """
        if lookup.rank != 1 or lookup.dtype != np.int32:
            raise ValueError(f"positions must be a vector of int32, not {lookup.type}")
        return Type(value.dtype if value.quant is None else np.dtype(np.float32), (*lookup.shape, *value.shape[1:]))

    def evaluate(self, lookup: Array, value: Array) -> Array:
        """One look-up."""
        return value[lookup]

    table: ClassVar = Weight(axis=0, dtypes={"float32": _STORED}, fast=_STORED, picks=_LARGE)
    ports: ClassVar = {
        "lookup": Plain(),
        "value": table,
        "output": Observed(),
    }
    kernels: ClassVar = Kernels(
        int8="the LiteRT kernel gives floats, however the table is stored",
        int16="the LiteRT kernel gives floats, however the table is stored",
    )

    def version(self, node: Node) -> int:
        """A scale for each row, or int4, since 4; int2 since 5 (`op_version.cc` of LiteRT)."""
        table = node.inputs[1]
        assert table is not None
        if table.dtype.name == "int2":
            return 5
        by_row = table.quant is not None and table.quant.axis is not None
        return 4 if by_row or table.dtype.name == "int4" else 1
