"""Every trained model that stands beside the repository, with the data that calibrates and the data that judges it.

A case turns any implementation of its model into rows of a metric, so that all makers are judged on the same samples.
"""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from octavo.judge.metric import Metric
from octavo.judge.metrics import metric
from unlabelled import FIDELITY, SI_SDR, denoise, fidelity, float_run, si_sdr

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from trained import ROOT, luminance, photographs, speech  # the tests' own module

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""One call of a model: inputs by name to outputs by name."""
CALIBRATION = 100
ONLY = "arr_0"
"""The name under which the input of a model that has one is given: NumPy's for an array without a name."""


@dataclass(frozen=True)
class Data:
    """`calibration` and `inputs` are arrays by the name of the input, [samples, …]; `labels` [samples, …].

    Where a label is about several samples, `groups` holds for each sample the number of its label.
    """

    calibration: dict[str, np.ndarray]
    inputs: dict[str, np.ndarray]
    labels: np.ndarray
    groups: np.ndarray | None = None


@dataclass(frozen=True)
class Case:
    """A model, its data, and how rows of its metric come out of its outputs for all inputs, [samples, …].

    `at_once` samples go through the model in one call, of whose outputs `output` counts, or the first. Without labels,
    the float model's classes stand for them. What is more than one call for each sample is `judged` by itself.
    `calibrates` says of which labels samples may calibrate.
    """

    name: str
    path: str
    load: Callable[[], Data]
    metric: Metric
    rows: Callable[[np.ndarray, Data], np.ndarray] | None = None
    at_once: int = 1
    output: str = ""
    labels_are_floats: bool = False
    judged: Callable[[Run, Data], np.ndarray] | None = None
    calibrates: Callable[[np.ndarray], np.ndarray] = lambda labels: np.ones(len(labels), bool)

    @property
    def source(self) -> Path:
        return ROOT / "models" / self.path

    def judge(self, run: Run, data: Data) -> np.ndarray:
        """The metric's rows."""
        if self.judged:
            return self.judged(run, data)
        return self.rows_of(self.outputs(run, data), data)

    def rows_of(self, outputs: np.ndarray, data: Data) -> np.ndarray:
        """The metric's rows of the outputs for all inputs."""
        return self.rows(outputs, data) if self.rows else self.metric.rows(outputs, data.labels)

    def outputs(self, run: Run, data: Data) -> np.ndarray:
        """The output that counts of every sample."""
        found = []
        for at in range(0, len(next(iter(data.inputs.values()))), self.at_once):
            outputs = run({name: array[at : at + self.at_once] for name, array in data.inputs.items()})
            found.append(outputs[self.output] if self.output else next(iter(outputs.values())))
        return np.concatenate(found)

    def with_labels_of(self, run: Run, data: Data) -> Data:
        """The data with the classes that a model says for labels."""
        return replace(data, labels=self.outputs(run, data).argmax(axis=-1))


