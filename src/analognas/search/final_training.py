"""From a search's winner to a trained network with its accuracy over time on simulated chips."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import (
    AnalogNASError,
    InvalidArgumentError,
    ResumeError,
    TableIntegrityError,
    claim_folder,
    hold_folder,
)
from ..core.folders import make_folder
from ..core.limits import shown
from ..core.text_files import read_json
from ..spaces import SPACES, Space
from .results_folder import RESULT_FILE

if TYPE_CHECKING:
    from ..drift import DriftProgress, DriftResult
    from ..training import Recipe, RunConfig, TrainingResult

DRIFT_FOLDER = "drift"
"""Where the evaluation over time goes, in the folder of the training."""

RECIPE = "hwa"
"""How an architecture of a search is trained unless told otherwise."""


@dataclass(frozen=True)
class FinalTraining:
    """What :func:`train_architecture` did.

    Attributes:
        folder: Where its files are: those of :func:`~analognas.training.train_run`, and of the evaluation below
            ``drift``.
        training: Results of the stages of training, the last being the recipe's.
        drift: Accuracy over time by kind of network: ``hwa`` as trained, ``direct`` the digital one mapped as
            it is.
    """

    folder: Path
    training: tuple[TrainingResult, ...]
    drift: dict[str, DriftResult]


def searched_model(space: Space, architecture: Any) -> dict[str, Any]:
    """Return ``model`` and ``model_options`` of a run that trains an architecture.

    Args:
        space: Its space.
        architecture: The architecture in any form of the space.

    Raises:
        InvalidArgumentError: If the space has no name by which the network can be built again.
        OutOfSpaceError: If the architecture does not belong to the space.

    Example:
        >>> searched_model(SPACES.get("nasbench201")(), (2, 2, 0, 4, 2, 1))["model"]
        'searched'
    """
    known = SPACES.get(space.name)() if space.name in SPACES.names() else None
    if known is None:
        raise InvalidArgumentError(
            f"A network of the space {space.name!r} could not be built again from its files, which hold the "
            "name of the space alone. Register the space first: "
            f"analognas.spaces.SPACES.add({space.name!r}, make), where make() returns it."
        )
    if known.fingerprint() != space.fingerprint():
        raise InvalidArgumentError(
            f"The space {space.name!r} differs from the registered one of that name. Give yours another name, "
            "and register it: analognas.spaces.SPACES.add(name, make), where make() returns it."
        )
    described = space.describe(space.encode(architecture))["architecture"]
    return {"model": "searched", "model_options": {"space": space.name, "architecture": described}}


def model_of_search(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Return ``model`` and ``model_options`` of a run that trains the winner of a finished search.

    Args:
        folder: The search's folder.

    Raises:
        TableIntegrityError: If there is no result of a search in it.
        InvalidArgumentError: If the search was over a space that is not registered.
    """
    file = Path(folder) / RESULT_FILE
    try:
        result = read_json(file)
        name = result["space"]
        if isinstance(name, str) and name not in SPACES:
            raise InvalidArgumentError(
                f"The search in {os.fspath(folder)!r} is over the space {shown(name)!r}, whose networks are "
                "built by Python code that is not in the folder. Train the winner from Python: register the "
                "space with analognas.spaces.SPACES.add(name, make), then "
                "worker = Worker.resume(folder, ...), worker.search() and worker.train_best()."
            )
        space = SPACES.get(name)()
        return searched_model(space, result["best"]["architecture"])
    except FileNotFoundError:
        raise TableIntegrityError(
            f"There is no result in {os.fspath(folder)!r}: it has no {RESULT_FILE}. Give the folder of a "
            "search that has ended; one that was interrupted goes on with: analognas search --resume FOLDER."
        ) from None
    except AnalogNASError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TableIntegrityError(
            f"{str(file)!r} cannot be read as the result of a search: {shown(error)}."
        ) from None


def train_architecture(
    space: Space,
    architecture: Any,
    data: str = "digits",
    *,
    out: str | os.PathLike[str],
    recipe: Recipe | str = RECIPE,
    resume: bool = False,
    evaluation: dict[str, Any] | None = None,
    on_drift: Callable[[str, DriftProgress], None] = lambda name, progress: None,
    **run: Any,
) -> FinalTraining:
    """Train an architecture by a recipe, put it on simulated chips, and measure it over time.

    Args:
        space: Its space.
        architecture: The architecture in any form of the space.
        data: Name of the data set; one of your own is registered with :func:`.register_dataset`.
        out: Folder of the files; new or empty.
        recipe: The recipe, its name, or a file of one.
        resume: Continue what is in ``out``, with its settings.
        evaluation: Settings of the evaluation: ``chips``, ``times`` (s), ``tolerance``, ``examples``,
            ``batch_size``, ``seed``; 25 chips at the standard times by default.
        on_drift: Told how far the evaluation has come, by kind of network.
        run: Further entries of a :class:`~analognas.training.RunConfig`, such as ``root``, ``digital``,
            ``subset``, ``seed`` and ``device``; ``model_options`` add to those of the network.

    Raises:
        AnalogNASError: Whatever is wrong, in one line.
    """
    from ..drift.study import STUDY_FILE, DriftStudy, digital_beside
    from ..training import CONFIG_FILE, RunConfig, find_recipe, train_run

    folder = Path(out)
    if not isinstance(data, str):
        raise InvalidArgumentError(
            f"`data` must be the name of a data set, by which its files can be read again, but got {data!r}. "
            "Register a data set of your own: analognas.data.register_dataset('mine', read), where read(root) "
            "returns it; then give 'mine'."
        )
    if resume:
        if not (folder / CONFIG_FILE).is_file():
            raise ResumeError(f"There is no training in {str(folder)!r}: it has no {CONFIG_FILE}.")
        config = RunConfig.load(folder / CONFIG_FILE)
    else:
        chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
        network = searched_model(space, architecture)
        network["model_options"] |= run.pop("model_options", {})
        config = _run_config({**run, **network, "data": data, "recipe": chosen})
    with hold_folder(folder) if resume else claim_folder(folder):
        training = train_run(config, folder, resume=resume)
        drift = folder / DRIFT_FOLDER
        if (drift / STUDY_FILE).is_file():
            study = DriftStudy.load(drift)
        else:
            direct = digital_beside(folder)
            study = DriftStudy({"direct": direct, **(evaluation or {}), "checkpoint": str(folder)})
            study.check()
            study.save(make_folder(drift))
        return FinalTraining(folder, tuple(training), study.run_drift(drift, on_drift))


def _run_config(entries: dict[str, Any]) -> RunConfig:
    """A run from entries of which some are recipes already."""
    from ..training import Recipe, RunConfig

    plain = {
        name: value.to_dict() if isinstance(value, Recipe) else value
        for name, value in entries.items()
    }
    return RunConfig.from_dict(plain)
