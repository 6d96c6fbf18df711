"""Variables that a model assigns while it runs: every call knows of those before it, as in TensorFlow."""

import numpy as np
import pytest

import octavo
from octavo.runtime import Runtime

tf = pytest.importorskip("tensorflow")
ONE = tf.TensorSpec([3], tf.float32, name="x")
CALLS = np.random.default_rng(5).standard_normal((5, 3)).astype(np.float32)
TABLE = np.random.default_rng(6).standard_normal((3, 3)).astype(np.float32)


class Counting(tf.Module):
    """Adds up what it is given, or remembers the last of it."""

    def __init__(self):
        super().__init__()
        self.total = tf.Variable(np.ones(3, np.float32), name="total")
        self.factor = tf.Variable(np.full(3, 2, np.float32), name="factor")
        self.last = tf.Variable(np.zeros((4, 3), np.float32), name="last")
        self.count = tf.Variable(0, name="count")

    @tf.function(input_signature=[ONE])
    def sum_with(self, x):
        self.total.assign_add(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_before(self, x):
        before = self.total * self.factor + x
        self.total.assign_add(x)
        return before

    @tf.function(input_signature=[ONE])
    def sum_in_a_branch(self, x):
        if tf.reduce_sum(x) > 0:
            self.total.assign(x)
        else:
            self.total.assign_sub(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_in_one_branch(self, x):
        if tf.reduce_sum(x) > 0:
            self.total.assign(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_in_a_function(self, x):
        self.sum_with(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_in_a_loop(self, x):
        for i in tf.range(self.count + 3):
            self.total.assign_add(x * tf.cast(i, tf.float32))
        self.count.assign_add(1)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def mean_of_the_last(self, x):
        self.last.assign(tf.concat([self.last[1:], x[None]], 0))
        return tf.reduce_mean(self.last, 0)

    @tf.function(input_signature=[ONE])
    def in_turn(self, x):
        place = self.count.read_value()
        self.last[place : place + 1].assign(x[None])
        self.count.assign((place + 1) % 4)
        return self.last * 2.0

    @tf.function(input_signature=[ONE])
    def from_behind(self, x):
        place = self.count.read_value()
        self.last[place - 4, 1:].assign(x[1:])
        self.count.assign((place + 1) % 4)
        return self.last * 2.0

    @tf.function(input_signature=[ONE])
    def scattered(self, x):
        self.last.scatter_nd_update([[self.count]], [x])
        self.last.scatter_add(tf.IndexedSlices(x[None], [1]))
        self.count.assign((self.count + 1) % 4)
        return tf.gather(self.last, [0, 1, 3])

    @tf.function(input_signature=[ONE])
    def recurrent(self, x):
        state = tf.tanh(tf.linalg.matvec(tf.constant(TABLE), self.total) + x)
        self.total.assign(state)
        return state

    @tf.function(input_signature=[ONE])
    def others_are_assigned(self, x):
        self.total.assign_add(x)
        return x * self.factor

    @tf.function(input_signature=[])
    def now(self):
        return self.total * 1.0

    @tf.function(input_signature=[])
    def begun_anew(self):
        self.total.assign(tf.zeros([3]))
        return self.total * 1.0


STATEFUL = [
    "sum_with",
    "sum_before",
    "sum_in_a_branch",
    "sum_in_one_branch",
    "sum_in_a_function",
    "sum_in_a_loop",
    "mean_of_the_last",
    "in_turn",
    "from_behind",
    "scattered",
    "recurrent",
]


def saved(tmp_path, *names):
    module = Counting()
    signatures = {"serving_default" if len(names) == 1 else name: getattr(module, name) for name in names}
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=signatures)
    return tmp_path / "model"


def called(model):
    """What TensorFlow gives for the calls, one after the other."""
    signature = tf.saved_model.load(str(model)).signatures["serving_default"]
    return [signature(x=tf.constant(x))["output_0"].numpy() for x in CALLS]


@pytest.mark.parametrize("name", STATEFUL)
def test_every_call_knows_of_those_before_it(tmp_path, name):
    model = saved(tmp_path, name)
    runtime = Runtime(octavo.convert(model).content)
    for x, wanted in zip(CALLS, called(model), strict=True):
        np.testing.assert_allclose(runtime.run({"x": x})["output_0"], wanted, rtol=1e-5, atol=1e-6)  # float32


@pytest.mark.parametrize("name", ["sum_with", "sum_in_a_branch", "mean_of_the_last"])
def test_calls_agree_with_those_of_the_file_that_tensorflow_writes(tmp_path, name):
    model = saved(tmp_path, name)
    theirs = Runtime(tf.lite.TFLiteConverter.from_saved_model(str(model)).convert())
    ours = Runtime(octavo.convert(model).content)
    for x in CALLS:
        (wanted,), (found,) = theirs.run({"x": x}).values(), ours.run({"x": x}).values()
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # float32


@pytest.mark.parametrize("precision", ["dynamic", "float16", "int8", "int16x8", "weight_only"])
@pytest.mark.parametrize("name", ["recurrent", "sum_in_a_branch"])
def test_variables_stay_float_in_every_precision(tmp_path, name, precision):
    model = saved(tmp_path, name)
    samples = [{"x": x} for x in CALLS] if precision.startswith("int") else None
    recipe = {"precision": precision, "ranges": "minmax"} if samples else {"precision": precision}
    result = octavo.convert(model, recipe=recipe, samples=samples)
    rows = [row for graph in result.plan.graphs for row in graph.ops if "VARIABLE" in row.op]
    assert {row.op for row in rows} == {"READ_VARIABLE", "ASSIGN_VARIABLE"}
    assert {(row.precision, row.why) for row in rows} == {("exact", "LiteRT keeps variables as they are")}
    runtime = Runtime(result.content)
    for x, wanted in zip(CALLS, called(model), strict=True):
        # errors of int8 add up over five calls: a few of its steps, each 1/255 of the range
        np.testing.assert_allclose(runtime.run({"x": x})["output_0"], wanted, atol=0.05 * np.abs(wanted).max() + 0.05)


def test_signatures_share_the_variables(tmp_path):
    model = saved(tmp_path, "sum_with", "now", "begun_anew")
    loaded = tf.saved_model.load(str(model)).signatures
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=octavo.convert(model).content)
    for name, given in [
        ("sum_with", CALLS[0]),
        ("now", None),
        ("sum_with", CALLS[1]),
        ("begun_anew", None),
        ("now", None),
    ]:
        arguments = {} if given is None else {"x": given}
        wanted = loaded[name](**{key: tf.constant(value) for key, value in arguments.items()})["output_0"]
        found = interpreter.get_signature_runner(name)(**arguments)["output_0"]
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


def test_functions_in_memory_keep_what_their_variables_hold_now():
    module = Counting()
    module.total.assign([3.0, 4.0, 5.0])
    runtime = Runtime(octavo.convert(module.sum_with.get_concrete_function()).content)
    for x in CALLS:
        (found,) = runtime.run({"x": x}).values()
        np.testing.assert_allclose(found, module.sum_with(tf.constant(x)), rtol=1e-6)


def test_what_no_output_depends_on_is_not_kept_and_the_user_is_told(tmp_path):
    model = saved(tmp_path, "others_are_assigned")
    result = octavo.convert(model)
    assert any("total: assigned while the model runs, which no output depends on" in note for note in result.warnings)
    assert not any("VAR" in row.op for graph in result.plan.graphs for row in graph.ops)
    np.testing.assert_array_equal(Runtime(result.content).run({"x": CALLS[0]})["output_0"], 2 * CALLS[0])
