"""From the options of ``analognas search`` to a worker: a new search, or one that goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError, ResumeError, check_int, merge_constraints
from .tables import check_table_again, check_table_fits, measured_table
from .trained import (
    check_train_fits,
    logged_training,
    specified_search,
    trained_evaluator,
    training_sources,
)

if TYPE_CHECKING:
    from ..evaluators import Evaluator
    from ..search import Backend, Worker

__all__ = ["DEFAULTS", "make_place", "new_worker", "resumed_worker"]

# Defaults live here, not in the signature, so that --resume knows what was typed. The budget's is the worker's,
# which has none where time or cost is limited.
DEFAULTS: dict[str, Any] = {
    "space": "nasbench201",
    "metric": ["analog_drift_2592000"],
    "constraint": [],
    "budget": None,
    "runs": 5,
    "seed": 0,
    "max_seconds": None,
    "max_cost": None,
    "cost_metric": None,
    "noise": None,
    "chip": "hermes",
    "dataset": None,
    "measured": [],
    "table": None,
}

_LIMITS = ("runs", "budget", "max_seconds", "max_cost")
"""Options that may change when a search resumes."""


def new_worker(typed: dict[str, Any]) -> Worker:
    """Set up a new search from what was typed, None where nothing was.

    Raises:
        AnalogNASError: Whatever is wrong with it, in one line.
    """
    from ..optimizers import default_optimizer

    settings = {key: DEFAULTS.get(key) if value is None else value for key, value in typed.items()}
    check_table_fits(settings, typed)
    check_train_fits(typed)
    if typed["train"] is not None and typed["runs"] is None:
        settings["runs"] = 1
    space, bounds = specified_search(typed["train"])
    if space is not None and typed["space"] is None:
        settings["space"] = space
    settings["constraint"] = merge_constraints(settings["constraint"], bounds, by="--train")
    if settings["optimizer"] is None:
        settings["optimizer"] = default_optimizer(settings["metric"])
    if typed["fidelities"] is None:
        return _worker(settings, {})
    inner = {"optimizer": settings["optimizer"], "fidelities": _fidelities(typed["fidelities"])}
    return _worker({**settings, "optimizer": "successive_halving"}, inner)


def resumed_worker(resume: Path, out: Path | None, typed: dict[str, Any]) -> Worker:
    """Set up the search whose log lies at ``resume``; what was typed must agree with it.

    Raises:
        ResumeError: If there is no such search, or it cannot be continued so.
    """
    from ..search import TrialLog, Worker

    if out is not None:
        raise ResumeError("--resume writes where the search began; leave --out away.")
    file = resume / "trials.sqlite" if resume.is_dir() else resume
    with TrialLog.open(file) as log:
        logged = log.identity
    as_it_was = all(value is None for name, value in typed.items() if name not in _LIMITS)
    if as_it_was and "evaluator_definition" in logged:
        return Worker.resume(file, **{name: typed[name] for name in _LIMITS})
    try:
        _check_measured_again(logged["evaluator"], typed["measured"])
        check_table_again(logged["evaluator"], typed["table"])
        known = {
            "space": logged["space"],
            "optimizer": logged["optimizer"]["name"],
            "metric": logged["objectives"],
            "constraint": logged["constraints"],
            "budget": logged["budget"],
            "runs": logged["runs"],
            "seed": logged["seed"],
            "max_seconds": logged.get("max_seconds"),
            "max_cost": logged.get("max_cost"),
            "cost_metric": logged.get("cost_metric"),
            "measured": [],
            "table": None,
            "train": logged_training(logged),
            "root": None,
            **_hardware(logged["evaluator"]),
        }
        known["fidelities"] = None
        settings = {key: known[key] if value is None else value for key, value in typed.items()}
        settings["optimizer"], hyperparameters = _optimizer_again(logged["optimizer"], typed)
        if typed["constraint"] is not None:
            bounds = specified_search(settings["train"])[1]
            settings["constraint"] = merge_constraints(typed["constraint"], bounds, by="--train")
        worker = _worker(settings, hyperparameters)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ResumeError(
            f"The settings in the trial log {str(file)!r} cannot be read: {error}; continue it with the "
            "version that began it."
        ) from None
    worker.out = file.parent
    worker.resumes = True
    return worker


def _fidelities(text: str) -> list[float]:
    """Read the numbers of ``--fidelities``."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidArgumentError(
            f"--fidelities must be rising numbers such as 1,3,9, but got {text!r}."
        ) from None


