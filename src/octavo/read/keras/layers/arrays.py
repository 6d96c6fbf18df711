"""Operations of `keras.ops` on arrays: statistics, order, parts and places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Operand, Tensor
from octavo.read.keras.layer import Layer, operation
from octavo.read.keras.layers.reshape import INTERPOLATIONS


@operation("Argmax")
def argmax(layer: Layer, x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The place of the largest number."""
    return _extreme(layer, "ArgMax", (x, axis), keepdims=keepdims)


@operation("Argmin")
def argmin(layer: Layer, x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The place of the smallest number."""
    return _extreme(layer, "ArgMin", (x, axis), keepdims=keepdims)


@operation("Var")
def variance(layer: Layer, x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The mean square of the distance from the mean."""
    emit, axes = layer.emit, _axes(axis, x.rank)
    apart = emit("Sub", x, emit("Mean", x, axes, keep_dims=True))
    return emit("Mean", emit("Mul", apart, apart), axes, keep_dims=keepdims)


@operation("Std")
def deviation(layer: Layer, x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The root of the variance."""
    return layer.emit("Sqrt", variance(layer, x, axis, keepdims))


@operation("Moments")
def moments(layer: Layer, x: Tensor, axes: Any, keepdims: bool = False, synchronized: bool = False) -> list[Tensor]:  # noqa: ARG001, FBT001, FBT002  # as Keras calls it
    """The mean and the variance."""
    return [layer.emit("Mean", x, _axes(axes, x.rank), keep_dims=keepdims), variance(layer, x, axes, keepdims)]


@operation("Logsumexp")
def log_sum(layer: Layer, x: Tensor, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The logarithm of the sum of powers of e, which are taken of the distance from the largest number."""
    emit, axes = layer.emit, _axes(axis, x.rank)
    top = emit("Max", x, axes, keep_dims=True)
    total = emit("Log", emit("Sum", emit("Exp", emit("Sub", x, top)), axes, keep_dims=keepdims))
    return emit("AddV2", total, top if keepdims else emit("Max", x, axes, keep_dims=False))


@operation("Norm")
def norm(layer: Layer, x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:  # noqa: FBT001, FBT002  # as Keras calls it
    """The length of vectors: Euclid's, the sum or the largest of the sizes."""
    emit = layer.emit
    axes = _axes(axis, x.rank)
    if ord in (None, 2, "euclidean", "fro") and (len(axes) == 1 or ord != 2):
        return emit("Sqrt", emit("Sum", emit("Square", x), axes, keep_dims=keepdims))
    if len(axes) == 1 and ord in (1, float("inf"), "inf"):
        return emit("Sum" if ord == 1 else "Max", emit("Abs", x), axes, keep_dims=keepdims)
    raise NotLoweredError(f"the norm of order {ord!r} is not known")


@operation("Cumsum")
def running_sum(layer: Layer, x: Tensor, axis: int | None = None) -> Tensor:
    """Each number and all before it."""
    return _running(layer, "Cumsum", x, axis)


@operation("Cumprod")
def running_product(layer: Layer, x: Tensor, axis: int | None = None) -> Tensor:
    """Each number times all before it."""
    return _running(layer, "Cumprod", x, axis)


@operation("TopK", "math.top_k")
def top_k(layer: Layer, x: Tensor, k: int, sorted: bool = True) -> list[Tensor]:  # noqa: ARG001, FBT001, FBT002  # as Keras calls it
    """The largest numbers of each row, and their places."""
    return layer.emit.many("TopKV2", x, np.int32(k))


@operation("Sort")
def sort(layer: Layer, x: Tensor, axis: int = -1) -> Tensor:
    """Each row in rising order."""
    emit = layer.emit
    return _on_last(layer, x, axis, lambda rows: emit("Neg", top_k(layer, emit("Neg", rows), _length(rows, -1))[0]))


@operation("Argsort")
def argsort(layer: Layer, x: Tensor, axis: int = -1) -> Tensor:
    """The places of each row's numbers in rising order."""
    emit = layer.emit
    return _on_last(layer, x, axis, lambda rows: top_k(layer, emit("Neg", rows), _length(rows, -1))[1])


@operation("Flip")
def flip(layer: Layer, x: Tensor, axis: Any = None) -> Tensor:
    """Back to front."""
    return layer.emit("ReverseV2", x, _axes(axis, x.rank))


@operation("Roll", "roll")
def roll(layer: Layer, x: Tensor, shift: Any, axis: Any = None) -> Tensor:
    """The end in front of the beginning."""
    if axis is None:
        raise NotLoweredError("rolling over all dimensions as one")
    return layer.emit("Roll", x, *(np.atleast_1d(np.asarray(given, np.int32)) for given in (shift, axis)))


@operation("Repeat")
def repeat(layer: Layer, x: Tensor, repeats: Any, axis: int | None = None) -> Tensor:
    """Each part as often as told."""
    if axis is None:
        raise NotLoweredError("repeating all dimensions as one")
    times = np.broadcast_to(np.asarray(repeats), _length(x, axis))
    return _picked(layer, x, np.repeat(np.arange(len(times)), times), axis)


@operation("Tile", "tile")
def tile(layer: Layer, x: Tensor, repeats: Any = None, multiples: Any = None) -> Tensor:
    """All of it, side by side."""
    times = np.atleast_1d(np.asarray(repeats if multiples is None else multiples, np.int32))
    return layer.emit("Tile", x, np.concatenate([np.ones(x.rank - len(times), np.int32), times]))


@operation("Split", "split")
def split(
    layer: Layer, x: Tensor, indices_or_sections: Any = None, axis: int = 0, num_or_size_splits: Any = None
) -> list[Tensor]:
    """Equal parts, or parts between places (TensorFlow gives their lengths)."""
    emit, given = layer.emit, indices_or_sections if num_or_size_splits is None else num_or_size_splits
    if isinstance(given, int):
        return emit.many("Split", np.int32(axis), x, num_split=given)
    lengths = given if num_or_size_splits is not None else np.diff([0, *given, _length(x, axis)])
    return emit.many("SplitV", x, np.asarray(lengths, np.int32), np.int32(axis), num_split=len(lengths))


@operation("Unstack", "unstack")
def unstack(layer: Layer, x: Tensor, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """One tensor for each place along an axis."""
    return layer.emit.many("Unpack", x, axis=axis, num=_length(x, axis) if num is None else num)


@operation("Take")
def take(layer: Layer, x: Tensor, indices: Any, axis: int | None = None) -> Tensor:
    """Parts by their places, which may count from the end."""
    if isinstance(indices, Tensor):
        length, emit = _length(x, axis or 0), layer.emit
        places = emit.cast(indices, np.int32)
        from_end = emit("Less", places, np.int32(0))
        places = emit("SelectV2", from_end, emit("AddV2", places, np.int32(length)), places)
        return emit("GatherV2", _flat(layer, x) if axis is None else x, places, np.int32(axis or 0), batch_dims=0)
    return _picked(layer, x, np.asarray(indices), axis)


@operation("TakeAlongAxis")
def take_along_axis(layer: Layer, x: Tensor, indices: Operand, axis: int | None = None) -> Tensor:
    """Along an axis the elements at places, which differ from row to row; negative places count from the end."""
    emit = layer.emit
    places = emit.cast(emit.tensor(indices), np.int32)
    if axis is None:
        x, axis = emit.reshape(x, [-1]), 0
    axis %= x.rank
    if any(a != b for at, (a, b) in enumerate(zip(x.shape, places.shape, strict=True)) if at != axis):
        raise NotLoweredError(f"places of the shape {list(places.shape)} stretch over {list(x.shape)}")
    order = [*(at for at in range(x.rank) if at != axis), axis]
    rows, chosen = emit.transpose(x, order), emit.transpose(places, order)
    length = emit.size(x, axis)
    within = emit("SelectV2", emit("Less", chosen, np.int32(0)), emit("AddV2", chosen, length), chosen)
    picked = emit("GatherV2", rows, within, np.int32(-1), batch_dims=x.rank - 1)
    return emit.transpose(picked, [order.index(at) for at in range(x.rank)])


@operation("Swapaxes")
def swap_axes(layer: Layer, x: Tensor, axis1: int, axis2: int) -> Tensor:
    """Two dimensions in each other's place."""
    order = list(range(x.rank))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return layer.emit.transpose(x, order)


@operation("Moveaxis")
def move_axis(layer: Layer, x: Tensor, source: Any, destination: Any) -> Tensor:
    """Dimensions at another place."""
    marks = np.moveaxis(np.empty(tuple(range(1, x.rank + 1))), source, destination).shape
    return layer.emit.transpose(x, [length - 1 for length in marks])


@operation("OneHot", "one_hot")
def one_hot(layer: Layer, x: Tensor, num_classes: int | None = None, axis: int = -1, **options: Any) -> Tensor:
    """A flag at each number's place, as a real number unless another dtype is asked for."""
    classes = int(options.get("depth", 0) if num_classes is None else num_classes)
    hot = layer.emit("OneHot", layer.emit.cast(x, np.int32), np.int32(classes), np.float32(1), np.float32(0), axis=axis)
    wanted = options.get("dtype")
    if options.get("sparse") or options.get("on_value") is not None or options.get("off_value") is not None:
        raise NotLoweredError(f"one-hot rows by {sorted(options)}")
    return hot if wanted is None or "float" in str(wanted) else layer.emit.cast(hot, np.dtype(str(wanted)))


@operation("Outer")
def outer(layer: Layer, x1: Tensor, x2: Tensor) -> Tensor:
    """Every number times every number."""
    emit = layer.emit
    return emit(
        "Mul", emit("Reshape", x1, np.array([-1, 1], np.int32)), emit("Reshape", x2, np.array([1, -1], np.int32))
    )


@operation("Tril")
def lower_triangle(layer: Layer, x: Tensor, k: int = 0) -> Tensor:
    """Zero above a diagonal."""
    return _banded(layer, x, np.tril, k)


@operation("Triu")
def upper_triangle(layer: Layer, x: Tensor, k: int = 0) -> Tensor:
    """Zero below a diagonal."""
    return _banded(layer, x, np.triu, k)


@operation("Normalize")
def normalize(layer: Layer, x: Tensor, axis: Any = -1, order: Any = 2, epsilon: float | None = None) -> Tensor:
    """Vectors of length 1, by Euclid."""
    if order != 2:
        raise NotLoweredError(f"the norm of order {order!r} is not known")
    emit, least = layer.emit, 1e-12 if epsilon is None else max(epsilon * epsilon, 1e-38)
    square = emit("Sum", emit("Square", x), _axes(axis, x.rank), keep_dims=True)
    return emit("Mul", x, emit("Rsqrt", emit("Maximum", square, least)))


@operation("Resize")
def resize(layer: Layer, x: Tensor, size: Sequence[int], interpolation: str = "bilinear", **options: Any) -> Tensor:
    """Images at another size."""
    changed = [key for key in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio") if options.get(key)]
    if changed or options.get("data_format") == "channels_first" or interpolation not in INTERPOLATIONS:
        raise NotLoweredError(f"resizing by {interpolation!r} with {changed or 'channels first'}")
    kept = {} if interpolation == "area" else {"half_pixel_centers": True}
    return layer.emit(INTERPOLATIONS[interpolation], x, np.array(size, np.int32), **kept)


@operation("RFFT")
def rfft(layer: Layer, x: Tensor, fft_length: int | None = None) -> list[Tensor]:
    """The real and the imaginary parts of half the spectrum."""
    emit = layer.emit
    spectrum = emit("RFFT", x, np.array([fft_length or _length(x, -1)], np.int32), Tcomplex=np.dtype(np.complex64))
    return [emit(part, spectrum, T=np.dtype(np.complex64)) for part in ("Real", "Imag")]


def _extreme(layer: Layer, op: str, given: tuple[Tensor, int | None], *, keepdims: bool) -> Tensor:
    x, axis = given
    if axis is None:
        raise NotLoweredError("the place among all dimensions as one")
    place = layer.emit(op, x, np.int32(axis), output_type=np.dtype(np.int32))
    return layer.emit("ExpandDims", place, np.int32(axis)) if keepdims else place


def _running(layer: Layer, op: str, x: Tensor, axis: int | None) -> Tensor:
    if axis is None:
        raise NotLoweredError("running over all dimensions as one")
    return layer.emit(op, x, np.int32(axis), exclusive=False, reverse=False)


def _on_last(layer: Layer, x: Tensor, axis: int, function: Any) -> Tensor:
    """The function of rows, with `axis` as the last dimension."""
    axis %= x.rank
    order = [*(at for at in range(x.rank) if at != axis), axis]
    return layer.emit.transpose(function(layer.emit.transpose(x, order)), np.argsort(order).tolist())


def _picked(layer: Layer, x: Tensor, places: Any, axis: int | None) -> Tensor:
    given = _flat(layer, x) if axis is None else x
    at = 0 if axis is None else axis
    indices = np.asarray(places)
    indices = np.where(indices < 0, indices + (_length(given, at) if (indices < 0).any() else 0), indices)
    return layer.emit("GatherV2", given, indices.astype(np.int32), np.int32(at), batch_dims=0)


def _banded(layer: Layer, x: Tensor, band: Any, k: int) -> Tensor:
    inside = band(np.ones((_length(x, -2), _length(x, -1)), bool), k)
    zero: Operand = np.zeros((), x.dtype)
    return layer.emit("SelectV2", inside, x, zero)


def _flat(layer: Layer, x: Tensor) -> Tensor:
    return layer.emit("Reshape", x, np.array([-1], np.int32))


def _axes(axis: Any, rank: int) -> Any:
    if axis is None:
        return np.arange(rank, dtype=np.int32)
    return np.array(axis if isinstance(axis, list | tuple) else [axis], np.int32)


def _length(x: Tensor, axis: int) -> int:
    length = x.shape[axis]
    if not isinstance(length, int):
        raise NotLoweredError(f"the length of dimension {axis} must be known before the model runs")
    return length
