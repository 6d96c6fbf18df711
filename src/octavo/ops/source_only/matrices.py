"""Diagonals, determinants and inverses of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations, product

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops._elementwise import like
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.concatenation import concatenate
from octavo.ops.gather import Gather
from octavo.ops.matrix_diag import MatrixDiag, MatrixSetDiag, require_diagonal
from octavo.ops.pad import PadV2
from octavo.ops.reshape import reshape
from octavo.ops.select import SelectV2
from octavo.ops.slice import Slice
from octavo.ops.transpose import transpose
from octavo.ops.unary import Sqrt

MOST_INVERTED, MOST_DECOMPOSED = 4, 8
"""Matrices of up to so many rows are written out; more would take too many operations."""


@lowers("tf.MatrixDiag", "tf.Diag", "tf.BatchMatrixDiag")
def matrix_diag(source: Source, build: Builder) -> Value:
    """The first version knows the main diagonal only; `Diag` of a vector is the same."""
    (diagonal,) = source.inputs
    if source.node.op == "Diag" and diagonal.rank != 1:
        raise NotLoweredError("the diagonal of a tensor of more than two dimensions")
    require_diagonal(diagonal)
    return build(MatrixDiag(), diagonal)


@lowers("tf.MatrixDiagV2", "tf.MatrixDiagV3")
def matrix_diag_v3(source: Source, build: Builder) -> Value:
    """Any diagonals, in a matrix of any size, above a number for the rest: places picked of a padded row."""
    diagonal, filling = source.inputs[0], source.inputs[4]
    low, high = _bounds(source, 1)
    wanted = [int(source.const(at, "size").item()) for at in (2, 3)]
    plain = filling.const is not None and filling.const.item() == 0
    if low == high == 0 and plain and all(size in (-1, diagonal.shape[-1]) for size in wanted):
        require_diagonal(diagonal)
        return build(MatrixDiag(), diagonal)
    longest = _length(diagonal.shape[-1])
    height, width = _size(wanted, longest, (low, high))
    places = _places(height, width, (low, high), longest, _alignment(source))
    return _picked(build, diagonal, places, filling, banded=low != high, size=(height, width))


@lowers("tf.MatrixDiagPart", "tf.DiagPart", "tf.BatchMatrixDiagPart")
def matrix_diag_part(source: Source, build: Builder) -> Value:
    """The main diagonal."""
    matrix = source.inputs[0]
    if source.node.op == "DiagPart" and matrix.rank != 2:
        raise NotLoweredError("the diagonal of a tensor of more than two dimensions")
    height, width = map(_length, matrix.shape[-2:])
    return _elements(build, matrix, np.arange(min(height, width)) * (width + 1))


@lowers("tf.MatrixDiagPartV2", "tf.MatrixDiagPartV3")
def matrix_diag_part_v3(source: Source, build: Builder) -> Value:
    """Any diagonals, from the highest on, each in a row as long as the longest."""
    matrix, _, filling = source.inputs
    low, high = _bounds(source, 1)
    height, width = map(_length, matrix.shape[-2:])
    longest = min(height + min(high, 0), width - max(low, 0))
    places = _places(height, width, (low, high), longest, _alignment(source))
    flat = np.full((high - low + 1) * longest, height * width)
    inside = places < flat.size
    flat[places[inside]] = np.arange(height * width).reshape(height, width)[inside]
    padded = _with_filling(build, matrix, filling, height * width)
    picked = build(Gather(axis=padded.rank - 1), padded, flat.astype(np.int32))
    shape = [*matrix.shape[:-2], *([high - low + 1] if high > low else []), longest]
    return reshape(build, picked, shape)


@lowers("tf.MatrixSetDiag", "tf.MatrixSetDiagV2", "tf.MatrixSetDiagV3", "tf.BatchMatrixSetDiag")
def matrix_set_diag(source: Source, build: Builder) -> Value:
    """The main diagonal by MATRIX_SET_DIAG; others are laid out as a matrix, and chosen where they are."""
    matrix, diagonal = source.inputs[:2]
    require_diagonal(matrix)
    low, high = _bounds(source, 2) if len(source.inputs) > 2 else (0, 0)
    if low == high == 0:
        return build(MatrixSetDiag(), matrix, diagonal)
    height, width = map(_length, matrix.shape[-2:])
    longest = _length(diagonal.shape[-1])
    places = _places(height, width, (low, high), longest, _alignment(source))
    spread = _picked(build, diagonal, places, build.const(like(matrix, 0)), banded=low != high, size=(height, width))
    return build(SelectV2(), places < (high - low + 1) * longest, spread, matrix)


@lowers("tf.MatrixInverse", "tf.BatchMatrixInverse")
def inverse(source: Source, build: Builder) -> Value:
    """By Cramer's rule, which needs no exchange of rows: what is left without a row and a column, over the whole."""
    (matrix,) = source.inputs
    matrix = adjoint(source, build, matrix)
    size = _small(matrix, MOST_INVERTED)
    if size == 1:
        return build(Div(), np.float32(1), matrix)
    lesser, names = _minors(build, matrix, size - 1)
    whole = range(size)
    left = [
        names.index((tuple(r for r in whole if r != row), tuple(c for c in whole if c != column)))
        for column in whole
        for row in whole
    ]
    signs = np.array([(-1.0) ** (row + column) for column in whole for row in whole], np.float32)
    adjugate = build(Mul(), build(Gather(axis=lesser.rank - 1), lesser, np.array(left, np.int32)), signs)
    determinant, _ = _minors(build, matrix, size)
    return reshape(build, build(Div(), adjugate, determinant), matrix.shape)


