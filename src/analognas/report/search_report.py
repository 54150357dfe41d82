"""The results folder of a search: summary and figures beside the log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core import DRIFT_TIME_NAMES, DRIFT_TIMES, get_metric, write_text
from ..worker import SearchResult, architecture_text
from .convergence_figure import convergence_figure
from .drift_figure import drift_figure
from .style import save_figure

SUMMARY_FILE = "summary.md"
DRIFT_FILE = "drift.png"
CONVERGENCE_FILE = "convergence.png"


def write_search_report(result: SearchResult, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``summary.md``, ``drift.png`` and ``convergence.png``, each atomically.

    Returns:
        The files written.

    Raises:
        OutputFolderError: If the folder does not exist or cannot be written to.
    """
    home = Path(folder)
    files = [home / SUMMARY_FILE, home / CONVERGENCE_FILE]
    write_text(files[0], summary_markdown(result))
    save_figure(convergence_figure(result.convergence(), result.problem.objectives[0]), files[1])
    drawn = [cell for cell in result.winners if _has_drift(cell["metrics"])]
    title = "Best cells found" if result.feasible else "Nearest cells (break a constraint)"
    if drawn:
        files.append(home / DRIFT_FILE)
        save_figure(drift_figure(drawn, title), files[-1])
    return files


def remove_search_report(folder: str | os.PathLike[str]) -> None:
    """Remove the pages and figures of an earlier result; the log stays."""
    for name in (SUMMARY_FILE, CONVERGENCE_FILE, DRIFT_FILE):
        (Path(folder) / name).unlink(missing_ok=True)


def summary_markdown(result: SearchResult) -> str:
    """The result as a Markdown page: what was asked, the winner, the runners-up, the runs."""
    payload = result.to_json()
    objective = result.problem.objectives[0]
    about = get_metric(objective)
    optimizer = payload["optimizer"]
    sizes = ", ".join(f"{key} {value}" for key, value in optimizer.items() if key != "name")
    bounds = ", ".join(f"`{bound}`" for bound in payload["constraints"]) or "none"
    direction = "highest" if about.higher_is_better else "lowest"
    lines = [
        "# Search result",
        "",
        result.summary(),
        "",
        f"- objective: {direction} `{objective}` ({about.description})",
        f"- constraints: {bounds}",
        f"- space: {payload['space']}; optimizer: {optimizer['name']} ({sizes})",
        f"- {payload['n_runs']} runs of up to {payload['budget']} distinct architectures, seed "
        f"{payload['seed']}",
        "- evaluator: "
        + ", ".join(f"{key} {value}" for key, value in payload["evaluator"].items()),
        "",
        "## Best architectures"
        if result.feasible
        else "## Nearest architectures: all of them break a constraint",
        "",
        *_cells_table(result),
        "",
        *(_class_note(result.winners[0], objective) if result.feasible else []),
        "## Runs",
        "",
        f"| run | best | {objective} | distinct architectures | ended by |",
        "|---|---|---|---|---|",
        *(
            f"| {entry['run']} | {architecture_text(entry['architecture'])} | "
            f"{number(objective, entry[objective])}"
            f"{'' if entry['feasible'] else ' (breaks a constraint)'} | {entry['evaluations']} | "
            f"{entry['stopped_by']} |"
            for entry in payload["runs"]
        ),
        "",
        "Beside this page: `trials.sqlite` (every evaluation), `best.json` (this result for programs), "
        "`convergence.png` and, where drift was measured, `drift.png`.",
    ]
    return "\n".join(lines) + "\n"


def number(metric: str, value: float | None) -> str:
    """A value as people read it: two decimals, or a count with thousands separators; a dash for none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if get_metric(metric).unit else f"{value:,.0f}"


SHORT_NAMES = {
    "baseline_accuracy": "digital",
    "analog_accuracy": "HWA",
    **{f"analog_drift_{time}": DRIFT_TIME_NAMES[time] for time in DRIFT_TIMES},
    "avm": "AVM",
    "params": "params",
}
"""The metrics that a table of cells shows beside the objective, and their column heads."""


_ABOUT_ACCURACIES = (
    " Accuracies in percent, digital (FP32), on chip after hardware-aware training (HWA) and with programming "
    "noise and drift at each time since programming, `±` one standard deviation over the readings; AVM is the "
    "accuracy lost from 1 min to 1 month, in points."
)


def cell_columns(result: SearchResult) -> dict[str, str]:
    """Metrics that a table of the best cells shows, with their heads; the objective is marked by a star."""
    known = result.winners[0]["metrics"]
    columns = {name: head for name, head in SHORT_NAMES.items() if name in known}
    for name in reversed(result.problem.metrics):
        columns = {name: columns.get(name, name)} | columns
    objective = result.problem.objectives[0]
    return {name: head + (" *" if name == objective else "") for name, head in columns.items()}


def _cells_table(result: SearchResult) -> list[str]:
    columns = cell_columns(result)
    rows = []
    for rank, cell in enumerate(result.winners, start=1):
        metrics = cell["metrics"]
        values = [
            number(name, metrics[name])
            + (f" ± {metrics[f'{name}_std']:.2f}" if f"{name}_std" in metrics else "")
            for name in columns
        ]
        rows.append(
            f"| {rank} | {architecture_text(cell['architecture'])} | {' | '.join(values)} |"
        )
    return [
        f"| | architecture | {' | '.join(columns.values())} |",
        "|---" * (len(columns) + 2) + "|",
        *rows,
        "",
        "`*` is the objective." + (_ABOUT_ACCURACIES if "baseline_accuracy" in columns else ""),
    ]


def _class_note(cell: dict[str, Any], objective: str) -> list[str]:
    group = cell.get("isomorphism_class")
    if group is None or group["members"] < 2:
        return []
    mean = group["means"].get(objective)
    if mean is None:
        return []
    return [
        f"The best cell is one of {group['members']} cells that are the same network, trained separately; "
        f"their mean {objective} is {number(objective, mean)}, which is the better estimate of its quality.",
        "",
    ]


def _has_drift(metrics: dict[str, Any]) -> bool:
    names = [f"{kind}_drift_{time}" for kind in ("analog", "noisy") for time in DRIFT_TIMES]
    needed = ["baseline_accuracy", *names, *(f"{name}_std" for name in names)]
    return all(metrics.get(name) is not None for name in needed)
