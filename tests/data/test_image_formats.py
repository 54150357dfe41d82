"""Single images: damage, 16 bits, and formats that people have."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from analognas.core import InvalidArgumentError, TableIntegrityError
from analognas.data import image_files, load_data
from analognas.data.image_files import (
    FRAMES,
    SIXTEEN,
    image_endings,
    read_image,
    read_with_remarks,
)

RAMP = np.linspace(0, 65535, 4096).astype(np.uint16).reshape(64, 64)
STEPS = (np.arange(1200).reshape(20, 20, 3) // 40 * 8).astype(np.uint8)


def encoded(pixels, kind, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def png16(pixels):
    """A PNG of 16 bits with any number of channels, which Pillow does not write."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_is_scaled(channels, grey):
    data = png16(np.repeat(RAMP[..., None], channels, 2))
    pixels, remarks, highest = read_with_remarks(data, "x", grey=grey)
    np.testing.assert_array_equal(pixels, np.broadcast_to(RAMP >> 8, pixels.shape))
    assert np.median(pixels) == 127.5
    assert remarks == ([SIXTEEN] if channels == 1 else [])
    assert highest == (65535 if channels == 1 else 65280)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_cameras_of_12_bits(tmp_path, kind):
    """Their images have 16 levels of 256 and are nearly black, unless it is known that they use 12 bits."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(4):
            (tmp_path / name / f"{k}.{kind.lower()}").write_bytes(encoded(RAMP >> 4, kind))
    options = {"size": 64, "grey": True, "validation": 0}
    with pytest.warns(
        UserWarning, match=r"levels up to 4,095 of 65,535 .* give bits=12 \(--set data_opt"
    ):
        dark = load_data("image-folder", root=tmp_path, **options)
    assert dark.train.inputs.max() == 15
    data = load_data("image-folder", root=tmp_path, bits=12, **options)
    np.testing.assert_array_equal(data.train.inputs[0, 0], RAMP >> 8)
    with pytest.raises(TableIntegrityError, match="levels of 11 bits, but has some up to 4,095"):
        load_data("image-folder", root=tmp_path, bits=11, **options)
    with pytest.raises(InvalidArgumentError, match="`bits` must be"):
        load_data("image-folder", root=tmp_path, bits=8, **options)


def test_colours_of_12_bits(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(4):
            data = png16(np.repeat(RAMP[..., None] >> 4, 3, 2))
            (tmp_path / name / f"{k}.png").write_bytes(data)
    with pytest.warns(UserWarning, match="nearly black"):
        load_data("image-folder", root=tmp_path, size=64, validation=0)
    with pytest.raises(TableIntegrityError, match="Multiply its levels by 16, and omit `bits`"):
        load_data("image-folder", root=tmp_path, size=64, bits=12)


def test_bright_images_of_16_bits_give_no_warning(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for k in range(4):
            image = RAMP if k == 3 else RAMP >> 4
            (tmp_path / name / f"{k}.png").write_bytes(encoded(image, "PNG"))
    load_data("image-folder", root=tmp_path, size=64, validation=0)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_grey_of_16_bits_in_all_formats(kind):
    assert np.median(read_image(encoded(RAMP, kind), "x", grey=True)) == 127.5
    assert np.median(read_image(encoded(RAMP, kind), "x", size=32)) in (127, 127.5, 128)


def test_floats():
    floats = (RAMP / 65535).astype(np.float32)
    assert np.median(read_image(encoded(floats, "TIFF"), "x", grey=True)) in (127, 127.5, 128)
    for wrong in (floats - 1, floats * 300, RAMP.astype(np.int32)):
        with pytest.raises(TableIntegrityError, match=r"^'x' must have levels of 8 or 16 bits"):
            read_image(encoded(wrong, "TIFF"), "'x'")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("PPM", {}),
        ("GIF", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_deflate"}),
        ("TGA", {"compression": "tga_rle"}),
        ("JPEG2000", {}),
    ],
)
def test_no_truncated_image_is_read_with_other_pixels(kind, options, capfd):
    for pixels in (STEPS, np.random.default_rng(0).integers(256, size=(20, 20, 3), dtype=np.uint8)):
        data = encoded(pixels, kind, **options)
        whole = read_image(data, "x")
        for cut in [*range(1, 40), *range(40, len(data), 9)]:
            try:
                part = read_image(data[:-cut], "x")
            except TableIntegrityError:
                continue
            np.testing.assert_array_equal(part, whole, err_msg=f"{kind} cut by {cut} bytes")
    capfd.readouterr()  # the JPEG library complains on its own


def test_every_flipped_bit_of_a_png_is_found():
    data = encoded(STEPS, "PNG")
    whole = read_image(data, "x")
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        try:
            found = read_image(bytes(changed), "x")
        except TableIntegrityError:
            continue
        np.testing.assert_array_equal(found, whole, err_msg=str(place))
    np.testing.assert_array_equal(read_image(data + b"after the end", "x"), whole)


def test_frames_beyond_the_first_are_said():
    frames = [Image.fromarray(np.full((8, 8), 9 * k, np.uint8)) for k in range(3)]
    for kind in ("GIF", "TIFF", "PNG"):
        file = io.BytesIO()
        frames[0].save(file, kind, save_all=True, append_images=frames[1:])
        pixels, remarks, _ = read_with_remarks(file.getvalue(), "x", grey=True)
        assert (pixels.max(), remarks) == (0, [FRAMES])


def test_no_image():
    with pytest.raises(
        TableIntegrityError, match=r"^'a.png' is not a readable image: unknown format"
    ):
        read_image(b"no image", "'a.png'")
    assert not {".eps", ".ps", ".h5", ".mpg", ".txt", ""} & image_endings()


def test_levels_of_32_bits_take_more_memory(monkeypatch):
    monkeypatch.setattr(image_files, "MOST_PIXELS", 1000)
    for mode, limit in (("L", "1,000"), ("F", "250"), ("I;16", "250")):
        file = io.BytesIO()
        Image.new(mode, (25, 11 if mode != "L" else 41)).save(file, "TIFF")
        with pytest.raises(TableIntegrityError, match=f"pixels; the limit is {limit}. Make"):
            read_with_remarks(file.getvalue(), "x")
    file = io.BytesIO()
    Image.new("F", (25, 10)).save(file, "TIFF")
    assert read_with_remarks(file.getvalue(), "x")[0].shape == (3, 10, 25)


def test_images_of_very_many_pixels():
    head = b"P5\n%d %d\n255\n"
    for kind in (head % (8500, 8500), encoded(np.zeros((8500, 8500), np.uint8), "PNG")):
        with pytest.raises(TableIntegrityError, match="x has .* pixels; the limit is 67,108,864"):
            read_image(kind + bytes(100), "x")
