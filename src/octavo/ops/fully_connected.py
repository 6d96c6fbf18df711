"""A matrix of weights times each row of the input."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from octavo.ir.build import Builder
from octavo.ir.channels import Weighed
from octavo.ir.dim import product
from octavo.ir.graph import Node, Value
from octavo.ir.op import Op, operation
from octavo.ir.pace import Pace, dense, elements
from octavo.ir.port import INT8_AND_INT16, PAYS, Bias, Observed, Weight
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._activation import activate, is_even
from octavo.schema.enums import Activation, TensorType, WeightsFormat

_LOW_BITS = ("int8", "int4", "int2")
BLOCKS = {"int4": (32, 64, 128, 256)}
"""The optimized kernel and XNNPACK read blocks of int4 rightly, of int8 and int2 silently wrongly or not at all."""


@operation
class FullyConnected(Op):
    """`input` is […, in], `weights` [out, in], `bias` [out]; `keep_num_dims` keeps the leading dimensions apart."""

    fused_activation_function: Activation = Activation.NONE
    weights_format: WeightsFormat = WeightsFormat.DEFAULT
    keep_num_dims: bool = False
    asymmetric_quantize_inputs: bool = False
    quantized_bias_type: TensorType = TensorType.FLOAT32
    quant_spec: tuple[int, ...] = ()

    code: ClassVar = "FULLY_CONNECTED"

    def infer(self, input: Value, weights: Value, bias: Value | None = None) -> Type:
        """[rows, out], or […, out] when `keep_num_dims` is set.

        Raises:
            ValueError: the input has no rows of the weights' length, or the bias does not fit.
        """
        out, taken = weights.shape
        if bias is not None and product(bias.shape) != out:
            raise ValueError(f"bias {bias.type} does not fit weights {weights.type}")
        if not self.keep_num_dims:
            size = product(input.shape)
            if isinstance(size, int) and isinstance(taken, int) and size % taken:
                raise ValueError(f"input {input.type} cannot be cut into rows of {taken}")
            return Type(input.dtype, (size // taken, out))
        if isinstance(input.shape[-1], int) and input.shape[-1] != taken:
            raise ValueError(f"input {input.type} has no rows of length {taken}")
        return Type(input.dtype, (*input.shape[:-1], out))

    def evaluate(self, input: Array, weights: Array, bias: Array | None = None) -> Array:
        """Rows times the transposed weights."""
        out, taken = weights.shape
        result = input.reshape(-1, taken) @ weights.T
        if self.keep_num_dims:
            result = result.reshape(*input.shape[:-1], out)
        return activate(result if bias is None else result + bias, self.fused_activation_function)

    ports: ClassVar = {
        "input": Observed(),
        "weights": Weight(
            axis=0,
            dtypes={"float32": _LOW_BITS, "int8": _LOW_BITS, "int16": _LOW_BITS},
            fast=_LOW_BITS,
            pays=PAYS,
            blocks=BLOCKS,
        ),
        "bias?": Bias(of=("input", "weights")),
        "output": Observed(),
    }
    kernels: ClassVar = INT8_AND_INT16

    def duration(self, node: Node) -> Pace:
        """A product with the weights for every row."""
        weights = node.inputs[1]
        assert weights is not None
        made, size, taken = elements(node.output.shape), elements(weights.shape), elements(weights.shape[1:])
        return dense(made * taken, made, size, channels=taken, is_window=False)

    def mean_response(self, mean: Array, weight: Array) -> Array:
        """The weights times the mean."""
        return weight.astype(np.float64) @ mean

    def channels(self, node: Node) -> Weighed:  # noqa: ARG002  # whatever surrounds it
        """Rows of weights take the input's channels, as often as they fit."""
        return Weighed(0, 1, 2, takes=1, gives=0, even=is_even(self.fused_activation_function))

    def unfold(self, input: Array, weight: Array, most: int) -> Array:
        """The rows."""
        rows = input.reshape(-1, weight.shape[1])
        return np.ascontiguousarray(rows[:: -(-len(rows) // most)])[None]

    def by_group(self, weight: Array, groups: int) -> Array:
        """There is one group."""
        return weight.reshape(groups, *weight.shape)

    def version(self, node: Node) -> int:
        """From `op_version.cc` of LiteRT; a missing bias needs 6, `keep_num_dims` 5, the rest depends on dtypes."""
        input, weights = (v for v in node.inputs[:2] if v is not None)
        form = 6 if len(node.inputs) == 2 or node.inputs[2] is None else 5 if self.keep_num_dims else 1
        return max(form, self._version_of(input, weights))

    def _version_of(self, input: Value, weights: Value) -> int:
        if weights.dtype.name == "int2":
            return 14
        match input.dtype.name, weights.dtype.name:
            case "float32", "int8" if weights.quant is not None and weights.quant.axis is not None:
                return 12
            case "float32", "int8":
                return 9 if self.asymmetric_quantize_inputs else 3
            case "int16", "int4":
                return 13
            case "int16", "int8" if self.quantized_bias_type:
                return 11
            case "int16", _:
                return 7
            case "int8", "int4":
                return 10
            case "int8", "int8":
                return 4
        return 2 if self.weights_format else 1


def fully_connected(build: Builder, input: Value, weights: Value) -> Value:
    """`input` […, in] times the transpose of `weights` [out, in], with a bias of zeros for later additions to join."""
    op = FullyConnected(keep_num_dims=input.rank != 2)
    return build(op, input, weights, np.zeros(weights.shape[0], np.float32))
