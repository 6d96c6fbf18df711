"""Sums of products, by Einstein's notation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import Dim, product
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import MOST_DIMENSIONS, BatchMatMul
from octavo.ops.binary import Mul
from octavo.ops.fully_connected import fully_connected
from octavo.ops.gather import Gather
from octavo.ops.reduce import Sum
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.transpose import transpose

_ELLIPSIS = "0123456789"
"""Labels of the dimensions that an ellipsis stands for, the last one first: no letters, so that none is taken."""


@dataclass(frozen=True, slots=True)
class Term:
    """A tensor with a label for each dimension."""

    value: Value
    labels: str

    def length(self, label: str) -> Dim:
        """The length of the dimension called `label`."""
        return self.value.shape[self.labels.index(label)]

    def lengths(self, labels: str) -> list[Dim]:
        """The length of each of these dimensions."""
        return [self.length(label) for label in labels]


@lowers("tf.Einsum", "tf.XlaEinsum")
def einsum(source: Source, build: Builder) -> Value:
    """FULLY_CONNECTED, BATCH_MATMUL or MUL of two operands (TensorFlow takes no more), moved and joined as need be.

    A label that an operand repeats is its diagonal; one that the result repeats fills a diagonal among zeros.

    Raises:
        NotLoweredError: the operands are not float32, or the length of a diagonal is unknown.
    """
    require_float32(*source.inputs)
    terms, wanted = _parse(source.attr("equation", str), source.inputs)
    terms = [_diagonal(build, term) for term in _unstretched(build, terms)]
    once = "".join(dict.fromkeys(wanted))
    total = terms[0] if len(terms) == 1 else _multiply(build, terms[0], terms[1], once)
    return _spread(build, _arranged(build, _summed(build, total, once), once), wanted)


def _parse(equation: str, values: Sequence[Value]) -> tuple[list[Term], str]:
    """The operands with their labels, and the labels of the result."""
    left, arrow, wanted = equation.replace(" ", "").partition("->")
    names = left.split(",")
    spans = [value.rank - len(name.replace("...", "")) for name, value in zip(names, values, strict=True)]
    terms = [Term(value, _spelt(name, span)) for name, span, value in zip(names, spans, values, strict=True)]
    widest = max((span for name, span in zip(names, spans, strict=True) if "..." in name), default=0)
    count = Counter("".join(names).replace("...", ""))
    if not arrow:
        wanted = ("..." if widest else "") + "".join(sorted(label for label in count if count[label] == 1))
    return terms, _spelt(wanted, widest)


def _spelt(labels: str, span: int) -> str:
    """The labels, with `span` labels for an ellipsis; aligned at the right, as shapes stretch."""
    return labels.replace("...", _ELLIPSIS[:span][::-1])


def _unstretched(build: Builder, terms: Sequence[Term]) -> list[Term]:
    """The operands without those dimensions of an ellipsis that have length 1 where another operand's are longer."""
    longer = {label for term in terms for label in term.labels if label in _ELLIPSIS and term.length(label) != 1}
    result = []
    for term in terms:
        kept = "".join(label for label in term.labels if label not in longer or term.length(label) != 1)
        result.append(Term(reshape(build, term.value, term.lengths(kept)), kept) if kept != term.labels else term)
    return result


def _diagonal(build: Builder, term: Term) -> Term:
    """The operand with each label once: of two dimensions with one label, every (n + 1)th element of both joined."""
    while repeated := [label for label, count in Counter(term.labels).items() if count > 1]:
        first = term.labels.index(repeated[0])
        second = term.labels.index(repeated[0], first + 1)
        rest = [axis for axis in range(len(term.labels)) if axis not in (first, second)]
        length, shape = _known(term.value.shape[first], term.value.shape[second]), term.value.shape
        joined = transpose(build, term.value, [first, second, *rest])
        joined = reshape(build, joined, [length * length, *(shape[axis] for axis in rest)])
        picked = build(Gather(), joined, np.arange(0, length * length, length + 1, dtype=np.int32))
        term = Term(picked, repeated[0] + "".join(term.labels[axis] for axis in rest))
    return term


def _spread(build: Builder, term: Term, wanted: str) -> Value:
    """The result with labels that are wanted again: a new dimension, zero away from the diagonal."""
    value, labels = term.value, ""
    for axis, label in enumerate(wanted):
        if label not in labels:
            labels += label
            continue
        length = _known(term.length(label))
        value = reshape(build, value, [*value.shape[:axis], 1, *value.shape[axis:]])
        mask = np.eye(length, dtype=bool).reshape(length, *[1] * (axis - labels.index(label) - 1), length)
        mask = mask.reshape(*mask.shape, *[1] * (value.rank - axis - 1))
        value = build(SelectV2(), mask, value, np.float32(0))
        labels += label
    return value


def _known(*dims: Dim) -> int:
    if not isinstance(dims[0], int) or len(set(dims)) > 1:
        raise NotLoweredError(f"the lengths of a diagonal, {', '.join(map(str, dims))}, must be known and equal")
    return dims[0]


