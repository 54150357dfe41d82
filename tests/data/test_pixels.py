"""Images in arrays: orders of axes, number types and scales that people use."""

import numpy as np
import pytest

from analognas.core import TableIntegrityError, UnknownNameError
from analognas.data.pixels import as_pixels

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(256, size=(30, 3, 8, 6), dtype=np.uint8)
COLOURS[0, 0, 0, :2] = 0, 255
LAST = COLOURS.transpose(0, 2, 3, 1)


def one(images, **options):
    return as_pixels({"x": images}, **options)["x"]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_are_found_first_or_last(channels):
    images = RNG.integers(256, size=(20, channels, 32, 24), dtype=np.uint8)
    np.testing.assert_array_equal(one(images), images)
    np.testing.assert_array_equal(one(images.transpose(0, 2, 3, 1)), images)


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_of_12_bits(kind, channels):
    x = np.linspace(0, 4095, 4 * channels * 64).reshape(4, channels, 8, 8).round().astype(kind)
    with pytest.warns(UserWarning, match=r"levels up to 4,095 of 65,535 .*give bits=12"):
        assert as_pixels({"x": x})["x"].max() < 16
    found = as_pixels({"x": x}, bits=12)["x"]
    np.testing.assert_allclose(found, x * (255 / 4095), rtol=1e-5)
    with pytest.raises(TableIntegrityError, match="to 2,047 or"):
        as_pixels({"x": x}, bits=11)


def test_grey_images_get_a_channel():
    assert one(COLOURS[:, 0]).shape == (30, 1, 8, 6)


@pytest.mark.parametrize(
    "shape", [(9, 3, 8, 3), (9, 1, 28, 1), (9, 12, 64, 64), (9, 64, 64, 12), (9, 4, 4, 4)]
)
def test_ambiguous_axes_name_the_option(shape):
    images = np.zeros(shape, np.uint8)
    with pytest.raises(TableIntegrityError, match="channels='first' or channels='last'"):
        one(images)
    assert one(images, channels="first").shape == shape
    assert one(images, channels="last").shape == (shape[0], shape[3], *shape[1:3])
    with pytest.raises(UnknownNameError, match="Choices: first, last"):
        one(images, channels="middle")


@pytest.mark.parametrize("shape", [(9,), (9, 784), (9, 2, 3, 4, 5), (9, 0, 3, 3)])
def test_what_is_no_stack_of_images(shape):
    with pytest.raises(TableIntegrityError, match=r"\(n, h, w\), \(n, h, w, c\) or \(n, c, h, w\)"):
        one(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "images",
    [
        LAST.astype(np.int64),
        LAST.astype(np.float32),
        LAST.astype(np.float64) / 255,
        (LAST / 255).astype(np.float32),
        LAST.astype(np.uint16),
    ],
)
def test_levels_of_8_bits_in_any_type(images):
    found = one(images)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, COLOURS)


def test_levels_between_are_kept():
    fine = RNG.random((10, 5, 5))
    np.testing.assert_allclose(one(fine)[:, 0], 255 * fine, rtol=1e-6)
    sixteen = RNG.integers(65536, size=(10, 5, 5), dtype=np.uint16)
    np.testing.assert_allclose(one(sixteen)[:, 0], sixteen / 257, rtol=1e-6)
    np.testing.assert_array_equal(one(sixteen > 9000)[:, 0], 255 * (sixteen > 9000))


def test_all_splits_are_on_one_scale():
    dark, bright = np.full((4, 5, 5), 200, np.int32), np.full((4, 5, 5), 60000, np.int32)
    found = as_pixels({"train": bright, "test": dark})
    assert found["train"].max() == pytest.approx(60000 / 257)
    assert found["test"].max() == pytest.approx(200 / 257)
    with pytest.raises(
        TableIntegrityError, match="'a' and 'b' must have images of one type and shape"
    ):
        as_pixels({"a": dark, "b": dark / 255})
    with pytest.raises(TableIntegrityError, match="one type and shape"):
        as_pixels({"a": dark, "b": dark[:, :3]})


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.full((2, 3, 3), -0.5), "undo any normalisation"),
        (np.full((2, 3, 3), -1), "from -1 to -1"),
        (np.full((2, 3, 3), 70_000), "to 70000"),
        (np.full((2, 3, 3), np.nan), "finite"),
        (np.full((2, 3, 3), np.inf), "finite"),
        (np.full((2, 3, 3), 1j), "complex128"),
        (np.full((2, 3, 3), "a"), "numbers as pixels"),
    ],
)
def test_what_are_no_levels(images, message):
    with pytest.raises(TableIntegrityError, match=message):
        one(images)


def test_8_bits_are_not_copied():
    assert np.shares_memory(one(COLOURS), COLOURS)
