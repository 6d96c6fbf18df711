"""Small trained models of the kinds that plain min/max quantization is known to break.

Bodies have random features, heads are solved by least squares on labelled pictures: trained weights within a second.
"""

import functools
from dataclasses import dataclass

import numpy as np

import octavo
from octavo.runtime import Runtime


@dataclass(frozen=True)
class Subject:
    """A trained model with its calibration samples, and labelled samples that judge it."""

    model: object
    calibration: object
    inputs: object
    labels: np.ndarray
    accuracy: object = None

    def score(self, content: bytes) -> float:
        runtime = Runtime(content)
        given = self.inputs if isinstance(self.inputs, dict) else {runtime.inputs[0].name: self.inputs}
        outputs = next(iter(runtime.run(given).values()))
        if self.accuracy is not None:
            return self.accuracy(outputs)
        return float((outputs.reshape(len(outputs), -1).argmax(axis=1) == self.labels).mean())


@functools.cache
def pictures():
    """Pictures of 20×20 from 0 to 1 of ten classes: 700 to train on, 300 to judge. Each is a pattern under noise."""
    random = np.random.default_rng(1)
    patterns = np.kron(random.random((10, 5, 5)), np.ones((4, 4)))
    labels = np.arange(1000) % 10
    images = 0.35 * patterns[labels] + 0.65 * random.random((1000, 20, 20))
    images = images.astype(np.float32)[..., None]
    return images[:700], labels[:700], images[700:], labels[700:]


def solved(keras, body, given, labels, classes=10, ridge=1e-3):
    """The body with a linear head that fits one-hot labels best."""
    runtime = Runtime(octavo.convert(body).content)
    names = [port.name for port in runtime.inputs]
    feeds = dict(zip(names, given if isinstance(given, tuple) else (given,), strict=True))
    features = next(iter(runtime.run(feeds).values()))
    features = features.reshape(len(labels), -1).astype(np.float64)
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    power = ridge * np.square(design).mean() * len(design)
    weights = np.linalg.solve(design.T @ design + power * np.eye(design.shape[1]), design.T @ np.eye(classes)[labels])
    head = keras.layers.Dense(classes, name="head")
    outputs = head(body.output)
    head.set_weights([weights[:-1].astype(np.float32), weights[-1].astype(np.float32)])
    return keras.Model(body.inputs, outputs)


def seeded(model, seed=0, gain=1.0):
    """Weights from a seed: kernels that keep the variance, biases as they are."""
    random = np.random.default_rng(seed)
    for layer in model.layers:
        fresh = [
            (gain * random.standard_normal(w.shape) / np.sqrt(np.prod(w.shape[:-1]))).astype(np.float32)
            if w.ndim > 1
            else w
            for w in layer.get_weights()
        ]
        layer.set_weights(fresh)
    return model


def outliers(keras):
    """One calibration picture in twenty has a broken pixel, far brighter than any that is judged."""
    train, labels, held, truth = pictures()
    x = keras.Input((20, 20, 1))
    y = keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))
    model = solved(keras, seeded(keras.Model(x, y)), train, labels)
    calibration = train[:100].copy()
    calibration[::20, 3, 4] = 300
    return Subject(model, calibration, held, truth)


def boxes_and_scores(keras):
    """Pixel coordinates up to 320 and scores up to 1 leave in one tensor."""
    train, labels, held, truth = pictures()
    x = keras.Input((20, 20, 1))
    y = keras.layers.Dense(128, activation="relu")(keras.layers.Flatten()(x))
    scored = solved(keras, seeded(keras.Model(x, y)), train, labels)
    boxes = keras.layers.Dense(4, name="boxes")(scored.layers[-2].output)
    scores = keras.layers.Activation("sigmoid")(keras.layers.Rescaling(8.0, -4.0)(scored.output))
    model = keras.Model(x, keras.layers.Concatenate()([boxes, scores]))
    boxes = model.get_layer("boxes")
    boxes.set_weights([40 * w for w in boxes.get_weights()[:1]] + [np.full(4, 160, np.float32)])
    return Subject(model, train[:100], held, truth, lambda out: float((out[:, 4:].argmax(axis=1) == truth).mean()))


