"""Dimensions that may be known only at run time.

A `Dim` is an int, or a `Symbolic`: a polynomial with integer coefficients over symbols such as `batch`.
A symbol that is a name stands for a length, so it is at least 1 in comparisons. A call, such as `batch//2`,
`steps(0, n, 1)` or `int(n)`, is a symbol too, and says itself how small it may be. Arithmetic works inside numpy object
arrays too, which is how shape arithmetic is folded.
"""

from __future__ import annotations

import ast
import functools
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final

Monomial = tuple[str, ...]
"""A product of symbols, sorted; the empty product is the constant term."""


BATCH = "batch"
"""The symbol of an unknown first dimension. All inputs share it: a model has one batch."""


class UndecidedError(Exception):
    """A question about a symbolic dimension has no answer that holds for every run."""


class Symbolic:
    """A dimension known only at run time: a polynomial over symbols. Immutable."""

    __slots__ = ("_hash", "terms")

    def __init__(self, terms: dict[Monomial, int]) -> None:
        """Hold the coefficient of each monomial; zero coefficients must be absent."""
        self.terms = terms
        self._hash = hash(frozenset(terms.items()))

    def __add__(self, other: Dim) -> Dim:
        return _combine(_terms(self).items(), _terms(other).items())

    def __mul__(self, other: Dim) -> Dim:
        return _combine((tuple(sorted(a + b)), x * y) for a, x in self.terms.items() for b, y in _terms(other).items())

    def __neg__(self) -> Dim:
        return self * -1

    def __sub__(self, other: Dim) -> Dim:
        return self + -other

    def __rsub__(self, other: Dim) -> Dim:
        return -self + other

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        exact = _divide(self, other)
        return _call("//", self, other) if exact is None else exact

    def __rfloordiv__(self, other: Dim) -> Dim:
        return _call("//", other, self)

    def __rmod__(self, other: Dim) -> Dim:
        return _call("%", other, self)

    def __mod__(self, other: Dim) -> Dim:
        return _call("%", self, other) if _divide(self, other) is None else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbolic) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __lt__(self, other: Dim) -> bool:
        return _sign(self - other, strict=True, upper=True)

    def __gt__(self, other: Dim) -> bool:
        return _sign(self - other, strict=True, upper=False)

    def __le__(self, other: Dim) -> bool:
        return not self > other

    def __ge__(self, other: Dim) -> bool:
        return not self < other

    def __index__(self) -> int:
        raise UndecidedError(f"{self} is known only at run time")

    __int__ = __index__
    __bool__ = __index__

    def __repr__(self) -> str:
        return "+".join(_term(*item) for item in sorted(self.terms.items(), key=lambda i: (-len(i[0]), i[0]))).replace(
            "+-", "-"
        )


Dim = int | Symbolic
"""A length: an int, or a `Symbolic` that is known only at run time."""


def symbol(name: str) -> Symbolic:
    """The dimension called `name`."""
    return Symbolic({(name,): 1})


def some(name: str) -> Symbolic:
    """The length called `name`, which the data decide: it may be 0."""
    return symbol(f"some({name})")


def number(name: str) -> Symbolic:
    """The integer called `name`, which may be less than 1."""
    return symbol(f"int({name})")


def steps(first: Dim, last: Dim, step: Dim) -> Dim:
    """How many numbers there are from `first` to just before `last`, in steps of `step`; none if that lies behind."""
    try:
        size = step if step > 0 else -step
        reach = last - first if step > 0 else first - last
        return 0 if reach <= 0 else (reach + size - 1) // size
    except UndecidedError:
        return symbol(f"steps({first},{last},{step})")


def span(dim: Dim, first: Dim | None, last: Dim | None, step: int) -> Symbolic:
    """How many of `dim` elements a slice takes, where no polynomial says it."""
    return symbol(f"span({dim},{first},{last},{step})")


def parse(text: str) -> Dim:
    """The dimension that `str` printed as `text`.

    Raises:
        ValueError: `text` is not an expression over names, integers, calls, + - * // %.
    """
    return _evaluate(ast.parse(text, mode="eval").body)


def product(dims: Iterable[Dim]) -> Dim:
    """The number of elements of a shape."""
    return functools.reduce(operator.mul, dims, 1)


def is_static(dims: Iterable[Dim]) -> bool:
    """Whether every dimension is known before the model runs."""
    return all(isinstance(dim, int) for dim in dims)


def symbols(dim: Dim) -> set[str]:
    """The names of the symbols that a dimension depends on."""
    return {name for monomial in _terms(dim) for name in monomial}


def for_one(dim: Dim) -> int | None:
    """The dimension in a batch of one; None when it depends on more than the batch."""
    return sum(_terms(dim).values()) if symbols(dim) <= {BATCH} else None


