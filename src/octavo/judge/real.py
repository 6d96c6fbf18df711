"""A model that takes and gives integers, used as one that takes and gives real numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from octavo.ir.source import Array
from octavo.ir.type import Quantization
from octavo.runtime import Runtime
from octavo.samples import Input, Sample


class RealRuntime:
    """A runtime whose quantized inputs take real numbers (or the stored integers) and whose outputs are real."""

    def __init__(self, model: bytes, *, signature: str | None = None, threads: int = 1, keep_all: bool = False) -> None:
        """Load a model, as `Runtime` does."""
        self._runtime = Runtime(model, signature=signature, threads=threads, keep_all=keep_all)
        self._grids = {port.name: (port.quant, port.dtype) for port in self._runtime.inputs if port.quant is not None}
        self._results = {port.name: port.quant for port in self._runtime.outputs if port.quant is not None}

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What samples have to be: float32 where the model stores integers for real numbers, or these integers."""
        real = np.dtype(np.float32)
        return tuple(
            Input(port.name, port.dtype if port.quant is None else real, port.shape, port.dtype)
            for port in self._runtime.inputs
        )

    def run(self, sample: Sample) -> dict[str, Array]:
        """The outputs by name, real numbers."""
        outputs = self._runtime.run(self.stored(sample))
        return {
            name: real(array, self._results[name]) if name in self._results else array
            for name, array in outputs.items()
        }

    def tensors(self, *, dequantized: bool = True) -> dict[str, Array]:
        """What the nodes computed in the last run, as real numbers unless `dequantized` is off."""
        return self._runtime.tensors(dequantized=dequantized)

    def given(self, sample: Sample) -> dict[str, Array]:
        """The inputs as they go into the model, by the name of the tensor, as real numbers on their grids."""
        stored = self.stored(sample)
        return {
            port.tensor: stored[port.name] if port.quant is None else real(stored[port.name], port.quant)
            for port in self._runtime.inputs
        }

    def benchmark(self, sample: Sample, *, repeats: int) -> Array:
        """The seconds of each run."""
        return self._runtime.benchmark(self.stored(sample), repeats=repeats)

    def stored(self, sample: Mapping[str, Array]) -> Sample:
        """The sample as the model takes it: integers in place of real numbers, where it stores these."""
        return {
            name: nearest(array, *self._grids[name]) if name in self._grids else array for name, array in sample.items()
        }


def nearest(array: Array, quant: Quantization, dtype: np.dtype[Any]) -> Array:
    """The stored integers nearest to real numbers; stored integers themselves stay."""
    if array.dtype == dtype:
        return array
    limits = np.iinfo(dtype)
    stored = np.rint(array / quant.scale[0]) + quant.zero_point[0]
    return np.asarray(stored.clip(limits.min, limits.max).astype(dtype))


def real(array: Array, quant: Quantization) -> Array:
    """The real numbers, float32, that stored integers stand for."""
    return np.asarray((array.astype(np.float32) - np.float32(quant.zero_point[0])) * quant.scale[0])
