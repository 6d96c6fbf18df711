"""Every so many elements of a tensor, by where to begin, where to end and how far to step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
from msgspec import Struct, field
from msgspec.structs import replace

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, Symbolic, UndecidedError, span
from octavo.ir.graph import Node, Value
from octavo.ir.op import NotLoweredError, Op, lowers, operation
from octavo.ir.port import INT8_AND_INT16, Observed, Plain, SameAs
from octavo.ir.source import Array
from octavo.ir.type import Type
from octavo.ops._elementwise import greater, lesser
from octavo.ops.cast import cast
from octavo.ops.concatenation import Concatenation
from octavo.ops.reshape import reshape
from octavo.ops.shape import opened
from octavo.ops.slice import Slice


@operation
class StridedSlice(Op):
    """Bit k of a mask speaks of dimension k: begin or end there is to be ignored, or only one index is taken.

    Octavo writes neither `ellipsis_mask` nor `new_axis_mask`: few kernels and delegates know them.
    """

    begin_mask: int = 0
    end_mask: int = 0
    ellipsis_mask: int = 0
    new_axis_mask: int = 0
    shrink_axis_mask: int = 0
    offset: bool = False

    code: ClassVar = "STRIDED_SLICE"
    moves: ClassVar = True
    symbolic: ClassVar = True

    @lowers("tf.StridedSlice")
    @staticmethod
    def from_tf(source: Source, build: Builder) -> Value:
        """Ellipsis and new axes are written out; a slice of everything is no slice."""
        value = source.inputs[0]
        spans = list(spans_of(source))
        if len([span for span in spans if not span.new]) > value.rank:
            raise NotLoweredError(f"it slices more dimensions than {value.type} has")
        old = [span.settled(dim) for span, dim in zip((s for s in spans if not s.new), value.shape, strict=True)]
        if value.rank > 5 and not all(span.full for span in old):
            raise NotLoweredError("LiteRT slices five dimensions at most")
        result = value if all(span.full for span in old) else _emit(source, build, old)
        if not any(span.new for span in spans):
            return result
        kept = iter(result.shape)
        return reshape(build, result, [1 if s.new else next(kept) for s in spans if s.new or not s.shrink])

    def infer(self, input: Value, begin: Value, end: Value, strides: Value) -> Type:
        """The lengths of the steps; shrunk dimensions are gone.

        Raises:
            ValueError: nothing is known of where the slice begins and ends.
        """
        if self.ellipsis_mask or self.new_axis_mask or self.offset:
            raise ValueError("ellipsis, new axes and offsets are not supported")
        shape = [self._length(axis, dim, begin, end, strides) for axis, dim in enumerate(input.shape)]
        return Type(input.dtype, tuple(dim for dim in shape if dim is not None))

    def evaluate(self, input: Array, begin: Array, end: Array, strides: Array) -> Array:
        """A view."""
        steps = strides.tolist()
        return input[tuple(self._index(axis, begin[axis], end[axis], steps[axis]) for axis in range(len(begin)))]

    ports: ClassVar = {
        "input": Observed(),
        "begin": Plain(),
        "end": Plain(),
        "strides": Plain(),
        "output": SameAs("input"),
    }
    kernels: ClassVar = INT8_AND_INT16

    def version(self, node: Node) -> int:
        """int8 2, bool 3, five dimensions 4, string 5, masks of new axes 6, uint32 7 (`op_version.cc` of LiteRT)."""
        value = node.inputs[0]
        assert value is not None
        if self.offset or value.dtype.name == "uint32":
            return 8 if self.offset else 7
        if self.ellipsis_mask or self.new_axis_mask:
            return 6
        if value.dtype == object:
            return 5
        return 4 if value.rank > 4 else {"int8": 2, "bool": 3}.get(value.dtype.name, 1)

    def _index(self, axis: int, begin: Any, end: Any, step: int) -> int | slice:
        bit = 1 << axis
        if self.shrink_axis_mask & bit:
            return int(begin)
        first = None if self.begin_mask & bit else int(begin)
        last = None if self.end_mask & bit else int(end)
        return slice(first, last, int(step))

    def _length(self, axis: int, dim: Dim, begin: Value, end: Value, strides: Value) -> Dim | None:
        """How long dimension `axis` becomes; None when it is gone."""
        if axis >= int(begin.shape[0]):
            return dim
        bit = 1 << axis
        if self.shrink_axis_mask & bit:
            return None
        first = None if self.begin_mask & bit else _number(begin, axis)
        last = None if self.end_mask & bit else _number(end, axis)
        step = _number(strides, axis)
        if not isinstance(step, int):
            raise ValueError("the strides must be known before the model runs")  # noqa: TRY004  # a misfit, not a type
        try:
            return span_length(dim, first, last, step)
        except UndecidedError:
            return span(dim, first, last, step)


def span_length(dim: Dim, first: Dim | None, last: Dim | None, step: int) -> Dim:
    """How many of `dim` indices a step of `step` meets from `first` to `last` (None: from or to the border).

    Raises:
        UndecidedError: it depends on the run in a way that no `Dim` can say.
    """
    low: Dim = 0 if step > 0 else -1
    high = dim + low
    start = (low if step > 0 else high) if first is None else _clip(_from_end(first, dim), low, high)
    stop = (high if step > 0 else low) if last is None else _clip(_from_end(last, dim), low, high)
    reach = stop - start if step > 0 else start - stop
    size = abs(step)
    return 0 if reach < 0 else (reach + size - 1) // size


class _Span(Struct, frozen=True):
    """What the source says of one dimension. `first` and `last` are None at the border, or when not known."""

    first: Dim | None = None
    last: Dim | None = None
    step: int = 1
    shrink: bool = False
    new: bool = False
    entry: int = -1
    """Its place in the source's vectors; −1 when they leave it out."""
    masks: tuple[bool, bool] = field(default=(True, True))
    """Whether begin and end are to be ignored."""

    @property
    def full(self) -> bool:
        """Whether it takes the whole dimension."""
        return not self.shrink and not self.new and self.step == 1 and self.masks == (True, True)

    def settled(self, dim: Dim) -> _Span:
        """The same span, with masks wherever it reaches the border of a dimension of length `dim` anyway."""
        first, last = _from_border(self.first, dim), _from_border(self.last, dim)
        if self.shrink or self.step != 1:
            return replace(self, first=first, last=last)
        begin = self.masks[0] or _same(self.first, 0) or _same(self.first, -dim)
        end = self.masks[1] or _reaches(self.last, dim)
        return replace(self, first=first, last=last, masks=(begin, end))


