"""Sixteen families of convolutional networks with live random weights, exported as SavedModels.

A Keras application built with `weights=None` says nothing about numerics: its output collapses to a constant,
so any converter agrees with it. Here kernels are He-scaled with uneven channels, batch normalization holds the
statistics of real activations, and the head is standardized, so that outputs differ between samples and classes.

    python benchmarks/zoo.py [NAMES...]      builds, verifies and prints; families that are built already are kept

Everything goes below `$OCTAVO_ZOO`, by default `octavo-zoo` in the system's temporary directory.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SIDE = 96  # pixels; the least round size that every family takes
CLASSES = 100  # few enough that the steps of an int8 softmax (1/256) do not hide everything else
EVALUATION = 32
CALIBRATION = 100
FITTING = 48  # images that fix the statistics of batch normalization
LOGIT_STD = 2.0

RAW_PIXELS, SIGNED_UNIT = "0..255", "-1..1"
_FAMILIES = {  # quick ones first; what each one's input holds
    "MobileNetV2": SIGNED_UNIT,
    "ResNet50": SIGNED_UNIT,
    "MobileNet": SIGNED_UNIT,
    "EfficientNetB0": RAW_PIXELS,
    "DenseNet121": SIGNED_UNIT,
    "VGG16": SIGNED_UNIT,
    "MobileNetV3Small": RAW_PIXELS,
    "ConvNeXtTiny": RAW_PIXELS,
    "MobileNetV3Large": RAW_PIXELS,
    "ResNet50V2": SIGNED_UNIT,
    "InceptionV3": SIGNED_UNIT,
    "Xception": SIGNED_UNIT,
    "EfficientNetV2B0": RAW_PIXELS,
    "NASNetMobile": SIGNED_UNIT,
    "EfficientNetV2S": RAW_PIXELS,
    "InceptionResNetV2": SIGNED_UNIT,
}


@dataclass(frozen=True)
class Samples:
    """One family's data: images [n, 96, 96, 3] float32, and what Keras answers [n, 100] float32."""

    input_name: str
    calibration: np.ndarray
    evaluation: np.ndarray
    outputs: np.ndarray


def names() -> tuple[str, ...]:
    """The families, quick ones first."""
    return tuple(_FAMILIES)


def home() -> Path:
    """Where everything is kept."""
    return Path(os.environ.get("OCTAVO_ZOO") or Path(tempfile.gettempdir()) / "octavo-zoo")


def folder(name: str) -> Path:
    """Where one family keeps its SavedModel, data and baselines, built or not."""
    if name not in _FAMILIES:
        raise SystemExit(f"no family {name!r}; known: {', '.join(_FAMILIES)}")
    return home() / name


def build(name: str, *, calibration: int = CALIBRATION) -> Path:
    """The SavedModel of a family, made on the first call.

    Beside it stand `calibration.npz` (images under the signature's input name) and `reference.npz`
    (32 other images under that name, and Keras' float `outputs`).
    """
    place = folder(name)
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
        try:
            _make(name, draft, calibration=calibration)
            draft.chmod(0o755)
            if not place.exists():
                draft.rename(place)  # whole or not at all: other processes may be reading, or building the same
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return place / "saved_model"


def samples(name: str) -> Samples:
    """The images of a family and its float answers; builds it on the first call."""
    place = build(name).parent
    with np.load(place / "calibration.npz") as calibration, np.load(place / "reference.npz") as reference:
        (input_name,) = calibration.files
        return Samples(input_name, calibration[input_name], reference[input_name], reference["outputs"])


