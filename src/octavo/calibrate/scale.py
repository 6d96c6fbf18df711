"""Whether samples have the scale that a model was trained on, told by its first layer.

Training leaves a layer's bias about as large as the spread of what the layer adds it to: over trained models of images,
sounds and text the ratio (median over channels) lies between 0.02 and 12, and with a folded batch normalization between
0.1 and 12. Numbers 255 times too small bring it to 30 and more; numbers 255 times too large bring it below 0.05,
where a second sign is asked for, because a layer without normalization may have hardly any bias.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct, field

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.port import Bias, Weight
from octavo.ir.source import Array
from octavo.schema.enums import Activation
from octavo.statistics import median

DROWNED = 25.0
"""A bias this many times as large as the spread of what it is added to leaves nothing of the samples."""
UNIT = 1.5
"""Samples of no greater magnitude may have been scaled to 1."""
BYTES = 30.0
"""Samples of greater magnitude may be unscaled, such as the bytes of images."""
SMALL = 0.05
"""A bias this small beside the spread, where a normalization was folded in, speaks of samples that are too large."""
TINY = 0.02
"""So does this, where there was none, if most outputs are saturated as well."""
LITTLE = 0.15
CAPPED = 0.25
"""So does less than LITTLE, if this share of the layer's results lies at the upper end of its activation."""
CERTAIN = 1e-17
"""A second greatest probability of less than this means logits 40 apart, which training does not reach."""
WORK = 1 << 26
"""Multiplications that a look may take."""


class Entrance(Struct):
    """An input of the model, the first layer with weights that reads it, and what was seen there."""

    input: str
    node: Node
    reads: Value
    _low: float = np.inf
    _high: float = -np.inf
    _read: list[Array] = field(default_factory=list)
    _certain: list[bool] = field(default_factory=list)

    def look(self, given: Array, read: Array, outputs: Sequence[Array]) -> None:
        """Take in one sample: the input, what the layer read, and what the model gave."""
        self._low, self._high = min(self._low, float(given.min())), max(self._high, float(given.max()))
        if not self._read or sum(array.size for array in [*self._read, read]) * self._per_number() < WORK:
            self._read.append(read.copy())
        self._certain += [_is_certain(array) for array in outputs if _is_distribution(array)]

    def findings(self) -> Iterator[str]:
        """What speaks for another scale."""
        if not self._read:
            return
        magnitude = max(-self._low, self._high)
        ratio, capped = self._bias_over_spread()
        seen = f"input {self.input!r} goes from {self._low:.4g} to {self._high:.4g} in the calibration samples"
        if ratio > DROWNED and magnitude <= UNIT:
            yield (
                f"{seen}, so little that the bias of the first layer drowns it: the model was probably trained on "
                "larger numbers (0 to 255?), or scales them itself; prepare the samples as in training"
            )
        certain = bool(self._certain) and sum(self._certain) > len(self._certain) / 2
        signs = [ratio < SMALL and self._is_normalized(), ratio < TINY and certain, ratio < LITTLE and capped > CAPPED]
        if magnitude > BYTES and any(signs):
            yield (
                f"{seen}, far more than the first layer was trained on, to all appearances: prepare the samples as in "
                "training (x/255 or x/127.5 − 1, for images)"
            )

    def _per_number(self) -> int:
        """How often each number that is read is multiplied, at most."""
        weight = next(value for value in _held(self.node, Weight) if value.const is not None)
        assert weight.const is not None
        return max(
            1, weight.const.size // max(1, int(self.reads.shape[-1]) if isinstance(self.reads.shape[-1], int) else 1)
        )

    def _bias_over_spread(self) -> tuple[float, float]:
        """The median over channels of |bias| / spread, and the share of results at the end of the activation."""
        (bias,) = _held(self.node, Bias)
        assert bias.const is not None
        each = [_linear(self.node, read, bias) for read in self._read]  # samples may differ in length
        made = np.concatenate([one.reshape(-1, one.shape[-1]) for one in each]).astype(np.float64)
        spread = made.std(axis=0)
        ratio = np.abs(bias.const.reshape(-1)) / np.maximum(spread, 1e-30)
        cap = 6.0 if getattr(self.node.op, "fused_activation_function", None) == Activation.RELU6 else np.inf
        return float(median(ratio)), float((made + bias.const.reshape(-1) >= cap).mean())

    def _is_normalized(self) -> bool:
        """Whether a scale per channel was multiplied into the weights, as batch normalizations are."""
        return any(part.startswith("rule:scale_after") for part in self.node.origin)


def entrances(graph: Graph, names: Sequence[str]) -> list[Entrance]:
    """The inputs of real numbers, by the user's names, whose first layer has weights and one bias that is not zero."""
    found = []
    for name, value in zip(names, graph.inputs, strict=True):
        if value.dtype == np.float32 and (way := _first_layer(value)) is not None:
            found.append(Entrance(name, *way))
    return found


def _first_layer(value: Value) -> tuple[Node, Value] | None:
    """The first layer with weights that reads the value, moved perhaps but not computed with."""
    for node in value.users:
        bias = _held(node, Bias)
        if any(each.const is not None for each in _held(node, Weight)) and len(bias) == 1 and value is node.inputs[0]:
            const = bias[0].const
            return (node, value) if const is not None and const.any() and const.ndim == 1 else None
        if node.op.moves and (way := _first_layer(node.outputs[0])) is not None:
            return way
    return None


def _held(node: Node, kind: type) -> list[Value]:
    """The operands at ports of this kind."""
    named = zip(node.op.operands(len(node.inputs)), node.inputs, strict=True)
    return [value for name, value in named if value is not None and isinstance(node.op.port(name), kind)]


def _linear(node: Node, read: Array, bias: Value) -> Array:
    """What the layer computes without its bias and activation."""
    op = node.op
    if hasattr(op, "fused_activation_function"):
        op = dataclasses.replace(op, fused_activation_function=Activation.NONE)  # type: ignore[call-arg]
    operands = [np.zeros_like(v.const) if v is bias else None if v is None else v.const for v in node.inputs[1:]]
    return np.asarray(op.evaluate(read, *operands))


def _is_distribution(array: Array) -> bool:
    """Whether the last dimension holds probabilities of alternatives."""
    if array.dtype.kind != "f" or array.ndim < 2 or array.shape[-1] < 2 or not array.size:
        return False
    return bool(array.min() >= 0 and np.allclose(array.sum(axis=-1), 1, atol=1e-3))


def _is_certain(array: Array) -> bool:
    return bool(median(np.partition(array, -2, axis=-1)[..., -2]) < CERTAIN)
