"""Preprocessing and record files beside TensorFlow's own."""

import numpy as np
import pytest

from octavo.gather.preprocess import scaled
from octavo.ir.dim import symbol
from octavo.samples import Input, read_samples

tf = pytest.importorskip("tensorflow")


@pytest.mark.parametrize("mode", ["tf", "torch", "caffe"])
def test_scales_are_those_of_keras_applications(mode):
    from keras.applications import imagenet_utils

    pixels = np.random.default_rng(1).integers(0, 256, (4, 5, 3), np.uint8)
    theirs = imagenet_utils.preprocess_input(pixels.astype(np.float32), mode=mode)
    assert np.allclose(scaled(pixels, mode), theirs, rtol=0, atol=2e-5)  # a rounding of float32 at 150


@pytest.mark.parametrize("compression", ["", "GZIP"])
def test_what_tensorflow_writes_is_read_as_it_parses_it(tmp_path, compression):
    path = tmp_path / "a.tfrecord"
    numbers = np.random.default_rng(2).standard_normal((3, 6)).astype(np.float32)
    with tf.io.TFRecordWriter(str(path), compression) as writer:
        for number, row in enumerate(numbers):
            features = {
                "x": tf.train.Feature(float_list=tf.train.FloatList(value=row)),
                "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[-number])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    inputs = (Input("x", np.dtype(np.float32), (symbol("batch"), 2, 3)),)
    found = [sample["x"] for sample in read_samples(path, inputs)]
    assert np.array_equal(np.concatenate(found), numbers.reshape(3, 2, 3))


def test_batches_of_tf_data_are_samples_with_or_without_labels():
    numbers = np.arange(12, dtype=np.float32).reshape(6, 2)
    inputs = (Input("x", np.dtype(np.float32), (symbol("batch"), 2)),)
    for given in (numbers, (numbers, np.arange(6))):
        data = tf.data.Dataset.from_tensor_slices(given).batch(4)
        assert [sample["x"].shape for sample in read_samples(data, inputs)] == [(4, 2), (2, 2)]
