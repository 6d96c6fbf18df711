"""The LiteRT kernel behind a graph: written, loaded and run, as a user's model would be."""

from __future__ import annotations

from collections.abc import Mapping

from ai_edge_litert.interpreter import Interpreter

from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.source import Array
from octavo.write.tflite import to_bytes


def run(graph: Graph, inputs: Mapping[str, Array]) -> list[Array]:
    """The outputs that LiteRT computes, in the graph's order."""
    names = tuple(f"out{index}" for index in range(len(graph.outputs)))
    signature = Signature("serving_default", graph, tuple(v.name for v in graph.inputs), names)
    model = Model([graph], [signature])
    model.gather()
    interpreter = Interpreter(model_content=to_bytes(model))
    outputs = interpreter.get_signature_runner()(**inputs)
    return [outputs[name] for name in names]
