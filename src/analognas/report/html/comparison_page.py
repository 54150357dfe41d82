"""The page of two results beside each other: searches, drift evaluations or measured tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core import METRICS, InvalidArgumentError
from ...core.metric_words import head_of, words_of
from ...core.text_files import read_json
from ...core.times import time_name
from ...drift import read_drift
from ...search import number, read_trials
from ...search.results_folder import RESULT_FILE
from ...spaces import architecture_text
from .charts import Axis, Chart
from .document import Document, columns_table, definitions, paragraph
from .drift_page import drift_chart
from .metric_names import space_of, value_of
from .search_charts import convergence_chart

__all__ = ["comparison_page"]


def comparison_page(one: Path, other: Path) -> Document:
    """Compare two results of one kind.

    Args:
        one: Folder of a search, drift evaluation or build, or a measured table.
        other: The same kind.

    Raises:
        InvalidArgumentError: If they are of different kinds, or cannot be compared.
        TableIntegrityError: If a file is damaged.
    """
    kinds = [_kind(path) for path in (one, other)]
    if kinds[0] != kinds[1]:
        raise InvalidArgumentError(
            f"Only results of one kind can be compared, but {str(one)!r} is a {kinds[0]} and {str(other)!r} a "
            f"{kinds[1]}."
        )
    names = _names(one, other)
    return {"search": _searches, "drift evaluation": _drift, "measured table": _tables}[kinds[0]](
        names, one, other
    )


def _kind(path: Path) -> str:
    if path.suffix == ".parquet" or (path / "table.parquet").is_file():
        return "measured table"
    if (path / RESULT_FILE).is_file():
        return "search"
    if (path / "study.json").is_file() and (path / "result.json").is_file():
        return "drift evaluation"
    raise InvalidArgumentError(
        f"{str(path)!r} holds no finished search, drift evaluation or build that could be compared."
    )


def _names(one: Path, other: Path) -> tuple[str, str]:
    """Names of two folders; their whole paths if the last parts are equal."""
    short = one.stem, other.stem
    return short if short[0] != short[1] else (str(one), str(other))


def _searches(names: tuple[str, str], one: Path, other: Path) -> Document:
    results: list[dict[str, Any]] = [
        read_json(path / RESULT_FILE, sealed=True) for path in (one, other)
    ]
    if results[0]["objectives"][0] != results[1]["objectives"][0]:
        raise InvalidArgumentError(
            f"The searches have different objectives: {results[0]['objectives'][0]} and "
            f"{results[1]['objectives'][0]}."
        )
    trials = [read_trials(path) for path in (one, other)]
    metric = trials[0].definition(results[0]["objectives"][0])
    values = [_found(result, metric.name) for result in results]
    ahead = 0 if metric.sign * (values[0] - values[1]) >= 0 else 1
    page = Document(
        f"Two searches: {names[0]} and {names[1]}",
        f"{names[ahead]} found the better {words_of(metric)}: {value_of(metric, values[ahead])} against "
        f"{value_of(metric, values[1 - ahead])}."
        if values[0] != values[1]
        else f"Both found the same {words_of(metric)}: {value_of(metric, values[0])}.",
    )
    courses = convergence_chart(dict(zip(names, trials, strict=True)), metric)
    page.section("How the searches went", courses)
    rows = [
        ["search space", *(space_of(result["space"]) for result in results)],
        ["optimizer", *(result["optimizer"]["name"] for result in results)],
        ["constraints", *(", ".join(result["constraints"]) or "none" for result in results)],
        ["runs", *(str(result["n_runs"]) for result in results)],
        ["evaluations", *(f"{len(each):,}" for each in trials)],
        [
            "best network",
            *(
                architecture_text(r["best"]["architecture"], space=found.space)
                for r, found in zip(results, trials, strict=True)
            ),
        ],
    ]
    both = [name for name in results[0]["best"]["metrics"] if name in results[1]["best"]["metrics"]]
    both = [name for name in both if not name.endswith(("_std", "_sem"))]
    rows += [
        [head_of(about), *(number(about, r["best"]["metrics"][about.name]) for r in results)]
        for about in trials[0].definitions(both)
    ]
    page.section("Side by side", columns_table(["", *names], rows, texts=(0, 1, 2)))
    return page


def _found(result: dict[str, Any], name: str) -> float:
    """The estimate of the winner's value, or its reading."""
    estimate = result["best"].get("estimate")
    return float(result["best"]["metrics"][name] if estimate is None else estimate["estimate"])