def _multiply(build: Builder, x: Term, y: Term, kept: str) -> Term:
    """The product of two operands, with the labels `kept` and in that order where it costs nothing."""
    x = _summed(build, x, kept + y.labels)
    y = _summed(build, y, kept + x.labels)
    if not any(label in y.labels and label not in kept for label in x.labels):
        return _outer(build, x, y, kept)
    forms = [_Product.of(x, y, kept), _Product.of(y, x, kept)]
    return min(forms, key=lambda form: form.cost(kept)).emit(build)


@dataclass(frozen=True, slots=True)
class _Product:
    """`x` [batch, rows, sums] times `y` [batch, sums, columns]: which label is what."""

    x: Term
    y: Term
    batch: str
    rows: str
    columns: str
    sums: str

    @classmethod
    def of(cls, x: Term, y: Term, kept: str) -> _Product:
        both = [label for label in x.labels if label in y.labels]
        return cls(
            x,
            y,
            batch="".join(label for label in both if label in kept),
            rows="".join(label for label in kept if label in x.labels and label not in y.labels),
            columns="".join(label for label in kept if label in y.labels and label not in x.labels),
            sums="".join(label for label in both if label not in kept),
        )

    @property
    def labels(self) -> str:
        """The labels of the product, in its own order."""
        return self.batch + self.rows + self.columns

    def cost(self, kept: str) -> tuple[int, int]:
        """How many tensors have to be transposed, constants apart; a constant on the right is best."""
        terms = [
            (self.x, (self.batch + self.rows + self.sums, self.batch + self.sums + self.rows)),
            (self.y, (self.batch + self.sums + self.columns, self.batch + self.columns + self.sums)),
        ]
        moved = sum(term.value.const is None and term.labels not in orders for term, orders in terms)
        return (moved + (self.labels != kept), 0 if self.y.value.const is not None else 1)

    def emit(self, build: Builder) -> Term:
        if self.y.value.const is not None and not self.batch:
            return self._dense(build)
        batch = self.x.lengths(self.batch)
        fewest = batch if len(batch) + 2 <= MOST_DIMENSIONS else [product(batch)]
        rows, columns = self.x.lengths(self.rows), self.y.lengths(self.columns)
        adj_x = bool(self.rows) and self.x.labels == self.batch + self.sums + self.rows
        adj_y = self.y.labels == self.batch + self.columns + self.sums
        x = _matrix(build, self.x, (self.batch, *((self.sums, self.rows) if adj_x else (self.rows, self.sums))), fewest)
        y = _matrix(
            build, self.y, (self.batch, *((self.columns, self.sums) if adj_y else (self.sums, self.columns))), fewest
        )
        result = build(BatchMatMul(adj_x=adj_x, adj_y=adj_y), x, y)
        return Term(reshape(build, result, [*batch, *rows, *columns], *self._told), self.labels)

    def _dense(self, build: Builder) -> Term:
        """A constant without batch is a matrix of weights."""
        size = product(self.x.lengths(self.sums))
        rows = _arranged(build, self.x, self.rows + self.sums).value
        rows = reshape(build, rows, [*rows.shape[: len(self.rows)], size] if self.rows else [1, size])
        columns = self.y.lengths(self.columns)
        weights = reshape(build, _arranged(build, self.y, self.columns + self.sums).value, [product(columns), size])
        result = fully_connected(build, rows, weights)
        dims = [*self.x.lengths(self.rows), *columns]
        return Term(reshape(build, result, dims, *self._told), self.rows + self.columns)

    @property
    def _told(self) -> tuple[Value, Value]:
        """What tells lengths that are lost where dimensions are joined."""
        return self.x.value, self.y.value


def _matrix(build: Builder, term: Term, groups: tuple[str, str, str], batch: list[Dim]) -> Value:
    """The operand as [batch…, rows, columns], each group of labels joined into one dimension."""
    value = _arranged(build, term, "".join(groups)).value
    return reshape(build, value, [*batch, *(product(term.lengths(group)) for group in groups[1:])])


def _outer(build: Builder, x: Term, y: Term, kept: str) -> Term:
    """Nothing is summed: both stretch to all labels, and are multiplied."""
    stretched = []
    for term in (x, y):
        moved = _arranged(build, term, "".join(label for label in kept if label in term.labels))
        dims = [term.length(label) if label in term.labels else 1 for label in kept]
        stretched.append(reshape(build, moved.value, dims))
    return Term(build(Mul(), *stretched), kept)


def _summed(build: Builder, term: Term, needed: str) -> Term:
    """The operand, summed over the labels that nothing else needs."""
    axes = [axis for axis, label in enumerate(term.labels) if label not in needed]
    if not axes:
        return term
    value = build(Sum(), term.value, np.array(axes, np.int32))
    return Term(value, "".join(label for label in term.labels if label in needed))


def _arranged(build: Builder, term: Term, labels: str) -> Term:
    """The operand with its dimensions in the order of `labels`."""
    return Term(transpose(build, term.value, [term.labels.index(label) for label in labels]), labels)
