"""Which signatures are lowered, and on inputs of which shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from octavo.errors import Invalid, UsageError, did_you_mean
from octavo.ir.dim import BATCH, Dim, symbol
from octavo.ir.source import SourceModel, SourcePort, SourceSignature


def choose(source: SourceModel, keys: Sequence[str] | None) -> list[SourceSignature]:
    """The signatures of these keys, or all, the default one first.

    Raises:
        Invalid: the model has none.
        UsageError: there is no signature of that key.
    """
    known = {signature.key: signature for signature in source.signatures}
    if not known:
        raise Invalid(
            "the model has no signature, so it does not say what goes in and out",
            where=source.path,
            hint="save it with signatures, such as model.export(directory) in Keras",
        )
    for key in keys or ():
        if key not in known:
            raise UsageError(f"no signature is called {key!r}", where=source.path, hint=did_you_mean(key, known))
    default_first = sorted(source.signatures, key=lambda signature: signature.key != "serving_default")
    return [known[key] for key in keys] if keys else default_first


def check_shape(port: SourcePort, shape: Sequence[int | None] | None) -> None:
    """Make sure that a shape fills in what the model leaves open, and changes nothing else."""
    declared = port.shape
    if declared is None or shape is None:
        return
    if len(shape) != len(declared) or any(a is not None and a != b for a, b in zip(declared, shape, strict=True)):
        shown = ["any" if size is None else size for size in declared]
        raise UsageError(f"input {port.name!r} is declared as {shown}, which {list(shape)} does not fit")


def check_names(shapes: Mapping[str, object], signatures: Sequence[SourceSignature]) -> None:
    """Make sure that the names are those of inputs."""
    known = {port.name for signature in signatures for port in signature.inputs}
    for name in shapes:
        if name not in known:
            raise UsageError(f"no input is called {name!r}", hint=did_you_mean(name, known))


def dim_of(name: str, axis: int, size: int | None) -> Dim:
    """A dimension of an input: a symbol where its size is open."""
    if size is not None and size >= 0:
        return size
    return symbol(BATCH if axis == 0 else re.sub(r"\W", "_", f"{name}_{axis}"))
