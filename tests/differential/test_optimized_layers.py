"""Keras layers, converted: they compute what Keras computes, in no more operations than TensorFlow's converter."""

import numpy as np
import pytest

from octavo.ir.interpret import interpret
from octavo.lower.engine import lower
from octavo.optimize.engine import optimize
from octavo.read.open import read

keras = pytest.importorskip("keras", reason="Keras builds the layers")
pytestmark = pytest.mark.slow
L = keras.layers


def transformer_block(x):
    normal = L.LayerNormalization()(x)
    x = L.MultiHeadAttention(2, 4)(normal, normal) + x
    return x + L.Dense(8)(L.Dense(16, activation="gelu")(L.LayerNormalization()(x)))


def gate(x):
    weights = L.GlobalAveragePooling2D(keepdims=True)(x)
    return L.Conv2D(4, 1)(x * L.Conv2D(3, 1, activation="hard_sigmoid")(weights))


LAYERS = {
    "batch_normalization": (lambda x: L.BatchNormalization()(L.Conv2D(4, 3, use_bias=False)(x)), (9, 9, 3)),
    "normalized_image": (lambda x: L.Conv2D(4, 3, padding="same")(L.Rescaling(1 / 127.5, -1.0)(x)), (8, 8, 3)),
    "causal_convolution": (L.Conv1D(4, 3, padding="causal", dilation_rate=2, activation="relu"), (16, 3)),
    "dilated_convolution": (L.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu"), (9, 9, 3)),
    "dilated_depthwise": (L.DepthwiseConv2D(3, dilation_rate=2), (9, 9, 3)),
    "separable_convolution": (L.SeparableConv1D(4, 3, activation="relu"), (16, 3)),
    "transposed_convolution": (L.Conv2DTranspose(4, 3, strides=2, padding="same", activation="relu"), (8, 8, 3)),
    "dense_on_three_dimensions": (L.Dense(5, activation="relu"), (7, 4)),
    "einsum_dense": (L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d"), (5, 4)),
    "upsampling": (L.UpSampling2D((2, 3)), (4, 5, 3)),
    "layer_normalization": (L.LayerNormalization(), (5, 8)),
    "group_normalization": (L.GroupNormalization(4), (5, 5, 8)),
    "rms_normalization": (L.RMSNormalization(), (5, 8)),
    "unit_normalization": (L.UnitNormalization(), (8,)),
    "squeeze_and_excite": (gate, (5, 5, 3)),
    "prelu": (L.PReLU(shared_axes=[1]), (4, 8)),
    "gelu": (L.Activation("gelu"), (8,)),
    "hard_silu": (L.Activation("hard_silu"), (8,)),
    "hard_sigmoid": (L.Activation("hard_sigmoid"), (8,)),
    "transformer": (transformer_block, (6, 8)),
}


@pytest.fixture(params=LAYERS)
def model(request):
    layer, shape = LAYERS[request.param]
    given = keras.Input(shape)
    model = keras.Model(given, layer(given))
    random = np.random.default_rng(1)
    for weight in model.weights:
        weight.assign(random.uniform(0.3, 1.2, weight.shape))
    return model


def test_a_layer_takes_no_more_operations_than_tensorflow_gives_it(model, tmp_path):
    import tensorflow as tf

    model.export(str(tmp_path / "saved"), verbose=False)
    graph = lower(read(tmp_path / "saved")).main
    optimize(graph)
    theirs = read(tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()).main
    assert len(graph) <= len(theirs)
    x = np.random.default_rng(0).standard_normal((2, *model.input_shape[1:])).astype(np.float32)
    ours = interpret(graph, {graph.inputs[0].name: x})[graph.outputs[0]]
    expected = np.asarray(model(x))
    # float32, some dozen sums of at most a hundred terms, in another order
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-6 * np.abs(expected).max())
