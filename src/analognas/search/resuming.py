"""A search from its log: what a trial log says of the space, the optimizer and the evaluator that began it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..core import AnalogNASError, InvalidArgumentError, ResumeError
from ..evaluators import Evaluator, evaluator_from_definition
from ..hardware import chip_from_dict
from ..optimizers import OPTIMIZERS, Optimizer
from ..spaces import Space
from .log.schema import EVALUATOR_CLASS, EVALUATOR_DEFINITION
from .log.space import logged_space
from .log.trial_log import FILE_NAME, TrialLog
from .settings import find_evaluator

T = TypeVar("T")


CHANGES = (
    "runs",
    "budget",
    "max_seconds",
    "max_cost",
    "retry_failed",
    "backend",
    "n_workers",
    "only_runs",
    "callbacks",
    "on_progress",
)
"""Arguments of a worker that may change when a search resumes."""


def resumed_arguments(
    folder: str | os.PathLike[str], given: Mapping[str, Any], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of the :class:`.Worker` that continues a search.

    Args:
        folder: The folder of the search, or its log.
        given: Space, optimizer and evaluator, where the log cannot hold them; None where it does.
        changes: Other arguments, see :data:`CHANGES`; None leaves what the log says.

    Raises:
        ResumeError: If there is no log, or something must be given.
        InvalidArgumentError: If something else is to change.
    """
    for name in changes:
        if name not in CHANGES:
            raise InvalidArgumentError(
                f"A search that resumes has the {name!r} that it began with; only {', '.join(CHANGES)} can "
                "change."
            )
    path = Path(folder)
    logged = logged_arguments(path / FILE_NAME if path.is_dir() else path, **given)
    return {**logged, **{name: value for name, value in changes.items() if value is not None}}


def logged_arguments(
    file: Path,
    *,
    space: Space | None = None,
    optimizer: Optimizer | None = None,
    evaluator: Evaluator | None = None,
) -> dict[str, Any]:
    """Return the arguments of the :class:`.Worker` that wrote a log.

    Args:
        file: The log.
        space: The space, where the log does not say what it is.
        optimizer: The optimizer, where it is of a class that is not registered.
        evaluator: The evaluator, where it is of a user's own class.

    Raises:
        ResumeError: If there is no such log, or it does not say what one of them is and that is not given.
    """
    with TrialLog.open(file) as log:
        settings = log.identity
    where = repr(str(file))

    def read(what: str, found: Callable[[], T]) -> T:
        try:
            return found()
        except (
            AnalogNASError,
            KeyError,
            TypeError,
            ValueError,
            AttributeError,
            IndexError,
        ) as error:
            if isinstance(error, ResumeError):
                raise
            raise ResumeError(
                f"The {what} of the search in {where} cannot be made again: {_shown(error)} Give it: "
                f"Worker.resume(folder, {what}=...)."
            ) from None

    found_space = space or _space(settings)
    if evaluator is None:
        evaluator = read("evaluator", lambda: _evaluator(settings, found_space, where))
    if optimizer is None:
        optimizer = read("optimizer", lambda: _optimizer(settings))
    try:
        arguments = {
            # That of a table may have only some of the architectures.
            "space": space or evaluator.space,
            "optimizer": optimizer,
            "evaluator": evaluator,
            "objectives": settings["objectives"],
            "constraints": settings["constraints"],
            "seed": settings["seed"],
            "runs": settings["runs"],
            "budget": settings["budget"],
        }
    except KeyError as error:
        raise ResumeError(
            f"The log {where} does not say its {error.args[0]}; continue it with the version that began it."
        ) from None
    others = {name: settings.get(name) for name in ("max_seconds", "max_cost", "cost_metric")}
    return {**arguments, **others, "out": file.parent, "resume": True}


def _shown(error: Exception) -> str:
    text = str(error) if isinstance(error, AnalogNASError) else repr(error)
    return text if text.endswith(".") else f"{text}."


def _space(settings: Mapping[str, Any]) -> Space | None:
    """The space of a log if it is exactly that; what only gives names to architectures is not enough."""
    space = logged_space(settings)
    same = space is not None and (space.name, space.fingerprint()) == (
        settings.get("space"),
        settings.get("space_fingerprint"),
    )
    return space if same else None


def _optimizer(settings: Mapping[str, Any]) -> Optimizer:
    logged = dict(settings["optimizer"])
    return OPTIMIZERS.get(logged.pop("name"))(**logged)


def _evaluator(settings: Mapping[str, Any], space: Space | None, where: str) -> Evaluator:
    definition = settings.get(EVALUATOR_DEFINITION)
    if definition is not None:
        return evaluator_from_definition(definition, space)
    name = settings.get(EVALUATOR_CLASS)
    if name is None and space is not None:
        return _of_identity(settings, space)
    kind = "" if name is None else f", of the class {name},"
    raise ResumeError(
        f"The search in {where} has an evaluator{kind} that a log cannot hold; give it again: "
        "Worker.resume(folder, evaluator=...)."
    )


def _of_identity(settings: Mapping[str, Any], space: Space) -> Evaluator:
    """The evaluator of a log of an earlier version, as far as its identity says what it is."""
    options: dict[str, Any] = {}
    sources = settings["evaluator"].get("sources", [settings["evaluator"]])
    for source in sources:
        if "chip" in source:
            options["chip"] = chip_from_dict(source["chip"])
        if "n_readings" in source:
            options["noise"] = source["n_readings"]
        if "dataset" in source:
            options["dataset"] = source["dataset"]
    found = find_evaluator(
        space,
        _optimizer(settings),
        settings["objectives"],
        settings["constraints"],
        cost_metric=settings.get("cost_metric"),
        **options,
    )
    if found.identity() != settings["evaluator"]:
        raise ResumeError(
            f"This log of an earlier version does not say how to make its evaluator, {settings['evaluator']}; "
            "give it again: Worker.resume(folder, evaluator=...)."
        )
    return found
