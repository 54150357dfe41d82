"""Image files of all formats of Pillow as arrays; more than 8 bits are reduced to 8."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import TableIntegrityError
from ..core.limits import MOST_PIXELS, shown

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageFile import ImageFile

# Pillow needs a plugin for these, or, for EPS, runs Ghostscript on the file.
_NOT_READ = frozenset(("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"))
_FRAMED = ("APNG", "GIF", "PNG", "TIFF", "WEBP")
_END_OF_CODESTREAM = b"\xff\xd9"
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
# Pillow represents 16 bits of these formats in 32 bits.
_SIXTEEN_IN_32 = ("PNG", "PPM")

SIXTEEN, FRAMES = "of 16 bits, reduced to 8", "with several frames, of which the first is read"
"""Remarks on images."""


@lru_cache(maxsize=1)
def image_endings() -> frozenset[str]:
    """Return the suffixes of image files, in lower case.

    Example:
        >>> sorted(image_endings() & {".jpg", ".png", ".tif", ".txt"})
        ['.jpg', '.png', '.tif']
    """
    from PIL import Image

    known = Image.registered_extensions().items()
    return frozenset(
        ending for ending, kind in known if kind in Image.OPEN and kind not in _NOT_READ
    )


def read_image(
    data: bytes, name: str, *, size: int | None = None, grey: bool = False
) -> np.ndarray[Any, Any]:
    """Return an image as ``uint8`` ``(channels, height, width)``.

    Args:
        data: Content of the file.
        name: Name for error messages.
        size: Scale and crop to a square of this side; None: no change.
        grey: Whether to convert to one channel instead of three.

    Raises:
        TableIntegrityError: If the image is damaged, or the range of its levels is unknown.
    """
    return read_with_remarks(data, name, size=size, grey=grey)[0]


def read_with_remarks(
    data: bytes, name: str, *, size: int | None = None, grey: bool = False, bits: int = 16
) -> tuple[np.ndarray[Any, Any], list[str], int]:
    """Return an image (see :func:`read_image`), remarks of SIXTEEN and FRAMES, and the highest level.

    Args:
        data: Content of the file.
        name: Name for error messages.
        size: As of :func:`read_image`.
        grey: As of :func:`read_image`.
        bits: Bits that grey images of 16 bits use.

    Returns:
        The image, the remarks, and the highest level of an image of 16 bits, 0 for others.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with _opened(data) as file:
            # Levels of 32 bits are converted by way of arrays of floats.
            limit = MOST_PIXELS // 4 if file.mode[0] in "IF" else MOST_PIXELS
            if file.width * file.height > limit:
                raise TableIntegrityError(
                    f"{name} has {file.width} x {file.height} pixels; the limit is {limit:,}. Make it smaller."
                )
            remarks, highest = [FRAMES] if _has_more_frames(file) else [], 0
            if file.mode in _SIXTEEN_BITS or (file.mode == "I" and file.format in _SIXTEEN_IN_32):
                remarks.append(SIXTEEN)
                highest = int(np.asarray(file).max(initial=0))
            elif _has_deep_colours(file):
                if bits != 16:
                    raise TableIntegrityError(
                        f"{name} has colours of 16 bits, of which only the higher byte is read; `bits` is for "
                        f"grey images. Multiply its levels by {1 << (16 - bits)}, and omit `bits`."
                    )
                highest = int(np.asarray(file).max(initial=0)) << 8
            image = _of_eight_bits(file, name, bits).convert("L" if grey else "RGB")
            if size is not None:
                image = ImageOps.fit(image, (size, size), Image.Resampling.BILINEAR)
    except TableIntegrityError:
        raise
    except UnidentifiedImageError:
        raise TableIntegrityError(f"{name} is not a readable image: unknown format.") from None
    except Exception as error:
        # Pillow raises errors of many types for damaged files.
        raise TableIntegrityError(f"{name} is not a readable image: {shown(error)}.") from None
    pixels = np.asarray(image)
    pixels = pixels[None] if grey else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return pixels, remarks, highest


def _has_deep_colours(image: ImageFile) -> bool:
    """Whether Pillow reduces colours of 16 bits of a file to 8 when it reads them."""
    rawmodes = (
        part[3] if isinstance(part[3], str) else part[3][0] for part in image.tile if part[3]
    )
    return any(";16" in str(rawmode) for rawmode in rawmodes)


def _has_more_frames(image: ImageFile) -> bool:
    if image.format not in _FRAMED:
        return False
    try:
        image.seek(1)
    except EOFError:
        return False
    image.seek(0)
    return True


def _opened(data: bytes) -> ImageFile:
    """Open an image, with checks that Pillow omits: checksums of PNG, the end of JPEG 2000."""
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    if image.format == "JPEG2000" and _END_OF_CODESTREAM not in data:
        raise ValueError("image file is truncated")
    if image.format == "PNG":
        image.verify()
        # A verified image must be opened again.
        image = Image.open(io.BytesIO(data))
    return image


def _of_eight_bits(image: Image.Image, name: str, bits: int) -> Image.Image:
    """Return an image with levels from 0 to 255."""
    from PIL.Image import fromarray

    levels = np.asarray(image) if image.mode[0] in "IF" else None
    if levels is None:
        return image
    if image.mode in _SIXTEEN_BITS or image.format in _SIXTEEN_IN_32:
        if levels.max(initial=0) >= 1 << bits:
            raise TableIntegrityError(
                f"{name} must have levels of {bits} bits, but has some up to {levels.max():,}; give a larger "
                "`bits`."
            )
        # The eight highest bits, like Pillow for 16-bit colours.
        return fromarray((levels.astype(np.uint16) >> (bits - 8)).astype(np.uint8))
    if image.mode == "F" and levels.size and levels.min() >= 0 and levels.max() <= 1:
        return fromarray(np.rint(levels * 255).astype(np.uint8))
    raise TableIntegrityError(
        f"{name} must have levels of 8 or 16 bits, or floats from 0 to 1, but has {levels.dtype} from "
        f"{levels.min()} to {levels.max()}; convert it."
    )
