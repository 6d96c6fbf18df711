"""The sum of many tensors; Octavo itself writes a chain of ADD, which has integer kernels."""

from __future__ import annotations

from typing import Any, ClassVar

from octavo.ir.op import operation
from octavo.ir.port import Observed
from octavo.ir.source import Array
from octavo.ops._elementwise import FLOAT_INT32, Elementwise


@operation
class AddN(Elementwise):
    """The sum of any number of tensors of one shape."""

    code: ClassVar = "ADD_N"
    dtypes: ClassVar = FLOAT_INT32
    ports: ClassVar = {"inputs*": Observed(), "output": Observed()}

    @staticmethod
    def compute(*inputs: Array) -> Any:
        """The sum, from the first to the last."""
        return sum(inputs[1:], inputs[0])
