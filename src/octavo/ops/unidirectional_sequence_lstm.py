"""A cell with a long memory at every step of a sequence, whose states outlive the run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import Bias, Bound, Grid, Kept, Kernels, Observed, Pays, Plain, Weight
from octavo.ir.source import Array
from octavo.ir.type import Quantization, Type
from octavo.ops._activation import activate
from octavo.ops.split import Split
from octavo.ops.transpose import transpose
from octavo.schema.enums import Activation

_INSIDE = "its int8 kernel needs the ranges of tensors inside of it, which no runtime tells, where it has {}"
_CELL = 2.0**-10
"""The step in which the int8 kernel keeps the cell in int16, a power of two: up to ±32, where its tanh is long ±1."""
_WEIGHT = Weight(
    axis=None,
    dtypes={"float32": ("int8",), "int8": ("int8",)},
    fast=("int8",),
    pays=Pays(dots=Bound(16, 16), rows=((math.inf, Bound(16, 16)),)),
)
"""Beside float activations the kernel takes one scale for a weight, and weights all of one dtype. In int8, 32 units of
24 numbers take 1.02 times as long as in float, 128 of 64 0.73 times (AVX2)."""
_GATES = Split(num_splits=4)
_INPUT, _RECURRENT, _PEEPHOLE, _BIAS, _PROJECTION, _STATES, _NORM = 1, 5, 9, 12, 16, 18, 20
"""Where each group of operands begins: four gates each (input, forget, cell, output), or as the kernel has them."""


@operation
class UnidirectionalSequenceLstm(Op):
    """`input` is [batch, steps, in], or [steps, batch, in] if `time_major`; weights are [units, in] or [units, out].

    The two states are at first zero and then what the run before has left, until they are reset. Their batch is fixed.
    Source of the operands' order: `lstm_shared.h` of LiteRT.
    """

    fused_activation_function: Activation = Activation.NONE
    cell_clip: float = 0.0
    proj_clip: float = 0.0
    time_major: bool = False
    asymmetric_quantize_inputs: bool = False
    diagonal_recurrent_tensors: bool = False

    code: ClassVar = "UNIDIRECTIONAL_SEQUENCE_LSTM"

    @lowers("tf.UnidirectionalSequenceLstm")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Of a sequence, a kernel [in, 4 · units], one for the state and a bias, gates in the order of the operands.

        TensorFlow has no such operation: the reader of Keras files has, for layers that remember.
        """
        x, kernel, recurrent, bias = source.inputs
        batch, units = x.shape[0], recurrent.shape[0]
        if not isinstance(batch, int):
            raise NotLoweredError("a layer that remembers needs a batch of known size")
        rows = (transpose(build, whole, [1, 0]) for whole in (kernel, recurrent))
        weights = [part for whole in rows for part in build.many(_GATES, np.int32(0), whole)]
        states = [
            build.graph.state(f"{build.origin[0]}/{name}", Type(np.dtype(np.float32), (batch, units)))
            for name in ("output_state", "cell_state")
        ]
        op = UnidirectionalSequenceLstm(Activation.TANH)
        return build(
            op, x, *weights, *[None] * 3, *build.many(_GATES, np.int32(0), bias), None, None, *states, *[None] * 4
        )

    def infer(self, input: Value, *others: Value | None) -> Type:
        """The input's shape, with the length of the output state's rows.

        Raises:
            ValueError: operands are missing, or the weights do not take the input's rows.
        """
        if input.rank != 3 or len(others) not in (19, 23):
            raise ValueError(f"{1 + len(others)} operands, of which the first is {input.type}")
        forget, recurrent, projection = others[1], others[5], others[15]
        if forget is None or recurrent is None or forget.shape[-1] != input.shape[-1]:
            raise ValueError(f"the weights {forget} do not take rows of {input.type}")
        row = recurrent.shape[-1] if projection is None else projection.shape[0]
        return Type(input.dtype, (*input.shape[:2], row))

    def evaluate(self, *operands: Array | None) -> Array:
        """The outputs of a run that finds these states."""
        x, output, cell = operands[0], operands[_STATES], operands[_STATES + 1]
        assert x is not None
        assert output is not None
        assert cell is not None
        steps = x if self.time_major else x.swapaxes(0, 1)
        outputs = np.empty((*steps.shape[:2], output.shape[-1]), x.dtype)
        for at, row in enumerate(steps):
            output, cell = self._step(operands, row, output, cell)
            outputs[at] = output
        return outputs if self.time_major else outputs.swapaxes(0, 1)

    def _step(self, operands: tuple[Array | None, ...], row: Array, output: Array, cell: Array) -> tuple[Array, Array]:
        enter, forget, new = (self._gate(operands, at, row, output, cell) for at in range(3))
        assert forget is not None
        assert new is not None
        forget = _sigmoid(forget)
        enter = 1 - forget if enter is None else _sigmoid(enter)
        cell = _clipped(forget * cell + enter * activate(new, self.fused_activation_function), self.cell_clip)
        leave = self._gate(operands, 3, row, output, cell)
        assert leave is not None
        output = _sigmoid(leave) * activate(cell, self.fused_activation_function)
        weights, bias = operands[_PROJECTION : _PROJECTION + 2]
        if weights is not None:
            output = output @ weights.T
            output = _clipped(output if bias is None else output + bias, self.proj_clip)
        return output, cell

    def _gate(
        self, operands: tuple[Array | None, ...], at: int, row: Array, output: Array, cell: Array
    ) -> Array | None:
        """The sum of a gate before its activation; None for an input gate that is what the forget gate leaves."""
        weights, recurrent, bias = (operands[group + at] for group in (_INPUT, _RECURRENT, _BIAS))
        if weights is None or recurrent is None:
            return None
        total = row @ weights.T + (output * recurrent if self.diagonal_recurrent_tensors else output @ recurrent.T)
        peephole = None if at == 2 else operands[_PEEPHOLE + (2 if at == 3 else at)]  # the cell gate
        total = total if peephole is None else total + cell * peephole
        norm = operands[_NORM + at] if len(operands) > _NORM else None
        if norm is not None:
            spread = np.sqrt(total.var(-1, keepdims=True) + 1e-8)
            total = (total - total.mean(-1, keepdims=True)) / spread * norm
        result: Array = total if bias is None else total + bias
        return result

    ports: ClassVar = {
        "input": Observed(),
        **{
            f"{what}_{gate}?": _WEIGHT
            for what in ("input_to", "recurrent_to")
            for gate in ("input", "forget", "cell", "output")
        },
        **{f"cell_to_{gate}?": _WEIGHT for gate in ("input", "forget", "output")},
        **{f"bias_{gate}?": Bias(of=("input", f"input_to_{gate}")) for gate in ("input", "forget", "cell", "output")},
        "projection?": _WEIGHT,
        **{name: Plain() for name in ("projection_bias?", "hidden_state", "cell_state")},
        **{f"norm_{gate}?": Plain() for gate in ("input", "forget", "cell", "output")},
        "output": Observed(),
    }
    kernels: ClassVar = Kernels(
        int8="", int16="LiteRT has it in int8 only", slow_int8="LiteRT's int8 kernel takes nine times as long as float"
    )
    intermediates: ClassVar[tuple[Value, ...]] = ()
    """In int8: tensors whose grids tell the kernel those of what it makes on the way."""

    def lacks(self, node: Node, dtype: str) -> str:
        """What no test has shown to be right, or needs more than outputs tell."""
        present = [value is not None for value in node.inputs]
        groups = {"peepholes": (_PEEPHOLE, _BIAS), "a projection": (_PROJECTION, _STATES), "normalization": (_NORM, 24)}
        found = next((what for what, (first, last) in groups.items() if any(present[first:last])), "")
        if dtype == "int8" and not found and self.fused_activation_function is not Activation.TANH:
            found = f"{self.fused_activation_function.name} in place of TANH"
        return _INSIDE.format(found) if found else ""

    def keeps(self, result: Grid) -> Mapping[str, Kept]:
        """The output state is the output; the cell is int16."""
        return {"hidden_state": Kept("int8", *result), "cell_state": Kept("int16", _CELL, 0)}

    def in_int8(self, node: Node, result: Grid) -> Op:
        """With five tensors that the kernel looks at; the grid of the last is that of its output."""
        op = replace(self)
        name, nothing = node.outputs[0].name, Quantization.per_tensor(2.0**-12, 0)
        gates = [Value(f"{name}/gate_{at}", Type(np.dtype(np.int16), ()), quant=nothing) for at in range(4)]
        hidden = Value(f"{name}/hidden", Type(np.dtype(np.int8), ()), quant=Quantization.per_tensor(*result))
        object.__setattr__(op, "intermediates", (*gates, hidden))
        return op

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT: int8 weights need 2, or 3 with asymmetric inputs, diagonal weights 4."""
        input, weights = node.inputs[0], node.inputs[2]
        assert input is not None
        assert weights is not None
        if input.dtype.name == "int16":
            return 5
        if self.diagonal_recurrent_tensors:
            return 4
        hybrid = input.dtype.name == "float32" and weights.dtype.name == "int8"
        return (3 if self.asymmetric_quantize_inputs else 2) if hybrid else 1


def _sigmoid(x: Array) -> Array:
    result: Array = (1 + np.tanh(x / 2)) / 2  # the same, and never too large on the way
    return result


def _clipped(x: Array, limit: float) -> Array:
    return np.clip(x, -limit, limit) if limit > 0 else x