def attention_mask(keras, form="added"):
    """Rows of a picture attend to each other; rows below a length that is given are masked with −1e9 or −∞."""
    train, labels, held, truth = pictures()

    def masks(count):
        return (np.arange(20) < 20 - np.arange(count)[:, None] % 4).astype(np.float32)

    x, mask = keras.Input((20, 20)), keras.Input((20,))
    query, key, value = (keras.layers.Dense(n)(x) for n in (16, 16, 64))
    scores = keras.layers.Dot(axes=2)([query, key])
    if form == "added":
        hidden = keras.layers.Reshape((1, 20))(keras.layers.Rescaling(1e9, -1e9)(mask))
        masked = keras.layers.Add()([scores, hidden])
    elif form == "subtracted":
        masked = scores - 1e9 * (1 - keras.layers.Reshape((1, 20))(mask))
    else:
        masked = keras.ops.where(keras.layers.Reshape((1, 20))(mask) > 0.5, scores, -np.inf)
    weights = keras.layers.Softmax()(masked)
    y = keras.layers.Flatten()(keras.layers.ReLU()(keras.layers.Dot(axes=(2, 1))([weights, value])))
    body = seeded(keras.Model([x, mask], y))
    train, held = train[..., 0], held[..., 0]
    model = solved(keras, body, (train, masks(len(train))), labels)
    names = [port.name for port in Runtime(octavo.convert(model).content).inputs]
    calibration = dict(zip(names, (train[:100], masks(100)), strict=True))
    return Subject(model, calibration, dict(zip(names, (held, masks(len(held))), strict=True)), truth)


def unequal_channels(keras, activation):
    """A depthwise layer whose channels differ a thousandfold, evened out by the layer after it."""
    train, labels, held, truth = pictures()
    x = keras.Input((20, 20, 1))
    y = keras.layers.Conv2D(24, 5, strides=2, activation="relu")(x)
    y = keras.layers.DepthwiseConv2D(3, name="depthwise")(y)
    y = keras.layers.Activation(activation)(y)
    y = keras.layers.Conv2D(32, 1, activation="relu", name="pointwise")(y)
    body = seeded(keras.Model(x, keras.layers.Flatten()(y)), gain=1.5)
    factors = np.logspace(-1.5, 1.5, 24).astype(np.float32)
    depthwise, pointwise = body.get_layer("depthwise"), body.get_layer("pointwise")
    kernel, bias = depthwise.get_weights()
    depthwise.set_weights([kernel * factors[:, None], bias])
    kernel, bias = pointwise.get_weights()
    pointwise.set_weights([kernel / factors[:, None], bias])
    model = solved(keras, body, train, labels)
    return Subject(model, train[:100], held, truth)


def swish_and_excitation(keras):
    """Channels of unequal size, swish, and a gate that multiplies them (EfficientNet, MobileNetV3)."""
    train, labels, held, truth = pictures()
    x = keras.Input((20, 20, 1))
    y = keras.layers.Conv2D(24, 5, strides=2, activation="swish")(x)
    y = keras.layers.Activation("swish")(keras.layers.DepthwiseConv2D(3, name="depthwise")(y))
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(y)
    gate = keras.layers.Conv2D(6, 1, activation="swish")(gate)
    gate = keras.layers.Conv2D(24, 1, activation="sigmoid")(gate)
    y = keras.layers.Conv2D(32, 1, name="pointwise")(keras.layers.Multiply()([y, gate]))
    body = seeded(keras.Model(x, keras.layers.Flatten()(y)), gain=2.0)
    factors = np.logspace(-1.2, 1.2, 24).astype(np.float32)
    depthwise, pointwise = body.get_layer("depthwise"), body.get_layer("pointwise")
    depthwise.set_weights([depthwise.get_weights()[0] * factors[:, None], depthwise.get_weights()[1]])
    pointwise.set_weights([pointwise.get_weights()[0] / factors[:, None], pointwise.get_weights()[1]])
    return Subject(solved(keras, body, train, labels), train[:100], held, truth)


