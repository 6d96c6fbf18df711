"""Samples: whatever a user has, as checked inputs of the model, one call of the model at a time."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from msgspec import Struct

from octavo.errors import SamplesError, did_you_mean, nearest_file
from octavo.ir.dim import Dim
from octavo.ir.graph import Signature
from octavo.ir.source import Array

Sample = dict[str, Array]
"""The inputs of one call of the model, by name."""
RECORDS = (".tfrecord", ".record")
"""What the names of TFRecord files hold."""
LABELS = ("labels", "label", "y")
"""Arrays of these names in a file are not inputs, unless the model says so."""

UNNAMED = "arr_0"
"""What NumPy calls the only array of a file that was saved without a name."""


class Input(Struct, frozen=True):
    """One input of the model: its name, dtype and shape (a symbolic dimension takes any length).

    Samples of the dtype `stored` are taken as they are, too: the integers of a quantized input.
    """

    name: str
    dtype: np.dtype[Any]
    shape: tuple[Dim, ...]
    stored: np.dtype[Any] | None = None


class Samples(Struct, frozen=True):
    """Checked samples for one signature; iterating gives one `Sample` after another.

    `labels` has one entry per sample where the source had labels; `count` is None where only iterating tells.
    """

    inputs: tuple[Input, ...]
    items: Callable[[], Iterable[Any]]
    count: int | None
    origin: str
    labels: Array | None = None

    def __iter__(self) -> Iterator[Sample]:
        """The samples in order, each checked against the inputs.

        Raises:
            SamplesError: a sample does not fit, or there is none.
        """
        number = -1
        for number, item in enumerate(self.items()):
            given = item[0] if is_pair(item, self.inputs) else item
            yield _check(self.inputs, given, f"{self.origin}, sample {number}")
        if number < 0:
            once = "pass a list, or a function that returns a new generator each time: a generator runs once"
            hint = once if self.count is None else "the arrays have no rows"
            raise SamplesError("there are no samples", where=self.origin, hint=hint)


class Spaced:
    """At most `most` of the samples that are offered, evenly spaced over however many these are."""

    def __init__(self, most: int) -> None:
        """Keep none yet."""
        self.most = most
        self.kept: list[Sample] = []
        self.count = 0
        self._spacing = 1

    def offer(self, sample: Sample) -> None:
        """Keep the next sample, if its turn has come."""
        if len(self.kept) == self.most and self.count % self._spacing == 0:
            self.kept, self._spacing = self.kept[::2], 2 * self._spacing
        if self.count % self._spacing == 0:
            self.kept.append(sample)
        self.count += 1


def room(sample: Sample, *, fewest: int, most: int, size: int) -> int:
    """How many samples like this one go into `size` bytes; not less than `fewest` and not more than `most`."""
    each = sum(array.nbytes for array in sample.values())
    return min(max(size // max(each, 1), fewest), most)


@runtime_checkable
class Gathered(Protocol):
    """Samples described by where they are: `octavo.Images`, `octavo.Sounds`, `octavo.Records`."""

    def read(self, inputs: tuple[Input, ...]) -> Samples:
        """The samples as a model with these inputs takes them."""
        ...


SamplesLike = str | Path | Mapping[str, Any] | Iterable[Any] | Callable[[], Iterable[Any]] | Gathered


def is_pair(item: Any, inputs: tuple[Input, ...]) -> bool:
    """Whether the item is (inputs, labels), as Keras and tf.data have it, and not the inputs alone."""
    if isinstance(item, list) and len(item) == 2 and len(inputs) == 1:
        # PyTorch's loaders make lists; two arrays of different shapes cannot be one array
        shapes = [getattr(part, "shape", None) for part in item]
        return None not in shapes and shapes[0] != shapes[1]
    if not isinstance(item, tuple) or len(item) != 2 or isinstance(item[0], str):
        return False
    return len(inputs) != 2 or isinstance(item[0], list | tuple | Mapping)


def inputs_of(signature: Signature) -> tuple[Input, ...]:
    """The inputs of a signature, by the names under which the user knows them."""
    graph = signature.graph
    return tuple(Input(n, v.dtype, v.shape) for n, v in zip(signature.inputs, graph.inputs, strict=True))


def read_samples(samples: SamplesLike, inputs: tuple[Input, ...]) -> Samples:
    """Samples out of anything that holds some. Nothing is run or loaded before it is iterated, except headers.

    - `.npz`, `.npy` or a mapping of arrays: each array is [samples, …]; each row is one call of the model. An array has
      the name of its input; the only one needs none, nor does one beside labels.
    - a folder of `.npy` files, in the order of their names: each file is one call (or one row of it).
    - an iterable, or a function that returns one: each item is the inputs of one call, as an array (one input), a
      list in the order of the inputs, a dict by name, TensorFlow's (signature key, dict), or a pair with a label.
      `tf.data` and Hugging Face data sets and PyTorch's loaders are such iterables; of a row, columns with labels are
      left out.
    - `octavo.Images`, `octavo.Sounds`, `octavo.Records`, or the path of such: a folder of WAV files, a TFRecord file. A
      folder of pictures does not say how the model wants its pixels: `octavo.Images` does.

    An item may leave out the batch dimension.

    Raises:
        SamplesError: the file is missing or damaged, or holds arrays of other names or lengths.
    """
    if isinstance(samples, Gathered):
        return samples.read(inputs)
    if isinstance(samples, str | Path):
        return _from_path(Path(samples), inputs)
    if isinstance(samples, Mapping):
        return _stacked({str(key): _array(value, str(key)) for key, value in samples.items()}, inputs, "samples")
    if callable(samples):
        return Samples(inputs, samples, None, "samples")
    if isinstance(samples, np.ndarray):
        return _stacked({inputs[0].name: samples}, inputs, "samples")
    if not isinstance(samples, Iterable):
        raise SamplesError(f"samples cannot be read from a {type(samples).__name__}", hint=_FORMS)
    count = len(samples) if isinstance(samples, Sized) else None
    return Samples(inputs, lambda: samples, count, "samples")


_FORMS = (
    "pass an .npz or .npy file, a folder of .npy, pictures or WAV files, a CSV of paths, a TFRecord file, a list of "
    "arrays, or a function that yields them"
)


def _array(value: Any, name: str) -> Array:
    """An entry of a mapping of arrays.

    Raises:
        SamplesError: it is something else, such as one of the splits of a data set.
    """
    if hasattr(value, "__array__") or isinstance(value, list | tuple | int | float):
        return np.asarray(value)
    hint = f"a dictionary holds an array for each input; of one that holds data sets, pass one: samples[{name!r}]"
    raise SamplesError(f"{name!r} is a {type(value).__name__}, no array", where="samples", hint=hint)


def _from_path(path: Path, inputs: tuple[Input, ...]) -> Samples:
    if not path.exists():
        raise SamplesError("there is no such file or folder", where=str(path), hint=nearest_file(path) or _FORMS)
    if path.suffix == ".csv" or any(part in path.name for part in RECORDS):
        return _gathered(path, inputs)
    if path.is_dir():
        files = sorted(path.glob("*.npy"))
        if not files and any(path.iterdir()):
            return _gathered(path, inputs)
        if not files:
            raise SamplesError("the folder holds no .npy files", where=str(path), hint=_FORMS)
        return Samples(inputs, lambda: map(_load, files), len(files), str(path))
    loaded = _load(path)
    arrays = {inputs[0].name: loaded} if isinstance(loaded, np.ndarray) else loaded
    return _stacked(arrays, inputs, str(path))


def _gathered(path: Path, inputs: tuple[Input, ...]) -> Samples:
    """Samples out of a folder, a table or a file, as what is in it tells."""
    from octavo.gather.images import SUFFIXES as PICTURES
    from octavo.gather.images import Images
    from octavo.gather.records import Records
    from octavo.gather.sounds import SUFFIXES as SOUNDS
    from octavo.gather.sounds import Sounds
    from octavo.gather.table import table_of

    inside = [path.name] if path.is_file() else [file.name for file in path.iterdir()]
    if any(part in name for part in RECORDS for name in inside):
        return Records(path).read(inputs)
    if path.is_dir() and not _holds(path, PICTURES | SOUNDS):
        raise SamplesError("the folder holds no samples", where=str(path), hint=_FORMS)
    first = table_of(path, PICTURES | SOUNDS).files[0]
    return (Sounds(path) if first.suffix.lower() in SOUNDS else Images(path)).read(inputs)


def _holds(path: Path, suffixes: frozenset[str]) -> bool:
    """Whether there are such files in the folder, or in one of its folders."""
    return any(file.suffix.lower() in suffixes for part in ("*", "*/*") for file in path.glob(part))


def _load(path: Path) -> Any:
    """The array of an `.npy`, mapped rather than read, or the arrays of an `.npz` by name."""
    try:
        with path.open("rb") as file:
            if file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX:
                return np.load(path, mmap_mode="r", allow_pickle=False)
            file.seek(0)
            return dict(np.load(file, allow_pickle=False))
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SamplesError(f"the samples cannot be read: {error}", where=str(path), hint=_FORMS) from error


def _stacked(arrays: dict[str, Array], inputs: tuple[Input, ...], origin: str) -> Samples:
    names = {input.name for input in inputs}
    labels = next((arrays.pop(key) for key in LABELS if key in arrays and key not in names), None)
    if len(inputs) == len(arrays) == 1 and (labels is not None or arrays.keys() == {UNNAMED}):
        arrays = {inputs[0].name: next(iter(arrays.values()))}
    _check_names(arrays, inputs, origin)
    lengths = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if labels is not None:
        lengths["labels"] = len(labels)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise SamplesError(f"the arrays hold different numbers of samples ({told})", where=origin)
    count = next(iter(lengths.values()))

    def rows() -> Iterator[Sample]:
        for index in range(count):
            yield {name: array[index : index + 1] for name, array in arrays.items()}

    return Samples(inputs, rows, count, origin, labels)


def _check(inputs: tuple[Input, ...], item: Any, where: str) -> Sample:
    if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str):
        item = item[1]
    if not isinstance(item, Mapping):
        parts = list(item) if isinstance(item, list | tuple) and len(item) == len(inputs) else [item]
        if len(parts) != len(inputs):
            raise SamplesError(f"the model takes {len(inputs)} inputs, the sample has {len(parts)}", where=where)
        item = {input.name: part for input, part in zip(inputs, parts, strict=True)}
    item = without_labels(item, inputs)
    _check_names(item, inputs, where)
    return {input.name: _fit(input, item[input.name], f"{where}, input {input.name!r}") for input in inputs}


def without_labels(item: Mapping[str, Any], inputs: tuple[Input, ...]) -> Mapping[str, Any]:
    """A row of a data set without its labels; the only column that is left is the only input, whatever its name."""
    names = [input.name for input in inputs]
    left = {key: value for key, value in item.items() if key in names or key not in LABELS}
    alone = len(left) == len(names) == 1 and len(item) > 1
    return {names[0]: next(iter(left.values()))} if alone else left


def _check_names(item: Mapping[str, Any], inputs: tuple[Input, ...], where: str) -> None:
    names = [input.name for input in inputs]
    for key in item:
        if key not in names:
            raise SamplesError(f"the model has no input {key!r}", where=where, hint=did_you_mean(str(key), names))
    missing = [name for name in names if name not in item]
    if missing:
        raise SamplesError(f"the input {missing[0]!r} is missing", where=where, hint=f"inputs: {', '.join(names)}")


def _fit(input: Input, value: Any, where: str) -> Array:
    """The array in the input's dtype and rank."""
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of different lengths
        raise SamplesError(f"the sample is no array: {error}", where=where) from error
    given = array.shape
    if not (array.dtype == input.dtype or np.can_cast(array.dtype, input.dtype, "same_kind")):
        is_number = array.dtype.kind in "fiub"
        hint = f"convert it: array.astype('{input.dtype}')" if is_number else f"pass numbers, as {input.dtype}"
        raise SamplesError(f"the model takes {input.dtype}, the sample is {array.dtype}", where=where, hint=hint)
    if input.stored is None or array.dtype != input.stored:  # numpy takes None for float64
        with np.errstate(over="ignore"):  # what is too large becomes an infinity, which is told below
            array = array.astype(input.dtype, copy=False)
    if array.ndim == len(input.shape) - 1 and (input.shape[0] == 1 or not isinstance(input.shape[0], int)):
        array = array[np.newaxis]
    _check_shape(input, array, given, where, is_picture=hasattr(value, "getbands"))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = "NaN" if np.isnan(array).any() else "an infinity"
        raise SamplesError(
            f"the sample holds {bad}", where=where, hint="leave such samples out, or mend what makes them"
        )
    return array


def _check_shape(input: Input, array: Array, given: tuple[int, ...], where: str, *, is_picture: bool) -> None:
    """Make sure that the array, which has the shape `given` without its batch dimension perhaps, fits."""
    wanted = [dim if isinstance(dim, int) else "any" for dim in input.shape]
    fits = array.ndim == len(wanted) and all(w in ("any", n) for w, n in zip(wanted, array.shape, strict=True))
    if not fits:
        fitted = "octavo.Images(samples, preprocess) makes pictures as large as the model takes them"
        hint = fitted if is_picture else "reshape the samples; the batch may be left out"
        raise SamplesError(f"the model takes the shape {wanted}, the sample has {list(given)}", where=where, hint=hint)
    if 0 in array.shape:
        hint = "leave empty samples out"
        raise SamplesError(f"the sample is empty: its shape is {list(given)}", where=where, hint=hint)
