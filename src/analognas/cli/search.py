"""``analognas search``: find the best architecture and leave its numbers and pictures in a folder."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, claim_output, dump_json, hold_folder
from .exits import EXIT_INFEASIBLE, SearchInterruptedError
from .search_output import print_result
from .search_setup import DEFAULTS, make_place, new_worker, resumed_worker

if TYPE_CHECKING:
    from ..search import SearchResult, Worker


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
        str | None,
        _option(
            "--backend",
            about="Where evaluations happen: serial, pool or ray. [default: serial; pool with --train]",
        ),
    ] = None,
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
    train: Annotated[
        Path | None,
        _option(
            "--train",
            about="Train and measure every architecture as this YAML file says (docs/measuring.md); in one run "
            "and in a pool of processes by default.",
        ),
    ] = None,
    root: Annotated[
        Path | None, _option("--root", about="Folder or file of the data of --train.")
    ] = None,
    fidelities: Annotated[
        str | None,
        _option(
            "--fidelities",
            about="Successive halving: digital epochs such as 1,3,9. All train for the first number, the "
            "best of them with the next; the last is that of --train.",
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
        "train": train,
        "root": root,
        "fidelities": fidelities,
    }
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        worker = resumed_worker(resume, out, typed) if resume else new_worker(typed)
    if retry_failed and not resume:
        raise InvalidArgumentError(
            "--retry-failed goes with --resume: a new search has no failures."
        )
    worker.retry_failed = retry_failed
    for warning in said:
        print(f"note: {warning.message}", file=sys.stderr)
    worker.backend = make_place(
        backend, workers, retries, address=address, gpus=gpus, evaluator=worker.evaluator
    )
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