def saturated_bias(keras):
    """Channels whose weights have nearly vanished (as pruning or decay leaves them), and whose bias has not."""
    train, labels, held, truth = pictures()
    x = keras.Input((20, 20, 1))
    y = keras.layers.Flatten()(x)
    y = keras.layers.Dense(160, activation="relu", name="hidden")(y)
    body = seeded(keras.Model(x, y))
    kernel, bias = body.get_layer("hidden").get_weights()
    kernel[:, :32] *= 1e-10
    bias[:32] = np.linspace(0.5, 4, 32)
    body.get_layer("hidden").set_weights([kernel, bias])
    return Subject(solved(keras, body, train, labels), train[:100], held, truth)


def unnormalized_inputs(keras):
    """Measurements in units of their own, normalised inside the model: a few reach thousands, most stay below one."""
    train, labels, held, truth = pictures()
    units = np.where(np.arange(400) % 50 == 7, 3000.0, 1.0).astype(np.float32)
    x = keras.Input((400,))
    y = keras.layers.Normalization(mean=np.zeros(400), variance=np.square(units))(x)
    y = keras.layers.Dense(128, activation="relu")(y)
    flat, held = (images.reshape(-1, 400) * units for images in (train, held))
    model = solved(keras, seeded(keras.Model(x, y)), flat, labels)
    return Subject(model, flat[:100], held, truth)


def layer_norm(keras):
    """Pictures of a contrast that differs a hundredfold, evened out by a normalization."""
    train, labels, held, truth = pictures()

    def dimmed(images):
        return images.reshape(-1, 400) * np.logspace(-2, 0, 7).astype(np.float32)[np.arange(len(images)) % 7][:, None]

    x = keras.Input((400,))
    y = keras.layers.LayerNormalization(epsilon=1e-7)(keras.layers.Dense(96, use_bias=False)(x))
    y = keras.layers.Dense(128, activation="relu")(y)
    body = keras.Model(x, y)
    gains = body.layers[2].get_weights()
    seeded(body)
    body.layers[2].set_weights(gains)
    return Subject(solved(keras, body, dimmed(train), labels), dimmed(train[:105]), dimmed(held), truth)


def gelu_on_bytes(keras):
    """Texts of 48 bytes in ten made-up languages: embedded bytes through blocks of GELU and LayerNorm."""
    random = np.random.default_rng(5)
    tongues = random.dirichlet(np.full(64, 2.0), 10)
    labels = np.arange(1000) % 10
    texts = np.stack([random.choice(64, 48, p=tongues[label]) for label in labels]).astype(np.int32)
    x = keras.Input((48,), dtype="int32")
    y = keras.layers.Embedding(64, 32)(x)
    for _ in range(2):
        z = keras.layers.Dense(96, activation="gelu")(keras.layers.LayerNormalization()(y))
        y = keras.layers.Add()([y, keras.layers.Dense(32)(z)])
    y = keras.layers.GlobalAveragePooling1D()(keras.layers.LayerNormalization()(y))
    body = keras.Model(x, y)
    model = solved(keras, seeded(body, gain=2.5), texts[:700], labels[:700], ridge=1e-6)
    return Subject(model, texts[:100], texts[700:], labels[700:])


COLLAPSES = {
    "outliers": outliers,
    "boxes_and_scores": boxes_and_scores,
    "attention_mask": attention_mask,
    "subtracted_mask": functools.partial(attention_mask, form="subtracted"),
    "chosen_mask": functools.partial(attention_mask, form="chosen"),
    "unequal_channels_relu": lambda keras: unequal_channels(keras, "relu"),
    "unequal_channels_swish": lambda keras: unequal_channels(keras, "swish"),
    "swish_and_excitation": swish_and_excitation,
    "saturated_bias": saturated_bias,
    "unnormalized_inputs": unnormalized_inputs,
    "layer_norm": layer_norm,
    "gelu_on_bytes": gelu_on_bytes,
}
