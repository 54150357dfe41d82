"""The page of a measured table: what was measured, its values, and how far they can be trusted."""

from __future__ import annotations

from html import escape
from pathlib import Path

import numpy as np

from ...core import METRICS, Metric
from ...core.metric_words import head_of, words_of
from ...search import number
from ...spaces import architecture_labels
from ...tables import MeasuredTable
from .document import (
    Document,
    columns_table,
    command_block,
    definitions,
    paragraph,
    settings_block,
    version_entries,
)
from .metric_names import space_of
from .tradeoff import Floats, tradeoff_chart

__all__ = ["build_page"]

_WIDTH = 80
"""Characters of an architecture in a table."""
_ROWS = 100
"""Networks in the table on the page; the file to download has all."""
_HIDDEN = ("_std", "_sem")


def build_page(path: Path) -> Document:
    """Make the page of a measured table.

    Args:
        path: The table, such as ``table.parquet`` of a build.

    Raises:
        TableIntegrityError: If it is missing or damaged.
    """
    table = MeasuredTable(path)
    networks = [*table]
    metrics = [
        METRICS[name] for name in table.metrics if name in METRICS and not name.endswith(_HIDDEN)
    ]
    values = {
        name: np.asarray(column, dtype=np.float64)
        for name, column in table.query(networks, table.metrics).items()
    }
    fidelity = ", ".join(f"{_words(name)} {value}" for name, value in table.rows.fidelity.items())
    page = Document(
        f"Measured table: {table.name}",
        f"{len(table):,} networks of the space “{space_of(table.space.name)}” were trained and measured"
        f"{'' if table.complete else ', and the build is not complete yet'}. Every network was measured alike: "
        f"{fidelity}.",
    )
    facts = {_words(key): str(value) for key, value in table.metadata["provenance"].items()}
    for name in ("licence", "notes"):
        if table.metadata.get(name):
            facts[name] = str(table.metadata[name])
    page.section("What was measured", definitions(facts))
    page.section("Values", _summary(metrics, values), _chart(table, metrics, values, networks))
    page.section("How sure this is", f"<pre>{escape(str(table.quality()))}</pre>")
    page.section(
        "How to use it, and how to repeat it",
        command_block(
            [
                f"analognas search --table {path.name}",
                f"analognas bench info {path.name}",
                "analognas bench build specification.yaml",
            ]
        ),
        definitions(version_entries(None)),
        settings_block("Specification of the measurement", table.metadata["measurement"]),
    )
    names = [str(name) for name in values]
    rows = [
        [label, *(_known(values[name][place]) for name in names)]
        for place, label in enumerate(_labels(table, networks))
    ]
    main = _main(metrics)
    order = np.argsort(-main.sign * values[main.name], kind="stable")[:_ROWS]
    shown = [
        [
            rows[place][0],
            *(number(metric, _known(values[metric.name][place])) for metric in metrics),
        ]
        for place in order.tolist()
    ]
    page.section(
        "Every network",
        page.download(f"{table.name}.csv", ["architecture", *names], rows),
        columns_table(
            ["network", *map(head_of, metrics)],
            shown,
            caption=f"{len(shown)} of {len(rows):,} networks, best {words_of(main)} first.",
            sortable=True,
        ),
    )
    return page


def _main(metrics: list[Metric]) -> Metric:
    """Return the metric by which networks are sorted: the accuracy on chip at the latest time."""
    accuracies = [metric for metric in metrics if metric.unit == "%"]
    return (accuracies or metrics)[-1]


def _summary(metrics: list[Metric], values: dict[str, Floats]) -> str:
    rows = []
    for metric in metrics:
        known = values[metric.name][np.isfinite(values[metric.name])]
        if len(known):
            ends = (known.min(), np.quantile(known, 0.5, method="lower"), known.max())
            rows.append([head_of(metric), *(number(metric, float(end)) for end in ends)])
    return columns_table(["metric", "smallest", "median", "largest"], rows)


def _chart(
    table: MeasuredTable, metrics: list[Metric], values: dict[str, Floats], networks: list[object]
) -> str:
    main = _main(metrics)
    others = [metric for metric in metrics if metric.name in ("params", "macs")]
    if not others or main in others:
        return paragraph("The networks have no size to compare their accuracy with.")
    across = others[0]
    return tradeoff_chart(
        (across, main),
        (values[across.name], values[main.name]),
        np.ones(len(networks), dtype=bool),
        lambda rows: _labels(table, [networks[row] for row in rows.tolist()]),
    )


def _labels(table: MeasuredTable, networks: list[object]) -> list[str]:
    """Short texts of networks, different for different ones."""
    return architecture_labels(
        networks, table.full_space, width=_WIDTH, only_differences=False
    ).texts


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _words(name: str) -> str:
    return name.replace("_", " ")
