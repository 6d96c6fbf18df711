"""`QuantizationDebugger`: TensorFlow's interface to the error of each layer.

The statistics are those of `octavo.debug`: each operation runs beside a float twin that reads the same inputs. Where
TensorFlow debugs an int8 model whatever the converter asks for, this one debugs what the converter makes (int16x8 too).
"""

from __future__ import annotations

import csv
import glob
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
from msgspec import structs

from octavo.errors import SamplesError, UsageError, did_you_mean
from octavo.ir.source import Array
from octavo.judge.twin import TWIN, Pair
from octavo.lite.names import Optimize, warn

if TYPE_CHECKING:
    from octavo.judge.diagnose import Observation, Subjects
    from octavo.pipeline import Conversion
    from octavo.recipe import Interface, Recipe
    from octavo.samples import Sample

Metrics = Mapping[str, Callable[..., Any]]

_DEFAULTS: dict[str, Callable[[Array], float]] = {
    "num_elements": lambda diffs: diffs.size,
    "stddev": lambda diffs: float(np.std(diffs)),
    "mean_error": lambda diffs: float(np.average(diffs)),
    "max_abs_error": lambda diffs: float(np.max(np.abs(diffs))),
    "mean_squared_error": lambda diffs: float(np.average(np.square(diffs))),
}


class QuantizationDebugOptions:
    """What is measured, and what is kept from quantization.

    `layer_debug_metrics` are functions of the differences of one layer, `layer_direct_compare_metrics` of its float
    numbers, its integers, their scale and zero point, `model_debug_metrics` of the lists of float and of quantized
    outputs. `denylisted_ops` are operators ("CONV_2D"), `denylisted_nodes` names of tensors, as in the CSV.
    """

    def __init__(  # TensorFlow's signature
        self,
        layer_debug_metrics: Metrics | None = None,
        model_debug_metrics: Metrics | None = None,
        layer_direct_compare_metrics: Metrics | None = None,
        denylisted_ops: Iterable[str] | None = None,
        denylisted_nodes: Iterable[str] | None = None,
        fully_quantize: bool = False,  # noqa: FBT001, FBT002  # TensorFlow's signature
    ) -> None:
        """Hold the options.

        Raises:
            ValueError: two metrics have the same name.
        """
        self.layer_debug_metrics = layer_debug_metrics
        self.model_debug_metrics = model_debug_metrics
        self.layer_direct_compare_metrics = layer_direct_compare_metrics
        self.denylisted_ops = denylisted_ops
        self.denylisted_nodes = denylisted_nodes
        self.fully_quantize = fully_quantize
        given = [layer_debug_metrics, model_debug_metrics, layer_direct_compare_metrics]
        names = [name for metrics in given for name in metrics or ()]
        if len(names) > len(set(names)):
            raise ValueError("Provided metrics have duplicate keys.")


