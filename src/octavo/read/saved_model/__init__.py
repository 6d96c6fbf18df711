"""SavedModel directories: `reader.read_saved_model` gives a `SourceModel`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from octavo.read.saved_model.reader import read_saved_model

__all__ = ["read_saved_model"]


def __getattr__(name: str) -> Any:
    """Load the reader, and protobuf with it, when it is asked for."""
    if name == "read_saved_model":
        from octavo.read.saved_model.reader import read_saved_model

        return read_saved_model
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