@lowers("tf.MatrixDeterminant", "tf.BatchMatrixDeterminant")
def determinant(source: Source, build: Builder) -> Value:
    """By expansion along the rows."""
    (matrix,) = source.inputs
    value, _ = _minors(build, matrix, _small(matrix, MOST_INVERTED))
    return reshape(build, value, list(matrix.shape[:-2]))


@lowers("tf.Cholesky", "tf.BatchCholesky")
def cholesky(source: Source, build: Builder) -> Value:
    """Column by column; each by a root and a division."""
    (matrix,) = source.inputs
    size = _small(matrix, MOST_DECOMPOSED)
    rest, columns = matrix, []
    for step in range(size):
        pivot = build(Sqrt(), block(build, rest, (step, 1), (step, 1)))
        column = build(Div(), block(build, rest, (0, size), (step, 1)), pivot)
        below = build(Mul(), column, (np.arange(size) >= step).astype(np.float32)[:, None])
        columns.append(below)
        rest = build(Sub(), rest, matmul(build, below, below, adj_y=True))
    return concatenate(build, columns, matrix.rank - 1)


def adjoint(source: Source, build: Builder, matrix: Value) -> Value:
    """The matrices, turned where the source asks for their adjoints."""
    turned = source.attr("adjoint", bool)
    return transpose(build, matrix, [*range(matrix.rank - 2), -1, -2]) if turned else matrix


Chosen = tuple[tuple[int, ...], tuple[int, ...]]
"""Some rows and as many columns of a matrix."""


def _minors(build: Builder, matrix: Value, order: int) -> tuple[Value, list[Chosen]]:
    """[…, minors]: the determinants of all parts of `order` rows and columns, and which part each is.

    Each is a sum over its columns: the element of its first row times the determinant of what is left.
    """
    size = int(matrix.shape[-1])
    elements = reshape(build, matrix, [*matrix.shape[:-2], size * size])
    lesser = elements
    names: list[Chosen] = [((row,), (column,)) for row in range(size) for column in range(size)]
    for count in range(2, order + 1):
        some = list(combinations(range(size), count))
        chosen: list[Chosen] = list(product(some, some))
        terms = [_expanded(build, (elements, lesser), names, chosen, at) for at in range(count)]
        lesser, names = reduce(lambda a, b: build(Add(), a, b), terms), chosen
    return lesser, names


