"""Systems of linear equations of a few unknowns, written out."""

from __future__ import annotations

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ops._real import require_float32
from octavo.ops.batch_matmul import matmul
from octavo.ops.binary import Add, Div, Mul, Sub
from octavo.ops.concatenation import concatenate
from octavo.ops.pad import pad
from octavo.ops.reshape import reshape
from octavo.ops.source_only.matrices import MOST_DECOMPOSED, adjoint, block, determinant, inverse
from octavo.ops.unary import Abs, Log, Sign


@lowers("tf.MatrixSolve", "tf.BatchMatrixSolve")
def solve(source: Source, build: Builder) -> Value:
    """The inverse, which Cramer's rule gives, times the right side."""
    matrix, right = source.inputs
    return matmul(build, inverse(Source(source.node, (matrix,)), build), right)


@lowers("tf.MatrixTriangularSolve", "tf.BatchMatrixTriangularSolve")
def solve_triangle(source: Source, build: Builder) -> Value:
    """Row by row: the right side less what is known already, over the diagonal."""
    matrix, right = source.inputs
    require_float32(matrix, right)
    lower = source.attr("lower", bool) != source.attr("adjoint", bool)
    matrix = adjoint(source, build, matrix)
    size = matrix.shape[-1]
    if not isinstance(size, int) or size > MOST_DECOMPOSED:
        raise NotLoweredError(f"LiteRT has no operation for it, and {size} unknowns are too many to write them out")
    rows: dict[int, Value] = {}
    for at in range(size) if lower else reversed(range(size)):
        rest = block(build, right, (at, 1), (0, -1))
        known = sorted(rows)
        if known:
            factors = block(build, matrix, (at, 1), (known[0], len(known)))
            rest = build(
                Sub(), rest, matmul(build, factors, concatenate(build, [rows[k] for k in known], right.rank - 2))
            )
        rows[at] = build(Div(), rest, block(build, matrix, (at, 1), (at, 1)))
    return concatenate(build, [rows[at] for at in range(size)], rows[0].rank - 2)


@lowers("tf.LogMatrixDeterminant")
def log_determinant(source: Source, build: Builder) -> tuple[Value, Value]:
    """Its sign, and the logarithm of its size."""
    value = determinant(source, build)
    return build(Sign(), value), build(Log(), build(Abs(), value))


@lowers("tf.TridiagonalMatMul")
def tridiagonal_product(source: Source, build: Builder) -> Value:
    """Three diagonals times the rows above, at, and below."""
    above, at, below, right = source.inputs
    require_float32(right)
    lead = [(0, 0)] * (right.rank - 2)
    padded = pad(build, right, [*lead, (1, 1), (0, 0)])
    terms = []
    for shift, diagonal in ((2, above), (1, at), (0, below)):
        column = reshape(build, diagonal, [*diagonal.shape[:-2], diagonal.shape[-1], 1])
        terms.append(build(Mul(), column, block(build, padded, (shift, int(right.shape[-2])), (0, -1))))
    return build(Add(), build(Add(), terms[0], terms[1]), terms[2])
