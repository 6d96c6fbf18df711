"""Small Keras 3 models, one for each layer and each operation that ordinary networks are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

L = keras.layers
Make = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    """A function or layer over inputs of these shapes, without the batch; numbers below `classes` if there are any.

    `low` and `high` bound real inputs. `within` is the error allowed, relative to the largest number of the output:
    1e-4 is some hundred roundings of float32, which both sides add up in their own order.
    """

    make: Make
    shapes: tuple[tuple[int, ...], ...]
    low: float = -2.0
    high: float = 2.0
    classes: int = 0
    within: float = 1e-4

    def model(self) -> keras.Model:
        """The model, with weights that are all different; its inputs are called x0, x1 …"""
        keras.utils.clear_session()
        dtype = "int32" if self.classes else "float32"
        given = [keras.Input(shape, name=f"x{number}", dtype=dtype) for number, shape in enumerate(self.shapes)]
        model = keras.Model(given, self.make(*given))
        random = np.random.default_rng(5)
        for weight in model.weights:
            if weight.dtype == "float32":
                low = 0.3 if "variance" in weight.path else -1.0
                weight.assign(random.uniform(low, 1.2, weight.shape))
        return model

    def samples(self, batch: int) -> dict[str, np.ndarray]:
        """Inputs by name."""
        random = np.random.default_rng(batch)
        shapes = [(batch, *shape) for shape in self.shapes]
        if self.classes:
            return {f"x{n}": random.integers(0, self.classes, shape, np.int32) for n, shape in enumerate(shapes)}
        uniform = partial(random.uniform, self.low, self.high)
        return {f"x{n}": uniform(shape).astype(np.float32) for n, shape in enumerate(shapes)}


def on(*shapes: tuple[int, ...], **bounds: float) -> Callable[[Make], Case]:
    """Turns a layer or function into a case with inputs of these shapes."""
    return lambda make: Case(make, shapes, **bounds)


picture = on((9, 8, 4))
sequence = on((12, 4))
volume = on((4, 6, 5, 3))
row = on((6,))
two = on((5, 4), (5, 4))
positive = on((6,), low=0.2, high=3.0)


def of_pair(layer: Any) -> Case:
    return two(lambda a, b: layer([a, b]))


CONVOLUTIONS = {
    "conv_2d": picture(L.Conv2D(5, 3)),
    "conv_2d_same_stride": picture(L.Conv2D(5, 3, padding="same", strides=2, activation="relu")),
    "conv_2d_uneven": picture(L.Conv2D(5, (3, 2), strides=(2, 1), use_bias=False)),
    "conv_2d_pointwise": picture(L.Conv2D(5, 1)),
    "conv_2d_dilated": picture(L.Conv2D(5, 3, dilation_rate=2, padding="same")),
    "conv_2d_dilated_valid": picture(L.Conv2D(5, 3, dilation_rate=(2, 1))),
    "conv_2d_grouped": picture(L.Conv2D(6, 3, groups=2, padding="same")),
    "conv_2d_one_channel_in": on((9, 8, 1))(L.Conv2D(5, 3)),
    "depthwise_2d": picture(L.DepthwiseConv2D(3)),
    "depthwise_2d_multiplier": picture(L.DepthwiseConv2D(3, depth_multiplier=2, strides=2, padding="same")),
    "depthwise_2d_dilated": picture(L.DepthwiseConv2D(3, dilation_rate=2, padding="same")),
    "separable_2d": picture(L.SeparableConv2D(5, 3, depth_multiplier=2)),
    "transposed_2d_same": picture(L.Conv2DTranspose(5, 3, strides=2, padding="same", activation="relu")),
    "transposed_2d_valid": picture(L.Conv2DTranspose(5, (3, 2), strides=2)),
    "transposed_2d_no_bias": picture(L.Conv2DTranspose(5, 4, use_bias=False)),
    "transposed_2d_output_padding": picture(L.Conv2DTranspose(5, 3, strides=2, padding="same", output_padding=0)),
    "conv_1d": sequence(L.Conv1D(5, 3)),
    "conv_1d_same_stride": sequence(L.Conv1D(5, 3, strides=2, padding="same")),
    "conv_1d_causal": sequence(L.Conv1D(5, 3, padding="causal", dilation_rate=2)),
    "conv_1d_grouped": sequence(L.Conv1D(6, 3, groups=2)),
    "depthwise_1d": sequence(L.DepthwiseConv1D(3, depth_multiplier=2)),
    "separable_1d": sequence(L.SeparableConv1D(5, 3, padding="same")),
    "transposed_1d": sequence(L.Conv1DTranspose(5, 3, strides=2, padding="same")),
    "conv_3d": volume(L.Conv3D(3, (3, 2, 3), strides=(1, 2, 1), padding="same", activation="relu")),
    "conv_3d_pointwise": volume(L.Conv3D(3, 1)),
    "transposed_3d": volume(L.Conv3DTranspose(3, 2, strides=2, padding="same", activation="relu")),
    "transposed_3d_valid": volume(L.Conv3DTranspose(3, (2, 3, 3), strides=(1, 2, 2))),
    "spectral_normalization": picture(L.SpectralNormalization(L.Conv2D(5, 3))),
    "time_distributed": on((4, 6, 6, 3))(L.TimeDistributed(L.Conv2D(4, 3))),
}

POOLS = {
    "max_2d": picture(L.MaxPooling2D(2)),
    "max_2d_same": picture(L.MaxPooling2D(3, strides=2, padding="same")),
    "average_2d": picture(L.AveragePooling2D((2, 3))),
    "average_2d_same": picture(L.AveragePooling2D(3, strides=2, padding="same")),
    "max_1d": sequence(L.MaxPooling1D(2)),
    "average_1d_same": sequence(L.AveragePooling1D(5, strides=2, padding="same")),
    "global_average_2d": picture(L.GlobalAveragePooling2D()),
    "global_average_2d_kept": picture(L.GlobalAveragePooling2D(keepdims=True)),
    "global_max_2d": picture(L.GlobalMaxPooling2D()),
    "global_average_1d": sequence(L.GlobalAveragePooling1D()),
    "global_max_1d": sequence(L.GlobalMaxPooling1D(keepdims=True)),
    "global_average_3d": on((3, 4, 5, 2))(L.GlobalAveragePooling3D()),
    "max_3d": volume(L.MaxPooling3D(2)),
    "average_3d": volume(L.AveragePooling3D((2, 3, 1), strides=2, padding="same")),
    "adaptive_average_2d": picture(L.AdaptiveAveragePooling2D((3, 4))),
    "adaptive_max_2d": picture(L.AdaptiveMaxPooling2D((4, 3))),
}

NORMALIZATIONS = {
    "batch_normalization": picture(L.BatchNormalization()),
    "batch_normalization_after_conv": picture(lambda x: L.BatchNormalization()(L.Conv2D(5, 3, use_bias=False)(x))),
    "batch_normalization_before_conv": picture(lambda x: L.Conv2D(5, 3)(L.ReLU()(L.BatchNormalization()(x)))),
    "batch_normalization_plain": picture(L.BatchNormalization(center=False, scale=False)),
    "batch_normalization_of_rows": row(L.BatchNormalization()),
    "batch_normalization_after_dense": row(lambda x: L.BatchNormalization()(L.Dense(5)(x))),
    "layer_normalization": sequence(L.LayerNormalization()),
    "layer_normalization_axes": picture(L.LayerNormalization(axis=(1, 2))),
    "group_normalization": picture(L.GroupNormalization(2)),
    "rms_normalization": sequence(L.RMSNormalization()),
    "unit_normalization": row(L.UnitNormalization()),
}

ACTIVATIONS = {
    f"activation_{name}": row(L.Activation(name))
    for name in [
        "celu",
        "elu",
        "exponential",
        "gelu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "soft_shrink",
        "softmax",
        "softplus",
        "softsign",
        "sparse_plus",
        "sparsemax",
        "squareplus",
        "tanh",
        "tanh_shrink",
    ]
} | {
    "activation_threshold": row(lambda x: keras.activations.threshold(x, 0.5, -1.0)),
    "activation_glu": row(keras.activations.glu),
    "activation_gelu_tanh": row(lambda x: keras.activations.gelu(x, approximate=True)),
    "activation_relu_of_all": row(
        lambda x: keras.activations.relu(x, negative_slope=0.1, max_value=1.5, threshold=0.2)
    ),
    "prelu": sequence(L.PReLU()),
    "prelu_shared": picture(L.PReLU(shared_axes=[1, 2])),
    "leaky_relu": row(L.LeakyReLU(negative_slope=0.3)),
    "elu_alpha": row(L.ELU(0.5)),
    "relu_6": row(L.ReLU(6.0)),
    "relu_slope": row(L.ReLU(max_value=1.0, negative_slope=0.2, threshold=0.1)),
    "softmax_axis": sequence(L.Softmax(axis=1)),
    "softmax_two_axes": sequence(L.Softmax(axis=(1, 2))),
}

MERGES = {
    "add": of_pair(L.Add()),
    "subtract": of_pair(L.Subtract()),
    "multiply": of_pair(L.Multiply()),
    "average": of_pair(L.Average()),
    "maximum": of_pair(L.Maximum()),
    "minimum": of_pair(L.Minimum()),
    "concatenate": of_pair(L.Concatenate()),
    "concatenate_axis": of_pair(L.Concatenate(axis=1)),
    "dot": of_pair(L.Dot(axes=2)),
    "dot_normalized": of_pair(L.Dot(axes=1, normalize=True)),
    "broadcast": on((5, 1), (1, 4))(lambda a, b: L.Multiply()([a, b]) - b / 3.0),
}

SHAPES = {
    "flatten": picture(L.Flatten()),
    "flatten_dense": picture(lambda x: L.Dense(5)(L.Flatten()(x))),
    "reshape": sequence(L.Reshape((6, 8))),
    "reshape_unknown": sequence(L.Reshape((-1, 3, 2))),
    "permute": picture(L.Permute((3, 1, 2))),
    "repeat_vector": row(L.RepeatVector(3)),
    "cropping_1d": sequence(L.Cropping1D((1, 2))),
    "cropping_2d": picture(L.Cropping2D(((1, 2), (0, 1)))),
    "center_crop": picture(L.CenterCrop(4, 5)),
    "zero_padding_1d": sequence(L.ZeroPadding1D(2)),
    "zero_padding_2d": picture(L.ZeroPadding2D(((1, 2), (0, 3)))),
    "zero_padding_conv": picture(lambda x: L.Conv2D(5, 3, strides=2)(L.ZeroPadding2D(1)(x))),
    "up_sampling_1d": sequence(L.UpSampling1D(3)),
    "up_sampling_3d": volume(L.UpSampling3D((2, 1, 3))),
    "up_sampling_2d": picture(L.UpSampling2D((2, 3))),
    "up_sampling_2d_bilinear": picture(L.UpSampling2D(2, interpolation="bilinear")),
    "resizing": picture(L.Resizing(5, 12)),
    "resizing_nearest": picture(L.Resizing(13, 5, interpolation="nearest")),
    "resizing_area": picture(L.Resizing(4, 4, interpolation="area")),
    "resizing_bicubic": picture(L.Resizing(4, 4, interpolation="bicubic")),
    "resizing_lanczos": picture(L.Resizing(12, 5, interpolation="lanczos3")),
    "counts_of_categories": on((3,), classes=5)(L.CategoryEncoding(5, output_mode="count")),
    "bins": row(L.Discretization([0.0, 1.0])),
    "resizing_cropped": picture(L.Resizing(4, 6, crop_to_aspect_ratio=True)),
    "rescaling": picture(L.Rescaling(1 / 127.5, -1.0)),
    "normalization": picture(L.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 0.5, 0.1])),
    "dropouts": picture(lambda x: L.GaussianNoise(0.1)(L.SpatialDropout2D(0.3)(L.Dropout(0.5)(x))) + 0.5),
}


def squeeze_and_excite(x):
    gate = L.Reshape((1, 1, 4))(L.GlobalAveragePooling2D()(x))
    gate = L.Conv2D(4, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="swish")(gate))
    return L.Multiply()([x, gate])


def residual(x):
    inner = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(x))
    inner = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", use_bias=False)(L.ReLU()(inner)))
    return L.ReLU()(L.Add()([x, inner]))


def transformer(x):
    normal = L.LayerNormalization()(x)
    x = x + L.MultiHeadAttention(2, 3)(normal, normal)
    return x + L.Dense(4)(L.Dense(8, activation="gelu")(L.LayerNormalization()(x)))


NETWORKS = {
    "dense": row(L.Dense(5, activation="relu")),
    "dense_without_bias": row(L.Dense(5, use_bias=False)),
    "dense_of_sequences": sequence(L.Dense(5, activation="tanh")),
    "dense_of_pictures": picture(L.Dense(5)),
    "mlp": row(lambda x: L.Dense(3, activation="softmax")(L.Dense(16, activation="relu")(x))),
    "einsum_dense": sequence(L.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d")),
    "einsum_dense_heads": sequence(L.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de")),
    "embedding": on((7,), classes=11)(L.Embedding(11, 4)),
    "embedding_pooled": on((7,), classes=11)(lambda x: L.GlobalAveragePooling1D()(L.Embedding(11, 4)(x))),
    "multi_head_attention": two(L.MultiHeadAttention(2, 3)),
    "multi_head_attention_causal": two(lambda a, b: L.MultiHeadAttention(2, 3)(a, b, use_causal_mask=True)),
    "grouped_query_attention": two(L.GroupQueryAttention(4, 4, 2)),
    "attention": of_pair(L.Attention()),
    "attention_scaled": of_pair(L.Attention(use_scale=True)),
    "additive_attention": of_pair(L.AdditiveAttention()),
    "squeeze_and_excite": picture(squeeze_and_excite),
    "residual": picture(residual),
    "transformer": sequence(transformer),
    "mel_spectrogram": on((400,))(L.MelSpectrogram(fft_length=64)),
    "spectrogram": on((400, 1))(L.STFTSpectrogram(mode="magnitude", frame_length=64, frame_step=20, fft_length=64)),
    "lstm_unrolled": sequence(L.LSTM(3, unroll=True)),
    "gru_unrolled": sequence(L.GRU(3, unroll=True)),
}

OPERATIONS = {
    "arithmetic": two(lambda a, b: (a + 2.0) * b - a / (ops.square(b) + 1.0) + 3.0 - (-a)),
    "division": two(lambda a, b: ops.floor_divide(a, 0.7) + ops.mod(b, 1.3)),
    "power": positive(lambda x: ops.power(x, 1.7) + ops.sqrt(x) + ops.rsqrt(x) + ops.log(x) + ops.log1p(x)),
    "rounding": row(lambda x: ops.floor(x) + 2 * ops.ceil(x) + 4 * ops.round(x) + ops.sign(x) * ops.abs(x)),
    "angles": row(lambda x: ops.sin(x) + ops.cos(x) + ops.exp(x) + ops.expm1(x) + ops.erf(x)),
    "arc_tangent": two(ops.arctan2),
    "clip": row(lambda x: ops.clip(x, -0.5, 1.0)),
    "choices of numbers": two(lambda a, b: ops.where(a > b, a - b, 0.0)),
    "comparisons": two(lambda a, b: ops.where(a > b, a, 2 * b) + ops.cast(ops.logical_and(a < 1, b >= 0), "float32")),
    "equality": on((6,), classes=3)(lambda x: ops.cast(ops.equal(x, 1), "float32") + ops.cast(x != 2, "float32")),
    "sum_and_mean": picture(lambda x: ops.sum(x, axis=(1, 2)) + ops.mean(x, axis=(2, 1))),
    "reductions": sequence(lambda x: ops.max(x, axis=1) + ops.min(x, axis=1) + ops.prod(x, axis=1)),
    "reductions_kept": sequence(lambda x: x - ops.max(x, axis=-1, keepdims=True) + ops.sum(x, axis=1, keepdims=True)),
    "any_and_all": sequence(lambda x: ops.cast(ops.any(x > 1.9, axis=1) | ops.all(x > -1.9, axis=1), "float32")),
    "variance": sequence(lambda x: ops.var(x, axis=1) + ops.std(x, axis=1)),
    "logsumexp": sequence(lambda x: ops.logsumexp(x, axis=-1)),
    "norm": sequence(lambda x: ops.norm(x, axis=-1) + ops.norm(x, ord=1, axis=-1)),
    "arg_max": sequence(lambda x: ops.cast(ops.argmax(x, axis=-1) + ops.argmin(x, axis=-1), "float32")),
    "top_k": row(lambda x: ops.top_k(x, 3)[0]),
    "sort": row(ops.sort),
    "cumulative_sum": sequence(lambda x: ops.cumsum(x, axis=1)),
    "one_hot": on((6,), classes=4)(lambda x: ops.one_hot(x, 5)),
    "take": sequence(lambda x: ops.take(x, [3, 0, 5], axis=1)),
    "take_along_axis": sequence(lambda x: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1)),
    "slices": sequence(lambda x: x[:, 2:-1:3, ::-1] + x[:, :3, :1]),
    "slice_last": sequence(lambda x: x[:, -1]),
    "split_stack": sequence(lambda x: ops.stack(ops.split(x, 2, axis=-1)[::-1], axis=1)),
    "split_uneven": sequence(lambda x: ops.split(x, [1, 3], axis=-1)[1]),
    "unstack": sequence(lambda x: sum(ops.unstack(x, axis=1))),
    "concatenate_constant": sequence(lambda x: ops.concatenate([x, ops.ones_like(x), ops.zeros_like(x)], axis=1)),
    "pad_constant": sequence(lambda x: ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=3.0)),
    "pad_reflect": sequence(lambda x: ops.pad(x, [[0, 0], [1, 2], [2, 1]], mode="reflect")),
    "tile": sequence(lambda x: ops.tile(x, [1, 2, 3])),
    "repeat": sequence(lambda x: ops.repeat(x, 2, axis=1)),
    "flip_roll": sequence(lambda x: ops.flip(x, axis=1) + ops.roll(x, 2, axis=1)),
    "transpose": picture(lambda x: ops.transpose(x, (0, 3, 1, 2))),
    "expand_squeeze": sequence(lambda x: ops.squeeze(ops.expand_dims(x, 2) * ops.ones((1, 1, 1, 4)), 2)),
    "matmul": two(lambda a, b: ops.matmul(a, ops.transpose(b, (0, 2, 1)))),
    "einsum": two(lambda a, b: ops.einsum("bij,bkj->bik", a, b)),
    "einsum_heads": on((5, 2, 3), (4, 2, 3))(lambda q, k: ops.einsum("bqhd,bkhd->bhqk", q, k)),
    "broadcast_to": sequence(L.Lambda(lambda x: x + tf.broadcast_to(x[:, :1], tf.shape(x)))),
    "depth_to_space": picture(L.Lambda(lambda x: tf.nn.depth_to_space(x, 2))),
    "depth_to_space_written_out": on((9, 8, 2, 2, 1))(lambda x: L.Reshape((18, 16, 1))(L.Permute((1, 3, 2, 4, 5))(x))),
    "shape_arithmetic": picture(
        L.Lambda(lambda x: tf.reshape(x, (tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2], 4)))
    ),
    "flatten_batch": sequence(lambda x: ops.reshape(ops.reshape(x, (-1, 4)) * 2, (-1, 12, 4))),
    "casts": row(lambda x: ops.cast(ops.cast(x * 10, "int32"), "float32") + ops.cast(ops.cast(x, "bool"), "float32")),
    "two_outputs": row(lambda x: (L.Dense(3)(x), L.Dense(2)(x))),
    "input_itself": row(lambda x: (x, x * 2)),
}

pictures_through_time = on((4, 6, 6, 2))

CASES: dict[str, Case] = {
    **CONVOLUTIONS, **POOLS, **NORMALIZATIONS, **ACTIVATIONS, **MERGES, **SHAPES, **NETWORKS, **OPERATIONS,
    "lstm": sequence(L.LSTM(3, name="subject")),
    "gru": sequence(L.GRU(3, name="subject")),
    "simple_rnn": sequence(L.SimpleRNN(3, return_sequences=True, name="subject")),
    "bidirectional": sequence(L.Bidirectional(L.LSTM(3), name="subject")),
    "conv_lstm_2d": pictures_through_time(L.ConvLSTM2D(2, 3, name="subject")),
    "integer_lookup": on((3,), classes=9)(L.IntegerLookup(vocabulary=[1, 2, 5], name="subject")),
}  # fmt: skip

LATER: dict[str, Case] = {
    "hashing": on((3,), classes=9)(L.Hashing(5, name="subject")),
    "random_rotation": picture(lambda x: L.RandomRotation(0.2, name="subject")(x, training=True)),
}
"""Layers that networks beyond perceptrons and convolutions are made of: recurrence, three dimensions, tables, spectra, chance."""