def _optimizer_again(logged: dict[str, Any], typed: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return name and hyperparameters of the optimizer of a search that goes on; what is typed counts."""
    hyperparameters = {key: value for key, value in logged.items() if key != "name"}
    name, fidelities = typed["optimizer"], typed["fidelities"]
    if "fidelities" in hyperparameters:
        if fidelities is not None:
            hyperparameters["fidelities"] = _fidelities(fidelities)
        if name is not None:
            hyperparameters["optimizer"] = name
    elif fidelities is not None:
        raise ResumeError(
            "The search has one fidelity; omit --fidelities, or begin another search."
        )
    elif name is not None:
        return name, {}
    return logged["name"], hyperparameters


def _check_measured_again(evaluator: dict[str, Any], measured: list[Path] | None) -> None:
    """Make sure that measured devices are given again: logs of earlier versions know only their checksums."""
    sources = evaluator.get("sources", [evaluator])
    n = sum(source.get("surrogate") == "CostPredictor" for source in sources)
    if n and not measured:
        raise ResumeError(
            f"The search asked {n} measured device{'s' if n > 1 else ''}; give the same again with --measured."
        )


def _hardware(evaluator: dict[str, Any]) -> dict[str, Any]:
    """Chip, data set and noise that the evaluator of a log was made with."""
    from ..hardware import chip_from_dict

    found = {"chip": DEFAULTS["chip"], "dataset": None, "noise": None}
    for source in evaluator.get("sources", [evaluator]):
        if "chip" in source:
            found["chip"] = chip_from_dict(source["chip"])
        found["noise"] = source.get("n_readings", found["noise"])
        found["dataset"] = source.get("dataset", found["dataset"])
    return found


def _worker(settings: dict[str, Any], hyperparameters: dict[str, Any]) -> Worker:
    from ..optimizers import OPTIMIZERS
    from ..search import Worker, find_evaluator
    from ..spaces import SPACES
    from .measured import measured_device

    if settings["budget"] is not None:
        check_int("--budget", settings["budget"], minimum=1)
    check_int("--runs", settings["runs"], minimum=1)
    check_int("--seed", settings["seed"], minimum=0)
    if settings["noise"] is not None:
        check_int("--noise", settings["noise"], minimum=1)
    table = None if settings["table"] is None else measured_table(settings["table"])
    if table is not None:
        space = table.space
    elif isinstance(settings["space"], str):
        space = SPACES.get(settings["space"])()
    else:
        space = settings["space"]
    train: list[Any] = []
    if settings["train"] is not None:
        train.append(
            trained_evaluator(space, settings["train"], settings["root"], seed=settings["seed"])
        )
    optimizer = OPTIMIZERS.get(settings["optimizer"])(**hyperparameters)
    return Worker(
        space,
        evaluator=find_evaluator(
            space,
            optimizer,
            settings["metric"],
            settings["constraint"],
            cost_metric=settings["cost_metric"],
            chip=settings["chip"],
            dataset=settings["dataset"],
            noise=settings["noise"],
            own=[
                *([] if table is None else [table]),
                *train,
                *(measured_device(path, space) for path in settings["measured"]),
            ],
        ),
        optimizer=optimizer,
        objectives=settings["metric"],
        constraints=settings["constraint"],
        runs=settings["runs"],
        budget=settings["budget"],
        seed=settings["seed"],
        max_seconds=settings["max_seconds"],
        max_cost=settings["max_cost"],
        cost_metric=settings["cost_metric"],
    )


def make_place(
    backend: str | None,
    workers: int | None,
    retries: int | None,
    *,
    address: str | None,
    gpus: float | None,
    evaluator: Evaluator,
) -> Backend:
    """Return where evaluations happen; trainings by default in a process for each core.

    Raises:
        InvalidArgumentError: If options do not fit the back end.
    """
    from ..search import make_backend
    from ..search.backends.parallel import n_cores

    if backend is None:
        trained = bool(training_sources(evaluator))
        parallel = (n_cores() if workers is None else workers) > 1
        backend = "pool" if trained and parallel else "serial"
    of_ray = {"address": address, "gpus_per_worker": gpus}
    options = {name: value for name, value in of_ray.items() if value is not None}
    if options and backend != "ray":
        flag = "--gpus" if address is None else "--address"
        raise InvalidArgumentError(
            f"{flag} is a matter of Ray clusters; give it with --backend ray, not {backend}."
        )
    if retries is not None:
        options["retries"] = check_int("--retries", retries, minimum=0)
    return make_backend(backend, workers, **options)
