"""Tables from which rows are picked, where their numbers shall be stored as integers."""

from __future__ import annotations

import numpy as np

from octavo.ir.graph import Node, Value
from octavo.ops.cast import cast
from octavo.ops.embedding_lookup import EmbeddingLookup
from octavo.ops.gather import Gather
from octavo.ops.reshape import reshape
from octavo.optimize.rule import Rewriter, rewrites
from octavo.optimize.rules._match import numbers


@rewrites(Gather, phase="integers")
def gather_as_embedding(node: Node, build: Rewriter) -> Value | None:
    """gather(table, positions) → reshape(embedding_lookup(reshape(positions), table))

    EMBEDDING_LOOKUP widens only the rows that it picks, each with a scale of its own; which saves memory, not time.

    Before:
        main(%x: int32[batch,3]) {
          %t = const float32[65536,16]
          %y: float32[batch,3,16] = GATHER(%t, %x)
          return %y
        }

    After:
        main(%x: int32[batch,3]) {
          %a = const int32[1] [-1]
          %r: int32[3*batch] = RESHAPE(%x, %a)
          %t = const float32[65536,16]
          %e: float32[3*batch,16] = EMBEDDING_LOOKUP(%r, %t)
          %b = const int32[3] [-1, 3, 16]
          %y: float32[batch,3,16] = RESHAPE(%e, %b)
          return %y
        }

    Unless:
        main(%x: int32[batch,3]) {
          %t = const float32[65536,16]
          %y: float32[65536,batch,3] = GATHER(%t, %x) {axis=1}
          return %y
        }
    """
    table, positions = node.inputs
    assert isinstance(node.op, Gather)
    assert positions is not None
    known = numbers(table)
    if known is None or known.ndim < 2 or node.op.axis or node.op.batch_dims:
        return build.miss("only rows of a constant table are picked so")
    if not EmbeddingLookup.table.is_picked(known.shape):
        return build.miss("a table this small is rather widened at load")
    row = reshape(build, cast(build, positions, np.dtype(np.int32)), [-1])
    return reshape(build, build(EmbeddingLookup(), row, table), node.output.shape)