def images(count: int, *, seed: int, side: int = SIDE) -> np.ndarray:
    """Random pictures [count, side, side, 3] of whole numbers 0..255 in float32.

    Their spectrum falls with frequency as that of photographs does (slope 1.2 to 2), colours go along with
    brightness, and exposure and contrast differ from picture to picture.
    """
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    frequency[0, 0] = np.inf  # no constant part: exposure sets it
    slope = rng.uniform(1.2, 2.0, (count, 1, 1, 1))
    white = np.fft.rfft2(rng.standard_normal((count, 4, side, side)))
    planes = np.fft.irfft2(white * frequency**-slope, s=(side, side))
    planes /= planes.std(axis=(2, 3), keepdims=True)
    brightness, colour = planes[:, :1], planes[:, 1:]
    contrast = rng.uniform(25, 75, (count, 1, 1, 1))
    exposure = rng.uniform(55, 200, (count, 1, 1, 1)) + rng.normal(0, 35, (count, 3, 1, 1))
    pixels = exposure + contrast * (0.9 * brightness + 0.4 * colour)
    return np.clip(np.rint(pixels), 0, 255).astype(np.float32).transpose(0, 2, 3, 1)


def model(name: str):
    """A family as a Keras model with live weights: the one that `build` exports."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    keras.utils.clear_session()  # the input's name counts up with every model of a process
    made = getattr(keras.applications, name)(weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES)
    _enliven(made, _input(name, FITTING, seed=_seed(name)), rng=np.random.default_rng(_seed(name) + 1))
    return made


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")


def _make(name: str, place: Path, *, calibration: int) -> None:
    network, seed = model(name), _seed(name)
    given, held = _input(name, calibration, seed=seed + 2), _input(name, EVALUATION, seed=seed + 3)
    outputs = network.predict(held, verbose=0, batch_size=8)
    network.export(place / "saved_model", verbose=False)
    input_name = network.inputs[0].name
    np.savez(place / "calibration.npz", **{input_name: given})
    np.savez(place / "reference.npz", **{input_name: held, "outputs": outputs})


def _input(name: str, count: int, *, seed: int) -> np.ndarray:
    pixels = images(count, seed=seed)
    return pixels if _FAMILIES[name] == RAW_PIXELS else pixels / np.float32(127.5) - np.float32(1)


def _enliven(model, pictures: np.ndarray, *, rng: np.random.Generator) -> None:
    import keras

    layers = list(_leaves(model))
    for layer in layers:
        _randomize(layer, rng=rng)
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    dropouts = [layer for layer in layers if isinstance(layer, keras.layers.Dropout)]
    kept = [(layer, "momentum", layer.momentum) for layer in norms] + [(each, "rate", each.rate) for each in dropouts]
    for layer, attribute, _ in kept:
        setattr(layer, attribute, 0.0)  # momentum 0: one pass in training mode leaves the batch's statistics
    model(pictures, training=True)
    for layer, attribute, value in kept:
        setattr(layer, attribute, value)
    for layer in norms:  # a trained network's statistics are not those of this one batch
        spread = np.sqrt(layer.moving_variance.numpy())
        layer.moving_mean.assign(layer.moving_mean.numpy() + 0.05 * spread * rng.standard_normal(spread.shape))
        layer.moving_variance.assign((spread * rng.uniform(0.9, 1.1, spread.shape)) ** 2)
    _standardize_head(model, pictures)


def _leaves(layer):
    children = getattr(layer, "layers", None)
    if children is None:
        yield layer
    else:
        for child in children:
            yield from _leaves(child)


def _randomize(layer, *, rng: np.random.Generator) -> None:
    """Give a layer weights such as its kind has in trained networks: uneven channels, none dead, and not chaotic.

    Plain random networks double a disturbance in every few layers, so that the rounding of int8 drowns the signal
    whoever does it. Trained ones do not: most of a rectifier's inputs pass, branches add little to what they are
    added to, and kernels look at smooth things. See `Schoenholz et al. 2017, Deep Information Propagation`.
    """
    kind = type(layer).__name__
    if kind == "Normalization" and layer.input_mean is None:
        layer.adapt_mean.assign([0.485, 0.456, 0.406])  # ImageNet's, of pixels in 0..1
        layer.adapt_variance.assign(np.square([0.229, 0.224, 0.225]))
        layer.finalize_state()
    for weight in layer.weights:
        shape = tuple(weight.shape)
        match kind, weight.name:
            case "LayerScale", _:
                weight.assign(rng.uniform(0.1, 0.5, shape))
            case (("BatchNormalization" | "LayerNormalization"), "gamma"):
                weight.assign((0.3 if "Add" in _readers(layer) else 1.0) * rng.lognormal(0, 0.3, shape))
            case "BatchNormalization", "beta" if _readers(layer) & {"Activation", "ReLU"}:
                weight.assign(1.0 + 0.5 * rng.standard_normal(shape))
            case _, ("beta" | "bias"):
                weight.assign(0.2 * rng.standard_normal(shape))
            case ("DepthwiseConv2D", "kernel") | ("SeparableConv2D", "depthwise_kernel"):
                weight.assign(_he(shape, fan_in=shape[0] * shape[1], channels=shape[2:], rng=rng))
            case _, ("kernel" | "pointwise_kernel"):
                weight.assign(_he(shape, fan_in=int(np.prod(shape[:-1])), channels=shape[-1:], rng=rng))


def _readers(layer) -> set[str]:
    """The kinds of layers that read this one's output, seen through dropout."""
    found = {node.operation for node in layer._outbound_nodes}  # noqa: SLF001 (Keras has no public way to ask)
    return {
        kind for each in found for kind in (_readers(each) if "Drop" in type(each).__name__ else {type(each).__name__})
    }


