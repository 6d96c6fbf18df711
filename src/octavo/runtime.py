"""The LiteRT interpreter behind a small surface: load a model, run it, look inside, time it.

This module alone imports `ai_edge_litert`, and only when a model is loaded. It uses the wrapper beneath
`ai_edge_litert.interpreter.Interpreter`, because only that takes the index of a subgraph, which signatures need.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from msgspec import Struct

from octavo.errors import SamplesError, TargetError, UsageError, did_you_mean
from octavo.ir.dim import Dim, symbol
from octavo.ir.source import Array
from octavo.ir.type import Quantization
from octavo.told import quiet, refusals

DEFAULT_SIGNATURE = "serving_default"


class RuntimeTensor(Struct, frozen=True):
    """An input or output: the user's name for it, dtype (`object` for strings), shape, quantization.

    Open dimensions are symbols: `batch` for the first, `dim_1`, `dim_2` … for others. `tensor` is the name inside the
    model, `index` the number there.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[Dim, ...]
    quant: Quantization | None
    tensor: str
    index: int


class Runtime:
    """One signature of a model, loaded; or the main graph of a model that has none, by the names of its tensors.

    `inputs` and `outputs` describe what goes in and out. Kernels keep states from run to run; `reset` clears them.
    """

    def __init__(
        self, model: bytes | Path, *, signature: str | None = None, threads: int = 1, keep_all: bool = False
    ) -> None:
        """Load a model from its bytes or a file.

        `signature` defaults to `serving_default`, or the first. `keep_all` keeps every tensor for `tensors`, without
        the default delegate, and so runs slower.

        Raises:
            TargetError: LiteRT refuses the model; its reason is in the message.
            UsageError: the model has no such signature.
        """
        self._model = model
        self._threads = threads
        self._keep_all = keep_all
        interpreter = self._loaded(watched=False)
        self.signature = _chosen(list(interpreter.get_signature_list()), signature)
        self._subgraph = _subgraph(interpreter, self.signature)
        self._session = _Session(interpreter, self._subgraph, partial(self._loaded, watched=False))
        self._watched: _Session | None = None
        self.inputs = _ports(interpreter, self.signature, "input")
        self.outputs = _ports(interpreter, self.signature, "output")

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs by name, as copies, for inputs by name.

        Raises:
            SamplesError: a name, dtype or shape is not that of the model.
            TargetError: a kernel fails on these inputs.
        """
        session = self._session
        session.feed(self.inputs, inputs)
        session.invoke()
        return {port.name: session.read(port.index) for port in self.outputs}

    def tensors(self, *, dequantized: bool = True) -> dict[str, Array]:
        """What the nodes of the graph computed in the last run, by the name of the tensor, as copies.

        Numbers that stand for real ones are given as these (float32), unless `dequantized` is off. Tensors that LiteRT
        holds no memory for are left out.

        Raises:
            UsageError: the model was loaded without `keep_all`.
        """
        if not self._keep_all:
            raise UsageError("inner tensors are kept only on demand", hint="load the model with keep_all=True")
        return dict(self._session.inner(dequantized=dequantized))

    @property
    def indices(self) -> Mapping[str, int]:
        """The number inside the file of each tensor of the graph, by its name."""
        return self._session.indices

    def numbers(self, names: Iterable[str]) -> Iterator[tuple[str, Array]]:
        """What tensors, by name, held in the last `calibrate`, as stored; those without memory are left out.

        They are views of LiteRT's memory, not to be written to: copy what is kept beyond the next run.
        """
        return iter(()) if self._watched is None else self._watched.named(names)

    def calibrate(self, inputs: Mapping[str, Array]) -> dict[str, tuple[float, float]]:
        """The least and greatest number of each float tensor in one run, by the name of the tensor.

        Loops are seen over all their turns. Costs about a sixth more than `run`.

        Raises: as `run`.
        """
        if self._watched is None:
            load = partial(self._loaded, watched=True)
            self._watched = _Session(load(), self._subgraph, load)
        self._watched.feed(self.inputs, inputs)
        try:
            return self._watched.ranges()
        except TargetError:  # here the profiler's notes of all runs so far stand before the kernel's reason
            Runtime(self._model, signature=self.signature, threads=self._threads).run(inputs)
            raise

    def benchmark(self, inputs: Mapping[str, Array], *, repeats: int) -> Array:
        """The seconds that each of `repeats` runs took, after one that does not count; setting inputs is left out.

        Raises: as `run`.
        """
        session = self._session
        session.feed(self.inputs, inputs)
        session.invoke()
        times = np.empty(repeats)
        for turn in range(repeats):
            start = perf_counter()
            session.invoke()
            times[turn] = perf_counter() - start
        return times

    def reset(self) -> None:
        """Clear what kernels keep from run to run."""
        for session in filter(None, (self._session, self._watched)):
            session.reset()

    def _loaded(self, *, watched: bool) -> Any:
        """An interpreter. The watched one runs each node of the delegate alone, so that a profiler sees them all."""
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        if isinstance(self._model, Path) and not self._model.is_file():
            raise UsageError(f"there is no model {self._model}")
        content = {"model_path": str(self._model)} if isinstance(self._model, Path) else {"model_content": self._model}
        without = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        with quiet(), refusals("LiteRT refuses the model"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors.*")  # it is what we want
            return Interpreter(
                **content,
                num_threads=self._threads,
                experimental_op_resolver_type=without if self._keep_all and not watched else OpResolverType.BUILTIN,
                experimental_preserve_all_tensors=self._keep_all or watched,
                experimental_disable_delegate_node_fusion=watched,
                experimental_force_delegate_node_profiling=watched,
            )


class _Session:
    """An interpreter at one subgraph; allocates only when a shape changes.

    A model whose operations call graphs, such as loops, is loaded anew for that: with LiteRT 2.3's default delegate one
    run in hundreds gave wrong numbers after a change of batch, and never without that delegate. Only a model that keeps
    variables stays loaded, since it would lose them.
    """

    def __init__(self, interpreter: Any, subgraph: int, load: Callable[[], Any]) -> None:
        self._load = load
        self._interpreter = interpreter
        self._wrapper = interpreter._interpreter  # noqa: SLF001  # see the module's docstring
        self._subgraph = subgraph
        self._shapes: dict[int, tuple[int, ...]] | None = None
        self._indices: dict[str, int] = {}

    def feed(self, ports: tuple[RuntimeTensor, ...], inputs: Mapping[str, Array]) -> None:
        """Check the inputs and set them."""
        arrays = _checked(ports, inputs)
        shapes = {port.index: array.shape for port, array in zip(ports, arrays, strict=True)}
        with refusals("LiteRT cannot run the model on inputs of these shapes"):
            if shapes != self._shapes:
                self._resize(shapes)
            for port, array in zip(ports, arrays, strict=True):
                self._wrapper.SetTensor(port.index, array, self._subgraph)

    def invoke(self) -> None:
        """Run once."""
        with refusals("LiteRT failed while running the model"):
            self._wrapper.Invoke(self._subgraph)

    def ranges(self) -> dict[str, tuple[float, float]]:
        """Run once, watched by LiteRT's calibration profiler."""
        from ai_edge_litert import _pywrap_tfl_calibration as profiler

        with refusals("LiteRT failed while running the model"):
            found = profiler.InvokeWithCalibration(self._interpreter._native_handle(), self._subgraph)  # noqa: SLF001
        return {name: (float(seen.min), float(seen.max)) for name, seen in found.items()}

    def read(self, index: int) -> Array:
        """A copy of a tensor. LiteRT gives strings as bytes, and of a tensor without elements it may hold no memory.

        Raises:
            ValueError: LiteRT holds no memory for the elements.
        """
        try:
            array: Array = np.asarray(self._wrapper.GetTensor(index, self._subgraph))
        except ValueError:
            shape = self._wrapper.TensorSize(index, self._subgraph)
            if all(shape):
                raise
            return np.empty(shape, self._wrapper.TensorType(index, self._subgraph))
        return array.astype(object) if array.dtype.kind == "S" else array

    def inner(self, *, dequantized: bool) -> Iterator[tuple[str, Array]]:
        """The tensors that nodes make; of other graphs than the main one, where LiteRT hides the nodes, all."""
        details = {detail["index"]: detail for detail in self._interpreter.get_tensor_details(self._subgraph)}
        for index in self._made() if self._subgraph == 0 else details:
            try:
                array = self.read(index)
            except ValueError:  # what LiteRT says of a tensor without memory
                continue
            quant = _quant(details[index])
            yield details[index]["name"], _real(array, quant) if dequantized and quant is not None else array

    @property
    def indices(self) -> Mapping[str, int]:
        """The index of each tensor by its name."""
        if not self._indices:
            details = self._interpreter.get_tensor_details(self._subgraph)
            self._indices = {detail["name"]: detail["index"] for detail in details}
        return self._indices

    def named(self, names: Iterable[str]) -> Iterator[tuple[str, Array]]:
        """Tensors by name, as views of LiteRT's memory; strings as copies."""
        indices = self.indices
        for name in names:
            if name in indices:
                index = indices[name]
                is_text = self._wrapper.TensorType(index, self._subgraph) is np.bytes_
                try:
                    yield name, self.read(index) if is_text else self._view(index)
                except ValueError:  # what LiteRT says of a tensor without memory
                    continue

    def _view(self, index: int) -> Array:
        view: Array = self._wrapper.tensor(self._interpreter, index, self._subgraph)
        view.flags.writeable = False
        return view

    def reset(self) -> None:
        """Clear the states, if there has been a run: LiteRT gives them memory then."""
        if self._shapes is not None:
            self._interpreter.reset_all_variables()

    def _resize(self, shapes: dict[int, tuple[int, ...]]) -> None:
        if self._shapes and self._calls_graphs():
            self._interpreter = self._load()
            self._wrapper = self._interpreter._interpreter  # noqa: SLF001  # see the module's docstring
        self._shapes = None  # when this fails, the next call must try anew
        for index, shape in shapes.items():
            self._wrapper.ResizeInputTensor(index, np.array(shape, np.int32), False, self._subgraph)
        with quiet():
            self._wrapper.AllocateTensors(self._subgraph)
        self._shapes = shapes

    def _calls_graphs(self) -> bool:
        """Whether there are more graphs than signatures, and no variables."""
        names = {self._wrapper.NodeName(node) for node in range(self._wrapper.NumNodes())}
        entries = max(1, len(self._interpreter.get_signature_list()))
        return "VAR_HANDLE" not in names and self._wrapper.NumSubgraphs() > entries

    def _made(self) -> Iterator[int]:
        nodes = map(self._wrapper.NodeOutputs, range(self._wrapper.NumNodes()))
        yield from dict.fromkeys(int(index) for outputs in nodes for index in outputs)


