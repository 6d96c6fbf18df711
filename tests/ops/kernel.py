"""The LiteRT kernel behind a graph: written, loaded and run, as a user's model would be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.source import Array


def run(graph: Graph, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs that LiteRT computes, in the graph's order."""
    runtime = pytest.importorskip("octavo.runtime")
    write = pytest.importorskip("octavo.write.tflite")
    names = tuple(f"out{index}" for index in range(len(graph.outputs)))
    signature = Signature("serving_default", graph, tuple(v.name for v in graph.inputs), names)
    model = Model([graph], [signature])
    outputs = runtime.Runtime(write.to_bytes(model))(inputs)
    return [outputs[name] for name in names]