def linear(dim: Dim, name: str) -> tuple[Dim, Dim]:
    """What stands before the symbol `name`, and the rest: `factor · name + rest`; a factor of 0 for any other form."""
    factor: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in _terms(dim).items():
        others = tuple(other for other in monomial if other != name)
        if len(monomial) - len(others) > 1:
            return 0, dim
        (rest if len(others) == len(monomial) else factor)[others] = coefficient
    return _combine(factor.items()), _combine(rest.items())


def _terms(dim: Dim) -> dict[Monomial, int]:
    return dim.terms if isinstance(dim, Symbolic) else {(): int(dim)}


def _combine(*groups: Iterable[tuple[Monomial, int]]) -> Dim:
    total: Counter[Monomial] = Counter()
    for group in groups:
        for monomial, coefficient in group:
            total[monomial] += coefficient
    terms = {monomial: c for monomial, c in total.items() if c}
    return Symbolic(terms) if any(terms) else terms.get((), 0)


def _divide(dividend: Symbolic, divisor: Dim) -> Dim | None:
    """The quotient when `divisor` is one term that divides every term of `dividend`, else None."""
    parts = _terms(divisor)
    if len(parts) != 1:
        return 1 if dividend == divisor else None
    ((factors, number),) = parts.items()
    quotient: dict[Monomial, int] = {}
    for monomial, coefficient in dividend.terms.items():
        left = Counter(monomial)
        left.subtract(factors)
        if number == 0 or coefficient % number or min(left.values(), default=0) < 0:
            return None
        quotient[tuple(sorted(left.elements()))] = coefficient // number
    return _combine(quotient.items())


def _call(sign: str, left: Dim, right: Dim) -> Dim:
    return symbol(f"(({left}){sign}({right}))")


def _sign(difference: Dim, *, strict: bool, upper: bool) -> bool:
    """Whether `difference` is below zero (`upper`) or above it, given how small every symbol may be."""
    if isinstance(difference, int):
        return difference < 0 if upper else difference > 0
    least = {name: _least(name) for name in symbols(difference)}
    if None not in least.values():
        at_least = sum(c * math.prod(least[name] or 0 for name in m) for m, c in difference.terms.items())
        growing = all(c > 0 for m, c in difference.terms.items() if m)
        falling = all(c < 0 for m, c in difference.terms.items() if m)
        if (growing and at_least > 0) or (growing and at_least == 0 and strict and upper):
            return not upper
        if (falling and at_least < 0) or (falling and at_least == 0 and strict and not upper):
            return upper
    raise UndecidedError(f"the sign of {difference} is known only at run time")


@functools.cache
def _least(name: str) -> int | None:
    """The least number that a symbol can be, 0 or 1; None where it may be below zero."""
    if name.startswith("int("):
        return None
    if name.startswith(("steps(", "span(", "some(")):
        return 0
    if not name.startswith("("):
        return 1
    call = ast.parse(name, mode="eval").body
    assert isinstance(call, ast.BinOp)
    dividend, divisor = _evaluate(call.left), _evaluate(call.right)
    try:
        if not divisor > 0 or (isinstance(call.op, ast.FloorDiv) and dividend < 0):
            return None
    except UndecidedError:
        return None
    try:
        return int(isinstance(call.op, ast.FloorDiv) and dividend >= divisor)
    except UndecidedError:
        return 0


def _term(monomial: Monomial, coefficient: int) -> str:
    if not monomial:
        return str(coefficient)
    factors = "*".join(monomial)
    return {1: factors, -1: f"-{factors}"}.get(coefficient, f"{coefficient}*{factors}")


def _evaluate(node: ast.expr) -> Dim:
    match node:
        case ast.Constant(value=int(length)):
            return length
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _SIGNS:
            return _SIGNS[type(sign)](_evaluate(left), _evaluate(right))
        case ast.Call(func=ast.Name(id=kind), args=[ast.Name(id=name)]) if kind in _NAMED:
            return _NAMED[kind](name)
        case ast.Call(func=ast.Name(id="steps"), args=[first, last, step]):
            return steps(_evaluate(first), _evaluate(last), _evaluate(step))
        case ast.Call(func=ast.Name(id="span"), args=[dim, first, last, step]):
            return span(_evaluate(dim), _border(first), _border(last), int(_evaluate(step)))
    raise ValueError(f"not a dimension: {ast.unparse(node)}")


def _border(node: ast.expr) -> Dim | None:
    return None if isinstance(node, ast.Constant) and node.value is None else _evaluate(node)


_NAMED: Final[Mapping[str, Callable[[str], Symbolic]]] = {"int": number, "some": some}
_SIGNS: Final[Mapping[type[ast.operator], Callable[[Dim, Dim], Dim]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
