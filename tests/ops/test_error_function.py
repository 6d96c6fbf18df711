"""The error function: its meaning, and the operations that it is expanded into."""

import math

import numpy as np
import pytest

from octavo.ir.build import Builder
from octavo.ir.graph import Graph
from octavo.ir.interpret import interpret
from octavo.ir.type import Type
from octavo.ops.source_only.error_function import Erfc, erf, expand_erf, expand_erfc

GRID = np.linspace(-6, 6, 4801).astype(np.float32)
TINY = np.float32([0, 1e-30, -1e-10, 1e-4])
FAR = np.float32([4, 7, 9, 10.05, -9, np.inf, -np.inf])


def exactly(function, x):
    return np.array([function(number) for number in x.tolist()])


def test_the_error_function_is_within_one_rounding_of_float32():
    for x in (GRID, TINY, FAR):
        np.testing.assert_allclose(erf(x), exactly(math.erf, x), rtol=1.2e-7, atol=0)


def test_its_complement_keeps_its_digits_where_it_is_small():
    for x in (GRID, FAR[:4]):
        np.testing.assert_allclose(Erfc().evaluate(x), exactly(math.erfc, x), rtol=1.2e-7, atol=1e-44)


@pytest.mark.parametrize(("expand", "meaning"), [(expand_erf, math.erf), (expand_erfc, math.erfc)])
def test_the_expansion_stays_within_a_millionth(expand, meaning):
    graph = Graph()
    x = graph.input("x", Type(GRID.dtype, GRID.shape))
    graph.outputs = [expand(Builder(graph), x)]
    result = interpret(graph, {"x": GRID})[graph.outputs[0]]
    assert np.abs(result - exactly(meaning, GRID)).max() < 1e-6
