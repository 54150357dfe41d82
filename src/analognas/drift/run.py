"""Drift studies by settings and folders: run one, continue one, read its results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..core import TableIntegrityError
from ..core.text_files import checked_json, read_json
from ..data import DataSet
from .progress import DriftProgress
from .result import DriftResult
from .settings import DriftSettings
from .study import RESULT_FILE, DriftStudy, StepListener


def run_drift(
    settings: DriftSettings,
    folder: Path,
    *,
    data: DataSet | None = None,
    tell: Callable[[str, DriftProgress], None] = lambda name, progress: None,
    step: StepListener = lambda name, step: None,
) -> dict[str, DriftResult]:
    """Study drift by settings; the folder gets ``study.json``, a journal and the results.

    Args:
        settings: Settings of the study.
        folder: A folder that exists and is empty.
        data: The data set, in place of a named one; it must be given again to resume.
        tell: Called with the name of a network and its progress, after each chip.
        step: Called with the name of a network and the progress within its stage, after each batch.

    Returns:
        Results by name of the network; see :data:`CURVES`.

    Raises:
        AnalogNASError: If anything is wrong; one line.

    Example:
        >>> Path("one-day").mkdir()
        >>> settings = DriftSettings(checkpoint="my-training", times=[86400], chips=2, examples=20)
        >>> results = run_drift(settings, Path("one-day"))
        >>> results["hwa"].chip_scores.shape
        (2, 1)
    """
    study = DriftStudy(settings, data)
    study.check()
    study.save(folder)
    return study.run_drift(folder, tell, step)


def resume_drift(
    folder: Path,
    *,
    data: DataSet | None = None,
    tell: Callable[[str, DriftProgress], None] = lambda name, progress: None,
    step: StepListener = lambda name, step: None,
) -> dict[str, DriftResult]:
    """Continue the drift study in a folder; the results are those of an uninterrupted study.

    Args:
        folder: The folder of the study.
        data: The data set, where the study was given one.
        tell: Called with the name of a network and its progress, after each chip.
        step: Called with the name of a network and the progress within its stage, after each batch.

    Raises:
        ResumeError: If there is no study in the folder.
        AnalogNASError: If anything else is wrong; one line.

    Example:
        >>> resume_drift(Path("my-drift"))["hwa"].n_chips
        3
    """
    return DriftStudy.load(folder, data).run_drift(folder, tell, step)


def read_drift(folder: Path) -> dict[str, DriftResult]:
    """Return the results of a drift evaluation by name.

    Raises:
        TableIntegrityError: If the file is damaged.

    Example:
        >>> results = read_drift(Path("my-drift"))
        >>> sorted(results), results["hwa"].times
        (['direct', 'direct_uncompensated', 'hwa'], (60.0, 86400.0))
    """
    where = repr(str(folder / RESULT_FILE))
    payload = read_json(folder / RESULT_FILE)
    try:
        return {
            name: DriftResult.from_dict(checked_json(entry, f"{where}, {name},"))
            for name, entry in payload.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise TableIntegrityError(
            f"{where} is not the result of a drift evaluation: {error}"
        ) from None
