"""The results folder of a search: summary and figures beside the log."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..core import DRIFT_TIME_NAMES, DRIFT_TIMES, Metric, write_text
from ..search import SearchResult, number, value_text
from ..spaces import Space, architecture_text
from .convergence import convergence_figure
from .drift import drift_figure
from .html.document import PAGE_FILE
from .pareto import pareto_figure
from .style import save_figure

SUMMARY_FILE = "summary.md"
DRIFT_FILE = "drift.png"
CONVERGENCE_FILE = "convergence.png"
PARETO_FILE = "pareto.png"

_MOST_DRAWN = 6
"""Architectures whose drift is drawn at most."""


def write_search_report(result: SearchResult, folder: str | os.PathLike[str]) -> list[Path]:
    """Write ``summary.md``, ``convergence.png`` and where drift was measured ``drift.png``, each atomically.

    With several objectives, ``pareto.png`` shows the non-dominated set, and convergence is its hypervolume.

    Returns:
        The files written.

    Raises:
        OutputFolderError: If the folder does not exist or cannot be written to.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer="random_search", runs=1, budget=5, out="small").search()
        >>> [file.name for file in write_search_report(result, "small")]
        ['summary.md', 'convergence.png', 'drift.png']
    """
    home = Path(folder)
    files = [home / SUMMARY_FILE, home / CONVERGENCE_FILE]
    write_text(files[0], summary_markdown(result))
    several = len(result.problem.objectives) > 1
    counted = _counted(result)
    if several and result.feasible:
        files.append(home / PARETO_FILE)
        save_figure(pareto_figure(result), files[-1])
        save_figure(convergence_figure(result.hypervolume(), None, counted=counted), files[1])
    else:
        curves = result.convergence()
        save_figure(
            convergence_figure(
                curves,
                result.problem.metric(result.problem.objectives[0]),
                _truth(result),
                counted=counted,
            ),
            files[1],
        )
    drawn = [cell for cell in result.winners if _has_drift(cell["metrics"])][:_MOST_DRAWN]
    title = "Best cells found" if result.feasible else "Nearest cells (break a constraint)"
    if drawn:
        files.append(home / DRIFT_FILE)
        save_figure(drift_figure(drawn, title, space=result.space), files[-1])
    return files


def _counted(result: SearchResult) -> str:
    """What the queries of a search are."""
    if result.n_at_fidelity:
        return "evaluations at any fidelity; the best is that of the full one"
    return "distinct architectures evaluated"


def _truth(result: SearchResult) -> tuple[float, float, float] | None:
    """Estimate of the winner's true value with its interval, where the table has label noise."""
    comparison = result.comparison
    if comparison is None or comparison.reading is None:
        return None
    winner = comparison.winner
    return winner.estimate, winner.low, winner.high


def remove_search_report(folder: str | os.PathLike[str]) -> None:
    """Remove the pages and figures of an earlier result; the log stays.

    Example:
        >>> from analognas import Worker
        >>> from analognas.report import write_search_report
        >>> result = Worker(optimizer="random_search", runs=1, budget=5, out="small").search()
        >>> files = write_search_report(result, "small")
        >>> remove_search_report("small")
        >>> any(file.exists() for file in files)
        False
    """
    for name in (SUMMARY_FILE, CONVERGENCE_FILE, DRIFT_FILE, PARETO_FILE, PAGE_FILE):
        (Path(folder) / name).unlink(missing_ok=True)


def summary_markdown(result: SearchResult) -> str:
    """The result as a Markdown page: what was asked, the winner, the runners-up, the runs.

    Example:
        >>> from analognas import Worker
        >>> summary_markdown(Worker(optimizer="random_search", runs=1, budget=5).search())[:8]
        '# Search'
    """
    payload = result.to_json()
    optimizer = payload["optimizer"]
    sizes = ", ".join(f"{key} {value}" for key, value in optimizer.items() if key != "name")
    bounds = ", ".join(f"`{bound}`" for bound in payload["constraints"]) or "none"
    several = len(result.problem.objectives) > 1
    first = result.problem.metric(result.problem.objectives[0])
    head = "evaluations" if result.n_at_fidelity else "distinct architectures"
    lines = [
        "# Search result",
        "",
        result.summary(table=False),
        "",
        *(f"- objective: {_goal(result.problem.metric(n))}" for n in result.problem.objectives),
        f"- constraints: {bounds}",
        f"- space: {payload['space']}; optimizer: {optimizer['name']} ({sizes})",
        f"- {payload['n_runs']} runs of up to {payload['budget']} {head}, seed {payload['seed']}",
        f"- evaluator: {_evaluator_text(payload['evaluator'])}",
        "",
        _heading(result),
        "",
        *_cells_table(result),
        "",
        *(_class_note(result.winners[0], first) if result.feasible and not several else []),
        "## Runs",
        "",
        *(_front_runs(payload, head) if several else _runs(payload, first, head, result.space)),
        "",
        "Beside this page: `trials.sqlite` (every evaluation), `best.json` (this result for programs), "
        f"`convergence.png`{', `pareto.png`' if several else ''} and, where drift was measured, `drift.png`.",
    ]
    return "\n".join(lines) + "\n"


