"""Integers in and out: real numbers as a model with integer inputs takes them, and back from its outputs.

For whoever runs a `.tflite` with an interpreter of their own; `octavo.evaluate` and `octavo.compare` do it by
themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from octavo.errors import SamplesError, did_you_mean
from octavo.ir.source import Array
from octavo.judge.real import nearest, real
from octavo.runtime import Runtime, RuntimeTensor


def quantize_inputs(model: bytes, inputs: Mapping[str, Any], *, signature: str | None = None) -> dict[str, Array]:
    """The inputs by name as the model stores them: integers where it does, else as they are.

    Raises:
        SamplesError: the model has no input of that name.
    """
    ports = _by_name(Runtime(model, signature=signature).inputs, inputs, "input")
    return {name: _stored(port, np.asarray(inputs[name])) for name, port in ports.items()}


def dequantize_outputs(model: bytes, outputs: Mapping[str, Any], *, signature: str | None = None) -> dict[str, Array]:
    """The outputs by name as real numbers, float32, where they stand for these, else as they are.

    Raises:
        SamplesError: the model has no output of that name.
    """
    ports = _by_name(Runtime(model, signature=signature).outputs, outputs, "output")
    return {
        name: np.asarray(outputs[name]) if port.quant is None else real(np.asarray(outputs[name]), port.quant)
        for name, port in ports.items()
    }


def _by_name(ports: Sequence[RuntimeTensor], given: Mapping[str, Any], what: str) -> dict[str, RuntimeTensor]:
    """The ports that are given, by the names under which they are: of the signature, or of the tensor."""
    known = {port.tensor: port for port in ports} | {port.name: port for port in ports}
    for name in given:
        if name not in known:
            raise SamplesError(f"the model has no {what} {name!r}", hint=did_you_mean(name, known))
    return {name: known[name] for name in given}


def _stored(port: RuntimeTensor, array: Array) -> Array:
    if port.quant is not None:
        return nearest(array, port.quant, port.dtype)
    return array.astype(port.dtype, copy=False) if array.dtype.kind == "f" and port.dtype.kind == "f" else array
