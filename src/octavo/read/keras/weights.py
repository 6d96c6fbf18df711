"""Where the weights of a layer stand in a file, in both forms that Keras has had.

Keras 3 archives keep `layers/<class>_<n>/vars/<index>`, by the position of the layer in its model. HDF5 files of
old keep, for each layer of the outermost model, a list of paths such as `block/conv/kernel:0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from octavo.errors import Invalid
from octavo.ir.source import Array

View = Callable[[Any], Array]
"""The numbers of an HDF5 dataset."""
Assets = Callable[[str], bytes | None]
"""The content of a file by its path in the archive; None if there is no such file."""


def no_assets(path: str) -> None:  # there are none
    """Nothing, whatever the path."""


class Weights(Protocol):
    """The weights of one layer."""

    def get(self, index: int, name: str) -> Array:
        """The weight `name`, the layer's `index`-th; raises `Invalid` if there is none."""

    def part(self, child: str, name: str | None) -> Weights:
        """Those of the inner layer in the attribute `child`, called `name`."""

    def count(self) -> int:
        """How many there are, those of inner layers aside."""

    def asset(self, name: str) -> bytes | None:
        """The file of that name which the layer has beside its weights; None if there is none."""


@dataclass(frozen=True, slots=True)
class GroupWeights:
    """In a Keras 3 archive: an HDF5 group with the datasets `vars/0`, `vars/1`, …; None if there is no such group."""

    group: Any
    path: str
    view: View
    assets: Assets = no_assets
    inner: str = "assets"

    def get(self, index: int, name: str) -> Array:
        """Found by its index."""
        found = (None if self.group is None else self.group.get(f"vars/{key}") for key in (index, name))
        dataset = next((each for each in found if each is not None), None)
        if dataset is None:
            raise _missing(name, f"{self.path}/vars/{index}")
        return self.view(dataset)

    def part(self, child: str, name: str | None) -> GroupWeights:  # noqa: ARG002  # archives know no names
        """The group of that name, in the spelling of any release: Keras 2 writes the names of private attributes."""
        group = None
        for spelling in (child, f"_{child}", child.replace("layers/", "_layer_checkpoint_dependencies/", 1)):
            group = group or (None if self.group is None else self.group.get(spelling))
        return GroupWeights(group, f"{self.path}/{child}", self.view, self.assets, f"{self.inner}/{child}")

    def count(self) -> int:
        """The number of variables."""
        return 0 if self.group is None or "vars" not in self.group else len(self.group["vars"])

    def asset(self, name: str) -> bytes | None:
        """At the same place of the archive as the weights are at in their file."""
        return self.assets(f"{self.inner}/{name}")


@dataclass(frozen=True, slots=True)
class ListedWeights:
    """In an HDF5 file of old: the paths and datasets of a layer of the outermost model, and the layer wanted in it."""

    listed: Sequence[tuple[str, Any]]
    path: str
    view: View
    scopes: tuple[str, ...] = ()

    def get(self, index: int, name: str) -> Array:
        """Found by its name within the scopes; by its index where the name tells nothing: names have changed."""
        own = self._own()
        named = [dataset for own_name, dataset in own if re.fullmatch(rf"{name}(_\d+)?", own_name)]
        if len(named) == 1:
            return self.view(named[0])
        if index < len(own):
            return self.view(own[index][1])
        raise _missing(name, self.path)

    def part(self, child: str, name: str | None) -> ListedWeights:  # noqa: ARG002  # these files know no attributes
        """The same list, narrowed to a scope if the inner layer has one."""
        if name is None:
            return self
        return ListedWeights(self.listed, f"{self.path}/{name}", self.view, (*self.scopes, name))

    def count(self) -> int:
        """The number of variables within the scopes."""
        return len(self._own())

    def asset(self, name: str) -> bytes | None:  # noqa: ARG002  # there are none
        """None: these files hold arrays only."""
        return None

    def _own(self) -> list[tuple[str, Any]]:
        """Names and datasets in the innermost scope, of the paths that name most scopes around it, and least else.

        Where that scope has none of its own, those of the scopes in it: a layer around one that the caller has not
        named, such as a recurrent layer around its cell.
        """
        if not self.scopes:
            return [(_split(path)[1], dataset) for path, dataset in self.listed]
        found: dict[tuple[bool, int, int], list[tuple[str, Any]]] = {}
        for path, dataset in self.listed:
            scope, name = _split(path)
            if f"/{self.scopes[-1]}/" in f"/{scope}/":
                depth = sum(f"/{outer}/" in f"/{scope}/" for outer in self.scopes[:-1])
                own = scope.endswith(self.scopes[-1])
                found.setdefault((own, depth, -scope.count("/")), []).append((name, dataset))
        return found[max(found)] if found else []


@dataclass(frozen=True, slots=True)
class NoWeights:
    """Those of an operation."""

    path: str = ""

    def get(self, index: int, name: str) -> Array:  # noqa: ARG002  # there are none
        """Raises `Invalid`."""
        raise _missing(name, self.path)

    def part(self, child: str, name: str | None) -> NoWeights:  # noqa: ARG002  # there are none
        """None either."""
        return self

    def count(self) -> int:
        """None."""
        return 0

    def asset(self, name: str) -> bytes | None:  # noqa: ARG002  # there are none
        """None either."""
        return None


def _split(path: str) -> tuple[str, str]:
    """The scope, and the name in it."""
    scope, _, name = path.removesuffix(":0").rpartition("/")
    return scope, name


def _missing(name: str, path: str) -> Invalid:
    return Invalid(
        f"the weight {name!r} is missing",
        where=path,
        hint="the file holds other weights than its configuration calls for; save the model again",
    )