def _goal(objective: Metric) -> str:
    direction = "highest" if objective.higher_is_better else "lowest"
    return f"{direction} `{objective.name}` ({objective.description})"


def _heading(result: SearchResult) -> str:
    if not result.feasible:
        return "## Nearest architectures: all of them break a constraint"
    several = len(result.problem.objectives) > 1
    return "## Non-dominated architectures" if several else "## Best architectures"


def _evaluator_text(identity: dict[str, Any]) -> str:
    """What an evaluator is, in words; of a chip its name only, of trainings the data."""
    if "sources" in identity:
        return "; ".join(map(_evaluator_text, identity["sources"]))
    names = {"chip": "name", "trained": "data"}
    return ", ".join(
        f"{key} {value[names[key]] if key in names else value}" for key, value in identity.items()
    )


def _runs(payload: dict[str, Any], objective: Metric, head: str, space: Space | None) -> list[str]:
    return [
        f"| run | best | {objective.name} | {head} | ended by |",
        "|---|---|---|---|---|",
        *(
            f"| {entry['run']} | {architecture_text(entry['architecture'], space=space)} | "
            f"{number(objective, entry[objective.name])}"
            f"{'' if entry['feasible'] else ' (breaks a constraint)'} | {entry['evaluations']} | "
            f"{entry['stopped_by']} |"
            for entry in payload["runs"]
        ),
    ]


def _front_runs(payload: dict[str, Any], head: str) -> list[str]:
    return [
        f"| run | hypervolume | {head} | ended by |",
        "|---|---|---|---|",
        *(
            f"| {entry['run']} | {entry.get('hypervolume', 0.0):.4f} | {entry['evaluations']} | "
            f"{entry['stopped_by']} |"
            for entry in payload["runs"]
        ),
    ]


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

_ABOUT_ESTIMATES = (
    " The estimate is that of its true value, the mean over all trainings of the network; the other numbers "
    "are what the table reads."
)

_ABOUT_PREDICTIONS = " {} is predicted, `±` one standard error of the prediction."


def cell_columns(result: SearchResult) -> dict[str, str]:
    """Metrics that a table of the best cells shows, with their heads; objectives are marked by a star.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer="random_search", runs=1, budget=5).search()
        >>> list(cell_columns(result))[:3]
        ['analog_drift_2592000', 'baseline_accuracy', 'analog_accuracy']
    """
    known = result.winners[0]["metrics"]
    columns = {name: head for name, head in SHORT_NAMES.items() if name in known}
    for name in reversed(result.problem.metrics):
        columns = {name: columns.get(name, name)} | columns
    objectives = result.problem.objectives
    return {name: head + (" *" if name in objectives else "") for name, head in columns.items()}


def _cells_table(result: SearchResult) -> list[str]:
    columns = cell_columns(result)
    about = result.problem.metric
    rows = []
    errors = result.winners[0].get("standard_errors", {})
    predicted = [f"`{name}`" for name in columns if errors.get(name)]
    one = len(result.problem.objectives) == 1
    truth = _truth(result) is not None
    heads = [*(["estimate (95 % interval)"] if truth else []), *columns.values()]
    for rank, cell in enumerate(result.winners, start=1):
        metrics = cell["metrics"]
        values = [
            f"{number(about(name), metrics[name])} ± {metrics[f'{name}_std']:.2f}"
            if f"{name}_std" in metrics
            else value_text(cell, about(name))
            for name in columns
        ]
        if truth:
            values.insert(0, _estimate_text(cell, about(result.problem.objectives[0])))
        rows.append(
            f"| {rank} | {architecture_text(cell['architecture'], space=result.space)} | {' | '.join(values)} |"
        )
    return [
        f"| | architecture | {' | '.join(heads)} |",
        "|---" * (len(heads) + 2) + "|",
        *rows,
        "",
        ("`*` is the objective." if one else "`*` marks objectives.")
        + (_ABOUT_ESTIMATES if truth else "")
        + (_ABOUT_ACCURACIES if "baseline_accuracy" in columns else "")
        + (_ABOUT_PREDICTIONS.format(", ".join(predicted)) if predicted else ""),
    ]


def _estimate_text(cell: dict[str, Any], objective: Metric) -> str:
    known = cell.get("estimate")
    if known is None:
        return "-"
    low, high = (number(objective, known[name]) for name in ("low", "high"))
    return f"{number(objective, known['estimate'])} ({low} to {high})"


def _class_note(cell: dict[str, Any], objective: Metric) -> list[str]:
    group = cell.get("isomorphism_class")
    if group is None or group["members"] < 2:
        return []
    mean = group["means"].get(objective.name)
    if mean is None:
        return []
    return [
        f"The best cell is one of {group['members']} cells that are the same network, trained separately; "
        f"their mean {objective.name} is {number(objective, mean)}.",
        "",
    ]


def _has_drift(metrics: dict[str, Any]) -> bool:
    names = [f"{kind}_drift_{time}" for kind in ("analog", "noisy") for time in DRIFT_TIMES]
    needed = ["baseline_accuracy", *names, *(f"{name}_std" for name in names)]
    return all(metrics.get(name) is not None for name in needed)
