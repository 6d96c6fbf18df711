"""A simple cell at every step of a sequence, whose state outlives the run."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Kernels, Observed, Plain, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate
from octavo.ops.transpose import transpose
from octavo.schema.enums import Activation


@operation
class UnidirectionalSequenceRnn(Op):
    """`input` is [batch, steps, in], or [steps, batch, in] if `time_major`; `weights` are [units, in].

    The state is at first zero and then what the run before has left, until it is reset. Its batch is fixed.
    """

    time_major: bool = False
    fused_activation_function: Activation = Activation.NONE
    asymmetric_quantize_inputs: bool = False

    code: ClassVar = "UNIDIRECTIONAL_SEQUENCE_RNN"

    @lowers("tf.UnidirectionalSequenceRnn")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Of a sequence, a kernel [in, units], one for the state and a bias; the attribute `activation` names one.

        TensorFlow has no such operation: the reader of Keras files has, for layers that remember.
        """
        x, kernel, recurrent, bias = source.inputs
        batch = x.shape[0]
        if not isinstance(batch, int):
            raise NotLoweredError("a layer that remembers needs a batch of known size")
        state = build.graph.state(f"{build.origin[0]}/state", Type(np.dtype(np.float32), (batch, *bias.shape)))
        op = UnidirectionalSequenceRnn(fused_activation_function=Activation[source.attr("activation", str)])
        weights = (transpose(build, value, [1, 0]) for value in (kernel, recurrent))
        return build(op, x, *weights, bias, state)

    def infer(self, input: Value, weights: Value, recurrent: Value, bias: Value, state: Value) -> Type:
        """The input's shape, with rows of the state's length.

        Raises:
            ValueError: the operands do not fit together.
        """
        units = bias.shape[0]
        fits = input.rank == 3 and weights.shape == (units, input.shape[-1]) and recurrent.shape == (units, units)
        if not fits or state.shape[-1] != units:
            raise ValueError(f"{weights.type}, {recurrent.type} and {state.type} do not fit {input.type}")
        return Type(input.dtype, (*input.shape[:2], units))

    def evaluate(self, input: Array, weights: Array, recurrent: Array, bias: Array, state: Array) -> Array:
        """The outputs of a run that finds this state."""
        steps = input if self.time_major else input.swapaxes(0, 1)
        outputs = np.empty((*steps.shape[:2], bias.size), input.dtype)
        for at, row in enumerate(steps):
            state = activate(row @ weights.T + state @ recurrent.T + bias, self.fused_activation_function)
            outputs[at] = state
        return outputs if self.time_major else outputs.swapaxes(0, 1)

    ports: ClassVar = {
        "input": Observed(),
        **dict.fromkeys(("weights", "recurrent"), Weight(axis=None, dtypes={"float32": ("int8",)}, fast=("int8",))),
        **dict.fromkeys(("bias", "state"), Plain()),
        "output": Observed(),
    }
    kernels: ClassVar = Kernels()

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: int8 weights need 2, or 3 with asymmetric inputs."""
        weights = node.inputs[1]
        assert weights is not None
        return 1 if weights.dtype.name != "int8" else 3 if self.asymmetric_quantize_inputs else 2
