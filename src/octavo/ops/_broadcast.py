"""Shapes that stretch to meet each other."""

from __future__ import annotations

from itertools import zip_longest

from octavo.ir.dim import Dim


def broadcast(*shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape that all `shapes` stretch to, as in numpy.

    Where a symbol meets another length than 1, the known length wins: the run would fail otherwise.

    Raises:
        ValueError: two known lengths differ and neither is 1.
    """
    if all(shape == shapes[0] for shape in shapes[1:]):
        return shapes[0]
    columns = zip_longest(*(reversed(shape) for shape in shapes), fillvalue=1)
    return tuple(reversed([_meet(column, shapes) for column in columns]))


def _meet(column: tuple[Dim, ...], shapes: tuple[tuple[Dim, ...], ...]) -> Dim:
    stretched = [dim for dim in dict.fromkeys(column) if dim != 1]
    known = [dim for dim in stretched if isinstance(dim, int)]
    if len(known) > 1:
        raise ValueError(f"shapes {', '.join(str(list(shape)) for shape in shapes)} do not broadcast")
    return known[0] if known else stretched[0] if stretched else 1
