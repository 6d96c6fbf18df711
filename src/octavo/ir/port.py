"""What quantization may do at each operand and result of an operation: a closed vocabulary.

Ports are data on the op. Their names are those of the LiteRT operator, in operand order; names that begin
with `output` are results. A trailing `?` marks an optional operand, a trailing `*` any number of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct, field


class Observed(Struct, frozen=True):
    """Has a range of its own, learnt from data.

    `scales` holds, by dtype, the least and the greatest scale on which the LiteRT kernel computes correctly.
    """

    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Bound(NamedTuple):
    """Of what size a weight pays: where `outputs` / its outputs + `inputs` / the numbers that each is made of < 1.

    A window is multiplied place by place, eight channels at once: it needs at least so many `channels`.
    """

    outputs: float
    inputs: float
    channels: int = 1

    def holds(self, shape: tuple[int, ...], axis: int) -> bool:
        """Whether a weight of this shape, whose outputs are along `axis`, pays."""
        outputs, channels = shape[axis], shape[-1]
        inputs = math.prod(shape) // outputs
        is_wide = inputs <= channels or channels >= self.channels
        return is_wide and self.outputs / outputs + self.inputs / inputs < 1


class Pays(Struct, frozen=True):
    """When a kernel that reads int8 weights beside float activations is faster than float.

    Quantizing what goes in, and widening what comes out, must be less than what the products save. On CPUs with dot
    products of int8 these save time however often a weight is used: one bound, `dots`, holds for all. On others it
    depends on how many rows of the input a weight meets: with few of them fetching the weight takes longer than
    multiplying it; with many, nothing is gained but from weights that their caches do not hold. `rows` lists, rising,
    up to how many rows which bound holds; with more than the last it never pays.
    """

    dots: Bound
    rows: tuple[tuple[float, Bound], ...]

    def bound(self, rows: int | None, *, has_dot_products: bool) -> Bound | None:
        """What bounds weights that meet so many rows, or any number of them; None where they never pay."""
        met = math.inf if rows is None else rows
        return self.dots if has_dot_products else next((bound for most, bound in self.rows if met <= most), None)


class Weight(Struct, frozen=True):
    """A constant, symmetric around zero; per channel along `axis`, or per tensor when `axis` is None.

    `dtypes` lists, for each dtype of the activations, the weight dtypes that the LiteRT kernel computes correctly.
    `fast` lists those with which the op, its activations float, runs no slower than in float (measured by
    `benchmarks/weights.py`); the others still save space when the weight is stored as integers and dequantized once
    at load. `pays` says of which sizes that holds in int8 (measured by `benchmarks/hybrid.py`; None: of all). `blocks`
    lists, by weight dtype, how many numbers in a row may share a scale where activations are float.
    `picks` is set where the kernel widens only the rows that it looks up, exactly; it needs rows of whole bytes. That
    takes longer than copying rows that were widened at load, so it is done for tables of so many numbers, whose copy in
    float32 would be a burden.
    """

    axis: int | None = 0
    dtypes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fast: tuple[str, ...] = ()
    pays: Pays | None = None
    blocks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    picks: int = 0

    def is_worth(self, shape: tuple[int, ...], rows: int | None, *, has_dot_products: bool = False) -> bool:
        """Whether a kernel that reads an int8 weight of this shape beside float activations is faster than float.

        Rows are how often the weight is used: places of an image, words of a text; None when nobody knows.
        """
        if self.pays is None:
            return True
        bound = self.pays.bound(rows, has_dot_products=has_dot_products)
        return bound is not None and bound.holds(shape, self.axis or 0)

    def holds(self, dtype: str, shape: tuple[int, ...]) -> bool:
        """Whether the kernel can read a weight of this dtype and shape."""
        bits = {"int4": 4, "int2": 2}.get(dtype, 8)
        return not self.is_picked(shape) or math.prod(shape[1:]) * bits % 8 == 0

    def is_picked(self, shape: tuple[int, ...]) -> bool:
        """Whether the kernel reads a table of this shape as it is stored, row by row."""
        return 0 < self.picks <= math.prod(shape)


class Bias(Struct, frozen=True):
    """int32 or int64 with scale = the product of the scales of the ports in `of`, zero point 0."""

    of: tuple[str, ...]


class SameAs(Struct, frozen=True):
    """Shares one scale and zero point with the port called `port`."""

    port: str


class Grid(NamedTuple):
    """The scale and zero point of a tensor."""

    scale: float
    zero_point: int


class Kept(NamedTuple):
    """How an integer kernel keeps a state from run to run."""

    dtype: str
    scale: float
    zero_point: int


class Fit(NamedTuple):
    """How a range of numbers, `low` to `high` as seen in data, lies on a grid."""

    dtype: str
    scale: float
    zero_point: int
    low: float
    high: float

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the greatest number on the grid."""
        lowest, highest = (-128, 127) if self.dtype == "int8" else (-32768, 32767)
        return self.scale * (lowest - self.zero_point), self.scale * (highest - self.zero_point)


class Fixed(Struct, frozen=True):
    """The kernel dictates the scale and zero point; None where it has no kernel for that dtype."""

    int8: Grid | None = None
    int16: Grid | None = None


class Plain(Struct, frozen=True):
    """Indices, shapes, booleans, axes: never quantized."""


class Handed(Struct, frozen=True):
    """Goes into or comes out of a graph that the operation runs, as a tensor of that graph does (see `Op.ties`)."""


Port = Observed | Weight | Bias | SameAs | Fixed | Plain | Handed


class Kernels(Struct, frozen=True):
    """Which integer activations the LiteRT kernel computes correctly: empty when it does, else why it does not.

    `slow_int16` says why int16 activations, though computed correctly, take many times as long as float ones, so that
    even with conversions around it the operation is faster in float, which it computes in on CPUs; `loops_int16` of
    those that are left in int16 unless a rule says otherwise. `slow_int8` says so of int8; where a rule makes
    other operations of it, which XNNPACK takes, it does on CPUs. `costs_int8` tells what int8 costs where that is less.
    """

    int8: str = "LiteRT has no integer kernel for it"
    int16: str = "LiteRT has no integer kernel for it"
    slow_int16: str = ""
    loops_int16: str = ""
    slow_int8: str = ""
    costs_int8: str = ""

    def objection(self, dtype: str) -> str:
        """Why activations of `dtype` ("int8" or "int16") cannot be used; empty when they can."""
        return self.int8 if dtype == "int8" else self.int16


PAYS = Pays(
    dots=Bound(9, 55, channels=8),
    rows=((8, Bound(9, 55, 32)), (40, Bound(40, 150, 32)), (100, Bound(80, 250, 32)), (math.inf, Bound(50, 600, 48))),
)
"""For CONV_2D and FULLY_CONNECTED. Measurements are in `docs/hybrid.md`: with AVX2 alone, many rows take
as long in int8 as in float; with AVX-512 VNNI their products are an eighth of the work."""
LEFT = "XNNPACK does not take it in int8, and LiteRT's own kernel takes many times as long as float"
"""Measured by `benchmarks/integer_kernels.py`."""
LOOPS = "LiteRT's int16 kernel is a loop that takes 15 to 80 times as long as float"
"""Measured likewise."""
INT8_AND_INT16 = Kernels(int8="", int16="")
INT8_ONLY = Kernels(int8="", int16="the LiteRT kernel rejects int16")