def _drift(names: tuple[str, str], one: Path, other: Path) -> Document:
    pair = [read_drift(path) for path in (one, other)]
    firsts = [next(iter(results.values())) for results in pair]
    if firsts[0].task.name != firsts[1].task.name:
        raise InvalidArgumentError(
            f"The evaluations are of different tasks: {firsts[0].task.name} and {firsts[1].task.name}."
        )
    last = max(set(firsts[0].times) & set(firsts[1].times), default=None)
    if last is None:
        raise InvalidArgumentError("The evaluations have no time in common.")
    estimates = [result.at(last) for result in firsts]
    texts = [f"{e.value:.2f} ± {e.half_width:.2f} {firsts[0].task.unit}" for e in estimates]
    page = Document(
        f"Two drift evaluations: {names[0]} and {names[1]}",
        f"{time_name(last)} after programming: {names[0]} {texts[0]}, {names[1]} {texts[1]}.",
    )
    shown = dict(zip(names, firsts, strict=True))
    page.section("Over time", drift_chart(shown))
    page.section(
        "Conditions",
        definitions(
            {
                name: f"{result.n_chips} chips, {result.n_examples:,} examples"
                for name, result in shown.items()
            }
        ),
    )
    return page


def _tables(names: tuple[str, str], one: Path, other: Path) -> Document:
    from ...builder import compare_tables
    from ...tables import find_table

    files = [path if path.suffix == ".parquet" else path / "table.parquet" for path in (one, other)]
    found = compare_tables(find_table(files[0]), find_table(files[1]))
    page = Document(
        f"Two tables: {names[0]} and {names[1]}",
        f"{found.n_common} networks are in both tables.",
    )
    rows = []
    for metric in found.metrics:
        tau, rho = metric.kendall_tau, metric.spearman_rho
        ceiling = "-" if metric.ceiling_tau is None else f"{metric.ceiling_tau:.2f}"
        about = METRICS.get(metric.metric)
        rows.append(
            [
                metric.metric if about is None else head_of(about),
                str(metric.n),
                f"{tau.value:.2f} ({tau.low:.2f} to {tau.high:.2f})",
                f"{rho.value:.2f} ({rho.low:.2f} to {rho.high:.2f})",
                ceiling,
            ]
        )
    heads = [
        "metric",
        "networks",
        "Kendall tau (95 % interval)",
        "Spearman (95 % interval)",
        "ceiling of tau",
    ]
    page.section(
        "Do they rank networks alike?",
        columns_table(
            heads, rows, caption="The ceiling is what the label noise of both tables allows."
        ),
        *(paragraph(note, "note") for note in found.notes),
    )
    for metric in found.metrics[:4]:
        about = METRICS.get(metric.metric)
        head = metric.metric if about is None else head_of(about)
        x, y = metric.values
        chart = Chart(
            f"{head}: the same networks in both tables.",
            Axis.over(f"{head}, {names[0]}", x.tolist()),
            Axis.over(f"{head}, {names[1]}", y.tolist()),
        )
        tips = [f"{a:.4g} and {b:.4g}" for a, b in zip(x, y, strict=True)]
        chart.dots(x.tolist(), y.tolist(), "", colour=0, tips=tips)
        page.section(head, chart.html())
    return page
