"""Images at another size, parts of images and colours mean what they mean in TensorFlow."""

import numpy as np
import pytest
from lowering import agree, codes, tf

RANDOM = np.random.default_rng(9)
IMAGE = RANDOM.uniform(-1, 2, (2, 6, 8, 3)).astype(np.float32)
SIZES = [(12, 16), (3, 4), (5, 11), (6, 3), (1, 20)]
raw = tf.raw_ops


@pytest.mark.parametrize("size", SIZES)
def test_bicubic(size):
    for corners, half in ((False, True), (False, False), (True, False)):
        agree(
            lambda x, c=corners, h=half: raw.ResizeBicubic(images=x, size=size, align_corners=c, half_pixel_centers=h),
            IMAGE,
            dynamic=(0,),
        )


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("corners", [True, False])
def test_area(size, corners):
    agree(lambda x: raw.ResizeArea(images=x, size=size, align_corners=corners), IMAGE, dynamic=(0,))


def test_an_area_of_whole_pixels_is_a_pool():
    assert codes(agree(lambda x: raw.ResizeArea(images=x, size=[3, 2]), IMAGE)) == ["AVERAGE_POOL_2D"]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", ["bilinear", "bicubic", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"])
def test_kernels_that_grow(method, size):
    agree(lambda x: tf.image.resize(x, size, method, antialias=True), IMAGE, dynamic=(0,), within=2e-5)


def test_kernels_elsewhere():
    for kernel in ("box", "lanczos1", "triangle"):
        agree(
            lambda x, k=kernel: raw.ScaleAndTranslate(
                images=x, size=[7, 5], scale=[1.3, 0.7], translation=[0.4, -1.2], kernel_type=k, antialias=False
            ),
            IMAGE,
        )


def test_large_images_are_sums_of_a_few_pixels():
    wide = RANDOM.uniform(-1, 2, (1, 4, 70, 3)).astype(np.float32)
    graph = agree(lambda x: tf.image.resize(x, (4, 90), "bicubic"), wide, dynamic=(0,))
    assert codes(graph).count("GATHER") == 4
    agree(lambda x: raw.ResizeArea(images=x, size=[3, 60]), wide)


@pytest.mark.parametrize("method", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(3, 4), (1, 1), (7, 2)])
def test_boxes_are_cut_out(method, size):
    boxes = np.array([[0, 0, 1, 1], [0.1, 0.9, 0.8, 0.2], [-0.3, 0.2, 0.6, 1.4]], np.float32)
    which = np.array([1, 0, 1], np.int32)

    def function(x, b, i):
        return tf.image.crop_and_resize(x, b, i, size, method, extrapolation_value=-5.0)

    agree(function, IMAGE, boxes, which)
    agree(lambda x: function(x, boxes, which), IMAGE, dynamic=(0,))


COLOURS = RANDOM.uniform(0, 1, (2, 5, 4, 3)).astype(np.float32)


def test_colours():
    grey = np.broadcast_to(COLOURS[..., :1], COLOURS.shape)
    for picture in (COLOURS, grey.copy(), np.zeros((1, 2, 2, 3), np.float32)):
        agree(tf.image.rgb_to_hsv, picture, dynamic=(0,))
    agree(tf.image.hsv_to_rgb, COLOURS, dynamic=(0,))
    agree(lambda x: tf.image.adjust_contrast(x, 1.7), COLOURS, dynamic=(0,))
    agree(lambda x: tf.image.adjust_saturation(x, 0.6), COLOURS, dynamic=(0,))
    agree(lambda x: tf.image.adjust_hue(x, 0.3), COLOURS, dynamic=(0,))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("size", "stride", "rate"), [((2, 2), (1, 1), (1, 1)), ((3, 2), (2, 3), (1, 2))])
def test_patches(size, stride, rate, padding):
    agree(
        lambda x: tf.image.extract_patches(x, [1, *size, 1], [1, *stride, 1], [1, *rate, 1], padding),
        IMAGE,
        dynamic=(0,),
    )
