"""Samples from folders, tables, record files and data sets."""

import gzip
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

import octavo
from octavo.cli.values import dressed
from octavo.errors import SamplesError, UsageError
from octavo.gather.example import _masked, parse_example
from octavo.gather.preprocess import Preprocess, scaled
from octavo.gather.sounds import load
from octavo.ir.dim import symbol
from octavo.judge.labelled import labelled
from octavo.samples import Input, read_samples

Pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")

BATCH = symbol("batch")
PICTURE = (Input("image", np.dtype(np.float32), (BATCH, 8, 8, 3)),)
SOUND = (Input("audio", np.dtype(np.float32), (BATCH, 10)),)


def picture(path, color=(255, 0, 0), size=(16, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.new("RGB", size, color).save(path)
    return path


def sound(path, numbers, rate=16000, width=2, channels=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        file.writeframes(numbers)
    return path


@pytest.fixture
def classes(tmp_path):
    picture(tmp_path / "cat" / "1.png", (255, 0, 0))
    picture(tmp_path / "dog" / "1.png", (0, 255, 0))
    picture(tmp_path / "dog" / "2.JPG", (0, 0, 255))
    return tmp_path


def pairs(samples):
    return [(sample, None if label is None else label.tolist()) for sample, label in labelled(samples, None)]


def failure(source, inputs=PICTURE):
    with pytest.raises(SamplesError) as caught:
        list(read_samples(source, inputs))
    assert caught.value.hint
    return str(caught.value)


def test_a_folder_for_each_class_gives_pictures_and_labels(classes):
    found = pairs(read_samples(octavo.Images(classes, "0..1"), PICTURE))
    assert [label for _, label in found] == [[0], [1], [1]]
    assert found[0][0]["image"].shape == (1, 8, 8, 3)
    assert found[0][0]["image"][0, 0, 0].tolist() == [1, 0, 0]


def test_a_table_names_files_beside_it_and_its_words_become_classes(classes):
    table = classes / "list.csv"
    table.write_text("file,label\ndog/1.png,dog\ncat/1.png,cat\n")
    found = pairs(read_samples(octavo.Images(table, "raw"), PICTURE))
    assert [label for _, label in found] == [[1], [0]]


@pytest.mark.parametrize(("labels", "kind"), [("3\n7", "i"), ("0.5\n2", "f")])
def test_numbers_in_a_table_stay_numbers(classes, labels, kind):
    first, second = labels.split()
    (classes / "list.csv").write_text(f"path,y\ncat/1.png,{first}\ndog/1.png,{second}\n")
    assert read_samples(octavo.Images(classes / "list.csv", "raw"), PICTURE).labels.dtype.kind == kind


def test_the_scale_of_pixels_has_to_be_said(classes):
    assert 'preprocess: say how the model was trained: "raw"' in failure(classes)


@pytest.mark.parametrize(("scale", "low", "high"), [
    ("raw", [0, 0, 0], [255, 255, 255]), ("0..1", [0, 0, 0], [1, 1, 1]), ("-1..1", [-1, -1, -1], [1, 1, 1]),
    ("torch", [-2.1179, -2.0357, -1.8044], [2.2489, 2.4286, 2.64]),
    ("caffe", [-103.939, -116.779, -123.68], [151.061, 138.221, 131.32]),
])  # fmt: skip
def test_each_scale_takes_black_and_white_to_its_ends(scale, low, high):
    pixels = np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8)
    assert scaled(pixels, scale)[0] == pytest.approx(np.array([low, high]), abs=1e-4)  # as many digits as written here


def test_caffe_is_blue_first():
    assert scaled(np.array([[[0, 0, 255]]], np.uint8), "caffe")[0, 0, 0] == pytest.approx(255 - 103.939)


def halves(fit, **changes):
    """A wide picture, left half white, made 8 by 8."""
    image = Pillow.new("RGB", (32, 8))
    image.paste((255, 255, 255), (0, 0, 16, 8))
    return Preprocess(scale="raw", fit=fit, filter="nearest", **changes).numbers(image, 8, 8)[..., 0]


def test_a_crop_keeps_the_middle_a_stretch_everything_and_padding_adds_bars():
    assert halves("crop")[0].tolist() == [255] * 4 + [0] * 4
    assert halves("stretch")[0].tolist() == [255] * 4 + [0] * 4
    assert halves("pad")[:, 0].tolist() == [0, 0, 0, 255, 255, 0, 0, 0]
    left = Pillow.new("RGB", (10, 10))
    left.paste((255, 255, 255), (1, 1, 9, 9))
    whole = Preprocess(scale="raw", fit="crop", filter="nearest")
    assert whole.numbers(left, 10, 10).min() == 0
    assert Preprocess(scale="raw", crop=0.8, filter="nearest").numbers(left, 8, 8).min() == 255


def test_preprocessing_is_read_from_a_text():
    found = Preprocess.parse("tf,crop=0.875,filter=bicubic")
    assert (found.scale, found.crop, found.filter) == ("tf", 0.875, "bicubic")


@pytest.mark.parametrize(("text", "says"), [
    ("torhc", "did you mean 'torch'"), ("tf,fit=crp", "did you mean 'crop'"), ("tf,crop=2", "options:"),
    ("tf,size=3", "options:"),
])  # fmt: skip
def test_mistyped_preprocessing_brings_the_nearest_to_mind(text, says):
    with pytest.raises(UsageError, match=says.replace("'", ".")):
        Preprocess.parse(text)


def test_a_damaged_picture_is_named(classes):
    (classes / "dog" / "2.JPG").write_bytes(b"no picture")
    assert str(classes / "dog" / "2.JPG") in failure(octavo.Images(classes, "raw"))


def test_a_row_of_a_table_that_leads_nowhere_is_named_with_its_line(classes):
    (classes / "list.csv").write_text("path,label\ncat/1.png,1\ncat/11.png,2\n")
    said = failure(octavo.Images(classes / "list.csv", "raw"))
    assert "list.csv, line 3" in said
    assert "cat/1.png" in said


def test_files_beside_folders_of_classes_are_ambiguous(classes):
    picture(classes / "stray.png")
    assert "beside the folders of classes" in failure(octavo.Images(classes, "raw"))


def test_pictures_do_not_fit_a_model_that_takes_sounds(classes):
    assert "the model has audio" in failure(octavo.Images(classes, "raw"), SOUND)


def test_a_model_of_any_size_asks_for_one(classes):
    anything = (Input("image", np.dtype(np.float32), (BATCH, symbol("h"), symbol("w"), 3)),)
    assert "size=(height, width)" in failure(octavo.Images(classes, "raw"), anything)
    assert next(iter(read_samples(octavo.Images(classes, "raw", (4, 6)), anything)))["image"].shape == (1, 4, 6, 3)


def test_rows_of_a_data_set_give_pictures_and_labels():
    rows = [{"img": Pillow.new("L", (9, 9), 7 * n), "label": n} for n in range(3)]
    found = pairs(read_samples(octavo.Images(rows, "raw"), PICTURE))
    assert [label for _, label in found] == [[0], [1], [2]]
    assert found[2][0]["image"].max() == 14


def test_rows_of_numbers_with_a_column_of_labels_are_samples():
    inputs = (Input("x", np.dtype(np.float32), (BATCH, 2)),)
    rows = [{"features": [1.0, 2.0], "label": 1}, {"features": [3.0, 4.0], "label": 0}]
    assert [sample["x"].tolist() for sample in read_samples(rows, inputs)] == [[[1, 2]], [[3, 4]]]
    assert [label for _, label in pairs(read_samples(rows, inputs))] == [[1], [0]]


def test_pairs_with_labels_calibrate_as_they_are():
    inputs = (Input("x", np.dtype(np.float32), (BATCH, 2)),)
    assert len(list(read_samples([(np.zeros(2, np.float32), 3)], inputs))) == 1


def test_a_folder_of_sounds_is_cut_or_filled_to_the_models_length(tmp_path):
    sound(tmp_path / "no" / "a.wav", np.full(4, 16384, "<i2").tobytes())
    sound(tmp_path / "yes" / "b.wav", np.arange(20, dtype="<i2").tobytes())
    found = pairs(read_samples(str(tmp_path), SOUND))
    assert found[0][0]["audio"].tolist() == [[0.5] * 4 + [0] * 6]
    assert (found[1][0]["audio"] * 32768).tolist() == [list(range(10))]
    assert [label for _, label in found] == [[0], [1]]


@pytest.mark.parametrize(("width", "stored"), [
    (1, bytes([128, 192, 0])), (2, struct.pack("<3h", 0, 16384, -32768)),
    (3, bytes([0, 0, 0, 0, 0, 0x40, 0, 0, 0x80])), (4, struct.pack("<3i", 0, 2**30, -(2**31))),
])  # fmt: skip
def test_pcm_of_every_width_is_minus_one_to_one(tmp_path, width, stored):
    assert load(sound(tmp_path / "a.wav", stored, width=width)).tolist() == [0, 0.5, -1]


def test_channels_become_their_mean(tmp_path):
    path = sound(tmp_path / "a.wav", struct.pack("<4h", 16384, 0, -16384, -16384), channels=2)
    assert load(path).tolist() == [0.25, -0.5]


def test_a_sound_of_another_rate_is_told_how_to_convert(tmp_path):
    sound(tmp_path / "a.wav", b"\0\0", rate=44100)
    said = failure(octavo.Sounds(tmp_path, rate=16000), SOUND)
    assert "44100 samples a second, not 16000" in said
    assert "ffmpeg" in said


def test_a_damaged_sound_is_named(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert str(tmp_path / "a.wav") in failure(tmp_path, SOUND)


def varint(number):
    out = b""
    while number > 0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def message(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def example(**features):
    """An Example as protobuf writes it."""
    entries = b""
    for name, value in features.items():
        if isinstance(value, bytes):
            feature = message(1, message(1, value))
        elif np.asarray(value).dtype.kind == "f":
            feature = message(2, message(1, np.asarray(value, "<f4").tobytes()))
        else:
            feature = message(3, message(1, b"".join(varint(int(v) % 2**64) for v in np.atleast_1d(value))))
        entries += message(1, message(1, name.encode()) + message(2, feature))
    return message(1, entries)


def record_file(path, *messages):
    content = b""
    for each in messages:
        length = struct.pack("<Q", len(each))
        content += length + struct.pack("<I", _masked(length)) + each + b"\0\0\0\0"
    path.write_bytes(content)
    return path


def test_an_example_has_real_numbers_whole_numbers_and_texts():
    found = parse_example(example(x=np.array([1.5, -2.0]), n=[3, -4], s=b"abc"))
    assert found["x"].tolist() == [1.5, -2]
    assert found["n"].tolist() == [3, -4]
    assert found["s"] == [b"abc"]


def test_record_files_give_samples_and_labels(tmp_path):
    rows = [example(audio=np.arange(10, dtype=np.float32) + n, label=[n]) for n in range(3)]
    path = record_file(tmp_path / "a.tfrecord-00000-of-00001", *rows)
    found = pairs(read_samples(path, SOUND))
    assert [label for _, label in found] == [[0], [1], [2]]
    assert found[1][0]["audio"].tolist() == [[float(n + 1) for n in range(10)]]
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(pairs(read_samples(tmp_path, SOUND))) == 3


def test_encoded_pictures_in_records_are_decoded(classes):
    content = (classes / "cat" / "1.png").read_bytes()
    record_file(classes / "a.tfrecord", example(**{"image/encoded": content, "image/class/label": [5]}))
    found = pairs(read_samples(octavo.Records(classes / "a.tfrecord", preprocess="0..1"), PICTURE))
    assert found[0][0]["image"][0, 0, 0].tolist() == [1, 0, 0]
    assert found[0][1] == [5]


def test_a_feature_of_another_size_is_told_with_both_sizes(tmp_path):
    record_file(tmp_path / "a.tfrecord", example(audio=np.zeros(3, np.float32)))
    with pytest.raises(SamplesError, match=r"holds 3 numbers of float32, the model takes float32\[10\]"):
        list(read_samples(tmp_path / "a.tfrecord", SOUND))


def test_a_feature_that_is_not_there_brings_the_nearest_to_mind(tmp_path):
    record_file(tmp_path / "a.tfrecord", example(audoi=np.zeros(10, np.float32), other=np.zeros(1, np.float32)))
    assert "audoi" in failure(tmp_path / "a.tfrecord", SOUND)


def test_what_is_no_record_file_or_a_cut_one_says_at_which_byte(tmp_path):
    path = record_file(tmp_path / "a.tfrecord", example(audio=np.zeros(10, np.float32)))
    content = path.read_bytes()
    path.write_bytes(content[:-6])
    assert "the record at byte 0 has" in failure(path, SOUND)
    path.write_bytes(b"something else altogether")
    assert "contradicts the checksum" in failure(path, SOUND)


def test_the_command_line_dresses_pictures_and_leaves_arrays_alone(classes):
    assert dressed("x.npz", None) == "x.npz"
    assert dressed(None, "tf") is None
    assert dressed(str(classes), "tf") == octavo.Images(Path(classes), "tf")
    with pytest.raises(UsageError, match="arrays are taken as they are"):
        dressed("x.npz", "tf")