def _he(shape: tuple[int, ...], *, fan_in: int, channels: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Even numbers that keep the variance through a rectifier; half of it smooth over a kernel's window.

    Even, not normal: at these widths the tails of normal numbers would cost int8 another bit in every layer.
    """
    unit = np.sqrt(3)
    kernel = rng.uniform(-unit, unit, shape)
    if len(shape) == 4 and shape[0] * shape[1] > 1:
        kernel = np.sqrt(0.5) * (kernel + rng.uniform(-unit, unit, (1, 1, *shape[2:])))
    return kernel * np.sqrt(2 / fan_in) * rng.lognormal(0, 0.35, channels)


def _standardize_head(model, pictures: np.ndarray) -> None:
    """Scale the last layer with weights so that each class' logit has mean 0 and deviation 2 over the pictures."""
    import keras

    head = [layer for layer in _leaves(model) if layer.weights][-1]
    activation, head.activation = head.activation, keras.activations.linear
    trunk = keras.Model(model.inputs, head.input)
    logits = head(trunk.predict(pictures, verbose=0, batch_size=8)).numpy().reshape(-1, CLASSES)
    head.activation = activation
    gain = LOGIT_STD / logits.std(axis=0)
    head.kernel.assign(head.kernel.numpy() * gain)
    head.bias.assign((head.bias.numpy() - logits.mean(axis=0)) * gain)


def verify(name: str) -> str:
    """One line on how alive a family's answers are; ends the process if they are constant."""
    held = samples(name).outputs
    over_samples, over_classes = held.std(axis=0).mean(), held.std(axis=1).mean()
    distinct = len(np.unique(held.argmax(axis=1)))
    if not np.isfinite(held).all() or min(over_samples, over_classes) < 1e-3 or distinct < 3:
        raise SystemExit(
            f"{name}: degenerate outputs (std {over_samples:.2e} over samples, {distinct} distinct answers)"
        )
    return (
        f"{name:18} std over samples {over_samples:.4f}, over classes {over_classes:.4f}; "
        f"mean top probability {held.max(axis=1).mean():.3f}; {distinct} distinct answers of {len(held)}"
    )


def main() -> None:
    """Build the families named on the command line, or all."""
    parser = argparse.ArgumentParser(description="Build the zoo of SavedModels with live random weights.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(names())}; all by default")
    parser.add_argument("--calibration", type=int, default=CALIBRATION, help="calibration images per family")
    arguments = parser.parse_args()
    for name in arguments.names or names():
        build(name, calibration=arguments.calibration)
        print(verify(name), flush=True)


if __name__ == "__main__":
    main()
