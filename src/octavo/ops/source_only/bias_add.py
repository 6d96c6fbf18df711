"""A number added to each channel."""

from __future__ import annotations

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers
from octavo.ops._elementwise import emit
from octavo.ops._image import as_source, channels_last
from octavo.ops.binary import Add
from octavo.ops.reshape import reshape


@lowers("tf.BiasAdd")
def bias_add(source: Source, build: Builder) -> Value:
    """An ADD with the channels last, where it can join the operation before it."""
    value, bias = source.inputs
    if value.rank not in (4, 5):
        return _without_space(source, build)
    return as_source(source, build, emit(build, Add(), channels_last(source, build, value), bias))


@lowers("tf.BiasAddV1")
def bias_add_v1(source: Source, build: Builder) -> Value:
    """The old form has the channels last."""
    return emit(build, Add(), *source.inputs)


def _without_space(source: Source, build: Builder) -> Value:
    """Channels come second when they come first: in a matrix that is last as well, in a sequence it is not."""
    value, bias = source.inputs
    if value.rank == 3 and source.attr("data_format", str).startswith("NC"):
        bias = reshape(build, bias, (*bias.shape, 1))
    return emit(build, Add(), value, bias)
