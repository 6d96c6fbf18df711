"""`tf.compat.v1.lite`: the converter of TensorFlow 1, of sessions, frozen graphs and Keras files.

As there, an unknown batch is one, and no other dimension may be unknown.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octavo.dtype import DType, float32, int8, uint8
from octavo.errors import OctavoError, Unsupported, UsageError, did_you_mean
from octavo.lite.converter import TFLiteConverter as Converter
from octavo.lite.names import ConverterError, OpsSet, Optimize, RepresentativeDataset, TargetSpec, several

if TYPE_CHECKING:
    from octavo.ir.source import SourceModel
    from octavo.pipeline import Conversion

__all__ = ["OpsSet", "Optimize", "RepresentativeDataset", "TFLiteConverter", "TargetSpec", "TocoConverter"]

Shapes = Mapping[str, Sequence[int | None]]


class TFLiteConverter(Converter):
    """A converter of one model, with the settings that TensorFlow 1 had.

    `inference_type` of int8 or uint8 means a model with FakeQuant operations in integers, inputs and outputs too.
    `quantized_input_stats` maps inputs to the mean and the standard deviation of the numbers that they are fed,
    real = (stored − mean) / deviation; `default_ranges_stats` is the least and greatest number of every tensor of which
    nothing else is known, good for trying out what a model would take, not for its results.
    """

    inference_type: Any = float32
    inference_input_type: Any = None
    inference_output_type: Any = None
    output_format: Any = "TFLITE"
    quantized_input_stats: Any = None
    default_ranges_stats: Any = None
    drop_control_dependency: Any = True
    reorder_across_fake_quant: Any = False
    change_concat_input_ranges: Any = False
    dump_graphviz_dir: Any = None
    dump_graphviz_video: Any = False
    conversion_summary_dir: Any = None
    post_training_quantize: Any = False

    @classmethod
    def from_session(cls, sess: Any, input_tensors: Sequence[Any], output_tensors: Sequence[Any]) -> TFLiteConverter:
        """A converter of the graph of a live session, with the variables as they are now.

        Raises:
            ConverterError: TensorFlow cannot freeze the graph.
        """
        v1 = sys.modules[type(sess).__module__.partition(".")[0]].compat.v1
        names = [_node(tensor.name) for tensor in output_tensors]
        try:
            frozen = v1.graph_util.convert_variables_to_constants(sess, sess.graph_def, names)
        except (ValueError, AssertionError) as error:
            raise ConverterError(f"the graph cannot be frozen: {error}", [error]) from error
        folder = tempfile.TemporaryDirectory(prefix="octavo-")
        path = Path(folder.name) / "graph.pb"
        path.write_bytes(frozen.SerializeToString())
        shapes = {_node(t.name): t.shape.as_list() for t in input_tensors if t.shape.rank is not None}
        made = cls._of(path, [t.name for t in input_tensors], [t.name for t in output_tensors], shapes)
        made._folder = folder  # noqa: SLF001  # the file lives as long as the converter
        return made

    @classmethod
    def from_frozen_graph(
        cls,
        graph_def_file: str | Path,
        input_arrays: Sequence[str],
        output_arrays: Sequence[str],
        input_shapes: Shapes | None = None,
    ) -> TFLiteConverter:
        """A converter of a frozen graph (`.pb`, `.pbtxt`), from the nodes `input_arrays` to `output_arrays`.

        Raises:
            OSError: there is no such file.
            ValueError: the graph has no such node, or the shape of an input is unknown.
            ConverterError: the file is damaged.
        """
        path = Path(graph_def_file)
        if not path.is_file():
            raise OSError(f"File '{path}' does not exist.")
        return cls._of(path, list(input_arrays), list(output_arrays), input_shapes)

    @classmethod
    def from_saved_model(  # TensorFlow 1's signature
        cls,
        saved_model_dir: str | Path,
        input_arrays: Sequence[str] | None = None,
        input_shapes: Shapes | None = None,
        output_arrays: Sequence[str] | None = None,
        tag_set: Any = None,
        signature_key: str | None = None,
    ) -> TFLiteConverter:
        """A converter of one signature of a SavedModel.

        Raises:
            OSError: there is no SavedModel.
            ValueError: the model has no graph with these tags, no such signature, or an unknown shape.
            ConverterError: the SavedModel is damaged, or is to be cut at nodes.
        """
        if input_arrays or output_arrays:
            problem = Unsupported("a SavedModel cannot be cut at nodes", hint="freeze the graph; or leave arrays out")
            raise ConverterError(str(problem), [problem])
        key = signature_key or "serving_default"
        found = Converter.from_saved_model(saved_model_dir, [key], tag_set)
        made = cls(found._model, signatures=[key])  # noqa: SLF001  # of the same class
        made.saved_model_dir = str(saved_model_dir)
        made._settle_shapes(input_shapes)
        return made

    @classmethod
    def from_keras_model_file(
        cls,
        model_file: str | Path,
        input_arrays: Sequence[str] | None = None,
        input_shapes: Shapes | None = None,
        output_arrays: Sequence[str] | None = None,
        custom_objects: Any = None,
    ) -> TFLiteConverter:
        """A converter of a Keras file (`.h5`, `.keras`).

        Raises:
            OSError: there is no such file.
            ValueError: the shape of an input is unknown.
            ConverterError: the model cannot be read, or is to be cut at layers.
        """
        if input_arrays or output_arrays or custom_objects:
            problem = Unsupported("a Keras file is converted whole, and without custom objects", hint="leave them out")
            raise ConverterError(str(problem), [problem])
        if not Path(model_file).is_file():
            raise OSError(f"Unable to open file: {model_file} does not exist")
        return cls._of(Path(model_file), None, None, input_shapes)

    @classmethod
    def _of(
        cls, path: Path, inputs: Sequence[str] | None, outputs: Sequence[str] | None, shapes: Shapes | None
    ) -> TFLiteConverter:
        made = cls(path)
        made._extent |= {"inputs": inputs, "outputs": outputs}  # of the same class
        made._settle_shapes(shapes)  # likewise
        return made

    def get_input_arrays(self) -> list[str]:
        """The names of the inputs."""
        return list(self._extent["shapes"])

    def conversion(self) -> Conversion:
        """What `convert` does, with the plan and the float model beside the result.

        Raises: as `convert`.
        """
        kind = DType.of(self.inference_type)
        if self.post_training_quantize and not self.optimizations:
            self.optimizations = [Optimize.DEFAULT]
        if kind in (int8, uint8):
            self.optimizations = self.optimizations or [Optimize.DEFAULT]
            self._check_stats(kind)
        self._extent["ranges"] = self._ranges()
        self.inference_input_type = self.inference_input_type or kind
        self.inference_output_type = self.inference_output_type or kind
        return super().conversion()

    def _check_stats(self, kind: DType) -> None:
        """Make sure that something tells what stored inputs mean.

        Raises:
            ValueError: nothing does.
        """
        if self.representative_dataset is not None or self.post_training_quantize:
            return
        if not self.quantized_input_stats and DType.of(self.inference_input_type or kind) in (int8, uint8):
            raise ValueError(
                "The `quantized_input_stats` flag must be defined when either `inference_type` flag or "
                "`inference_input_type` flag is set to tf.int8 or tf.uint8."
            )
        missing = [name for name in self.get_input_arrays() if name not in (self.quantized_input_stats or {})]
        if missing and self.quantized_input_stats:
            raise ValueError(f"Quantization input stats are not available for input tensors '{','.join(missing)}'.")

    def _ranges(self) -> dict[str, tuple[float, float]]:
        """The ranges that the statistics of inputs mean, and under "*" that of all other tensors."""
        kind = DType.of(self.inference_input_type or self.inference_type)
        least, greatest = (-128, 127) if kind == int8 else (0, 255)
        found = {
            name: ((least - mean) / deviation, (greatest - mean) / deviation)
            for name, (mean, deviation) in (self.quantized_input_stats or {}).items()
        }
        return found | ({"*": tuple(self.default_ranges_stats)} if self.default_ranges_stats else {})

    def _is_trained(self) -> bool:
        return bool(self.default_ranges_stats) or super()._is_trained()

    def _settle_shapes(self, given: Shapes | None) -> None:
        """Every shape, with a batch of one where it is open.

        Raises:
            ValueError: an input is not the model's, or another dimension than the first is unknown.
            ConverterError: the model cannot be read.
        """
        wanted = dict(given or {})
        source = self._source()
        key = next(iter(several(self._signatures)), None)
        signature = next((s for s in source.signatures if key in (None, s.key)), source.signatures[0])
        names = [port.name for port in signature.inputs]
        for name in wanted:
            if name not in names:
                raise ValueError(f"Invalid tensors '{name}' were found. {did_you_mean(name, names)}")
        shapes: dict[str, list[int]] = {}
        for port in signature.inputs:
            shape = wanted.get(port.name, port.shape)
            if shape is None:
                raise ValueError(f"Provide an input shape for input array '{port.name}'.")
            if None in list(shape)[1:]:
                raise ValueError(
                    f"None is only supported in the 1st dimension. Tensor '{port.name}' has invalid shape "
                    f"'{list(shape)}'."
                )
            shapes[port.name] = [1 if dim is None else dim for dim in shape]
        self._extent["shapes"] = shapes

    def _source(self) -> SourceModel:
        from octavo.ir.graph import Model
        from octavo.read.open import read

        try:
            source = read(self._model, inputs=self._extent.get("inputs"), outputs=self._extent.get("outputs"))
        except UsageError as error:
            raise ValueError(str(error)) from error
        except OctavoError as error:
            raise ConverterError(str(error), [error]) from error
        assert not isinstance(source, Model)
        return source


class TocoConverter(TFLiteConverter):
    """The same under an older name."""


def _node(name: str) -> str:
    return name.removesuffix(":0")