def _chosen(known: list[str], wanted: str | None) -> str | None:
    """The signature to use; None for a model without any."""
    if wanted is None:
        return DEFAULT_SIGNATURE if DEFAULT_SIGNATURE in known else next(iter(known), None)
    if wanted not in known:
        raise UsageError(f"the model has no signature {wanted!r}", hint=did_you_mean(wanted, known))
    return wanted


def _subgraph(interpreter: Any, signature: str | None) -> int:
    if signature is None:
        return 0
    return int(interpreter._interpreter.GetSubgraphIndexFromSignature(signature))  # noqa: SLF001


def _ports(interpreter: Any, signature: str | None, side: str) -> tuple[RuntimeTensor, ...]:
    """The inputs or outputs in the order of the graph; LiteRT itself sorts those of a signature by name."""
    main = getattr(interpreter, f"get_{side}_details")()
    if signature is None:
        return tuple(_port(detail["name"], detail) for detail in main)
    runner = interpreter.get_signature_runner(signature)
    named = getattr(runner, f"get_{side}_details")()
    order = (
        {detail["index"]: place for place, detail in enumerate(main)} if _subgraph(interpreter, signature) == 0 else {}
    )
    ports = [_port(name, detail) for name, detail in named.items()]
    return tuple(sorted(ports, key=lambda port: order.get(port.index, port.index)))


