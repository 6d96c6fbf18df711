"""Sparse weights of a `.tflite` file, as the dense arrays that they stand for.

The dimensions, those inside of blocks last, are walked in a stated order, as levels of a tree. A dense level gives
each branch as many as the dimension is long; a sparse one says where the branches of each begin (`array_segments`) and
at which index each stands (`array_indices`). The numbers are those of the leaves.

Source: `SparsityParameters` in `schema.fbs`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from octavo.errors import Invalid
from octavo.read.flatbuffer import Array, Table
from octavo.schema.storage import loaded, stored_size

_DENSE: Final = 0
_LIMIT: Final = 1 << 31
"""No array of more numbers is made, whatever a file says."""
_TOO_MANY: Final = "sparse weights have more numbers than their shape"


def dense(sparsity: Table, data: Array, dtype: np.dtype[Any], dims: Sequence[int]) -> Array:
    """The array of shape `dims`, zero wherever the file holds no number.

    Raises:
        Invalid: the description contradicts itself, the shape or the buffer.
    """
    if min(dims, default=0) < 0 or math.prod(dims) > _LIMIT:
        raise Invalid(f"sparse weights cannot have the shape {list(dims)}")
    order, blocks = _numbers(sparsity, "traversal_order"), _numbers(sparsity, "block_map")
    levels = sparsity.get("dim_metadata") or []
    if not len(order) == len(levels) == len(dims) + len(blocks) or sorted(order) != [*range(len(levels))]:
        raise Invalid(f"sparse weights of shape {list(dims)} have {len(levels)} levels, in the order {order}")
    lengths = {place: int(level.get("dense_size")) for place, level in zip(order, levels, strict=True)}
    inner = {axis: lengths[len(dims) + number] for number, axis in enumerate(blocks)}
    leaves = _leaves(levels, math.prod(dims))
    columns = dict(zip(order, leaves.T, strict=True))
    places = [columns[axis] * inner.get(axis, 1) for axis in range(len(dims))]
    for number, axis in enumerate(blocks):
        places[axis] = places[axis] + columns[len(dims) + number]
    if any(np.any((at < 0) | (at >= dim)) for at, dim in zip(places, dims, strict=True)):
        raise Invalid(f"sparse weights have numbers outside of the shape {list(dims)}")
    if data.size != stored_size(dtype, len(leaves)):
        raise Invalid(f"sparse weights have {len(leaves)} numbers of {dtype.name} in {data.size} bytes")
    array = np.zeros(dims, dtype)
    array[tuple(places)] = loaded(data, dtype, (len(leaves),))
    return array


def _leaves(levels: Sequence[Table], limit: int) -> Array:
    """The index of each leaf at each level: [leaves, levels]."""
    tree = np.zeros((1, 0), np.int64)
    for level in levels:
        if level.get("format") == _DENSE:
            length = int(level.get("dense_size"))
            if not 0 <= length * len(tree) <= limit:
                raise Invalid(_TOO_MANY)
            counts, indices = np.full(len(tree), length), np.tile(np.arange(length), len(tree))
        else:
            segments, indices = _vector(level, "array_segments"), _vector(level, "array_indices")
            counts = np.diff(segments)
            if len(segments) != len(tree) + 1 or np.any(counts < 0) or counts.sum() != len(indices):
                raise Invalid(f"sparse weights have {len(segments)} segments for {len(tree)} branches")
            if len(indices) > limit:
                raise Invalid(_TOO_MANY)
        tree = np.column_stack([np.repeat(tree, counts, axis=0), indices])
    return tree


def _numbers(table: Table, name: str) -> list[int]:
    found = table.get(name)
    return [] if found is None else found.tolist()


def _vector(level: Table, name: str) -> Array:
    """The numbers in one of the vectors of several widths."""
    vector = level.get(name)
    values = None if vector is None else vector.get("values")
    if values is None:
        raise Invalid(f"a sparse level of weights has no {name}")
    return np.asarray(values, np.int64)
