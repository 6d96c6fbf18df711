"""Samples whose shapes and attributes hypothesis draws: what the files in `samples` say them with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from sample import Sample

Draw = st.DrawFn
Strategy = st.SearchStrategy[Sample]
SIZES = st.integers(1, 6)


@dataclass(frozen=True, slots=True)
class Shape:
    """The lengths of a tensor's dimensions; the first one may be left open in the graph."""

    dims: tuple[int, ...]
    is_open: bool = False

    @property
    def lengths(self) -> dict[str, int]:
        """The number for the symbol, if there is one."""
        return {"batch": self.dims[0]} if self.is_open else {}

    def __str__(self) -> str:
        return ",".join(["batch" if self.is_open else str(self.dims[0]), *map(str, self.dims[1:])] if self.dims else [])


def drawn(function: Callable[[Draw], Sample]) -> Strategy:
    """The samples that a function makes of what it draws."""
    return st.composite(function)()


def shape(draw: Draw, *, least: int = 1, most: int = 4, size: st.SearchStrategy[int] = SIZES) -> Shape:
    """So many dimensions."""
    dims = tuple(draw(st.lists(size, min_size=least, max_size=most)))
    return Shape(dims, is_open=bool(dims) and draw(st.booleans()))


def axis(draw: Draw, rank: int) -> int:
    """A dimension, counted from either end."""
    return draw(st.integers(-rank, rank - 1))


def options(draw: Draw, **choices: Sequence[Any]) -> str:
    """Attributes, each one of its choices, as a node prints them."""
    return "{" + ", ".join(f"{name}={draw(st.sampled_from(values))}" for name, values in choices.items()) + "}"


def unary(
    code: str, *, kinds: Sequence[str] = ("float32",), least: int = 0, most: int = 5, choices: Mapping[str, Sequence[Any]] | None = None, **said: Any
) -> Strategy:  # fmt: skip
    """`code` of a tensor of any shape; what else is said of the samples."""

    @drawn
    def one(draw: Draw) -> Sample:
        given, kind = shape(draw, least=least, most=most), draw(st.sampled_from(kinds))
        chosen = options(draw, **(choices or {}))
        text = f"""
main(%x: {kind}[{given}]) {{
  %y = {code}(%x) {chosen}
  return %y
}}"""
        return Sample(text.replace(" {}", ""), lengths=given.lengths, **said)

    return one


def binary(
    code: str, *, kinds: Sequence[str] = ("float32",), most: int = 4, choices: Mapping[str, Sequence[Any]] | None = None, **said: Any
) -> Strategy:  # fmt: skip
    """`code` of two tensors whose shapes stretch to one."""

    @drawn
    def two(draw: Draw) -> Sample:
        one, other = stretching(draw, most)
        kind, chosen = draw(st.sampled_from(kinds)), options(draw, **(choices or {}))
        text = f"""
main(%a: {kind}[{one}], %b: {kind}[{other}]) {{
  %y = {code}(%a, %b) {chosen}
  return %y
}}"""
        return Sample(text.replace(" {}", ""), lengths=one.lengths, **said)

    return two


def stretching(draw: Draw, most: int = 4) -> tuple[Shape, Shape]:
    """Two shapes that broadcast: dimensions of 1, or none in front, in either of them."""
    whole = draw(st.lists(SIZES, min_size=0, max_size=most))
    shapes = []
    for _ in range(2):
        kept = whole[draw(st.integers(0, len(whole))) :]
        shapes.append(Shape(tuple(1 if draw(st.integers(0, 3)) == 0 else size for size in kept)))
    same = shapes[0].dims == shapes[1].dims != ()
    return (Shape(shapes[0].dims, True), Shape(shapes[1].dims, True)) if same and draw(st.booleans()) else tuple(shapes)


def windowed(draw: Draw, *, dilated: bool = True) -> tuple[tuple[int, int], tuple[int, int], dict[str, Any]]:
    """The size of an image, that of a window that fits into it, and strides, dilations and padding as options."""
    window = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if dilated else (1, 1)
    image = tuple(draw(st.integers((w - 1) * d + 1, 9)) for w, d in zip(window, dilation, strict=True))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if dilation == (1, 1) else (1, 1)
    said = {"padding": draw(st.sampled_from(["SAME", "VALID"])), "stride_h": stride[0], "stride_w": stride[1]}
    if dilated:
        said |= {"dilation_h_factor": dilation[0], "dilation_w_factor": dilation[1]}
    return (image[0], image[1]), window, said


def printed(said: Mapping[str, Any]) -> str:
    """Attributes as a node prints them."""
    return "{" + ", ".join(f"{name}={value}" for name, value in said.items()) + "}"
