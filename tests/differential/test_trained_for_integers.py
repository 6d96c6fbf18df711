"""Models that were trained for integers, converted by TensorFlow and by Octavo: the same integers come out but for a last bit."""

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

import octavo  # noqa: E402
from octavo import lite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402

pytestmark = pytest.mark.slow
RANDOM = np.random.default_rng(0)
fake = tf.quantization.fake_quant_with_min_max_vars


class Network(tf.Module):
    """What training for integers leaves: weights and activations behind FakeQuant, a normalization between."""

    def __init__(self):
        def numbers(*shape):
            return tf.Variable(RANDOM.normal(size=shape).astype(np.float32) * 0.3)

        self.filter, self.depthwise, self.dense, self.bias = (
            numbers(3, 3, 3, 8),
            numbers(3, 3, 8),
            numbers(8, 5),
            numbers(5),
        )
        self.gain, self.shift = tf.Variable(RANDOM.uniform(0.5, 2, 8).astype(np.float32)), numbers(8)
        self.reaches = {
            str(len(w.shape)): tf.reduce_max(tf.abs(w), list(range(len(w.shape) - 1)))
            for w in (self.filter, self.depthwise)
        }
        self.ends = [tf.Variable(end) for end in (-1.0, 1.0, 6.0)]

    @tf.function(input_signature=[tf.TensorSpec([None, 12, 12, 3], tf.float32, name="x")], autograph=False)
    def serve(self, x):
        low, high, six = self.ends
        x = fake(x, low, high)
        y = tf.nn.conv2d(x, self.rounded(self.filter), 1, "SAME") * self.gain + self.shift
        y = fake(tf.nn.relu6(y), 0.0, six)
        z = tf.nn.depthwise_conv2d(y, tf.reshape(self.rounded(self.depthwise), [3, 3, 8, 1]), [1, 1, 1, 1], "SAME")
        z = fake(fake(tf.nn.relu(z), 0.0, 9.0) + y, -0.0, 12.0)
        z = fake(tf.reduce_mean(z, [1, 2]), 0.0, 5.0)
        return {"p": tf.nn.softmax(fake(tf.matmul(z, fake(self.dense, -1.0, 1.0, 8, True)) + self.bias, -6.0, 6.0))}

    def rounded(self, weight):
        reach = self.reaches[str(len(weight.shape))]
        return tf.quantization.fake_quant_with_min_max_vars_per_channel(weight, -reach, reach, 8, narrow_range=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "network"
    network = Network()
    tf.saved_model.save(network, str(path), signatures=network.serve)
    return str(path)


def converted(module, folder, **settings):
    converter = module.TFLiteConverter.from_saved_model(folder)
    converter.optimizations = [module.Optimize.DEFAULT]
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter.convert()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("dtype", [tf.float32, tf.uint8])
def test_integers_are_those_of_tensorflow(folder, dtype):
    ours, theirs = (
        Runtime(converted(module, folder, inference_input_type=dtype, inference_output_type=dtype))
        for module in (lite, tf.lite)
    )
    x = RANDOM.uniform(-1, 1, (4, 12, 12, 3)).astype(np.float32)
    given = x if dtype == tf.float32 else np.clip(np.rint(x * 127.5 + 127), 0, 255).astype(np.uint8)
    (wanted,), (got,) = (each.run({"x": given}).values() for each in (theirs, ours))
    assert got.dtype == dtype.as_numpy_dtype
    steps = np.abs(got.astype(np.float64) - wanted) / (1 if dtype == tf.uint8 else 1 / 256)
    assert (
        steps.max() <= 3
    )  # normalizations are folded in another order: a last bit differs, and the logits' step is 0.05


def test_integers_are_near_the_float_model_that_rounds(folder):
    x = RANDOM.uniform(-1, 1, (4, 12, 12, 3)).astype(np.float32)
    made = octavo.convert(folder, recipe="int8")
    assert not made.plan.left_float
    exact = tf.saved_model.load(folder).signatures["serving_default"](x=tf.constant(x))["p"].numpy()
    assert np.abs(Runtime(made.content).run({"x": x})["p"] - exact).max() < 0.02  # a step of the logits is 0.047


def frozen(tmp_path, rounds):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [1, 8], name="x")
        weight = tf.constant(RANDOM.normal(size=(8, 4)).astype(np.float32))
        y = tf.nn.relu(tf.matmul(fake(x, -1.0, 1.0) if rounds else x, fake(weight, -2.0, 2.0, 8, True)))
        tf.identity(fake(y, 0.0, 6.0) if rounds else y, name="y")
    path = tmp_path / "graph.pb"
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


@pytest.mark.filterwarnings("ignore::octavo.lite.OctavoWarning")
@pytest.mark.parametrize("rounds", [True, False])
def test_scripts_of_tensorflow_1_say_what_stored_inputs_mean(tmp_path, rounds):
    converter = lite.v1.TFLiteConverter.from_frozen_graph(frozen(tmp_path, rounds), ["x"], ["y"])
    converter.inference_type = tf.uint8
    with pytest.raises(ValueError, match="`quantized_input_stats` flag must be defined"):
        converter.convert()
    converter.quantized_input_stats = {"x": (127, 127.0)}
    if not rounds:
        converter.default_ranges_stats = (0, 6)
    content = converter.convert()
    details = lite.Interpreter(model_content=content).get_input_details()[0]
    assert details["dtype"] == np.uint8
    scale, zero_point = details["quantization"]
    assert (scale, zero_point) == (pytest.approx(1 / 127, rel=1e-5), 127)
    output = lite.Interpreter(model_content=content).get_output_details()[0]
    assert output["dtype"] == np.uint8
    assert output["quantization"] == (pytest.approx(6 / 255, rel=1e-5), 0)
