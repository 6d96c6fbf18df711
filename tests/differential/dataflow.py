"""Graphs of TensorFlow 1 with branches, loops, arrays and recurrent layers, as its own code writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
v1 = tf.compat.v1

Graph = tuple[dict[str, Any], dict[str, Any]]
"""The placeholders and the results, by name."""
GRAPHS: dict[str, Callable[[], Graph]] = {}


def graph(function: Callable[[], Graph]) -> Callable[[], Graph]:
    GRAPHS[function.__name__] = function
    return function


def rows(*shape: int | None) -> Any:
    return v1.placeholder(tf.float32, shape or (2, 3), "x")


def cells() -> Any:
    return pytest.importorskip("tf_keras.src.layers.rnn.legacy_cells")


def recurrent(make: Callable[[Any], Any], *, steps: int | None = 6, lengths: bool = False) -> Graph:
    feeds = {"x": rows(None, steps, 3)}
    if lengths:
        feeds["n"] = v1.placeholder(tf.int32, [None], "n")
    outputs, state = v1.nn.dynamic_rnn(make(cells()), feeds["x"], sequence_length=feeds.get("n"), dtype=tf.float32)
    return feeds, {"y": outputs, **{f"state_{i}": part for i, part in enumerate(tf.nest.flatten(state))}}


@graph
def lstm() -> Graph:
    return recurrent(lambda of: of.LSTMCell(4))


@graph
def lstm_with_peepholes_and_projection() -> Graph:
    return recurrent(lambda of: of.LSTMCell(4, use_peepholes=True, num_proj=3))


@graph
def lstm_of_stated_lengths() -> Graph:
    return recurrent(lambda of: of.BasicLSTMCell(4), lengths=True)


@graph
def gru_of_any_length() -> Graph:
    return recurrent(lambda of: of.GRUCell(4), steps=None)


@graph
def cells_upon_each_other() -> Graph:
    return recurrent(lambda of: of.MultiRNNCell([of.LSTMCell(4), of.GRUCell(3)]))


@graph
def both_directions() -> Graph:
    feeds = {"x": rows(None, 6, 3), "n": v1.placeholder(tf.int32, [None], "n")}
    made = cells()
    pair = made.GRUCell(4), made.LSTMCell(5)
    both, _ = v1.nn.bidirectional_dynamic_rnn(*pair, feeds["x"], sequence_length=feeds["n"], dtype=tf.float32)
    return feeds, {"y": tf.concat(both, -1)}


@graph
def loop_and_branch_in_a_loop() -> Graph:
    x = rows()

    def body(i: Any, a: Any) -> Any:
        _, b = v1.while_loop(lambda j, _: j < i + 1, lambda j, b: (j + 1, b * 1.1 + x), [0, a])
        return i + 1, v1.cond(tf.reduce_sum(b) > 0, lambda: b - 0.5 * x, lambda: b + tf.constant(2.0))

    count, y = v1.while_loop(lambda i, _: i < 4, body, [0, x])
    return {"x": x}, {"y": y, "count": count}


@graph
def loop_in_a_branch() -> Graph:
    x = rows()
    start = lambda: [tf.constant(0), tf.ones([2, 3])]  # noqa: E731  # made inside the branch
    step = lambda i, a: (i + 1, a * 2.0 + x)  # noqa: E731
    y = v1.cond(tf.reduce_sum(x) > 0, lambda: v1.while_loop(lambda i, _: i < 3, step, start())[1], lambda: x)
    return {"x": x}, {"y": y}


@graph
def branches_of_constants() -> Graph:
    """Only control inputs tell which constant is of which branch."""
    x = rows()
    y = v1.cond(tf.reduce_sum(x) > 0, lambda: tf.constant(1.0), lambda: tf.constant(2.0))
    a, b = v1.cond(tf.reduce_sum(x) > 0, lambda: (x * y, x + 1.0), lambda: (x - y, tf.ones([2, 3])))
    return {"x": x}, {"y": y, "a": a, "b": b}


@graph
def branches_in_branches() -> Graph:
    """One predicate decides twice, the second time on what came of the first."""
    x = rows()
    p, q = tf.reduce_sum(x) > 0, tf.reduce_max(x) > 1
    y = v1.cond(
        p,
        lambda: v1.cond(q, lambda: x * 2, lambda: x * 3) + v1.cond(q, lambda: x, lambda: tf.ones_like(x)),
        lambda: v1.cond(tf.logical_not(q), lambda: x * 5, lambda: tf.zeros_like(x)),
    )
    return {"x": x}, {"y": y, "z": v1.cond(p, lambda: y + 1, lambda: y * 7)}


@graph
def one_of_three() -> Graph:
    x = rows()
    k = tf.cast(tf.reduce_sum(x), tf.int32)
    return {"x": x}, {"y": v1.case([(tf.equal(k, 0), lambda: x), (k > 0, lambda: x * 3)], default=lambda: -x)}


@graph
def branch_that_is_never_taken() -> Graph:
    """What only training runs: LiteRT has none of it."""
    x, training = rows(None, 3), v1.placeholder_with_default(False, [], "training")
    weight = v1.get_variable("weight", [3], initializer=v1.initializers.ones(), use_resource=False)

    def train() -> Any:
        with tf.control_dependencies([v1.assign_add(weight, tf.ones([3]))]):
            return v1.py_func(lambda a: a, [x], tf.float32)

    y = v1.cond(training, train, lambda: x * weight)
    return {"x": x}, {"y": y}


@graph
def arrays() -> Graph:
    x = rows(5, 3)
    given = v1.TensorArray(tf.float32, 5, clear_after_read=False).unstack(x)
    made = v1.TensorArray(tf.float32, 5, clear_after_read=False)
    step = lambda i, a, o: (i + 1, a + given.read(i), o.write(i, a * given.read(i)))  # noqa: E731  # as above
    _, total, made = v1.while_loop(lambda i, *_: i < 5, step, [0, tf.zeros([3]), made])
    parts = v1.TensorArray(tf.float32, 2, infer_shape=False).split(x[:4], [2, 2])
    return {"x": x}, {
        "y": made.stack(),
        "total": total,
        "some": made.gather([3, 1]),
        "count": made.size(),
        "joined": parts.concat(),
    }


@graph
def variables_in_parts() -> Graph:
    x, drawn = rows(None, 6), v1.initializers.random_normal(seed=1)
    parts = v1.fixed_size_partitioner(3)
    w = v1.get_variable("w", [6, 4], partitioner=parts, use_resource=False, initializer=drawn)
    return {"x": x}, {"y": tf.matmul(x, tf.convert_to_tensor(w)) + v1.get_variable("b", [4], initializer=drawn)}


@dataclass(frozen=True)
class Saved:
    """A graph as a SavedModel and as a frozen graph, and what TensorFlow's session makes of inputs."""

    directory: Path
    frozen: Path
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    runs: tuple[tuple[dict[str, np.ndarray], dict[str, np.ndarray]], ...]


