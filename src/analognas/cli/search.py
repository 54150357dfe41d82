"""``analognas search``: find the best architecture and leave its numbers and pictures in a folder."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import (
    InvalidArgumentError,
    ResumeError,
    check_int,
    claim_output,
    dump_json,
    hold_folder,
)
from .exits import EXIT_INFEASIBLE, SearchInterruptedError
from .search_output import print_result
from .tables import check_table_again, check_table_fits, measured_table

if TYPE_CHECKING:
    from ..search import Backend, SearchResult, Worker

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


def _option(*names: str, about: str, default: Any = None, **more: Any) -> Any:
    shown = "" if default is None else f" [default: {default}]"
    return typer.Option(*names, help=about + shown, **more)


def search(
    space: Annotated[
        str | None,
        _option(
            "--space",
            about="Search space, one with a table of measurements.",
            default=DEFAULTS["space"],
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        _option(
            "--optimizer",
            about="Search algorithm. [default: predictor_guided; pareto_evolution for several metrics]",
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        _option(
            "--metric",
            about="What to improve; may be repeated, for the best trade-offs between several.",
            default=DEFAULTS["metric"][0],
        ),
    ] = None,
    constraint: Annotated[
        list[str] | None,
        _option("--constraint", about="A bound such as 'params<=1e6'; may be repeated."),
    ] = None,
    budget: Annotated[
        int | None,
        _option(
            "--budget",
            about="Distinct architectures evaluated per run. [default: 500; any number with --max-seconds or "
            "--max-cost]",
        ),
    ] = None,
    runs: Annotated[
        int | None,
        _option("--runs", about="Independent repeats.", default=DEFAULTS["runs"]),
    ] = None,
    seed: Annotated[
        int | None,
        _option("--seed", about="Everything random follows from it.", default=DEFAULTS["seed"]),
    ] = None,
    out: Annotated[
        Path | None,
        _option("--out", about="New or empty folder. [default: analognas-runs/search-NNN]"),
    ] = None,
    resume: Annotated[
        Path | None,
        _option("--resume", about="Folder of a search to continue, with its own settings."),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="With --resume: evaluate again what failed, after the cause is fixed.",
        ),
    ] = False,
    max_seconds: Annotated[
        float | None,
        _option(
            "--max-seconds", about="Wall-clock time per run, in s; the batch at work is finished."
        ),
    ] = None,
    max_cost: Annotated[
        float | None,
        _option(
            "--max-cost",
            about="Largest sum of --cost-metric per run; the batch at work is finished.",
        ),
    ] = None,
    cost_metric: Annotated[
        str | None,
        _option("--cost-metric", about="Metric that is paid with, kept in the log of trials."),
    ] = None,
    backend: Annotated[
        str, _option("--backend", about="Where evaluations happen: serial, pool or ray.")
    ] = "serial",
    workers: Annotated[
        int | None, _option("--workers", about="Workers of a pool or on Ray. [default: one a core]")
    ] = None,
    address: Annotated[
        str | None, _option("--address", about="Ray cluster, 'auto' for the one here.")
    ] = None,
    gpus: Annotated[
        float | None,
        _option("--gpus", about="GPUs that each worker on Ray takes; fractions share one."),
    ] = None,
    retries: Annotated[
        int | None,
        _option("--retries", about="How often what failed is tried again. [default: 2]"),
    ] = None,
    noise: Annotated[
        int | None,
        _option(
            "--noise",
            about="Simulate errors of measurement: the table's accuracies as means of so many noisy readings.",
        ),
    ] = None,
    chip: Annotated[
        str | None,
        _option(
            "--chip",
            about="Chip of aimc_ metrics: its name or YAML file.",
            default=DEFAULTS["chip"],
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        _option("--dataset", about="Data set of device metrics. [default: the space's own]"),
    ] = None,
    measured: Annotated[
        list[Path] | None,
        _option(
            "--measured",
            about="Costs on a device of yours as metrics: what `analognas cost --keep` kept, or a CSV file of "
            "measurements; may be repeated.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        _option(
            "--table",
            about="Table of measured networks, made by `analognas bench`: only these are proposed.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Search for what stays most accurate, or for the best trade-offs, and report it with figures."""
    typed = {
        "space": space,
        "optimizer": optimizer,
        "metric": metric or None,
        "constraint": constraint or None,
        "budget": budget,
        "runs": runs,
        "seed": seed,
        "max_seconds": max_seconds,
        "max_cost": max_cost,
        "cost_metric": cost_metric,
        "noise": noise,
        "chip": chip,
        "dataset": dataset,
        "measured": measured or None,
        "table": table,
    }
    place = _place(backend, workers, retries, address=address, gpus=gpus)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        worker = _resumed(resume, out, typed) if resume else _new(typed)
    if retry_failed and not resume:
        raise InvalidArgumentError(
            "--retry-failed goes with --resume: a new search has no failures."
        )
    worker.retry_failed = retry_failed
    for warning in said:
        print(f"note: {warning.message}", file=sys.stderr)
    worker.backend = place
    claimed = claim_output(out, "search") if worker.out is None else hold_folder(worker.out)
    with claimed as folder:
        worker.out = folder
        result = _search(worker)
    if as_json:
        print(dump_json(result.to_json()))
    else:
        print_result(result, worker.space)
    print(f"Results in {folder}", file=sys.stderr if as_json else sys.stdout)
    return 0 if result.feasible else EXIT_INFEASIBLE


def _search(worker: Worker) -> SearchResult:
    """Search and report in the worker's folder."""
    from ..report import remove_search_report, write_search_report

    assert worker.out is not None
    try:
        result = worker.search(progress=True)
        write_search_report(result, worker.out)
    except KeyboardInterrupt:
        if not worker.has_log:
            raise
        if worker.resumes:
            remove_search_report(worker.out)
        raise SearchInterruptedError(
            f"continue with: analognas search --resume {worker.out}"
        ) from None
    return result


def _new(typed: dict[str, Any]) -> Worker:
    from ..optimizers import default_optimizer

    settings = {key: DEFAULTS.get(key) if value is None else value for key, value in typed.items()}
    check_table_fits(settings, typed)
    if settings["optimizer"] is None:
        settings["optimizer"] = default_optimizer(settings["metric"])
    return _worker(settings)


def _resumed(resume: Path, out: Path | None, typed: dict[str, Any]) -> Worker:
    """Set up the search whose log lies at ``resume``; what was typed must agree with it."""
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
            **_hardware(logged["evaluator"]),
        }
        hyperparameters = {k: v for k, v in logged["optimizer"].items() if k != "name"}
        settings = {key: known[key] if value is None else value for key, value in typed.items()}
        worker = _worker(settings, hyperparameters if typed["optimizer"] is None else {})
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ResumeError(
            f"The settings in the trial log {str(file)!r} cannot be read: {error}; continue it with the "
            "version that began it."
        ) from None
    worker.out = file.parent
    worker.resumes = True
    return worker


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


def _worker(settings: dict[str, Any], hyperparameters: dict[str, Any] | None = None) -> Worker:
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
    space = SPACES.get(settings["space"])() if table is None else table.space
    optimizer = OPTIMIZERS.get(settings["optimizer"])(**(hyperparameters or {}))
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


def _place(
    backend: str,
    workers: int | None,
    retries: int | None,
    *,
    address: str | None,
    gpus: float | None,
) -> Backend:
    from ..search import make_backend

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