def _expanded(
    build: Builder, parts: tuple[Value, Value], names: Sequence[Chosen], chosen: Sequence[Chosen], at: int
) -> Value:
    """The terms of the `at`-th column of each of `chosen`; `parts` are the elements and the lesser determinants."""
    elements, lesser = parts
    size = 1 + max(rows[-1] for rows, _ in names)
    first = [rows[0] * size + columns[at] for rows, columns in chosen]
    left = [names.index((rows[1:], columns[:at] + columns[at + 1 :])) for rows, columns in chosen]
    pick = Gather(axis=lesser.rank - 1)
    term = build(Mul(), build(pick, elements, np.array(first, np.int32)), build(pick, lesser, np.array(left, np.int32)))
    return build(Mul(), term, np.float32(-1)) if at % 2 else term


def block(build: Builder, matrix: Value, rows: tuple[int, int], columns: tuple[int, int]) -> Value:
    """A block of each matrix: (first, count) of its rows and columns."""
    lead = matrix.rank - 2
    begin = np.array([*[0] * lead, rows[0], columns[0]], np.int32)
    return build(Slice(), matrix, begin, np.array([*[-1] * lead, rows[1], columns[1]], np.int32))


def _small(matrix: Value, most: int) -> int:
    require_float32(matrix)
    rows, columns = matrix.shape[-2:]
    if not isinstance(rows, int) or rows != columns or rows > most:
        raise NotLoweredError(f"LiteRT has no operation for it, and [{rows}, {columns}] is too large to write it out")
    return rows


def _length(dim: object) -> int:
    if not isinstance(dim, int):
        raise NotLoweredError("the size of the matrices must be known before the model runs")
    return dim


def _bounds(source: Source, index: int) -> tuple[int, int]:
    numbers = source.const(index, "choice of diagonals").ravel()
    return int(numbers[0]), int(numbers[-1])


def _alignment(source: Source) -> str:
    """At which side the diagonals above and below the main one stand in their rows; version two has the left."""
    return str(source.node.attrs.get("align", "LEFT_LEFT"))


def _size(wanted: Sequence[int], longest: int, bounds: tuple[int, int]) -> tuple[int, int]:
    """The rows and columns: as small as the diagonals allow where −1 leaves them open."""
    height, width = wanted
    least = (longest - min(bounds[1], 0), longest + max(bounds[0], 0))
    if height == width == -1:
        return max(least), max(least)
    return (least[0] if height == -1 else height), (least[1] if width == -1 else width)


def _places(height: int, width: int, bounds: tuple[int, int], longest: int, align: str) -> Array:
    """[rows, columns]: where each element stands in the diagonals, row after row, or one past the last."""
    low, high = bounds
    row, column = np.mgrid[:height, :width]
    which = column - row
    lengths = np.minimum(height + np.minimum(which, 0), width - np.maximum(which, 0))
    right = np.where(which >= 0, align.startswith("RIGHT"), align.endswith("RIGHT"))
    along = np.minimum(row, column) + np.where(right, longest - lengths, 0)
    inside = (low <= which) & (which <= high)
    return np.where(inside, (high - which) * longest + along, (high - low + 1) * longest)


def _picked(
    build: Builder, diagonal: Value, places: Array, filling: Value, *, banded: bool, size: tuple[int, int]
) -> Value:
    """The matrices whose elements stand at `places` in the diagonals."""
    lead = diagonal.shape[: -2 if banded else -1]
    count = int(np.prod([_length(dim) for dim in diagonal.shape[len(lead) :]]))
    padded = _with_filling(build, reshape(build, diagonal, [*lead, count]), filling, count, joined=True)
    picked = build(Gather(axis=padded.rank - 1), padded, places.ravel().astype(np.int32))
    return reshape(build, picked, [*lead, *size])


def _with_filling(build: Builder, value: Value, filling: Value, count: int, *, joined: bool = False) -> Value:
    """The last dimensions as one row of `count` elements, with `filling` behind it."""
    row = value if joined else reshape(build, value, [*value.shape[:-2], count])
    around = np.array([*[[0, 0]] * (row.rank - 1), [0, 1]], np.int32)
    return build(PadV2(), row, around, filling)


def _elements(build: Builder, matrix: Value, places: Array) -> Value:
    height, width = map(_length, matrix.shape[-2:])
    row = reshape(build, matrix, [*matrix.shape[:-2], height * width])
    return build(Gather(axis=row.rank - 1), row, places.astype(np.int32))
