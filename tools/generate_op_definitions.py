# a script, not a package
"""Write `src/octavo/read/saved_model/op_definitions.txt` from the op registry of the installed TensorFlow.

Run it after a new TensorFlow release: `python tools/generate_op_definitions.py`. The file is text, one op
a line and sorted, so that the difference between two releases can be read.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parents[1] / "src/octavo/read/saved_model/op_definitions.txt"

NOT_FOR_INFERENCE = re.compile(
    r"Dataset|TPU|Tpu|Summary|DefaultAttrs|XlaSparseDense|Mkl|Nccl|^Collective"
    r"|^(Resource)?(Sparse)?Apply[A-Z]|^ResourceSparseApply|^Dist_|^_(?!Fused|Retval|Arg)"
)
"""Input pipelines, optimizers, accelerator plumbing: never between a signature's inputs and outputs."""


def main() -> None:
    """Write the table and print what it holds."""
    import tensorflow as tf

    lines = [line(definition) for definition in sorted(registry(), key=lambda definition: definition.name)]
    fields = "op, then its output arguments with their dtypes, and its attributes with their defaults"
    header = f"# TensorFlow {tf.__version__}: {fields}\n"
    TARGET.write_text(header + "".join(lines), encoding="utf-8")
    sys.stdout.write(f"{len(lines)} ops, {TARGET.stat().st_size} bytes\n")


def registry() -> list[Any]:
    """Every op definition that TensorFlow has registered and that inference can meet."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    everything = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    return [definition for definition in everything.op if not NOT_FOR_INFERENCE.search(definition.name)]


def line(definition: Any) -> str:
    """One op: its name, a tab, and JSON."""
    outputs = [[typed(arg), arg.number_attr or arg.type_list_attr] for arg in definition.output_arg]
    attrs = {a.name: default(a) for a in definition.attr if a.HasField("default_value")}
    fields = {"out": [name if not repeat else [name, repeat] for name, repeat in outputs], "attrs": attrs}
    return definition.name + "\t" + json.dumps({k: v for k, v in fields.items() if v}, separators=(",", ":")) + "\n"


def typed(arg: Any) -> str:
    """An output argument's name with its dtype: the number of that, or the attribute that says it."""
    kind = arg.type_attr or arg.type
    return f"{arg.name}:{kind}" if kind else str(arg.name)


def default(attr: Any) -> list[Any]:
    """An attribute's type and default: `["list(int)", [1, 1, 1, 1]]`."""
    kind, value = attr.type, attr.default_value
    if kind.startswith("list("):
        return [kind, [plain(kind[5:-1], item) for item in items(kind[5:-1], value.list)]]
    return [kind, plain(kind, getattr(value, {"string": "s", "bool": "b", "int": "i", "float": "f"}.get(kind, kind)))]


def items(kind: str, values: Any) -> Any:
    """The elements of a list attribute."""
    return getattr(values, {"string": "s", "bool": "b", "int": "i", "float": "f"}.get(kind, kind))


def plain(kind: str, value: Any) -> Any:
    """One default as JSON; a shape is a list with null for an unknown dimension, or null for an unknown rank."""
    match kind:
        case "shape":
            return None if value.unknown_rank else [None if dim.size < 0 else dim.size for dim in value.dim]
        case "string":
            return value.decode("ascii")
        case "int" | "float" | "bool" | "type":
            return value
        case _:
            message = f"no JSON form for a default of kind {kind}"
            raise ValueError(message)


if __name__ == "__main__":
    main()
