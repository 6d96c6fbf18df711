"""A representative dataset as TensorFlow takes it, turned into samples as Octavo takes them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

Items = Callable[[], Iterable[Any]]


class Dataset:
    """The samples that a user's function gives, once looked into.

    `nothing` says why there is nothing to learn from, if so: TensorFlow silently leaves such a model float.
    """

    def __init__(self, given: Any) -> None:
        """Call the function once and look at its samples, up to the first without NaN.

        Raises:
            ValueError: the first sample has no known form.
        """
        self._given = getattr(given, "input_gen", given)  # of a RepresentativeDataset, TensorFlow's or ours
        self._begun: Iterator[Any] | None = None
        self.is_keyed = False
        self.nothing = ""
        self._is_stream = callable(self._given) or (
            isinstance(self._given, Iterable) and not isinstance(self._given, str | Mapping)
        )
        if self._is_stream:
            self._look()

    def samples(self, keys: Sequence[str]) -> Any:
        """What `octavo.convert` takes as samples of a model with these signatures; none are known of some models."""
        if not self._is_stream:
            return self._given
        if not self.is_keyed or not keys:
            return self._items
        if len(keys) == 1:
            return lambda: _of(keys[0], self._items(), keys)
        return {key: _Of(key, self._items, keys) for key in keys}

    def _look(self) -> None:
        seen: list[Any] = []
        items = self._fresh()
        for item in items:
            _check_form(item)
            seen.append(item)
            if not _has_nan(item):
                break
        else:
            self.nothing = "all of its samples hold NaN" if seen else "it holds no samples"
        self.is_keyed = bool(seen) and _is_keyed(seen[0])
        self._begun = itertools.chain(seen, items)

    def _fresh(self) -> Iterator[Any]:
        return iter(self._given() if callable(self._given) else self._given)

    def _items(self) -> Iterator[Any]:
        """The samples; the first time those of the call that was looked into, since a generator runs once."""
        begun, self._begun = self._begun, None
        for item in self._fresh() if begun is None else begun:
            _check_form(item)
            yield item


class _Of:
    """The samples of one signature, as a function of no arguments."""

    def __init__(self, key: str, items: Items, keys: Sequence[str]) -> None:
        self._key, self._items, self._keys = key, items, keys

    def __call__(self) -> Iterator[Any]:
        return _of(self._key, self._items(), self._keys)


def _of(key: str, items: Iterable[Any], keys: Sequence[str]) -> Iterator[Any]:
    """The samples of one signature; TensorFlow would leave one without any float, and say nothing."""
    found = False
    for item in items:
        if _is_keyed(item) and item[0] not in keys:
            raise ValueError(f'Invalid signature_key provided: "{item[0]}". Valid keys are {", ".join(keys)}.')
        if not _is_keyed(item) or item[0] == key:
            found = True
            yield item
    if not found:
        raise ValueError(f"representative_dataset holds no samples of the signature {key!r}; convert fewer or add some")


def _is_keyed(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)


def _check_form(item: Any) -> None:
    if isinstance(item, list | tuple | Mapping) or hasattr(item, "__array__"):
        return
    raise ValueError(
        "You need to provide either a dictionary with input names and values, a tuple with signature key and a "
        "dictionary with input names and values, or an array with input values in the order of input tensors of the "
        f"graph in the representative_dataset function. Unsupported value from dataset: {item!r}."
    )


def _has_nan(item: Any) -> bool:
    import numpy as np

    parts = item[1] if _is_keyed(item) else item
    values = parts.values() if isinstance(parts, Mapping) else parts if isinstance(parts, list | tuple) else [parts]
    arrays = [np.asarray(value) for value in values if hasattr(value, "__array__") or isinstance(value, float)]
    return any(array.dtype.kind == "f" and bool(np.isnan(array).any()) for array in arrays)
