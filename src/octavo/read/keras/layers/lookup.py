"""Layers that turn texts and whole numbers into numbers of a vocabulary, and back."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from octavo.errors import Invalid
from octavo.ir.op import NotLoweredError
from octavo.ir.source import Array
from octavo.read.keras.emitter import Tensor
from octavo.read.keras.layer import Layer, layer
from octavo.read.keras.layers.preprocessing import encoded, plain

_TEXTS = "LiteRT looks texts up and hands them on, no more; do this before the model, in what calls it"
_HASHES = "LiteRT has no fingerprints; compute the numbers before the model, in what calls it"
_FILE = "vocabulary.txt"


@layer("StringLookup", "IntegerLookup")
def lookup(layer: Layer, x: Tensor) -> Tensor:
    """The place of each word in the vocabulary, or the word at each place; also as rows of zeros and ones, or counts.

    In front of the vocabulary stand a place for what is masked, where that counts, and those for unknown words.
    """
    is_text = layer.kind == "StringLookup"
    return _looked_up(
        layer, x, is_text=is_text, mask=layer.config.get("mask_token"), mode=layer.get("output_mode", "int")
    )


@layer("TextVectorization")
def text_vectorization(layer: Layer, x: Tensor) -> Tensor:
    """The places of whole texts in the vocabulary: texts are neither rewritten nor split by LiteRT."""
    for key in ("standardize", "split", "ngrams"):
        if layer.config.get(key) is not None:
            raise NotLoweredError(f"{key}={layer.config[key]!r}: {_TEXTS}")
    mode = layer.get("output_mode", "int")
    places = _looked_up(layer, x, is_text=True, mask="", mode=mode)
    length = layer.get("output_sequence_length")
    if mode != "int" or length is None:
        return places
    emit, last = layer.emit, places.shape[-1]
    if not isinstance(last, int):
        raise NotLoweredError("the number of texts of a sample must be known before the model runs")
    rank = places.rank
    cut = emit("Slice", places, np.zeros(rank, np.int32), np.array([-1] * (rank - 1) + [min(last, length)], np.int32))
    room = np.array([[0, 0]] * (rank - 1) + [[0, max(0, length - last)]], np.int32)
    return emit("Pad", cut, room) if length > last else cut


@layer("Hashing", "HashedCrossing")
def hashing(layer: Layer, *inputs: Tensor) -> NoReturn:  # noqa: ARG001  # nothing is emitted
    """Nothing.

    Raises:
        NotLoweredError: always, with what to do.
    """
    raise NotLoweredError(_HASHES)


def _looked_up(layer: Layer, x: Tensor, *, is_text: bool, mask: Any, mode: str) -> Tensor:
    """What the layer gives for `x`; the word `mask` is masked, if it is one."""
    if layer.get("sparse"):
        raise NotLoweredError("LiteRT has no sparse tensors; leave sparse=True out")
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    unknown = int(layer.get("num_oov_indices", 1))
    masked = int(mask is not None and mode == "int")
    special = [mask] * masked + [layer.config.get("oov_token", "[UNK]" if is_text else -1)] * unknown
    words = _vocabulary(layer, is_text=is_text)
    has_special = words[: len(special)] == special
    words = words[len(special) :] if has_special else words
    places = np.arange(len(special), len(special) + len(words))
    known, emit = _array(words, is_text=is_text), layer.emit
    if layer.get("invert"):
        answer = emit.lookup(places, known, emit.cast(x, np.int64), _array(special[-1:], is_text=is_text).reshape(()))
        return _masked(layer, answer, x, np.int64(0), _array([mask], is_text=is_text).reshape(())) if masked else answer
    x = x if is_text else emit.cast(x, np.int64)
    found = emit.lookup(known, places, x, np.array(masked if unknown == 1 else -1))
    if mask is not None:
        found = _masked(layer, found, x, _array([mask], is_text=is_text).reshape(()), np.int64(0 if masked else -1))
    if unknown > 1:
        found = _among_unknown(layer, found, x, unknown, masked, is_text=is_text)
    if mode == "int":
        return found
    depth = int(layer.get("max_tokens", 0)) if layer.get("pad_to_max_tokens") else len(special) + len(words)
    found = emit.cast(found, np.int32)
    if mode != "tf_idf":
        return encoded(layer, found, depth, mode, np.int64)
    return emit("Mul", encoded(layer, found, depth, "count"), _idf(layer, 0 if has_special else len(special), depth))


def _among_unknown(layer: Layer, found: Tensor, x: Tensor, count: int, first: int, *, is_text: bool) -> Tensor:
    """The places of unknown numbers by their remainder; unknown texts have fingerprints."""
    if is_text or layer.get("oov_method", "floormod") != "floormod":
        raise NotLoweredError(f"num_oov_indices={count}: {_HASHES}, or use num_oov_indices=1")
    emit = layer.emit
    place = emit("AddV2", emit("FloorMod", x, np.int64(count)), np.int64(first))
    return emit("SelectV2", emit("Equal", found, np.int64(-1)), place, found)


def _masked(layer: Layer, found: Tensor, x: Tensor, mask: Any, value: Any) -> Tensor:
    emit = layer.emit
    if found.dtype == object:
        raise NotLoweredError("LiteRT chooses between no texts; leave mask_token out")
    return emit("SelectV2", emit("Equal", x, mask), value, found)


def _vocabulary(layer: Layer, *, is_text: bool) -> list[Any]:
    """The words of the configuration, or of the layer's own file in the archive.

    Raises:
        NotLoweredError: they are in neither, as in HDF5 files of layers that have learnt theirs.
    """
    given = plain(layer.config.get("vocabulary"))
    if given is not None and not isinstance(given, str):
        return [each.decode() if isinstance(each, bytes) else each for each in np.asarray(given).tolist()]
    file = layer.weights.asset(_FILE)
    if file is None:
        raise NotLoweredError("its vocabulary is not in the file: save it as .keras, or export a SavedModel")
    lines = file.decode("utf-8").splitlines()
    while lines and not lines[-1]:
        lines.pop()
    return lines if is_text else [int(line) for line in lines]


def _idf(layer: Layer, front: int, depth: int) -> Array:
    """How much each place counts: those without words as much as the words on average, those behind nothing."""
    given = plain(layer.config.get("idf_weights"))
    if given is None:
        return layer.weight(0, "idf_weights", (depth,))
    weights = np.asarray(given)
    padded = np.pad(weights, (front, 0), constant_values=np.average(weights))
    if padded.size > depth:
        raise Invalid(f"there are {padded.size} weights of {depth} words", where=f"layer {layer.name!r}")
    return np.pad(padded, (0, depth - padded.size)).astype(np.float32)


def _array(words: list[Any], *, is_text: bool) -> Array:
    if not is_text:
        return np.array(words, np.int64)
    made: Array = np.empty(len(words), object)
    made[:] = [str(word).encode() for word in words]
    return made
