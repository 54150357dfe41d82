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
from ..core.user_code import is_reference
from ..spaces import SPACES, Space, find_space, space_entry
from .log.definitions import logged_settings, logged_space
from .log.trial_log import FILE_NAME as LOG_FILE
from .log.trial_log import TrialLog
from .results_folder import RESULT_FILE

if TYPE_CHECKING:
    from ..data import DataSet
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

    Example:
        >>> from analognas.drift import read_drift
        >>> from analognas.training import resume_run
        >>> folder = Path("my-training")
        >>> drift = read_drift(Path("my-drift"))
        >>> final = FinalTraining(folder, tuple(resume_run(folder)), drift)
        >>> [result.status for result in final.training], sorted(final.drift)
        (['finished', 'finished'], ['direct', 'direct_uncompensated', 'hwa'])
    """

    folder: Path
    training: tuple[TrainingResult, ...]
    drift: dict[str, DriftResult]


def searched_model(
    space: Space, architecture: Any, *, network: str | None = None
) -> dict[str, Any]:
    """Return ``model`` and ``model_options`` of a run that trains an architecture.

    Args:
        space: Its space.
        architecture: The architecture in any form of the space.
        network: Function ``(architecture, input_shape, n_classes)`` that returns its network, as
            ``module:name``; None: the space builds it.

    Raises:
        InvalidArgumentError: If the space has no name by which the network can be built again.
        OutOfSpaceError: If the architecture does not belong to the space.

    Example:
        >>> searched_model(SPACES.get("nasbench201")(), (2, 2, 0, 4, 2, 1))["model"]
        'searched'
    """
    options: dict[str, Any] = {"space": _entry(space, network)}
    options["architecture"] = space.describe(space.encode(architecture))["architecture"]
    if network is not None:
        options["network"] = network
    return {"model": "searched", "model_options": options}


def _entry(space: Space, network: str | None) -> str | dict[str, Any]:
    """Return the entry of a space by which its network can be built again."""
    if space.reference is not None:
        return space.reference
    if network is not None and space.name not in SPACES:
        return space_entry(space)
    if space.name not in SPACES:
        raise InvalidArgumentError(
            f"A network of the space {space.name!r} could not be built again from its files, which hold the "
            "name of the space alone. Register the space first: "
            f"analognas.spaces.SPACES.add({space.name!r}, make), where make() returns it."
        )
    if SPACES.get(space.name)().fingerprint() != space.fingerprint():
        raise InvalidArgumentError(
            f"The space {space.name!r} differs from the registered one of that name. Give yours another name, "
            "and register it: analognas.spaces.SPACES.add(name, make), where make() returns it."
        )
    return space.name


def model_of_search(
    folder: str | os.PathLike[str], *, network: str | None = None
) -> dict[str, Any]:
    """Return ``model`` and ``model_options`` of a run that trains the winner of a finished search.

    Args:
        folder: The search's folder.
        network: Function ``(architecture, input_shape, n_classes)`` that returns the network, as
            ``module:name``; None: the space builds it.

    Raises:
        TableIntegrityError: If there is no result of a search in it.
        InvalidArgumentError: If its networks cannot be built: the space is Python code that is not imported, or
            differs from that of the search.

    Example:
        >>> entries = model_of_search("my-search")
        >>> entries["model"], sorted(entries["model_options"])
        ('searched', ['architecture', 'space'])
    """
    file = Path(folder) / RESULT_FILE
    try:
        result = read_json(file, sealed=True)
        space = _space_of_search(
            Path(folder), result["space"], result.get("space_fingerprint"), network
        )
        return searched_model(space, result["best"]["architecture"], network=network)
    except FileNotFoundError:
        raise TableIntegrityError(
            f"There is no result in {os.fspath(folder)!r}: it has no {RESULT_FILE}. Give the folder of a "
            "search that has ended; continue an interrupted one with: analognas search --resume FOLDER. Or "
            "begin a short search at its best networks: analognas search --start FOLDER --budget 5."
        ) from None
    except AnalogNASError:
        raise
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise TableIntegrityError(
            f"{str(file)!r} cannot be read as the result of a search: {shown(error)}."
        ) from None


def _space_of_search(folder: Path, name: Any, fingerprint: Any, network: str | None) -> Space:
    """Return the space of a search, whose networks can be built, alone or by a function.

    Args:
        folder: The search's folder.
        name: Name of the space.
        fingerprint: Its fingerprint; None where the name is enough.
        network: Reference of the function; None: the space builds networks.
    """
    if not isinstance(name, str):
        raise ValueError("the space has no name")
    if name in SPACES:
        space: Space | None = SPACES.get(name)()
    else:
        with TrialLog.open(folder / LOG_FILE) as log:
            logged = log.identity
        entry = logged_settings(logged, repr(str(folder))).space
        if is_reference(entry):
            space = find_space(entry)
        else:
            space = logged_space(logged) if network is not None else None
    if space is None:
        raise InvalidArgumentError(
            f"The search in {os.fspath(folder)!r} is over the space {shown(name)!r}, whose networks are built "
            "by Python code that is not in the folder. With a function build(architecture, input_shape, "
            "n_classes) in mine.py: --model mine:build. Or let mine.py register the space, "
            f"analognas.spaces.SPACES.add({shown(name)!r}, make), and run: analognas --import mine train "
            f"--from-search {os.fspath(folder)}"
        )
    if space.name != name or space.fingerprint() != fingerprint:
        raise InvalidArgumentError(
            f"The space {shown(name)!r} differs from that of the search in {os.fspath(folder)!r}; restore its "
            "definition."
        )
    return space


def train_architecture(
    space: Space,
    architecture: Any,
    data: str | DataSet = "digits",
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
        data: The data set, or its name. Of a :class:`.DataSet`, the folder stores name and fingerprint, so it
            must be given again to resume.
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

    Example:
        >>> from analognas.training import HWARecipe
        >>> final = train_architecture(
        ...     SPACES.get("nasbench201")(),
        ...     (2, 2, 0, 4, 2, 1),
        ...     out="winner",
        ...     recipe=HWARecipe(epochs=1),
        ...     digital={"epochs": 1},
        ...     data_options={"size": 8},
        ...     subset={"train": 40, "validation": 20, "test": 20},
        ...     model_options={"channels": 2, "cells": 1},
        ...     evaluation={"chips": 2, "times": [86400]},
        ... )
        >>> final.drift["hwa"].times
        (86400.0,)
    """
    from ..drift.study import STUDY_FILE, DriftStudy, digital_beside
    from ..training import CONFIG_FILE, RunConfig, find_recipe, train_run

    folder, given = Path(out), None if isinstance(data, str) else data
    if resume:
        if not (folder / CONFIG_FILE).is_file():
            raise ResumeError(f"There is no training in {str(folder)!r}: it has no {CONFIG_FILE}.")
        config = RunConfig.load(folder / CONFIG_FILE)
    else:
        chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
        network = searched_model(space, architecture)
        network["model_options"] |= run.pop("model_options", {})
        named = {"data": data} if given is None else {}
        config = _run_config({**run, **network, **named, "recipe": chosen})
    with hold_folder(folder) if resume else claim_folder(folder):
        training = train_run(config, folder, data=given, resume=resume)
        drift = folder / DRIFT_FOLDER
        if (drift / STUDY_FILE).is_file():
            study = DriftStudy.load(drift, given)
        else:
            direct = digital_beside(folder)
            entries = {"direct": direct, **(evaluation or {}), "checkpoint": str(folder)}
            study = DriftStudy(entries, given)
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
