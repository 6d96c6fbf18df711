"""Functions with branches, loops and lists, each with the inputs that it takes: what the tests hold against TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

FLOAT, INT = tf.float32, tf.int32
WEIGHT = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32) * 0.4


@dataclass(frozen=True)
class Function:
    """A function of TensorFlow and its inputs: (shape, dtype), an open dimension None."""

    call: Callable[..., Any]
    inputs: tuple[tuple[tuple[int | None, ...], Any], ...]

    @property
    def specs(self) -> list[Any]:
        return [tf.TensorSpec(shape, dtype, name=f"in{i}") for i, (shape, dtype) in enumerate(self.inputs)]

    def arguments(self, turn: int) -> list[np.ndarray]:
        """Numbers for the inputs: lengths and integers grow with `turn`, truth values alternate."""
        random = np.random.default_rng(turn)
        made = []
        for shape, dtype in self.inputs:
            sizes = [turn % 3 + 2 if size is None else size for size in shape]
            if dtype == tf.bool:
                made.append(np.full(sizes, turn % 2 == 1))
            elif dtype.is_integer:
                made.append(np.full(sizes, turn, dtype.as_numpy_dtype))
            else:
                made.append(random.standard_normal(sizes).astype(np.float32))
        return made


FUNCTIONS: dict[str, Function] = {}
ROWS = ((None, 3), FLOAT)
COUNT = ((), INT)
TRUTH = ((), tf.bool)


def case(*inputs: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS[function.__name__] = Function(function, inputs)
        return function

    return mark


def repeat(n: Any, step: Callable[..., Any], *state: Any, **options: Any) -> Any:
    """`step(i, *state)`, n times."""
    results = tf.while_loop(
        lambda i, *_: i < n,
        lambda i, *s: (i + 1, *tf.nest.flatten(step(i, *s))),
        [tf.zeros((), INT), *state],
        **options,
    )
    return results[1:]


@case(ROWS, COUNT)
def power(x, n):
    return repeat(n, lambda _, y: tf.tanh(y @ WEIGHT), x)


@case(ROWS)
def variable_in_a_loop(x):
    return repeat(50, lambda _, y: tf.tanh(y @ VARIABLE), x)


@case(ROWS, COUNT)
def swapped(x, n):
    return repeat(n, lambda _, a, b: (b, a), x, x * 2)


@case(ROWS, COUNT)
def fibonacci(x, n):
    return repeat(n, lambda _, a, b: (b, a + b), x, x * 2)


@case(ROWS, COUNT)
def three_in_turn(x, n):
    return repeat(n, lambda _, a, b, c: (b, c, a), x, x * 2, x * 3)


@case(ROWS)
def until_small(x):
    return tf.while_loop(lambda y: tf.reduce_max(tf.abs(y)) > 0.1, lambda y: (y * 0.5,), [x])


@case(ROWS, COUNT)
def growing(x, n):
    shapes = [tf.TensorShape([]), tf.TensorShape([None, 3])]
    return repeat(n, lambda _, y: tf.concat([y, y[:1] * 2], 0), x, shape_invariants=shapes)


@case(ROWS, ((), tf.int64))
def wide_counter(x, n):
    one = tf.constant(1, tf.int64)
    return tf.while_loop(lambda i, _: i < n, lambda i, y: (i + one, y * 2), [one, x])


@case(ROWS)
def three_turns(x):
    return repeat(3, lambda i, y: y * 2 + tf.cast(i, FLOAT), x)


@case(ROWS)
def no_turn(x):
    return repeat(0, lambda _, y: y * 2, x)


@case(ROWS)
def known_beforehand(x):
    return x * tf.cast(repeat(6, lambda i, s: s * (i + 1), tf.constant(1))[0], FLOAT)


@case(ROWS, COUNT)
def loop_in_a_loop(x, n):
    return repeat(n, lambda i, y: repeat(i, lambda _, z: z * 0.5 + 1, y), x)


@case(ROWS, COUNT)
def branch_in_a_loop(x, n):
    return repeat(n, lambda i, y: tf.cond(i % 2 == 0, lambda: y * 2, lambda: y - 1), x)


@case(ROWS, TRUTH)
def branch(x, c):
    return tf.cond(c, lambda: x * 2, lambda: tf.nn.relu(x) @ WEIGHT)


@case(ROWS, TRUTH)
def branches_of_other_lengths(x, c):
    return tf.cond(c, lambda: x, lambda: tf.concat([x, x], 0))


@case(ROWS)
def branch_on_data(x):
    return tf.cond(tf.reduce_sum(x) > 0, lambda: (x + 1, tf.constant(1)), lambda: (x - 1, tf.constant(2)))


@case(ROWS, COUNT)
def one_of_four(x, i):
    return tf.switch_case(i, [lambda: x, lambda: x * 2, lambda: tf.exp(x), lambda: x @ WEIGHT])


@case(ROWS, COUNT)
def one_of_two(x, i):
    return tf.switch_case(i, [lambda: x, lambda: x * 2])


@case(ROWS, TRUTH)
def list_from_a_branch(x, c):
    array = tf.TensorArray(FLOAT, 2)
    return tf.cond(c, lambda: array.write(0, x).write(1, x * 2), lambda: array.write(1, x)).stack()


@case(((None, 5, 3), FLOAT))
def written_one_by_one(x):
    array = tf.TensorArray(FLOAT, 5)
    for t in range(5):
        array = array.write(t, x[:, t] * t)
    return array.stack()


@case(((None, None, 3), FLOAT))
def running_sum(x):
    length = tf.shape(x)[1]
    array = tf.TensorArray(FLOAT, length)

    def step(i, array, total):
        total += x[:, i]
        return i + 1, array.write(i, total), total

    _, array, _ = tf.while_loop(lambda i, *_: i < length, step, [0, array, tf.zeros_like(x[:, 0])])
    return tf.transpose(array.stack(), [1, 0, 2])


@case(((6, 2, 3), FLOAT))
def read_backwards(x):
    array = tf.TensorArray(FLOAT, 6, element_shape=(2, 3), clear_after_read=False).unstack(x)
    total = repeat(6, lambda i, s: s + array.read(5 - i) * tf.cast(i, FLOAT), tf.zeros((2, 3)))
    return total, array.size(), array.gather([1, 3])


@case(((4, 2, 3), FLOAT))
def joined_end_to_end(x):
    return tf.TensorArray(FLOAT, 4).unstack(x).concat()


@case(((2, 3), FLOAT))
def scattered(x):
    return tf.TensorArray(FLOAT, 4, element_shape=(3,)).scatter([0, 2], x).stack()


@case(ROWS, COUNT)
def written_behind_the_end(x, n):
    array = tf.TensorArray(FLOAT, 0, dynamic_size=True, element_shape=(None, 3))
    return repeat(n + 1, lambda i, a: a.write(i, x * tf.cast(i, FLOAT)), array)[0].stack()


@case(ROWS, COUNT)
def written_with_holes(x, n):
    array = tf.TensorArray(FLOAT, 1, dynamic_size=True, element_shape=(3,)).write(0, x[0])
    return repeat(n, lambda i, a: a.write(2 * i, x[1]), array)[0].stack()


@case(ROWS)
def grown_step_by_step(x):
    array = tf.TensorArray(FLOAT, 0, dynamic_size=True, element_shape=(3,))
    array = array.write(0, x[0]).write(3, x[1]).write(1, x[1] * 2)
    return array.stack(), array.size()


@case(ROWS, COUNT)
def pushed_in_a_loop(x, n):
    shape = tf.constant([3])
    raw = tf.raw_ops
    items = raw.EmptyTensorList(element_shape=shape, max_num_elements=tf.constant(-1), element_dtype=FLOAT)
    push = lambda i, items: raw.TensorListPushBack(input_handle=items, tensor=x[0] * tf.cast(i, FLOAT))  # noqa: E731
    (items,) = repeat(n + 1, push, items)
    last = raw.TensorListGetItem(input_handle=items, index=n, element_shape=shape, element_dtype=FLOAT)
    stacked = raw.TensorListStack(input_handle=items, element_shape=shape, element_dtype=FLOAT)
    return stacked, last, raw.TensorListLength(input_handle=items)


@case(((4, 3), FLOAT), COUNT)
def resized(x, n):
    shape, raw = tf.constant([3]), tf.raw_ops
    made = []
    for size in (2, 4, 6):
        items = raw.TensorListFromTensor(tensor=x * tf.cast(n, FLOAT), element_shape=shape)
        items = raw.TensorListResize(input_handle=items, size=size)
        made.append(raw.TensorListStack(input_handle=items, element_shape=shape, element_dtype=FLOAT))
    return made


@case(((None, 3), FLOAT))
def resized_to_twice_its_length(x):
    shape, raw = tf.constant([3]), tf.raw_ops
    items = raw.TensorListFromTensor(tensor=x, element_shape=shape)
    items = raw.TensorListResize(input_handle=items, size=2 * tf.shape(x)[0])
    return raw.TensorListStack(input_handle=items, element_shape=shape, element_dtype=FLOAT)


@case(((6, 3), FLOAT), COUNT)
def split_and_scattered(x, n):
    shape, raw = tf.constant([2, 3]), tf.raw_ops
    items = raw.TensorListSplit(tensor=x, element_shape=shape, lengths=[2, 2, 2])
    one = raw.TensorListStack(input_handle=items, element_shape=shape, element_dtype=FLOAT)
    places, row = tf.stack([n + 1, 0]), tf.constant([3])
    items = raw.TensorListScatterV2(tensor=x[:2], indices=places + 1, element_shape=row, num_elements=7)
    two = raw.TensorListStack(input_handle=items, element_shape=row, element_dtype=FLOAT)
    items = raw.TensorListFromTensor(tensor=tf.concat([x, x], 0), element_shape=row)
    items = raw.TensorListScatterIntoExistingList(input_handle=items, tensor=x[:2], indices=places)
    three = raw.TensorListStack(input_handle=items, element_shape=row, element_dtype=FLOAT)
    items = raw.TensorListConcatLists(input_a=items, input_b=items, element_dtype=FLOAT)
    return one, two, three, raw.TensorListStack(input_handle=items, element_shape=row, element_dtype=FLOAT)


@case(ROWS)
def pushed_and_popped(x):
    shape = tf.constant([3])
    raw = tf.raw_ops
    items = raw.EmptyTensorList(element_shape=shape, max_num_elements=tf.constant(-1), element_dtype=FLOAT)
    for t in range(3):
        items = raw.TensorListPushBack(input_handle=items, tensor=x[0] * t)
    items, last = raw.TensorListPopBack(input_handle=items, element_shape=shape, element_dtype=FLOAT)
    return raw.TensorListStack(input_handle=items, element_shape=shape, element_dtype=FLOAT), last


@case(((None, 5, 3), FLOAT))
def mapped(x):
    return tf.map_fn(lambda row: tf.reduce_sum(row @ WEIGHT, axis=0), x)


@case(((5, 3), FLOAT))
def scanned(x):
    return tf.scan(lambda total, row: total * 0.5 + row, x)


@case(ROWS)
def written_in_python(x):
    total = tf.zeros(3)
    for row in x:
        total = total * 0.9 + row
    while tf.reduce_sum(tf.abs(total)) > 1.0:
        total = total / 2
    return total


VARIABLE: Any = None


def save(function: Function, path: Any) -> None:
    """A SavedModel of the function, whose outputs are `out0`, `out1` …"""
    global VARIABLE  # noqa: PLW0603  # the function reads it when it is traced
    module = tf.Module()
    module.variable = VARIABLE = tf.Variable(WEIGHT)
    named = tf.function(
        lambda *inputs: {f"out{i}": v for i, v in enumerate(tf.nest.flatten(function.call(*inputs)))},
        input_signature=function.specs,
    )
    tf.saved_model.save(module, str(path), signatures={"serving_default": named})
