"""Weights rounded so that a layer's outputs change least, instead of each to the nearest step.

The inputs of a layer are correlated, so the rounding error of one weight can be made up for by those that are rounded
after it. Weights are taken one by one, for all outputs at once, each with what the ones before it left over: Frantar
et al., GPTQ (2022); in the form of Chee et al., QuIP (2023), section 3, which needs one triangular factor only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from octavo.ir.graph import Graph, Node, Value
from octavo.ir.source import Array
from octavo.quantize.precision import INTEGER, Choice, choose, weight_of
from octavo.recipe import Effort, Recipe
from octavo.statistics import Products

Layers = dict[str, tuple[str, Callable[[Array], Array | None]]]
"""What is to be looked at of layers: by their first result, the name of their input and how it becomes rows."""
DAMPING = 0.01
"""What is added to the inputs' variances, as a part of their mean: samples are few, and never show all there is."""
UNSURE = 4 * float(np.finfo(np.float32).eps)
"""How much of the inputs' power may be missing from their variances, which are differences of sums of float32."""
BLOCK = 32
"""Weights that are rounded between two products of whole matrices."""


FINE = 127
"""With so many steps on either side, the scale that holds the greatest magnitude is near enough to the best."""
STARTS = (1.0, 0.85, 1.15)
"""Factors on the scale of least squared error of the weights, from which a better one is looked for."""
TURNS = 3
"""How often integers and scales take turns."""
SWEEPS = 6
"""How often all integers may move in a turn."""
WIDEST: dict[Effort, int] = {"fast": 0, "balanced": 192, "best": 4608}
"""The most inputs per output with which a layer is rounded so: the cost grows with their square, and cube."""
ROWS = 64
"""Rows that are looked at in each sample; four times the inputs if that is less, an eighth of them if that is more."""