def _port(name: str, detail: Mapping[str, Any]) -> RuntimeTensor:
    signature = detail["shape_signature"] if len(detail["shape_signature"]) else detail["shape"]
    return RuntimeTensor(
        name=name,
        dtype=np.dtype(object) if np.dtype(detail["dtype"]).kind == "S" else np.dtype(detail["dtype"]),
        shape=tuple(
            int(n) if n >= 0 else symbol(f"dim_{axis}" if axis else "batch") for axis, n in enumerate(signature)
        ),
        quant=_quant(detail),
        tensor=detail["name"],
        index=detail["index"],
    )


def _quant(detail: Mapping[str, Any]) -> Quantization | None:
    found = detail["quantization_parameters"]
    if not len(found["scales"]):
        return None
    axis = int(found["quantized_dimension"]) if len(found["scales"]) > 1 else None
    return Quantization(found["scales"].astype(np.float32), found["zero_points"].astype(np.int64), axis)


def _real(array: Array, quant: Quantization) -> Array:
    """Real numbers: scale · (stored − zero point), in float32."""
    shape = [-1 if axis == quant.axis else 1 for axis in range(array.ndim)]
    shift = array.astype(np.float32) - quant.zero_point.astype(np.float32).reshape(shape)
    real: Array = quant.scale.reshape(shape) * shift
    return real.reshape(array.shape)


def _checked(ports: tuple[RuntimeTensor, ...], inputs: Mapping[str, Array]) -> list[Array]:
    """The arrays in the order of the ports."""
    names = [port.name for port in ports]
    for name in inputs:
        if name not in names:
            raise SamplesError(f"the model has no input {name!r}", hint=did_you_mean(name, names))
    if missing := [name for name in names if name not in inputs]:
        raise SamplesError(f"inputs are missing: {', '.join(missing)}")
    arrays = [np.asarray(inputs[name]) for name in names]
    for port, array in zip(ports, arrays, strict=True):
        _check(port, array)
    return arrays


def _check(port: RuntimeTensor, array: Array) -> None:
    is_text = port.dtype.kind == "O" and array.dtype.kind in "OSU"
    if array.dtype != port.dtype and not is_text:
        raise SamplesError(f"input {port.name!r} is {array.dtype}, but the model takes {port.dtype}")
    fits = array.ndim == len(port.shape) and all(
        not isinstance(dim, int) or dim == n for dim, n in zip(port.shape, array.shape, strict=True)
    )
    if not fits:
        wanted = ", ".join(map(str, port.shape))
        raise SamplesError(f"input {port.name!r} has shape {list(array.shape)}, but the model takes [{wanted}]")
