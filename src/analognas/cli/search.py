"""``analognas search``: find the best architecture and leave its numbers and figures in a folder."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import InvalidArgumentError, ResumeError, claim_output, dump_json, hold_folder
from ..core.settings import parse_setting
from ..core.text_tables import text_table, wrapped
from ..core.user_code import import_code, is_reference
from .completion import names_of
from .exits import EXIT_INFEASIBLE, to_continue
from .help import MORE

if TYPE_CHECKING:
    from ..search import Search, SearchResult
    from ..spaces import Space

"""Columns of the terminal that an architecture may take in the table; the best is printed in full below it."""

_Texts = list[str] | None


def search(
    space: Annotated[
        str | None,
        typer.Option(
            help="Search space, its YAML file, or module:name of your own. [default: nasbench201]",
            autocompletion=names_of("spaces:SPACES"),
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            help="Search algorithm. [default: bayesian; pareto_evolution for several metrics]",
            autocompletion=names_of("optimizers:OPTIMIZERS"),
        ),
    ] = None,
    metric: Annotated[
        _Texts,
        typer.Option(
            help="What to improve; may be repeated, for the best trade-offs. [default: "
            "analog_drift_2592000]",
            autocompletion=names_of("core:METRICS"),
        ),
    ] = None,
    constraint: Annotated[
        _Texts, typer.Option(help="A bound such as 'params<=1e6'; may be repeated.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(
            help="Distinct architectures evaluated per run. [default: 500; unlimited with --max-seconds or "
            "--max-cost]"
        ),
    ] = None,
    runs: Annotated[
        int | None, typer.Option(help="Independent repeats. [default: 5; 1 with --train]")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of everything random. [default: 0]", rich_help_panel=MORE),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            help="Wall-clock time per run, in s; the batch at work is finished.",
            rich_help_panel=MORE,
        ),
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            help="Largest sum of --cost-metric per run; the batch at work is finished.",
            rich_help_panel=MORE,
        ),
    ] = None,
    cost_metric: Annotated[
        str | None,
        typer.Option(help="Metric that says what an evaluation cost.", rich_help_panel=MORE),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            help="Where evaluations happen: serial, pool or ray. [default: serial; pool with --train]",
            rich_help_panel=MORE,
            autocompletion=names_of("search.backends.base:BACKENDS"),
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Workers of a pool or on Ray. [default: one for each core]")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Ray cluster, 'auto' for the one of this machine.", rich_help_panel=MORE),
    ] = None,
    gpus: Annotated[
        float | None,
        typer.Option(
            help="GPUs that each worker on Ray takes; fractions share one.", rich_help_panel=MORE
        ),
    ] = None,
    retries: Annotated[
        int | None,
        typer.Option(
            help="Further attempts for a failed evaluation. [default: 2]", rich_help_panel=MORE
        ),
    ] = None,
    noise: Annotated[
        int | None,
        typer.Option(
            help="Simulate errors: accuracies are means of this many noisy readings.",
            rich_help_panel=MORE,
        ),
    ] = None,
    chip: Annotated[
        str | None,
        typer.Option(
            help="Chip of aimc_ metrics: its name or YAML file. [default: hermes]",
            autocompletion=names_of("hardware:CHIPS"),
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data set of device metrics. [default: that of the space]", rich_help_panel=MORE
        ),
    ] = None,
    measured: Annotated[
        _Texts,
        typer.Option(
            help="Costs measured on your own device: a file of `analognas cost --keep`, or a CSV file; may be "
            "repeated.",
            rich_help_panel=MORE,
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            help="Measured table of `analognas bench`; only its architectures are proposed.",
            rich_help_panel=MORE,
        ),
    ] = None,
    train: Annotated[
        str | None,
        typer.Option(
            help="Train and measure every architecture as this YAML file says (docs/measuring.md)."
        ),
    ] = None,
    root: Annotated[
        str | None,
        typer.Option(help="Folder or file of the data of --train.", rich_help_panel=MORE),
    ] = None,
    fidelities: Annotated[
        str | None,
        typer.Option(
            help="Successive halving: digital epochs such as 1,3,9. All train for the first number, the best "
            "of them for the next; the last is that of --train.",
            rich_help_panel=MORE,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Start from architectures (.json, .txt; measured first), or from results of a table or of a "
            "search's folder, which cost nothing.",
            rich_help_panel=MORE,
        ),
    ] = None,
    prior: Annotated[
        str | None,
        typer.Option(
            help="Learn from another metric, device or data set: TABLE:METRIC, a search's folder, or "
            "analognasbench:METRIC.",
            rich_help_panel=MORE,
        ),
    ] = None,
    pending: Annotated[
        int | None,
        typer.Option(
            help="Asynchronous: this many evaluations are in progress at any time; results are used at once.",
            rich_help_panel=MORE,
        ),
    ] = None,
    extrapolate: Annotated[
        bool,
        typer.Option(
            "--extrapolate",
            help="Also propose networks outside of those that were measured for a shipped surrogate.",
        ),
    ] = False,
    config: Annotated[
        Path | None, typer.Option(help="Settings file; other options change it.")
    ] = None,
    setting: Annotated[
        _Texts,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Any other setting, such as optimizer.population_size=20; may be repeated. `analognas schema "
            "search` lists them.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="New or empty folder. [default: analognas-runs/search-NNN]"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of a search to continue, with its settings.")
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed",
            help="With --resume: evaluate again what failed.",
            rich_help_panel=MORE,
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> int:
    """Search for networks that stay accurate, or for the best trade-offs, and write a report.

    Example: analognas search --constraint 'params<=6e5' --out found
    """
    options = {
        "space": space,
        "optimizer": optimizer,
        "fidelities": None if fidelities is None else _fidelities(fidelities),
        "objectives": metric or None,
        "constraints": constraint or None,
        "budget": budget,
        "runs": runs,
        "seed": seed,
        "max_seconds": max_seconds,
        "max_cost": max_cost,
        "cost_metric": cost_metric,
        "backend.name": backend,
        "backend.n_workers": workers,
        "backend.address": address,
        "backend.gpus_per_worker": gpus,
        "backend.retries": retries,
        "evaluator.noise": noise,
        "evaluator.chip": chip,
        "evaluator.dataset": dataset,
        "evaluator.measured": measured or None,
        "evaluator.table": table,
        "evaluator.train": train,
        "evaluator.root": root,
        "extrapolate": extrapolate or None,
        "start": start,
        "prior": prior,
        "pending": pending,
    }
    changes = {path: value for path, value in options.items() if value is not None}
    changes |= dict(map(parse_setting, setting or []))
    if is_reference(changes.get("space")):
        import_code(str(changes["space"]))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        found = _search(config, changes, resume, retry_failed, out)
    for warning in said:
        print(f"note: {warning.message}", file=sys.stderr)
    claimed = claim_output(out, "search") if found.folder is None else hold_folder(found.folder)
    with claimed as folder:
        result = _run(found, folder)
    if as_json:
        print(dump_json(result.to_json()))
    else:
        _print(result, found.space)
    print(f"Results in {folder}", file=sys.stderr if as_json else sys.stdout)
    return 0 if result.feasible else EXIT_INFEASIBLE


def _fidelities(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidArgumentError(
            f"--fidelities must be rising numbers such as 1,3,9, but got {text!r}."
        ) from None


def _search(
    config: Path | None,
    changes: dict[str, Any],
    resume: Path | None,
    retry_failed: bool,
    out: Path | None,
) -> Search:
    """Return the search that the options describe: a new one, or one that continues."""
    from ..search import Search, SearchSettings

    if resume is None:
        if retry_failed:
            raise InvalidArgumentError(
                "--retry-failed goes with --resume: a new search has no failures."
            )
        settings = SearchSettings() if config is None else SearchSettings.load(config)
        return Search(settings.changed(changes))
    for name, given in (("--out", out), ("--config", config)):
        if given is not None:
            raise ResumeError(
                f"--resume continues in its folder with its own settings; omit {name}."
            )
    return Search.resume(resume, retry_failed=retry_failed, **changes)


def _run(found: Search, folder: Path) -> SearchResult:
    """Search and report in a folder."""
    from ..report import remove_search_report, write_search_report
    from ..report.html import write_page

    try:
        result = found.run(None if found.folder else folder, progress=True)
        write_search_report(result, folder)
        write_page(folder)
    except KeyboardInterrupt:
        if not found.has_log(folder):
            raise
        if found.folder is not None:
            remove_search_report(folder)
        raise to_continue("search --resume", folder) from None
    return result


def _print(result: SearchResult, space: Space) -> None:
    """Print the best architectures as a table, the best in all notations, and a summary."""
    from ..report import cell_columns
    from ..search import number, value_text
    from ..spaces import architecture_labels

    if result.feasible and len(result.problem.objectives) == 1:
        columns = cell_columns(result)
        heads, rows = ["architecture"], []
        compared = result.comparison is not None
        estimated = result.comparison is not None and result.comparison.reading is not None
        if estimated:
            heads.append("estimate")
        if compared:
            heads.append("95 % interval")
        labels = architecture_labels([cell["architecture"] for cell in result.winners], space)
        for label, cell in zip(labels.texts, result.winners, strict=True):
            known = cell.get("estimate")
            values = []
            if estimated:
                about = result.problem.metric(result.problem.objectives[0])
                values.append("" if known is None else number(about, known["estimate"]))
            if compared:
                values.append("" if known is None else f"{known['low']:.2f} to {known['high']:.2f}")
            values += [value_text(cell, result.problem.metric(name)) for name in columns]
            rows.append([label, *values])
        print(text_table([*heads, *columns.values()], rows))
        if labels.note:
            print(wrapped(labels.note))
        notations = space.describe(space.encode(result.winners[0]["architecture"]))
        for name, value in notations.items():
            if not isinstance(value, dict):  # the summary has it
                print(f"{name}: {tuple(value) if isinstance(value, list) else value}")
    print("\n".join(map(wrapped, result.summary().splitlines())))