def one_input(load: Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Callable[[], Data]:
    """The data of a model that has one input, whatever its name."""

    def loaded() -> Data:
        calibration, inputs, labels = load()
        return Data({ONLY: calibration[:CALIBRATION]}, {ONLY: inputs}, labels)

    return loaded


def arrays(path: str, *names: str) -> tuple[np.ndarray, ...]:
    """Arrays of an `.npz` beside the repository."""
    with np.load(ROOT / "sets" / path) as file:
        return tuple(file[name] for name in names)


def pictures_for_mobilenet() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The photographs, from −1 to 1."""
    calibration, inputs, labels = photographs()
    return (calibration * 128 - 0.5) / 127.5, (inputs * 128 - 0.5) / 127.5, labels


def small_photographs() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Photographs of 96×96 from 0 to 1, without labels: the first sixth calibrates, a half judges."""
    stacked = resized(96, 96)
    order = np.arange(len(stacked)) % 6
    return stacked[order == 0], stacked[order % 2 == 1], np.zeros(300)


def resized(width: int, height: int, *, every: int = 1) -> np.ndarray:
    """Every nth of the photographs, stretched to a size, from 0 to 1."""
    from PIL import Image

    found = []
    with zipfile.ZipFile(ROOT / "sets/imagenet/imagenet_sample_share600.zip") as archive:
        rows = list(csv.reader(io.StringIO(archive.read("labels.csv").decode())))
        for name, *_ in rows[::every]:
            image = Image.open(io.BytesIO(archive.read(name))).convert("RGB")
            image = image.resize((width, height), Image.Resampling.BILINEAR)
            found.append(np.asarray(image, np.float32) / 255)
    return np.stack(found)


def tiny_pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    calibration, inputs, labels = arrays("cifar10/cifar10_lossless_share.npz", "calib_x", "test_x", "test_y")
    return calibration[::10].astype(np.float32), inputs.astype(np.float32), labels


def handwriting() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    calibration, inputs, labels = arrays("mnist/mnist_test3000_calib1000.npz", "calib_x", "test_x", "test_y")
    return calibration[::10, ..., None] / np.float32(255), inputs[..., None] / np.float32(255), labels


def machine_sounds() -> Data:
    """Windows of five frames: every sixth clip without a fault calibrates (one window of every eight), the others judge."""
    clips, faulty = arrays("toycar/ad01_share110.npz", "x", "y")
    windows = np.lib.stride_tricks.sliding_window_view(clips.astype(np.float32), 5, axis=1)
    windows = windows.transpose(0, 1, 3, 2).reshape(len(clips), -1, 640)
    sound = np.flatnonzero(faulty == 0)
    held = np.zeros(len(clips), bool)
    held[sound[::6]] = True
    calibration = windows[held].reshape(-1, 640)
    chosen = np.linspace(0, len(calibration) - 1, CALIBRATION).astype(int)
    return Data({ONLY: calibration[chosen]}, {ONLY: windows[~held].reshape(-1, 640)}, faulty[~held])


def reconstruction_rows(outputs: np.ndarray, data: Data) -> np.ndarray:
    """A clip's score is the mean square error of its windows."""
    error = np.square(outputs - data.inputs[ONLY]).mean(axis=1).reshape(len(data.labels), -1).mean(axis=1)
    return metric("auc").rows(error, data.labels)


def noises() -> Data:
    """Every sixth clip calibrates; labels are of clips, and a clip's answer is the mean over its patches."""
    patches, clip, labels = arrays("esc10/esc10_yamnet_patches_120clips.npz", "x", "clip", "y")
    patches = patches.astype(np.float32)[..., None]
    order = np.unique(clip, return_inverse=True)[1]
    calibrates = order % 6 == 0
    chosen = np.flatnonzero(calibrates)[:CALIBRATION]
    kept, groups = np.unique(clip[~calibrates], return_inverse=True)
    return Data({ONLY: patches[chosen]}, {ONLY: patches[~calibrates]}, labels[kept], groups)


def clip_rows(outputs: np.ndarray, data: Data) -> np.ndarray:
    total = np.zeros((len(data.labels), outputs.shape[1]))
    np.add.at(total, data.groups, outputs)
    return metric("accuracy").rows(total, data.labels)


def sentence_pairs() -> Data:
    """Fifty pairs calibrate, four hundred judge: first sentences, then second ones."""
    parts = arrays("stsb/stsb_dev_ids64.npz", "ids1", "ids2", "mask1", "mask2", "score")
    first, second, first_mask, second_mask, scores = parts
    ids = np.stack([first, second], 1).astype(np.int32)
    masks = np.stack([first_mask, second_mask], 1).astype(np.float32)
    judged, used = np.arange(0, 1200, 3), np.arange(1, 1500, 30)
    calibration = {"attention_mask": masks[used].reshape(-1, 64), "input_ids": ids[used].reshape(-1, 64)}
    inputs = {"attention_mask": masks[judged].reshape(-1, 64), "input_ids": ids[judged].reshape(-1, 64)}
    return Data(calibration, inputs, scores[judged])


def likeness_rows(outputs: np.ndarray, data: Data) -> np.ndarray:
    """Pearson's correlation of ranks is Spearman's."""
    pairs = outputs.reshape(len(data.labels), 2, -1).astype(np.float64)
    pairs /= np.linalg.norm(pairs, axis=-1, keepdims=True)
    return metric("correlation").rows(ranks((pairs[:, 0] * pairs[:, 1]).sum(axis=-1)), ranks(data.labels))


def ranks(numbers: np.ndarray) -> np.ndarray:
    """Mean ranks, equal numbers sharing one."""
    _, place, count = np.unique(numbers, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - (count - 1) / 2)[place][:, None]


def segments() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs, labels = arrays("segmentation/coco_val_voc21_257_share32.npz", "x", "y")
    inputs = inputs / np.float32(127.5) - 1
    return inputs[::4], np.delete(inputs, np.s_[::4], 0), np.delete(labels, np.s_[::4], 0)


def reviews() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    inputs, labels = arrays("text/sst2_dev872_ids256.npz", "x", "y")
    order = np.arange(len(inputs)) % 8
    return inputs[order == 0].astype(np.float32), inputs[order > 0].astype(np.float32), labels[order > 0]


DENOISERS = tuple(ROOT / "models/dtln" / name for name in ("model_1.tflite", "model_2.tflite"))


def noisy_speech(place: int) -> Callable[[], Data]:
    """Blocks of the first clip calibrate one of two models in a row; the other two clips judge both, the other in float."""

    def load() -> Data:
        noisy, clean = arrays("dtln/noisy_clean_5dB.npz", "noisy", "clean")
        seen: list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]] = []
        denoise(*map(float_run, DENOISERS), noisy[0], seen=seen)
        chosen = [seen[at][place] for at in np.linspace(0, len(seen) - 1, CALIBRATION).astype(int)]
        calibration = {name: np.concatenate([each[name] for each in chosen]) for name in chosen[0]}
        return Data(calibration, {ONLY: noisy[1:]}, clean[1:])

    return load


