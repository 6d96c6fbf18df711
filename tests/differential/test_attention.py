"""Attention of shapes that Keras has no layer for, in integers beside Keras itself."""

import numpy as np
import pytest

import octavo
from octavo.runtime import Runtime

keras = pytest.importorskip("keras")


class Sinks(keras.layers.Layer):
    """Causal attention of two heads that may also attend to nothing: each has a logit of its own beside the scores."""

    def build(self, shape):
        """Three matrices of alike size, and a sink for each head."""
        self.matrices = [self.add_weight(shape=(shape[-1], shape[-1]), initializer=keras.initializers.GlorotUniform(n))
                         for n in range(3)]  # fmt: skip
        self.sinks = self.add_weight(shape=(1, 2, 1, 1), initializer=keras.initializers.Constant(1.0))

    def call(self, x):
        """As decoders with sinks compute it: the greatest logit is subtracted, and the sink's weight is left out."""
        ops = keras.ops
        _, length, width = x.shape
        heads = (-1, length, 2, width // 2)
        query, key, value = (ops.transpose(ops.reshape(ops.matmul(x, m), heads), (0, 2, 1, 3)) for m in self.matrices)
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) / (width // 2) ** 0.5
        place = ops.arange(length)
        scores = ops.where(place[None, :] > place[:, None] - 6, scores, -1e9)  # a sliding window
        scores = ops.where(place[None, :] <= place[:, None], scores, -1e9)
        sinks = ops.broadcast_to(self.sinks, (ops.shape(x)[0], 2, length, 1))
        logits = ops.concatenate([scores, sinks], axis=-1)
        logits = logits - ops.stop_gradient(ops.max(logits, axis=-1, keepdims=True))
        weights = ops.softmax(logits, axis=-1)[..., :-1]
        return ops.reshape(ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3)), (-1, length, width))


@pytest.fixture(scope="module")
def subject():
    """The model and samples of it."""
    x = keras.Input((12, 32))
    model = keras.Model(x, Sinks()(x))
    return model, np.random.default_rng(0).normal(size=(32, 12, 32)).astype(np.float32)


# rounding gives 6 dB for a bit: an int8 range that holds the scores and 16 below them leaves them about five bits,
# int16 thirteen, of which its table of powers of e keeps eight
@pytest.mark.parametrize(("precision", "least"), [("float32", 100), ("int8", 25), ("int16x8", 38)])
def test_attention_with_sinks_keeps_its_resolution(subject, precision, least):
    model, samples = subject
    made = octavo.convert(model, recipe=precision, samples=samples if precision != "float32" else None)
    assert not [row for row in made.plan.left_float if precision != "float32"]
    runtime = Runtime(made.content)
    name = runtime.inputs[0].name
    found = np.concatenate([next(iter(runtime.run({name: sample[None]}).values())) for sample in samples])
    exact = np.asarray(model(samples))
    assert 10 * np.log10((exact**2).sum() / ((found - exact) ** 2).sum()) > least
