"""TensorFlow's functions in memory: `tf.function`, concrete functions, `tf.Module`, loaded SavedModels.

Each becomes a signature, as `tf.saved_model.save` would write it: a placeholder for each argument, a node for each
variable that is captured, and a call of the function's body. Nothing is imported that made the functions.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from octavo.errors import Invalid, Unsupported, UsageError
from octavo.ir.source import (
    Array,
    FunctionName,
    SourceArgument,
    SourceGraph,
    SourceModel,
    SourceNode,
    SourcePort,
    SourceRef,
    SourceSignature,
)
from octavo.read.saved_model.graphs import functions_of, graph_of, tensor_ref
from octavo.read.saved_model.op_definitions import OpDefinitions
from octavo.read.saved_model.protos import parse

DEFAULT = "serving_default"
_TRACE = "trace it: function.get_concrete_function(tf.TensorSpec([None, 224, 224, 3])), or give it an input_signature"


@dataclass(frozen=True, slots=True)
class Functions:
    """Concrete functions by the key of the signature that each becomes.

    Inputs stand in the order of their names, as in a SavedModel, or of the function's arguments.
    """

    by_key: Mapping[str, Any]
    in_order_of_names: bool


def functions_in(model: Any) -> Functions | None:
    """The concrete functions of an object; None of any other object.

    A function alone is `serving_default`, as is the only one of a module; those of a module with several have the names
    of the attributes. A list of functions, and a mapping of them by key, are taken too. Those of a function alone or of
    a list keep the order of their arguments, as TensorFlow's converter does.

    Raises:
        UsageError: a function was traced for no input or for several, so that nobody knows what it takes.
    """
    if _is_function(model):
        return Functions({DEFAULT: _concrete(model, "the function")}, in_order_of_names=False)
    if isinstance(model, Mapping) and model and all(map(_is_function, model.values())):
        named = {str(key): _concrete(function, f"the function {key!r}") for key, function in model.items()}
        return Functions(named, in_order_of_names=True)
    if isinstance(model, list | tuple) and model and all(map(_is_function, model)):
        keys = [DEFAULT] if len(model) == 1 else _unlike([_name(function) for function in model])
        listed = {key: _concrete(function, key) for key, function in zip(keys, model, strict=True)}
        return Functions(listed, in_order_of_names=False)
    if not any(kind.__module__.startswith("tensorflow.") for kind in type(model).__mro__):
        return None
    signatures = getattr(model, "signatures", None)
    return functions_in(dict(signatures)) if signatures else Functions(_of_module(model), in_order_of_names=True)


def read_functions(functions: Functions, *, name: str) -> SourceModel:
    """The source model with a signature for each of the concrete functions. Variables are copied now.

    Inputs have the names of the function's arguments; outputs are called by the keys of a dict, or `output_0`,
    `output_1`, ….

    Raises:
        Unsupported: a function takes or captures what LiteRT has no tensors for.
    """
    main = _Main(OpDefinitions())
    called = [main.call(key, function) for key, function in functions.by_key.items()]
    signatures = tuple(_sorted(signature) if functions.in_order_of_names else signature for signature in called)
    return SourceModel(
        name=name,
        path=f"the function {name!r} in memory",
        graph=SourceGraph("main", main.nodes),
        functions=_Libraries([main.bodies, *main.libraries]),
        variables=main.variables,
        signatures=signatures,
        definitions=main.definitions,
    )


def _sorted(signature: SourceSignature) -> SourceSignature:
    inputs, outputs = (sorted(ports, key=lambda port: port.name) for ports in (signature.inputs, signature.outputs))
    return SourceSignature(signature.key, tuple(inputs), tuple(outputs))


def _is_function(thing: Any) -> bool:
    return hasattr(thing, "get_concrete_function") or _is_concrete(thing)


def _is_concrete(thing: Any) -> bool:
    return all(hasattr(thing, name) for name in ("graph", "structured_input_signature", "captured_inputs"))


def _concrete(function: Any, what: str) -> Any:
    """The concrete function that a function has."""
    if _is_concrete(function):
        return function
    if getattr(function, "input_signature", None) is not None:
        return function.get_concrete_function()
    traced = _traced(function)
    if len(traced) != 1:
        times = "never" if not traced else f"for {len(traced)} kinds of inputs"
        raise UsageError(f"{what} was traced {times}: it does not say what it takes", hint=_TRACE)
    return traced[0]


def _traced(function: Any) -> Sequence[Any]:
    """What a function was traced for so far."""
    listed: Callable[[], Sequence[Any]] = getattr(function, "_list_all_concrete_functions", list)
    return listed()


def _of_module(module: Any) -> dict[str, Any]:
    """The functions of a module whose inputs are known, by the names of its attributes."""
    names = [name for name in dir(module) if not name.startswith("_")]
    found = {name: getattr(module, name) for name in names if _is_function(inspect.getattr_static(module, name))}
    known = {
        name: function
        for name, function in found.items()
        if _is_concrete(function)
        or getattr(function, "input_signature", None) is not None
        or len(_traced(function)) == 1
    }
    if not known:
        problem = f"it has the functions {', '.join(found)}, none of which" if found else "it has no tf.function that"
        raise UsageError(f"the {type(module).__name__} cannot be converted: {problem} says what it takes", hint=_TRACE)
    if len(known) == 1:
        return {DEFAULT: _concrete(next(iter(known.values())), "the function")}
    return {name: _concrete(function, name) for name, function in known.items()}


def _name(function: Any) -> str:
    given = getattr(function, "name", None) or getattr(function, "__name__", "function")
    text = given.decode() if isinstance(given, bytes) else str(given)
    return text.removeprefix("__inference_").rpartition("_")[0] or text


def _unlike(names: Sequence[str]) -> list[str]:
    """The names, with numbers where several are alike."""
    return [f"{name}_{names[:at].count(name)}" if name in names[:at] else name for at, name in enumerate(names)]


class _Libraries(Mapping[str, SourceGraph]):
    """Several libraries of functions, as one; their names are unlike."""

    def __init__(self, libraries: Sequence[Mapping[str, SourceGraph]]) -> None:
        self._home = {name: library for library in libraries for name in library}

    def __getitem__(self, name: str) -> SourceGraph:
        return self._home[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._home)

    def __len__(self) -> int:
        return len(self._home)


@dataclass(slots=True)
class _Main:
    """The main graph while functions are called in it one after the other."""

    definitions: OpDefinitions
    nodes: dict[str, SourceNode] = field(default_factory=dict)
    bodies: dict[str, SourceGraph] = field(default_factory=dict)
    libraries: list[Mapping[str, SourceGraph]] = field(default_factory=list)
    variables: dict[str, Array] = field(default_factory=dict)
    captured: dict[int, SourceRef] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)

    def call(self, key: str, function: Any) -> SourceSignature:
        """Add a call of the function; returns the signature that is its inputs and outputs."""
        where = f"signature {key!r}"
        message = parse("GraphDef", function.graph.as_graph_def().SerializeToString(), where=where)
        graph = graph_of(message, self.definitions, name=_name(function))
        self.libraries.append(functions_of(message, self.definitions))
        given = function.inputs[: len(function.inputs) - len(function.captured_inputs)]
        names = getattr(function, "_arg_keywords", None) or [tensor.op.name for tensor in given]
        inputs = [self._input(key, name, graph.nodes[t.op.name]) for name, t in zip(names, given, strict=False)]
        self.names.update({id(v.handle): v.name.partition(":")[0] for v in function.graph.variables})
        captures = dict(self._captures(function, graph))
        taken = {tensor.op.name: port.ref for tensor, port in zip(given, inputs, strict=True)} | captures
        body = self._body(function, graph, tuple(taken))
        call = self._add("StatefulPartitionedCall", "StatefulPartitionedCall", tuple(taken.values()), {"f": body})
        outputs = [
            SourcePort(name, SourceRef(call, index), *_type_of(tensor))
            for index, (name, tensor) in enumerate(zip(_output_names(function), function.outputs, strict=True))
        ]
        return SourceSignature(key, tuple(inputs), tuple(outputs))

    def _input(self, key: str, name: str, node: SourceNode) -> SourcePort:
        made = self._add(f"{key}_{name}", "Placeholder", (), node.attrs)
        return SourcePort(name, SourceRef(made), node.attrs["dtype"], node.attrs["shape"])

    def _captures(self, function: Any, graph: SourceGraph) -> Iterator[tuple[str, SourceRef]]:
        """The placeholder of each tensor from outside, and the node of the main graph that stands for it.

        What TensorFlow has made a constant of the function's graph already needs none.
        """
        inner = function.inputs[len(function.inputs) - len(function.captured_inputs) :]
        for placeholder, tensor in zip(inner, function.captured_inputs, strict=True):
            if graph.nodes[placeholder.op.name].op == "Placeholder":
                if id(tensor) not in self.captured:
                    self.captured[id(tensor)] = SourceRef(self._captured(tensor))
                yield placeholder.op.name, self.captured[id(tensor)]

    def _captured(self, tensor: Any) -> str:
        """The name of the new node that stands for a tensor from outside."""
        if tensor.dtype.name != "resource":
            return self._add("captured", "Const", (), {"value": _array(tensor)})
        declared = getattr(tensor, "_handle_data", None)
        if declared is None or not declared.is_set:
            raise Unsupported("a function uses a resource that is no variable", where=repr(tensor))
        tensorflow = sys.modules["tensorflow"]
        dtype = tensorflow.dtypes.as_dtype(declared.shape_and_type[0].dtype)
        value = _array(tensorflow.raw_ops.ReadVariableOp(resource=tensor, dtype=dtype))
        name = self._add(
            self.names.get(id(tensor), "variable"), "VarHandleOp", (), {"dtype": value.dtype, "shape": value.shape}
        )
        self.variables[name] = value
        return name

    def _body(self, function: Any, graph: SourceGraph, arguments: Sequence[str]) -> FunctionName:
        """The graph of the function, as the body of a function with these arguments."""
        nodes = {name: node for name, node in graph.nodes.items() if name not in arguments}
        taken = [graph.nodes[name] for name in arguments]
        declared = tuple(SourceArgument(node.name, node.attrs["dtype"], node.attrs["shape"]) for node in taken)
        outputs = tuple(tensor_ref(tensor.name) for tensor in function.outputs)
        name = f"{graph.name}_{len(self.bodies)}"
        self.bodies[name] = SourceGraph(graph.name, nodes, declared, outputs)
        return FunctionName(name)

    def _add(self, name: str, op: str, inputs: tuple[SourceRef, ...], attrs: Mapping[str, Any]) -> str:
        """A new node; returns its name, made unlike all others."""
        count = next(number for number in range(len(self.nodes) + 1) if _numbered(name, number) not in self.nodes)
        free = _numbered(name, count)
        self.nodes[free] = SourceNode(free, op, inputs, attrs)
        return free


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


def _array(tensor: Any) -> Array:
    """The numbers of a tensor outside of any graph."""
    array: Array = np.array(tensor.numpy())
    array.flags.writeable = False
    return array


def _type_of(tensor: Any) -> tuple[np.dtype[Any] | str, tuple[int | None, ...] | None]:
    """Dtype and shape of a tensor in a graph."""
    dtype = np.dtype(tensor.dtype.as_numpy_dtype)
    return dtype, None if tensor.shape.rank is None else tuple(tensor.shape)


def _output_names(function: Any) -> list[str]:
    """The keys of a dict of tensors, in the order in which TensorFlow flattens it; else numbers."""
    structure, count = function.structured_outputs, len(function.outputs)
    if isinstance(structure, Mapping) and len(structure) == count:
        return [str(key) for key in sorted(structure)]
    if not count:
        raise Invalid("the function returns no tensor", where=_name(function), hint="return what the model computes")
    return [f"output_{index}" for index in range(count)]