def unfolded(graph: Graph, recipe: Recipe) -> Layers:
    """Of which layers the products of inputs are needed: by first result, the input's name and what to look at of it.

    See `octavo.statistics.Products`.
    """
    choices = choose(graph, recipe) if WIDEST[recipe.effort] else {}
    found: Layers = {}
    for node, choice in choices.items():
        is_rounded = choice.precision in (*INTEGER, "dynamic", "weight_only") and not choice.block
        weight = weight_of(node) if is_rounded else None
        if weight is None or weight[2].const is None or weight[1].axis is None or node.inputs[0] is None:
            continue
        taken = weight[2].const.size // weight[2].const.shape[weight[1].axis]
        if 1 < taken <= _widest(choice, recipe.effort):
            look = partial(node.op.unfold, weight=weight[2].const, most=max(min(ROWS, 4 * taken), taken // 8))
            found[node.name] = node.inputs[0].name, look
    return found


def _widest(choice: Choice, effort: Effort) -> int:
    """The most inputs per output: int8 weights beside integers gain nothing more, their noise is the activations'."""
    is_fine = choice.precision in INTEGER and choice.weights == "int8"
    return min(WIDEST[effort], WIDEST["balanced"]) if is_fine else WIDEST[effort]


def is_enough(products: Products) -> bool:
    """Whether so many rows were seen that what varies together in them does so elsewhere: twice as many as inputs."""
    _, taken = products.sums.shape
    return products.rows >= 2 * int(taken)


def rounded(
    node: Node, weight: Value, grid: tuple[Array, int], products: Products, *, is_searched: bool = False
) -> tuple[Array, Array]:
    """The weight of the node as int8, and its scale; `grid` is a scale that broadcasts against it, and the most steps.

    The scale stays as it is unless `is_searched`, which takes several times as long.
    """
    scale, most = grid
    assert weight.const is not None
    groups = len(products.sums)
    steps = np.ascontiguousarray(node.op.by_group(weight.const / scale, groups))
    places = node.op.by_group(np.arange(weight.const.size).reshape(weight.shape), groups)
    integers, factors = np.empty(weight.const.size, np.int8), np.ones(weight.const.size, np.float32)
    if is_searched:
        integers[places], factors[places] = searched(steps, products, most)
    else:
        integers[places] = least_output_error(steps, products, most)
    others = tuple(axis for axis in range(weight.rank) if scale.shape[axis] == 1)
    factor = factors.reshape(weight.const.shape).max(axis=others, keepdims=True)
    return integers.reshape(weight.const.shape), (scale * factor).astype(np.float32)


def least_output_error(steps: Array, products: Products, most: int = 127) -> Array:
    """Integers near `steps` for which `(integers − steps) · input` varies least.

    `steps` is float32[groups, outputs, taken]: weights over their scales. The integers are int8, from −`most` to
    `most`. An output for which the nearest integers do better has these.
    """
    return _rounded(steps, _damped(products), most)


def covariances(products: Products) -> tuple[Array, Array]:
    """The covariance of the inputs, new, and the little that is to be added to each variance: [groups, taken]."""
    spread = products.covariance
    diagonal = np.einsum("gkk->gk", spread)
    power = np.einsum("gkk->g", products.products)[:, None] / max(products.rows, 1)
    floor = np.maximum(DAMPING * diagonal.mean(axis=1, keepdims=True), UNSURE * power)
    return spread, np.broadcast_to(np.where(floor > 0, floor, 1), diagonal.shape)


def _damped(products: Products) -> Array:
    spread, damping = covariances(products)
    np.einsum("gkk->gk", spread)[:] += damping
    return spread


def _rounded(steps: Array, spread: Array, most: int) -> Array:
    diagonal = np.einsum("gkk->gk", spread)
    order = np.argsort(-diagonal, axis=1)
    factor = _unit_upper(np.take_along_axis(np.take_along_axis(spread, order[:, :, None], 1), order[:, None, :], 2))
    sorted_steps = np.take_along_axis(steps, order[:, None, :], 2)
    error = _rounding_error(sorted_steps, factor, most)
    back = np.argsort(order, axis=1)[:, None, :]
    nearest = np.clip(np.rint(steps), -most, most)
    chosen = steps - np.take_along_axis(error, back, 2)
    better = _noise(steps - chosen, spread) < _noise(steps - nearest, spread)
    return np.where(better[:, :, None], np.rint(chosen), nearest).astype(np.int8)


def searched(steps: Array, products: Products, most: int) -> tuple[Array, Array]:
    """Integers for `steps`, and the factor on each output's scale, with which outputs vary least: int8, float32.

    `steps` is as in `least_output_error`; factors are float32[groups, outputs, 1]. Several scales are tried; each
    solution is improved by turns: every integer moves to where the error is least while all others stay, as often as
    any does (Behdin et al., QuantEase, 2023), and then the scale does. Whatever learned rounding (Nagel et al.,
    AdaRound, 2020) finds between the two nearest integers lies within reach, and what lies beyond them too.
    """
    spread = _damped(products)
    best = np.ones((*steps.shape[:2], 1), np.float32)
    integers = np.zeros(steps.shape, np.float32)
    least = np.full(steps.shape[:2], np.inf, np.float32)
    for start in STARTS if most < FINE else STARTS[:1]:
        factor = np.full_like(best, start)
        found = _rounded(steps / factor, spread, most).astype(np.float32)
        for _ in range(TURNS):
            found = _descended(steps / factor, found, spread, most)
            along = found @ spread
            power = (along * found).sum(axis=2, keepdims=True)
            own = (along * steps).sum(axis=2, keepdims=True)
            factor = np.where((power > 0) & (own > 0), own / np.maximum(power, 1e-30), factor).astype(np.float32)
        noise = _noise(steps - found * factor, spread)
        better = (noise < least)[:, :, None]
        integers, best = np.where(better, found, integers), np.where(better, factor, best)
        least = np.minimum(noise, least)
    return integers.astype(np.int8), best


def _descended(steps: Array, integers: Array, spread: Array, most: int) -> Array:
    """The integers, moved one by one to where the error is least, until none moves or `SWEEPS` are through."""
    diagonal = np.einsum("gkk->gk", spread)
    taken = steps.shape[2]
    for _ in range(SWEEPS):
        slope = (steps - integers) @ spread
        moved = False
        for start in range(0, taken, BLOCK):
            end = min(start + BLOCK, taken)
            inner = np.ascontiguousarray(spread[:, start:end, start:end])
            local, change = slope[:, :, start:end].copy(), np.zeros_like(slope[:, :, start:end])
            for place in range(end - start):
                at = start + place
                wanted = integers[:, :, at] + local[:, :, place] / diagonal[:, None, at]
                step = np.clip(np.rint(wanted), -most, most) - integers[:, :, at]
                if step.any():
                    change[:, :, place] = step
                    local -= step[:, :, None] * inner[:, None, place]
            if change.any():
                integers = integers.copy() if not moved else integers
                integers[:, :, start:end] += change
                slope[:, :, end:] -= change @ spread[:, start:end, end:]
                moved = True
        if not moved:
            break
    return integers


def _unit_upper(matrix: Array) -> Array:
    """U, upper triangular with ones on the diagonal, of `matrix = U · D · Uᵀ`."""
    lower = np.linalg.cholesky(matrix[:, ::-1, ::-1])
    upper = lower[:, ::-1, ::-1]
    return np.ascontiguousarray(upper / np.einsum("gkk->gk", upper)[:, None, :])


def _rounding_error(steps: Array, factor: Array, most: int) -> Array:
    """`steps` minus the integers, each rounded with what is owed by those before it."""
    error = np.zeros_like(steps)
    taken = steps.shape[2]
    for start in range(0, taken, BLOCK):
        end = min(start + BLOCK, taken)
        wanted = steps[:, :, start:end] + error[:, :, :start] @ factor[:, :start, start:end]
        for place in range(end - start):
            at = start + place
            owed = error[:, :, start:at] @ factor[:, start:at, at : at + 1]
            integer = np.clip(np.rint(wanted[:, :, place] + owed[:, :, 0]), -most, most)
            error[:, :, at] = steps[:, :, at] - integer
    return error


def _noise(error: Array, spread: Array) -> Array:
    """The variance of each output's error: float32[groups, outputs]."""
    noise: Array = ((error @ spread) * error).sum(axis=2)
    return noise
