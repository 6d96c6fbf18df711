"""A dense layer of low rank over a window of time, whose memory outlives the run."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, operation
from octavo.ir.port import Kernels, Observed, Plain, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate
from octavo.schema.enums import Activation

_WEIGHT = Weight(axis=None, dtypes={"float32": ("int8",)}, fast=("int8",))
_STATE = "its integer kernel keeps a memory in int16, of whose range nothing tells"


@operation
class Svdf(Op):
    """`input` is [batch, in], `feature` [filters, in], `time` [filters, steps]; `rank` filters make one unit.

    The state is [batch, filters · steps]: for each filter what it made of the last inputs, the newest at the end. It is
    at first zero and then what the run before has left, until it is reset. Source of the meaning: `svdf.h` of LiteRT.
    """

    rank: int = 0
    fused_activation_function: Activation = Activation.NONE
    asymmetric_quantize_inputs: bool = False

    code: ClassVar = "SVDF"

    def infer(self, input: Value, feature: Value, time: Value, bias: Value | None, state: Value) -> Type:
        """[batch, units].

        Raises:
            ValueError: the operands do not fit together.
        """
        filters, steps = feature.shape[0], time.shape[-1]
        fits = input.rank == 2 and feature.shape[-1] == input.shape[-1] and time.shape[0] == filters
        if not fits or state.shape[-1] != filters * steps or self.rank < 1 or filters % self.rank:
            raise ValueError(f"{feature.type}, {time.type} and {state.type} do not fit {input.type}")
        units = filters // self.rank
        if bias is not None and bias.shape != (units,):
            raise ValueError(f"the bias {bias.type} is not one number for each of {units} units")
        return Type(input.dtype, (input.shape[0], units))

    def evaluate(self, input: Array, feature: Array, time: Array, bias: Array | None, state: Array) -> Array:
        """The outputs of a run that finds this state."""
        filters, steps = time.shape
        memory = state.reshape(len(state), filters, steps)
        newest = (input @ feature.T)[:, :, None]
        memory = np.concatenate([memory[:, :, 1:], newest], axis=2)
        made = (memory * time).sum(axis=2).reshape(len(input), -1, self.rank).sum(axis=2)
        result: Array = activate(made if bias is None else made + bias, self.fused_activation_function)
        return result.astype(input.dtype)

    ports: ClassVar = {
        "input": Observed(),
        "feature": _WEIGHT,
        "time": _WEIGHT,
        "bias?": Plain(),
        "state": Plain(),
        "output": Observed(),
    }
    kernels: ClassVar = Kernels(int8=_STATE)

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: int8 weights need 2, or 4 with asymmetric inputs; int8 inputs 3."""
        input, feature = node.inputs[0], node.inputs[1]
        assert input is not None
        assert feature is not None
        if input.dtype == np.int8:
            return 3
        return 1 if feature.dtype != np.int8 else 4 if self.asymmetric_quantize_inputs else 2
