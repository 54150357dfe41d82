"""Several experiments in one folder, each in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from ..core import ResumeError, hold_folder
from ..core.folders import make_folder
from .result import Reproduction
from .run import check_reproduction, resume_reproduction
from .settings import ExperimentSettings, builtin_experiments
from .trainings import EXPERIMENT_FILE

__all__ = ["available_experiments", "resume_several", "run_several", "several_in"]

Done = Callable[[Reproduction, Path], None]
"""Called with each finished experiment and its folder."""


def available_experiments(say: Callable[[str], None] = lambda line: None) -> list[str]:
    """Return the experiments of the package for which everything is installed.

    Args:
        say: Called with a line for each experiment that needs a missing package.
    """
    found = builtin_experiments()
    if find_spec("transformers") is None and "language-models" in found:
        found.remove("language-models")
        say("language-models: skipped, needs transformers: pip install 'analognas[hf]'")
    return found


def run_several(
    experiments: Sequence[ExperimentSettings],
    folder: Path,
    say: Callable[[str], None] = lambda line: None,
    done: Done = lambda result, folder: None,
) -> list[Reproduction]:
    """Run experiments, each in a folder with its name.

    Args:
        experiments: Their settings.
        folder: A folder that exists and is empty.
        say: Called with a line when a stage begins.
        done: Called with each finished experiment and its folder.

    Raises:
        AnalogNASError: If anything is wrong; one line.
    """
    for settings in experiments:
        check_reproduction(settings)
    for settings in experiments:
        settings.save(make_folder(folder / settings.name) / EXPERIMENT_FILE)
    return resume_several(folder, say, done)


def resume_several(
    folder: Path,
    say: Callable[[str], None] = lambda line: None,
    done: Done = lambda result, folder: None,
) -> list[Reproduction]:
    """Continue the experiments in the folders of a folder; see :func:`run_several`.

    Raises:
        ResumeError: If there is none.
        AnalogNASError: If anything else is wrong; one line.
    """
    homes = several_in(folder)
    if not homes:
        raise ResumeError(f"There are no experiments in {str(folder)!r}. Give the folder of some.")
    found = []
    with hold_folder(folder):
        for home in homes:
            say(f"experiment {home.name}")
            found.append(resume_reproduction(home, say))
            done(found[-1], home)
    return found


def several_in(folder: Path) -> list[Path]:
    """Return the folders of experiments in a folder."""
    return sorted(file.parent for file in folder.glob(f"*/{EXPERIMENT_FILE}"))
