"""What of the measurements a fit uses: devices that failed, are alone at a target or have too few readings."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError
from .measurements import LEAST_TIMES, Measurements
from .resampling import Floats

__all__ = ["split_off_zero", "usable", "without_failures", "without_lone_devices"]

Which = NDArray[np.bool_]

_FLOOR = 1e-3
"""Smallest part of the target that a reading counts as; smaller ones are 0."""
_FAR_ABOVE, _FAR_BELOW = 5.0, 8.0
"""Robust standard deviations beyond which a reading is no part of the spread of the others."""
_ABOVE_0 = 2.0
_CHANCE = 0.01
_FAR_FACTOR = math.log(2.0)
_LEAST_OTHERS = 8
_LEAST_FAILED_READINGS = 2
_MAD = 1.4826


def without_lone_devices(data: Measurements) -> tuple[Measurements, list[str]]:
    """Return the measurements without targets that have one device, and a sentence about them.

    Raises:
        InvalidArgumentError: If no target has two devices.
    """
    _, index, counts = np.unique(data.target, return_inverse=True, return_counts=True)
    lone = int((counts < 2).sum())
    if lone == len(counts):
        raise InvalidArgumentError(
            f"Each target needs at least two devices, but none of the {lone} target(s) has two. If the targets "
            "are readings after programming, write the conductance that was aimed at."
        )
    if not lone:
        return data, []
    return data.of(counts[index] >= 2), [
        f"{lone} of {len(counts)} targets have one device, which has no spread; they are left out."
    ]


def without_failures(data: Measurements) -> tuple[Measurements, int, list[str]]:
    """Return the measurements without devices that failed, their number, and sentences about them.

    A device failed if its last two or more readings are 0, or far from those of the others of its target, after
    readings that were not. Targets with fewer than eight devices tell nothing about it.
    """
    means = data.averaged()
    seen = np.isfinite(means.conductance)
    low, far, usual = _marks(means)
    rows, columns = np.arange(len(seen)), np.arange(seen.shape[1])
    last = np.where(seen, columns, -1).max(axis=1)
    said, failed = [], np.zeros(len(seen), dtype=bool)
    for marked, text in ((low, "read 0 µS"), (far, "are far from the others of their target")):
        run = np.logical_and.accumulate((marked | ~seen)[:, ::-1], axis=1)[:, ::-1] & seen
        start = run.argmax(axis=1)
        before = (usual & (columns < start[:, None])).any(axis=1)
        which = before & (run.sum(axis=1) >= _LEAST_FAILED_READINGS) & ~failed
        if marked is low:
            which &= ~_by_chance(low, run, seen, data.target)
        if which.any():
            when = means.time[rows, start][which]
            from_on = f"{when.min():,.6g} s" + (" or later" if when.max() > when.min() else "")
            value = float(np.median(means.conductance[which, last[which]]))
            said.append(
                f"{int(which.sum()):,} of {len(which):,} devices {text} from {from_on} on"
                + ("" if marked is low else f", at {value:.3g} µS in the median")
                + ". They failed and are left out; the model has no failures."
            )
        failed |= which
    always = ~failed & seen.any(axis=1) & (far | ~seen).all(axis=1)
    if always.any():
        said.append(
            f"{int(always.sum()):,} of {len(always):,} devices are far from the others of their target at all "
            "times; the programming noise contains them."
        )
    if not failed.any():
        return data, 0, said
    return data.of(~failed), int(failed.sum()), said


def split_off_zero(data: Measurements) -> tuple[Measurements, Measurements | None]:
    """Return the measurements at positive targets, and those at the target 0; None if there are none.

    Raises:
        InvalidArgumentError: If there is no positive target.
    """
    zero = data.target == 0.0
    if zero.all():
        raise InvalidArgumentError("At least one target must be above 0 µS, but all are 0.")
    return (data.of(~zero), data.of(zero)) if zero.any() else (data, None)


def usable(data: Measurements) -> tuple[Measurements, list[str]]:
    """Return devices with readings above 0 at two times, and what is left out.

    Raises:
        InvalidArgumentError: If fewer than two devices have them.
    """
    zeros = int((data.conductance <= 0.0).sum())
    enough = data.times_read >= LEAST_TIMES
    said = []
    if zeros:
        said.append(
            f"{zeros:,} readings are 0 µS or below and have no logarithm; the fit uses the others."
        )
    if not enough.all():
        said.append(
            f"{int((~enough).sum()):,} of {len(enough):,} devices have readings above 0 at fewer than two "
            "times and are left out."
        )
    if enough.sum() < LEAST_TIMES:
        raise InvalidArgumentError(
            "At least two devices must have readings above 0 µS at two times."
        )
    return (data if enough.all() else data.of(enough)), said


def _marks(data: Measurements) -> tuple[Which, Which, Which]:
    """Return which readings are 0, far from the others of their target, and near them, shapes ``(N, J)``.

    Readings of 0 count as such only where others of the target are well above 0.
    """
    y, positive = data.conductance, data.target[:, None] > 0.0
    scale = np.where(positive, data.target[:, None], 1.0)
    low = (y <= _FLOOR * scale) & positive
    level = np.where(
        positive & ~low, np.log(np.where(y > _FLOOR * scale, y, scale) / scale), np.nan
    )
    level = np.where(np.isfinite(y), level, np.nan)
    groups = np.unique(data.target, return_inverse=True)[1]
    off, own = np.full(y.shape, np.nan), np.zeros(y.shape)
    for k in range(int(groups.max()) + 1):
        members = groups == k
        above = np.where(low[members], np.nan, y[members])
        middle = _median(above)
        ratio = np.median(
            middle / np.maximum(_median(np.abs(above - middle)), 1e-12 * scale[members][0])
        )
        low[members] &= bool(ratio > _ABOVE_0 * _MAD) and members.sum() >= _LEAST_OTHERS
        if members.sum() >= _LEAST_OTHERS:
            off[members] = level[members] - _median(level[members])
            own[members] = _MAD * _median(np.abs(off[members]))
    spread = np.maximum(own, _MAD * _median(np.abs(off)))
    # Drift lowers conductances by a heavy-tailed factor; nothing but a failure raises them so far.
    far = (off > np.maximum(_FAR_ABOVE * spread, _FAR_FACTOR)) | (
        off < -np.maximum(_FAR_BELOW * spread, _FAR_FACTOR)
    )
    return low, far, np.abs(off) < _FAR_FACTOR


def _by_chance(low: Which, run: Which, seen: Which, target: Floats) -> Which:
    """Return which runs of 0 at the end may be chance, as other readings of 0 are; shape ``(N,)``."""
    result = np.zeros(len(low), dtype=bool)
    for g in np.unique(target):
        own = target == g
        earlier = (seen & ~run)[own].sum()
        share = (low & ~run)[own].sum() / max(earlier, 1)
        result[own] = own.sum() * share ** run[own].sum(axis=1) > _CHANCE
    return result


def _median(values: Floats) -> Floats:
    """Return the median of each column without NaN, 0 for a column of NaN, shape ``(J,)``."""
    some = np.isfinite(values).any(axis=0)
    found: Floats = np.nanmedian(np.where(some, values, 0.0), axis=0)
    return found
