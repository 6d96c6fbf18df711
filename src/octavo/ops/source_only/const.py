"""Constants of the source graph."""

from __future__ import annotations

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers


@lowers("tf.Const")
def constant(source: Source, build: Builder) -> Value:
    """The attribute `value`: a view of the file where that is possible."""
    return build.const(source.attr("value", np.ndarray), source.node.name)
