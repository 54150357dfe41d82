"""Conversion of image arrays of any axis order and type to ``(n, c, h, w)``, from 0 to 255."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from ..core import TableIntegrityError, check_choice, check_int

CHANNELS = ("first", "last")
"""Positions of the axis of channels: ``(n, c, h, w)`` or ``(n, h, w, c)``."""

_MOST_CHANNELS = 4
_LARGEST = 255
_FEW_BITS = 14
"""Images of 16 bits that use no more than these are darker than a quarter of what they can be."""
# 8-bit levels divided by 255 are recovered within a few units of single precision.
_ROUNDING = 1e-3
_ROWS = 1024

_Array = np.ndarray[Any, Any]


def as_pixels(
    images: Mapping[str, _Array], *, channels: str | None = None, bits: int = 16
) -> dict[str, _Array]:
    """Return images of several splits as ``(n, c, h, w)``, from 0 to 255.

    All splits are converted in the same way.

    - Grey images ``(n, h, w)`` get an axis of one channel. If there are four axes, the second or the last is
    that of
      channels, whichever has at most four entries; if this is ambiguous, give ``channels``.
    - Integers up to 255 stay. Larger ones are scaled by 255 / (2^bits - 1), floats up to 1 by 255, and booleans
      become 0 and 255; non-integer results are kept in single precision.

    Args:
        images: Arrays by name (for error messages).
        channels: One of :data:`CHANNELS`; None: derived from the shape.
        bits: Bits that pixels above 255 use, such as 12 of many cameras.

    Raises:
        TableIntegrityError: If a shape is invalid, splits differ in shape or type, the order of axes is
            ambiguous, or values are negative, too large or not finite.
        UnknownNameError: If ``channels`` is not in :data:`CHANNELS`.

    Example:
        >>> x = np.zeros((60, 3, 32, 32), np.uint8)
        >>> as_pixels({"x": x})["x"].shape, as_pixels({"x": x.transpose(0, 2, 3, 1) / 255})["x"].dtype
        ((60, 3, 32, 32), dtype('uint8'))
    """
    if channels is not None:
        check_choice("place of channels", channels, CHANNELS)
    (first, one), *others = images.items()
    for name, other in others:
        if other.dtype != one.dtype or other.shape[1:] != one.shape[1:]:
            raise TableIntegrityError(
                f"{first!r} and {name!r} must have images of one type and shape, but are {one.dtype} of shape "
                f"{one.shape} and {other.dtype} of shape {other.shape}."
            )
    if one.dtype.kind not in "biuf":
        raise TableIntegrityError(
            f"{first!r} must have numbers as pixels, but has values of type {one.dtype}."
        )
    place = _place(first, one.shape, channels)
    scale, whole = _scale(images, check_bits(bits))
    return {name: _ordered(_scaled(array, scale, whole), place) for name, array in images.items()}


def _place(name: str, shape: tuple[int, ...], channels: str | None) -> str | None:
    """Return the position of the axis of channels; None if there is none."""
    if len(shape) == 3:
        return None
    if len(shape) != 4 or 0 in shape:
        advice = (
            " Store flat images in two dimensions, such as x.reshape(-1, 28, 28)."
            if len(shape) == 2
            else ""
        )
        raise TableIntegrityError(
            f"{name!r} must be images of shape (n, h, w), (n, h, w, c) or (n, c, h, w), but has the shape "
            f"{shape}.{advice}"
        )
    if channels is not None:
        return channels
    few = [place for place, axis in (("first", 1), ("last", 3)) if shape[axis] <= _MOST_CHANNELS]
    if len(few) != 1:
        raise TableIntegrityError(
            f"{name!r} of shape {shape} may be (n, c, h, w) or (n, h, w, c); specify channels='first' or "
            "channels='last'."
        )
    return few[0]


def _ordered(images: _Array, place: str | None) -> _Array:
    if place is None:
        return images[:, None]
    return images.transpose(0, 3, 1, 2) if place == "last" else images


Bits = Annotated[int, Field(ge=9, le=16)]
"""Number of bits that pixels above 255 use."""


def check_bits(bits: int) -> int:
    """Check the number of bits of images with more than 8.

    Raises:
        InvalidArgumentError: If it is not from 9 to 16.
    """
    return check_int("bits", bits, minimum=9, maximum=16)


def warn_if_dark(what: str, highest: int, bits: int) -> None:
    """Warn about images of 16 bits that use few of them, as from a camera of 12 bits.

    Args:
        what: Name of the images.
        highest: Highest level of all.
        bits: Bits that they are said to use.
    """
    used = highest.bit_length()
    if bits == 16 and 8 < used <= _FEW_BITS:
        warnings.warn(
            f"{what} have levels up to {highest:,} of 65,535 and are nearly black after scaling to 255. If "
            f"their camera has {used} bits, give bits={used} (--set data_options.bits={used}).",
            stacklevel=4,
        )


def _scale(images: Mapping[str, _Array], bits: int) -> tuple[float, bool]:
    """Return the factor for pixels, and whether results are integers."""
    if all(array.dtype == np.uint8 for array in images.values()):
        return 1.0, True
    low, high, whole, whole_times_255 = np.inf, -np.inf, True, True
    for name, array in images.items():
        for rows in _blocks(array):
            if rows.dtype.kind == "f":
                if not np.isfinite(rows).all():
                    raise TableIntegrityError(f"{name!r} must have finite pixels, but has others.")
                whole &= _is_whole(rows)
                whole_times_255 &= _is_whole(rows * np.float32(_LARGEST))
            low, high = min(low, float(rows.min())), max(high, float(rows.max()))
    names = " and ".join(map(repr, images))
    largest = (1 << bits) - 1
    if low < 0 or high > largest:
        raise TableIntegrityError(
            f"Pixels of {names} must be from 0 to 255, to {largest:,} or, as floats, to 1, but are from "
            f"{low:g} to {high:g}; undo any normalisation, as images are normalised here."
        )
    kind = next(iter(images.values())).dtype.kind
    if kind == "b":
        return _LARGEST, True
    if kind == "f" and high <= 1 + _ROUNDING / _LARGEST:
        return _LARGEST, whole_times_255
    if high <= _LARGEST:
        return 1.0, whole
    warn_if_dark(f"Pixels of {names}", int(high), bits)
    return _LARGEST / largest, False


def _scaled(images: _Array, scale: float, whole: bool) -> _Array:
    if images.dtype == np.uint8 and scale == 1:
        return images
    out = np.empty(images.shape, np.uint8 if whole else np.float32)
    for k in range(0, len(images), _ROWS):
        rows = images[k : k + _ROWS].astype(np.float32) * np.float32(scale)
        out[k : k + _ROWS] = np.rint(rows) if whole else rows
    return out


def _blocks(images: _Array) -> list[_Array]:
    return [images[k : k + _ROWS] for k in range(0, len(images), _ROWS)]


def _is_whole(values: _Array) -> bool:
    return bool((np.abs(values - np.rint(values)) < _ROUNDING).all())
