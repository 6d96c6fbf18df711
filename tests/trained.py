"""The trained models and labelled data that stand beside the repository, if they do."""

import csv
import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(os.environ.get("OCTAVO_DATA", Path(__file__).parents[2] / "shared" / "data"))
ABSENT = f"no trained models at {ROOT} (set OCTAVO_DATA)"

Data = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Inputs to calibrate with, held-out inputs, and the labels of the latter."""


@dataclass(frozen=True)
class Trained:
    """A model, its data, and how its outputs are judged: by accuracy (points) or by PSNR (decibels)."""

    name: str
    path: str
    data: Callable[[], Data]
    metric: str = "accuracy"
    allowed: float = 0.5

    @property
    def directory(self) -> Path:
        return ROOT / "models" / self.path


def speech(features: str, labels: str) -> Callable[[], Data]:
    """Every sixth clip calibrates; the others judge."""

    def load() -> Data:
        with np.load(ROOT / "sets/speech_commands/kws1000_share.npz") as arrays:
            inputs, classes = arrays[features], arrays[labels]
        chosen = np.arange(len(inputs)) % 6 == 0
        return inputs[chosen], inputs[~chosen], classes[~chosen]

    return load


def photographs() -> Data:
    """Every sixth photograph calibrates; half of the others judge."""
    from PIL import Image

    inputs, classes = [], []
    with zipfile.ZipFile(ROOT / "sets/imagenet/imagenet_sample_share600.zip") as archive:
        for name, label, _ in csv.reader(io.StringIO(archive.read("labels.csv").decode())):
            image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            edge = (256 - 224) // 2
            inputs.append(np.asarray(image.crop((edge, edge, 256 - edge, 256 - edge)), np.float32))
            classes.append(int(label))
    inputs, classes = (np.stack(inputs) - 127) / 128, np.array(classes)
    order = np.arange(len(inputs)) % 6
    return inputs[order == 0], inputs[order % 2 == 1], classes[order % 2 == 1]


def luminance() -> Data:
    """Four images calibrate, twelve judge."""
    with np.load(ROOT / "sets/super_resolution/y_x2_share16.npz") as arrays:
        low, high = (arrays[key][..., np.newaxis].astype(np.float32) / 255 for key in ("lr", "hr"))
    return low[:4], low[4:], high[4:]


MODELS = [
    Trained("kws_dscnn", "mlperf_tiny/kws_dscnn_savedmodel", speech("mfcc_mlperf_float", "y")),
    Trained("he_ds_cnn", "kws_hello_edge/ds_cnn_s_savedmodel", speech("mfcc_he_49x10", "y_he")),
    Trained("he_cnn", "kws_hello_edge/cnn_s_savedmodel", speech("mfcc_he_49x10", "y_he")),
    Trained("he_dnn", "kws_hello_edge/dnn_s_savedmodel", speech("mfcc_he_25x10", "y_he")),
    Trained("espcn", "super_resolution/espcn_x2_savedmodel", luminance, metric="psnr", allowed=0.3),
    Trained("efficientnet_lite0", "imagenet/efficientnet_lite0_savedmodel", photographs),
]