def spans_of(source: Source) -> Iterator[_Span]:
    """One span for each dimension of the input and each new one."""
    value, strides = source.inputs[0], source.inputs[3]
    begin, end = map(opened, source.inputs[1:3])
    masks = {name: source.attr(f"{name}_mask", int) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
    steps = source.const(3, "strides")
    entries = range(int(strides.shape[0]))
    sliced = [k for k in entries if not (masks["ellipsis"] | masks["new_axis"]) >> k & 1]
    missing = value.rank - len(sliced)
    for k in entries:
        if masks["ellipsis"] >> k & 1:
            yield from [_Span()] * missing
            missing = 0
        elif masks["new_axis"] >> k & 1:
            yield _Span(new=True)
        else:
            yield _Span(
                first=_known(begin, k),
                last=_known(end, k),
                step=int(steps[k]),
                shrink=bool(masks["shrink_axis"] >> k & 1),
                entry=k,
                masks=(bool(masks["begin"] >> k & 1), bool(masks["end"] >> k & 1)),
            )
    yield from [_Span()] * missing


def _emit(source: Source, build: Builder, spans: Sequence[_Span]) -> Value:
    """The slice by `spans`, one for each dimension, with constants where everything is known."""
    value, begin, end, _ = source.inputs
    op = StridedSlice(
        begin_mask=_bits(span.masks[0] and not span.shrink for span in spans),
        end_mask=_bits(span.masks[1] and not span.shrink for span in spans),
        shrink_axis_mask=_bits(span.shrink for span in spans),
    )
    steps = np.array([span.step for span in spans], np.int32)
    firsts = [0 if span.masks[0] and not span.shrink else span.first for span in spans]
    lasts = [_last(span) for span in spans]
    entries = [span.entry for span in spans]
    return build(op, value, _vector(build, begin, firsts, entries), _vector(build, end, lasts, entries), steps)


def _vector(build: Builder, given: Value, numbers: Sequence[Dim | None], entries: Sequence[int]) -> Value | Array:
    """The numbers, a constant when all are ints; else those that are not are taken from `given`, at its `entries`."""
    if all(isinstance(number, int) for number in numbers):
        return np.array(numbers, np.int32)
    given = cast(build, given, np.dtype(np.int32))  # begin, end and strides must have one dtype
    if list(entries) == list(range(int(given.shape[0]))):
        return given
    pieces = [
        build.const(np.array([number], np.int32)) if isinstance(number, int) else _element(build, given, entry)
        for number, entry in zip(numbers, entries, strict=True)
    ]
    return build(Concatenation(axis=0), *pieces)


def _element(build: Builder, vector: Value, index: int) -> Value:
    return build(Slice(), vector, np.array([index], np.int32), np.array([1], np.int32))


def _last(span: _Span) -> Dim | None:
    """The end to write: where nobody reads it, one after the beginning or 0."""
    if span.shrink:
        return span.first + 1 if isinstance(span.first, int) and span.first != -1 else 0
    return 0 if span.masks[1] else span.last


def _bits(flags: Any) -> int:
    return sum(1 << place for place, flag in enumerate(flags) if flag)


def _known(vector: Value, index: int) -> Dim | None:
    if vector.known is None:
        return None
    number = vector.known[index]
    return number if isinstance(number, Symbolic) else int(number)


def _number(vector: Value, index: int) -> Dim:
    number = _known(vector, index)
    if number is None:
        raise ValueError("where the slice begins and ends must be known before the model runs")
    return number


def _from_border(index: Dim | None, dim: Dim) -> Dim | None:
    """An index that is so many less than the length is that negative number, whatever the length."""
    if index is None or isinstance(index, int):
        return index
    distance = index - dim
    return distance if isinstance(distance, int) and distance < 0 else index


def _from_end(index: Dim, dim: Dim) -> Dim:
    return index + dim if index < 0 else index


def _clip(index: Dim, low: Dim, high: Dim) -> Dim:
    clipped: Dim = lesser(high, greater(low, index))
    return clipped


def _same(one: Dim | None, other: Dim) -> bool:
    return one is not None and one == other


def _reaches(last: Dim | None, dim: Dim) -> bool:
    try:
        return last is not None and bool(last >= dim)
    except UndecidedError:
        return False
