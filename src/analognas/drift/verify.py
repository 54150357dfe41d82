"""Verification of a drift evaluation: some of its chips are simulated again."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from ..core import ResumeError, check_int
from ..core.verify_report import VerifyReport
from ..data import DataSet
from .run import read_drift
from .study import RESULT_FILE, DriftStudy

__all__ = ["verify_drift"]


def verify_drift(
    folder: str | os.PathLike[str], *, again: int = 2, data: DataSet | None = None
) -> VerifyReport:
    """Simulate the first chips of a drift evaluation again, and compare their scores with its result.

    On the machine and with the versions of the evaluation, scores are equal bit for bit.

    Args:
        folder: Folder of the evaluation.
        again: Number of chips to simulate again; all of a smaller evaluation.
        data: The data set, where the evaluation was given one in Python.

    Raises:
        ResumeError: If there is no finished drift evaluation in the folder.
        InvalidArgumentError: If ``again`` is not positive.

    Example:
        >>> verify_drift("my-drift", again=1).problems
        ()
    """
    check_int("again", again, minimum=1)
    home = Path(folder)
    study = DriftStudy.load(home, data)
    if not (home / RESULT_FILE).is_file():
        raise ResumeError(f"{str(home)!r} has no result yet; continue it with --resume first.")
    stored = read_drift(home)
    chips = min(again, *(result.n_chips for result in stored.values()))
    shorter = DriftStudy(study.settings.replace(chips=chips), data)
    with tempfile.TemporaryDirectory() as place:
        found = shorter.run_drift(Path(place))
    checks, problems = [], []
    for name, result in stored.items():
        before, after = result.chip_scores[:chips], found[name].chip_scores[:chips]
        measured = np.isfinite(before) & np.isfinite(after)
        differs = (before != after) & measured
        if differs.any():
            chip, time = np.argwhere(differs)[0].tolist()
            problems.append(
                f"{name}, chip {chip} after {result.times[time]:g} s: the score is "
                f"{after[chip, time]:.12g}, the result has {before[chip, time]:.12g}"
            )
        else:
            checks.append(
                f"{name}: {chips} of {result.n_chips} chips simulated again: {int(measured.sum())} scores "
                "are equal to the last bit"
            )
    return VerifyReport(tuple(checks), tuple(problems))
