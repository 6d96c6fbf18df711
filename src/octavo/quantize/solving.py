"""A layer's weights anew, so that on the inputs that it really gets its outputs are what they are in float.

What layers before have added to the inputs is made up for as far as the weights can: Hubara et al., Accurate Post
Training Quantization With Small Calibration Sets (2021), section 3.4 (each layer on the quantized inputs of those
before); the shift of the means is measured on both, too (Nagel et al., Data-Free Quantization, 2019, section 4.2.1).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from msgspec import structs

from octavo.ir.graph import Node
from octavo.ir.grid import LIMITS, quantize, spread
from octavo.ir.source import Array
from octavo.ir.type import Quantization
from octavo.plan import Grid
from octavo.quantize.precision import weight_of
from octavo.quantize.rounding import covariances, searched
from octavo.statistics import Products

SOLVED = "solved on quantized inputs"


@dataclass(frozen=True, slots=True)
class Pairs:
    """How the inputs of a layer in float and those that it gets vary together, from the same samples.

    `found` is of those that it gets. `crossed` is float64[groups, taken, taken], the sum of the outer products of a row
    in float with the same row as it is found; `sums` float64[groups, taken] those of the rows in float.
    """

    found: Products
    crossed: Array
    sums: Array

    @classmethod
    def of(cls, exact: Array, found: Array) -> Pairs:
        """Of two float32[groups, rows, taken]."""
        crossed = (exact.transpose(0, 2, 1) @ found).astype(np.float64)
        return cls(Products.of(found), crossed, exact.sum(axis=1, dtype=np.float64))

    def merge(self, other: Pairs) -> Pairs:
        """Both together. Associative and commutative, up to rounding."""
        found = self.found.merge(other.found)
        return Pairs(found, self.crossed + other.crossed, self.sums + other.sums)

    @property
    def means(self) -> tuple[Array, Array]:
        """The mean row in float, and as it is found: [groups, taken]."""
        return self.sums / self.found.rows, self.found.sums / self.found.rows

    def wanted(self, weight: Array) -> Array:
        """Weights [groups, outputs, taken] that on the rows found come nearest to what the given ones make in float."""
        exact, found = self.means
        covariance, damping = (part.astype(np.float64) for part in covariances(self.found))
        together = self.crossed / self.found.rows - exact[:, :, None] * found[:, None, :]
        places = np.arange(damping.shape[1])
        for part in (covariance, together):
            part[:, places, places] += damping
        moved = np.linalg.solve(covariance.transpose(0, 2, 1), together.transpose(0, 2, 1)).transpose(0, 2, 1)
        return np.asarray(weight @ moved)


def solved(node: Node, row: Grid, pairs: Pairs) -> tuple[Grid, Array]:
    """The weight's row of the plan, solved anew, and what is to be added to each output channel to keep its mean.

    `row` has a scale for each channel.
    """
    weight = weight_of(node)
    assert weight is not None
    const = weight[2].const
    assert const is not None
    assert row.axis is not None
    groups, length = len(pairs.sums), const.shape[row.axis]
    scale = np.broadcast_to(spread(np.array(row.scale, np.float32), row.axis, const.ndim), const.shape)
    numbers = spread(np.arange(length), row.axis, const.ndim)
    grouped, scales = (node.op.by_group(array, groups) for array in (const.astype(np.float64), scale))
    channels, places = (
        node.op.by_group(array, groups)
        for array in (np.broadcast_to(numbers, const.shape), np.arange(const.size).reshape(const.shape))
    )
    steps = np.ascontiguousarray((pairs.wanted(grouped) / scales[:, :, :1]).astype(np.float32))
    integers, factors = searched(steps, pairs.found, LIMITS[row.dtype][1])
    steps_of = scales[:, :, :1] * factors
    exact, found = pairs.means
    shift = np.einsum("got,gt->go", grouped, exact) - np.einsum("got,gt->go", integers * steps_of, found)
    fitted, correction = np.empty(length, np.float32), np.empty(length)
    fitted[channels[:, :, 0]], correction[channels[:, :, 0]] = steps_of[:, :, 0], shift
    flat = np.empty(const.size, np.int8)
    flat[places] = integers
    quant = Quantization(fitted, np.zeros(length, np.int64), row.axis)
    nearest = quantize(const, quant, row.dtype, narrow=True).astype(np.int8)
    moved = zlib.compress((flat.reshape(const.shape) - nearest).astype(np.int8).tobytes(), level=1)
    why = f"{row.why.partition(';')[0]}; {SOLVED}: outputs change least"
    return structs.replace(row, scale=tuple(fitted.tolist()), moved=moved, why=why), correction