class QuantizationDebugger:
    """The error of each layer of a quantized model, on a dataset.

    `run` fills `layer_statistics` (tensor → metric → mean over the samples) and `model_statistics`.
    """

    def __init__(  # noqa: PLR0913, PLR0917  # TensorFlow's signature
        self,
        quant_debug_model_path: str | Path | None = None,
        quant_debug_model_content: bytes | None = None,
        float_model_path: str | Path | None = None,
        float_model_content: bytes | None = None,
        debug_dataset: Any = None,
        debug_options: QuantizationDebugOptions | None = None,
        converter: Any = None,
    ) -> None:
        """Quantize with the converter, or take a model that `get_debug_quantized_model` gave.

        Raises:
            ValueError: the converter does not quantize with samples, or the model is no debug model.
        """
        self._data = debug_dataset
        self._options = debug_options or QuantizationDebugOptions()
        self._made: Conversion | None = None
        self._recipe: Recipe | None = None
        self.converter = converter
        self.calibrated_model: bytes | None = None
        self.float_model: bytes | None = float_model_content or _content(float_model_path)
        self.layer_statistics: dict[str, dict[str, float]] = {}
        self.model_statistics: dict[str, float] = {}
        if converter is not None:
            _check_converter(converter)
            self._made = converter.conversion()
            self._recipe = self._made.plan.recipe
            self.calibrated_model = self.float_model = self._made.reference
            self._requantize()
        else:
            self.quant_model = quant_debug_model_content or _content(quant_debug_model_path) or b""
            self._subjects = _debug_model(self.quant_model)

    @property
    def options(self) -> QuantizationDebugOptions:
        """The options; setting them quantizes anew, from what calibration has learnt."""
        return self._options

    @options.setter
    def options(self, options: QuantizationDebugOptions) -> None:
        self._options = options
        self.layer_statistics, self.model_statistics = {}, {}
        if self._made is not None:
            self._requantize()

    def get_nondebug_quantized_model(self) -> bytes:
        """The quantized model, with what is denylisted in float.

        Raises:
            ValueError: there is no converter.
        """
        return self._with_converter().content

    def get_debug_quantized_model(self) -> bytes:
        """The quantized model with a float twin beside each operation, for a later debugger.

        Raises:
            ValueError: there is no converter.
        """
        self._with_converter()
        return self.quant_model

    def run(self) -> None:
        """Run the dataset through the models, and fill the statistics.

        Raises:
            ValueError: a sample does not fit the model.
        """
        from octavo.judge.diagnose import observe

        sums: dict[str, dict[str, list[float]]] = {}
        for observations in observe(self._without_reference(), self._samples()):
            for seen in observations:
                own = sums.setdefault(_name(seen.pair), {})
                for name, value in self._measured(seen):
                    own.setdefault(name, []).append(value)
        self.layer_statistics = {
            tensor: {name: float(np.nanmean(values)) for name, values in metrics.items()}
            for tensor, metrics in sums.items()
        }
        if self._options.model_debug_metrics:
            self.model_statistics = self._of_outputs(self._options.model_debug_metrics)

    def layer_statistics_dump(self, file: TextIO) -> None:
        """Write the statistics as CSV: op_name, tensor_idx, the metrics, scale, zero_point, tensor_name."""
        metrics = [*self._layer_metrics, *(self._options.layer_direct_compare_metrics or ())]
        from octavo.runtime import Runtime

        writer = csv.DictWriter(file, ["op_name", "tensor_idx", *metrics, "scale", "zero_point", "tensor_name"])
        writer.writeheader()
        places = Runtime(self.quant_model).indices
        for pair in self._subjects.pairs:
            name, maker, quant = _name(pair), pair.candidate.producer, pair.candidate.quant
            if name in self.layer_statistics and maker is not None:
                writer.writerow({
                    "op_name": maker.op.code,
                    "tensor_idx": places[pair.candidate.name],
                    **self.layer_statistics[name],
                    "scale": float(quant.scale[0]) if quant is not None else "",
                    "zero_point": int(quant.zero_point[0]) if quant is not None else "",
                    "tensor_name": name,
                })  # fmt: skip

    @property
    def _layer_metrics(self) -> Metrics:
        return {**_DEFAULTS, **(self._options.layer_debug_metrics or {})}

    def _with_converter(self) -> Conversion:
        if self._made is None:
            raise ValueError("No converter found, use this function with the converter option in the constructor.")
        return self._made

    def _requantize(self) -> None:
        """Quantize with what is denylisted in float, and grow the twins."""
        from octavo.debugging import paired, requantized
        from octavo.recipe import Rule

        made = self._with_converter()
        assert self._recipe is not None
        rows = [row for graph in made.plan.graphs for row in graph.ops]
        ops = self._known("denylisted_ops", {row.op for row in rows})
        nodes = self._known("denylisted_nodes", {row.node for row in rows})
        denied = [Rule(op=op, precision="float32") for op in ops]
        denied += [Rule(layer=glob.escape(node), precision="float32") for node in nodes]
        recipe = structs.replace(self._recipe, rules=(*self._recipe.rules, *denied))
        if self._options.fully_quantize:
            dtype: Interface = "int16" if recipe.precision == "int16x8" else "int8"
            recipe = structs.replace(recipe, inputs=dtype, outputs=dtype)
        try:
            self._made = requantized(made, recipe)
        except UsageError as error:
            raise ValueError(f"the options cannot be applied: {error}") from error
        self._subjects = paired(self._made.reference, self._made.content, plan=self._made.plan)
        self.quant_model = self._subjects.twinned

    def _known(self, option: str, names: AbstractSet[str]) -> list[str]:
        """The names that the option lists; one that the model does not have is told, or by wish refused."""
        given = list(getattr(self._options, option) or ())
        for name in given:
            if name not in names:
                note = f"{option}: {name!r} is not in the model and has no effect: {did_you_mean(name, names)}"
                if getattr(self.converter, "strict", False):
                    raise ValueError(note)
                warn(note)
        return [name for name in given if name in names]

    def _without_reference(self) -> Subjects:
        from octavo.judge.diagnose import Subjects

        pairs = [pair for pair in self._subjects.pairs if pair.twin and pair.candidate.quant is not None]
        return Subjects(None, self.quant_model, pairs, {})

    def _measured(self, seen: Observation) -> Iterator[tuple[str, float]]:
        """The metrics of one tensor in one run."""
        assert seen.twin is not None
        for name, metric in self._layer_metrics.items():
            yield name, metric(seen.candidate - seen.twin)
        quant = seen.pair.candidate.quant
        if self._options.layer_direct_compare_metrics and quant is not None:
            for name, metric in self._options.layer_direct_compare_metrics.items():
                yield name, metric(seen.twin, seen.stored, float(quant.scale[0]), int(quant.zero_point[0]))

    def _samples(self, content: bytes | None = None) -> Iterator[Sample]:
        """The samples, checked against the model.

        Raises:
            ValueError: one does not fit.
        """
        from octavo.judge.real import RealRuntime
        from octavo.samples import read_samples

        inputs = RealRuntime(content or self.quant_model).inputs
        given = getattr(self._data, "input_gen", self._data)
        try:
            for item in given() if callable(given) else given:
                if isinstance(item, list | tuple) and not isinstance(item[0], str) and len(item) != len(inputs):
                    raise ValueError(
                        f"Number of inputs provided ({len(item)}) does not match the number of inputs to the "
                        f"interpreter ({len(inputs)})"
                    )
                yield from read_samples([item], inputs)
        except SamplesError as error:
            raise ValueError(str(error)) from error

    def _of_outputs(self, metrics: Metrics) -> dict[str, float]:
        """The metrics of the model's outputs, means over the samples."""
        from octavo.judge.real import RealRuntime

        if self.float_model is None:
            raise ValueError("model_debug_metrics need the float model: pass float_model_content, or a converter")
        first, second = RealRuntime(self.float_model), RealRuntime(self.quant_model)
        sums: dict[str, list[float]] = {name: [] for name in metrics}
        for sample in self._samples(self.float_model):
            given = dict(zip((port.name for port in second.inputs), sample.values(), strict=True))
            exact, near = list(first.run(sample).values()), list(second.run(given).values())
            for name, metric in metrics.items():
                sums[name].append(metric(exact, near))
        return {name: float(np.mean(values)) for name, values in sums.items()}


def _check_converter(converter: Any) -> None:
    if Optimize.among(converter.optimizations) != {Optimize.DEFAULT}:
        raise ValueError("converter object must set optimizations to lite.Optimize.DEFAULT")
    if not converter.representative_dataset:
        raise ValueError("converter object must set representative_dataset")


def _content(path: str | Path | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


def _debug_model(content: bytes) -> Subjects:
    from octavo.debugging import paired_already

    subjects = paired_already(content)
    if subjects is None:
        raise ValueError("Please check if the quantized model is in debug mode")
    return subjects


def _name(pair: Pair) -> str:
    """The tensor's name in the float model."""
    return pair.twin.removesuffix(TWIN)
