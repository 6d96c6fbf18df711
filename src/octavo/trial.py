"""The finished model is loaded and run by LiteRT before it is called done."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from octavo.errors import InternalError, TargetError
from octavo.given import Given
from octavo.ir.graph import Graph, Model
from octavo.ir.source import Array
from octavo.ops.opaque import Opaque
from octavo.runtime import Runtime, RuntimeTensor
from octavo.samples import Sample

Shapes = Mapping[str, Sequence[int]]
SIZES = (1, 32, 256, 16384)
"""What open dimensions are tried with, where there are no samples: networks that halve pictures five times need 32,
those with unpadded stems 75, front ends of sound some thousands."""
MOST = 1 << 20
"""No input of more numbers than this is tried."""


def check_runs(model: Model, content: bytes, given: Given) -> None:
    """Load the result and run each graph once on zeros; not one with custom operations, whose kernels users have.

    Open dimensions are those of the first sample, if there is one.

    Raises:
        TargetError: LiteRT refuses the model.
        InternalError: an output's shape is not the one that was inferred.
    """
    if strangers(model):
        return
    for graph, signature in given.called.items():
        _, outputs = _run(content, signature.key or None, _seen(given, graph))
        for name, value in zip(signature.outputs, signature.graph.outputs, strict=True):
            got = outputs[name].shape
            if len(got) != value.rank:
                raise InternalError(f"output {name!r} has shape {list(got)}, expected {value.type}")


def strangers(model: Model) -> list[str]:
    """The custom operations of the model, by their own names."""
    ops = (node.op for graph in model.graphs for node in graph)
    return sorted({op.custom_code for op in ops if isinstance(op, Opaque) and op.custom_code})


def _seen(given: Given, graph: Graph) -> Shapes:
    """The shapes of the first sample of a graph, if any was read."""
    first = given.first(graph)
    return {} if first is None else {name: array.shape for name, array in first.items()}


def tried(content: bytes, signature: str | None = None, *, sizes: Sequence[int] = SIZES) -> dict[str, Array]:
    """Zeros of the first shapes that a graph runs on: open dimensions beside the batch have one of `sizes`.

    Raises:
        TargetError: LiteRT refuses the model, or runs it on none of them.
    """
    return _run(content, signature, {}, sizes)[0]


def _run(
    content: bytes, signature: str | None, seen: Shapes, sizes: Sequence[int] = SIZES
) -> tuple[Sample, dict[str, Array]]:
    """Zeros of the shapes seen, or else of the first that the graph runs on, and what it gives for them.

    The first of which something is left, if there is one: from too little, pooling makes nothing. Where nothing is left
    of any, or the graph runs on none, whole numbers are one: they may say how long something is.
    """
    runtime = Runtime(content, signature=signature)
    empty: tuple[Sample, dict[str, Array]] | None = None
    refused: TargetError | None = None
    for zeros in chain(_zeros(runtime.inputs, seen, sizes), _counting(runtime.inputs, seen, sizes)):
        try:
            outputs = runtime.run(zeros)
        except TargetError as error:
            refused = refused or error
            runtime = Runtime(content, signature=signature)  # what failed once is not used again
            continue
        if all(array.size for array in outputs.values()):
            return zeros, outputs
        empty = empty or (zeros, outputs)
    if empty is not None:
        return empty
    assert refused is not None
    raise refused


def _zeros(inputs: Sequence[RuntimeTensor], seen: Shapes, sizes: Sequence[int]) -> Iterator[Sample]:
    """Zeros of the shapes seen; otherwise one sample for each size of the dimensions that are open beside the batch."""
    if seen:
        yield {input.name: _zero(seen[input.name], input.dtype) for input in inputs}
        return
    batch = 0 if all(len(input.shape) == 1 for input in inputs) else 1  # one sound or text has no batch
    is_open = any(not isinstance(dim, int) for input in inputs for dim in input.shape[batch:])
    for size in sizes if is_open else (1,):
        shapes = {input.name: _filled(input.shape, batch, size) for input in inputs}
        if size == 1 or max(map(math.prod, shapes.values())) <= MOST:
            yield {input.name: _zero(shapes[input.name], input.dtype) for input in inputs}


def _counting(inputs: Sequence[RuntimeTensor], seen: Shapes, sizes: Sequence[int]) -> Iterator[Sample]:
    """The same with ones in place of whole numbers, if there are any: first where one stands alone, then wherever."""
    whole = [input for input in inputs if input.dtype.kind in "iu"]
    for counts in dict.fromkeys(frozenset(i.name for i in whole if len(i.shape) <= most) for most in (0, 9)):
        for zeros in _zeros(inputs, seen, sizes) if counts else ():
            yield {name: np.ones_like(array) if name in counts else array for name, array in zeros.items()}


def _filled(shape: Sequence[Any], batch: int, size: int) -> list[int]:
    """The shape with one for the first `batch` open dimensions and `size` for the others."""
    return [dim if isinstance(dim, int) else size if axis >= batch else 1 for axis, dim in enumerate(shape)]


def _zero(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Zeros, or empty strings."""
    return np.full(shape, b"", dtype) if dtype.kind == "O" else np.zeros(shape, dtype)