def denoised_rows(place: int) -> Callable[[Run, Data], np.ndarray]:
    def rows(run: Run, data: Data) -> np.ndarray:
        runs = [run if at == place else float_run(path) for at, path in enumerate(DENOISERS)]
        clips = zip(data.labels, data.inputs[ONLY], strict=True)
        return np.array([[si_sdr(clean, denoise(*runs, noisy))] for clean, noisy in clips])

    return rows


def sung_notes() -> Data:
    """Two windows of a voice calibrate, four judge: which of 88 notes sound in each frame, as the float model says."""
    audio, notes = arrays("basic_pitch/vocadito_10_windows.npz", "audio", "note")
    audio = audio.astype(np.float32)
    return Data({ONLY: audio[:2]}, {ONLY: audio[2:]}, (notes[2:] > 0.5).astype(np.int64))


def looked_at(width: int, height: int, *, low: float = 0.0, high: float = 1.0, every: int = 6) -> Callable[[], Data]:
    """Photographs whose black is `low` and whose white is `high`: every second one calibrates, the others judge."""

    def load() -> Data:
        images = resized(width, height, every=every) * np.float32(high - low) + np.float32(low)
        return Data({ONLY: images[::2][:CALIBRATION]}, {ONLY: images[1::2]}, np.zeros(len(images[1::2])))

    return load


def beside_float(name: str, path: str, load: Callable[[], Data]) -> Case:
    """A model of which no labels are known: how near its outputs come to those in float."""
    return Case(name, path, load, FIDELITY, judged=lambda run, data: fidelity(ROOT / "models" / path, run, data.inputs))


ACCURACY = metric("accuracy")
SPEARMAN = Metric("Spearman", metric("correlation").rows, metric("correlation").value)
CASES = [
    Case("efficientnet_lite0", "imagenet/efficientnet_lite0_savedmodel", one_input(photographs), ACCURACY),
    Case("mobilenet_v1_0.25", "imagenet/mobilenet_v1_0.25_224.h5", one_input(pictures_for_mobilenet), ACCURACY),
    Case("resnet8_cifar10", "mlperf_tiny/ic_resnet8.h5", one_input(tiny_pictures), ACCURACY),
    Case(
        "vww_agreement",
        "mlperf_tiny/vww_mobilenetv1_025_96.h5",
        one_input(small_photographs),
        ACCURACY,
        labels_are_floats=True,
    ),
    Case("kws_dscnn", "mlperf_tiny/kws_dscnn_savedmodel", one_input(speech("mfcc_mlperf_float", "y")), ACCURACY),
    Case(
        "ad01_toycar",
        "mlperf_tiny/ad01.h5",
        machine_sounds,
        metric("auc"),
        reconstruction_rows,
        at_once=196,
        calibrates=lambda faulty: faulty == 0,
    ),
    Case("he_ds_cnn", "kws_hello_edge/ds_cnn_s_savedmodel", one_input(speech("mfcc_he_49x10", "y_he")), ACCURACY),
    Case("he_cnn", "kws_hello_edge/cnn_s_savedmodel", one_input(speech("mfcc_he_49x10", "y_he")), ACCURACY),
    Case("he_dnn", "kws_hello_edge/dnn_s_savedmodel", one_input(speech("mfcc_he_25x10", "y_he")), ACCURACY),
    Case("he_lstm", "kws_hello_edge/basic_lstm_s.keras", one_input(speech("mfcc_he_49x10", "y_he")), ACCURACY),
    Case("he_gru", "kws_hello_edge/gru_s.keras", one_input(speech("mfcc_he_25x10", "y_he")), ACCURACY),
    Case("minilm_stsb", "minilm/minilm_l3_seq64_savedmodel", sentence_pairs, SPEARMAN, likeness_rows),
    Case("yamnet_esc10", "esc10/yamnet_256_64x96_tl.h5", noises, ACCURACY, clip_rows),
    Case("espcn", "super_resolution/espcn_x2_savedmodel", one_input(luminance), metric("psnr")),
    Case("deeplab_v3", "segmentation/deeplabv3_257_mv_gpu.tflite", one_input(segments), metric("mean_iou")),
    Case("text_sst2", "text/text_classification.tflite", one_input(reviews), ACCURACY),
    Case("mnist", "mnist/conv_fc_mnist.tflite", one_input(handwriting), ACCURACY),
    Case("dtln_1", "dtln/model_1.tflite", noisy_speech(0), SI_SDR, judged=denoised_rows(0)),
    Case("dtln_2", "dtln/model_2.tflite", noisy_speech(1), SI_SDR, judged=denoised_rows(1)),
    Case("basic_pitch", "basic_pitch/nmp_savedmodel", sung_notes, metric("f1_multilabel"), output="note"),
    beside_float("blazeface", "mediapipe/blazeface_front_fp16.tflite", looked_at(128, 128, low=-1.0)),
    beside_float("face_landmark", "mediapipe/face_landmark_fp32.tflite", looked_at(192, 192)),
    beside_float("zero_dce", "image_to_image/zero_dce_400x600.tflite", looked_at(600, 400, high=0.3, every=75)),
]