def saved(name: str, path: Path) -> Saved:
    """The graph of this name, run on three inputs."""
    with version_1(), tf.Graph().as_default(), v1.Session() as session:
        v1.set_random_seed(1)
        feeds, results = GRAPHS[name]()
        session.run(v1.global_variables_initializer())
        runs = []
        for turn in range(3):
            inputs = {key: drawn(tensor, turn) for key, tensor in feeds.items()}
            runs.append((inputs, session.run(results, {feeds[key]: array for key, array in inputs.items()})))
        v1.saved_model.simple_save(session, str(path / "saved"), feeds, results)
        ends = [tensor.op.name for tensor in results.values()]
        frozen = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ends)
        (path / "frozen.pb").write_bytes(frozen.SerializeToString())
        inputs, outputs = ({k: t.name.removesuffix(":0") for k, t in part.items()} for part in (feeds, results))
        return Saved(path / "saved", path / "frozen.pb", inputs, outputs, tuple(runs))


@contextmanager
def version_1() -> Iterator[None]:
    """TensorFlow 1's control flow in graphs, until the end."""
    v1.disable_control_flow_v2()
    try:
        yield
    finally:
        v1.enable_control_flow_v2()


def drawn(tensor: Any, turn: int) -> np.ndarray:
    """Numbers for a placeholder; lengths are between one and the number of steps."""
    random = np.random.default_rng(turn)
    shape = [(4, 7)[axis] if size is None else size for axis, size in enumerate(tensor.shape)]
    if tensor.dtype == tf.int32:
        return random.integers(1, 7, shape).astype(np.int32)
    return random.standard_normal(shape).astype(np.float32)
