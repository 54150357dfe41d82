"""``analognas trials``: list the logs of searches, show the trials of one, export them."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import AnalogNASError, check_int, dump_json
from ..core.text_tables import terminal_width, text_table, wrapped

if TYPE_CHECKING:
    from ..search import Trials

trials_app = typer.Typer(name="trials")

_Log = Annotated[Path, typer.Argument(help="Folder of a search, or its trials.sqlite.")]
_Run = Annotated[int | None, typer.Option("--run", help="Only this run.")]
_Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="Only trials within a bound, such as 'params<=1e6'; may repeat."),
]
_Feasible = Annotated[
    bool, typer.Option("--feasible", help="Only trials that meet the search's constraints.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@trials_app.callback(invoke_without_command=True)
def trials(context: typer.Context) -> None:
    """Look at what searches have logged; nothing is changed, and they may still be running.

    Example: analognas trials show found --top 5
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


@trials_app.command("ls", short_help="List the searches in a folder.")
def ls(
    folder: Annotated[Path, typer.Argument(help="Where to look, folders below included.")] = Path(
        "analognas-runs"
    ),
    as_json: _Json = False,
) -> None:
    """List the searches in a folder, with how far they came and their best.

    Example: analognas trials ls analognas-runs
    """
    from ..search import find_logs

    entries = [_entry(path) for path in find_logs(folder)]
    if as_json:
        print(dump_json(entries))
        return
    if not entries:
        print(f"no trial logs in {folder}")
        return
    heads = (
        "folder",
        "best",
        "state",
        "trials",
        "runs",
        "objectives",
        "optimizer",
        "space",
        "last",
    )
    print(text_table(heads, [[str(entry.get(head, "")) for head in heads] for entry in entries]))


@trials_app.command("show", short_help="Show the trials of a search, best first.")
def show(
    log: _Log,
    top: Annotated[int, typer.Option("--top", help="Trials shown, the best; 0 for all.")] = 20,
    run: _Run = None,
    where: _Where = None,
    feasible: _Feasible = False,
    as_json: _Json = False,
) -> None:
    """Show the trials of a search, best first.

    Example: analognas trials show found --where 'params<=1e6'
    """
    from ..search import read_trials
    from ..spaces import architecture_labels

    check_int("--top", top, minimum=0)
    found = _filtered(read_trials(log), run, where, feasible)
    shown = found.take(found.best_first()[: top or None])
    if as_json:
        print(dump_json({"search": shown.settings, "trials": list(shown.rows())}))
        return
    metrics = [name for name in shown.values if not name.endswith("_sem")]
    metrics.sort(key=lambda name: name not in shown.objectives)
    named = [_head(shown, name) for name in metrics]
    bounded = [*(["feasible"] if shown.constraints else [])]
    heads = ["architecture", *named, "run", "number", *bounded]
    rows = list(shown.rows())
    half = terminal_width() // 2
    labels = architecture_labels([row["architecture"] for row in rows], found.space, width=half)
    lines = [
        [
            label,
            *(_number(row[name]) for name in metrics),
            str(row["run"]),
            str(row["number"]),
            "yes" if row["feasible"] else "no",
        ][: len(heads)]
        for label, row in zip(labels.texts, rows, strict=True)
    ]
    print(text_table(heads, lines))
    if labels.note:
        print(wrapped(labels.note))
    print(f"{len(shown)} of {len(found)} trials")


@trials_app.command("export", short_help="Write the trials of a search to a file.")
def export(
    log: _Log,
    out: Annotated[
        Path, typer.Argument(help="New file: .csv, .parquet, or .db for a study of Optuna.")
    ],
    format: Annotated[
        str | None, typer.Option("--format", help="csv, parquet or optuna. [default: by ending]")
    ] = None,
    run: _Run = None,
    where: _Where = None,
    feasible: _Feasible = False,
) -> None:
    """Write the trials of a search to a file, in the order in which they were made.

    Example: analognas trials export found trials.csv
    """
    from ..search import export_trials, read_trials

    found = _filtered(read_trials(log), run, where, feasible)
    path = export_trials(found, out, format=format)
    print(f"{len(found)} trials in {path}")


def _filtered(found: Trials, run: int | None, where: list[str] | None, feasible: bool) -> Trials:
    return found.take(found.matching(run=run, where=where or (), feasible=feasible))


def _entry(path: Path) -> dict[str, Any]:
    """What the list says of one log; of one that cannot be read, why."""
    from ..search import read_trials

    try:
        found = read_trials(path)
    except AnalogNASError as error:
        print(f"note: {error}", file=sys.stderr)
        return {"folder": str(path.parent), "state": "unreadable"}
    settings = found.settings
    optimizer = settings.get("optimizer")
    entry = {
        "folder": str(path.parent),
        "space": settings.get("space"),
        "optimizer": optimizer.get("name") if isinstance(optimizer, dict) else optimizer,
        "objectives": ", ".join(found.objectives),
        "runs": len(set(found.run.tolist())),
        "trials": len(found),
        "best": "none yet",
        "state": "finished" if found.finished else "unfinished",
    }
    if len(found):
        best = int(found.best_first()[0])
        met = found.violation[best] == 0
        values = (_number(found.values[name][best]) for name in found.objectives)
        entry["best"] = ", ".join(values) if met else "none feasible"
        entry["last"] = datetime.fromtimestamp(found.time.max()).isoformat(" ", "seconds")
    return entry


def _head(found: Trials, name: str) -> str:
    """The head of a metric's column, in words."""
    from ..core.metric_words import head_of

    try:
        return head_of(found.definition(name))
    except AnalogNASError:
        return name


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
