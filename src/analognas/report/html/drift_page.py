"""The page of a drift evaluation: accuracy of networks on many simulated chips over time."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from ...core.text_files import read_json
from ...core.times import time_name
from ...drift import DriftResult, read_drift
from ...drift.study import CURVES, STUDY_FILE
from .charts import Axis, Chart
from .document import (
    Document,
    columns_table,
    command_block,
    definitions,
    paragraph,
    settings_block,
    version_entries,
)

__all__ = ["drift_chart", "drift_page"]

_FEW_CHIPS = 10


def drift_page(folder: Path) -> Document:
    """Make the page of a finished drift evaluation from its folder.

    Args:
        folder: Folder with ``study.json`` and ``result.json``.

    Raises:
        TableIntegrityError: If a file is damaged.
    """
    return _document(read_drift(folder), read_json(folder / STUDY_FILE, sealed=True))


def _document(results: Mapping[str, DriftResult], settings: dict[str, Any]) -> Document:
    name, first = next(iter(results.items()))
    last = first.times[-1]
    metric, unit = first.task.metric_name, first.task.unit
    estimate = first.at(last)
    text = f"{estimate.value:.2f} {unit}".rstrip()
    digital = f"{first.reference:.2f} {unit}".rstrip()
    page = Document(
        "Accuracy of a network on analog chips over time",
        f"{_label(name).capitalize()}: {time_name(last)} after programming, the {metric} is {text} as a mean "
        f"over {first.n_chips} simulated chips{_interval(estimate)}. The digital network reaches {digital}.",
    )
    page.section("Over time", drift_chart(results), *_notes(results))
    page.section("Numbers", *(_table(name, result) for name, result in results.items()))
    page.section(
        "How sure this is",
        paragraph(
            f"Intervals hold the mean over all chips of this kind with {100 * first.confidence:g} % "
            "confidence. "
            f"They follow from the spread between {first.n_chips} chips, whose programming errors, drift and "
            f"read noise were drawn independently, on the same {first.n_examples:,} test examples."
        ),
        paragraph(
            "A network is iso-accurate if its normalised accuracy is at least 99 %: (accuracy - chance) / "
            "(digital accuracy - chance). The verdict is “undecided” where the interval holds the limit."
        ),
    )
    page.section(
        "How to repeat it",
        command_block(["analognas drift --config study.json"]),
        paragraph("study.json is in the folder of this page."),
        definitions(version_entries(settings["seed"])),
        settings_block("Settings (study.json)", settings),
    )
    rows = [
        [name, t, chip, value]
        for name, result in results.items()
        for t in result.times
        for chip, value in enumerate(result.chips_at(t).tolist())
    ]
    page.section(
        "Every chip",
        paragraph(f"{len(rows):,} values: the {metric} of each chip at each time."),
        page.download("chips.csv", ["network", "seconds", "chip", f"{metric} ({unit})"], rows),
    )
    return page


def _label(name: str) -> str:
    return CURVES.get(name, name)


def _interval(estimate: Any) -> str:
    if not np.isfinite(estimate.half_width):
        return ""
    low, high = estimate.shown
    return f" (interval {low:.2f} to {high:.2f})"


def drift_chart(results: Mapping[str, DriftResult]) -> str:
    """Return the chart of several networks, with the digital one of the first.

    Args:
        results: Evaluations by name; those of :data:`analognas.drift.study.CURVES` have labels of their own.
    """
    first = next(iter(results.values()))
    times = [t for t in first.times if t > 0.0]
    unit = f" ({first.task.unit})" if first.task.unit else ""
    most = 100.0 if first.task.unit == "%" else np.inf
    bands, values = {}, []
    for name, result in results.items():
        own = [t for t in result.times if t > 0.0]
        mean = np.array([result.at(t).value for t in own])
        spread = 1.645 * np.nan_to_num([result.chip_std(t) for t in own])
        bands[name] = (own, mean, mean - spread, mean + spread)
        values += [*(mean - spread), *(mean + spread), result.reference]
    log = False if first.task.higher_is_better else None
    chart = Chart(
        f"Mean {first.task.metric_name} over {first.n_chips} chips. Bands hold about 90 % of the chips; the "
        "dashed line is the digital network.",
        Axis.over(
            "time since programming", times, log=True, marks=[(t, time_name(t)) for t in times]
        ),
        Axis.over(f"{first.task.metric_name}{unit}", values, log=log, least=0.0, most=most),
    )
    for colour, (name, (own, mean, low, high)) in enumerate(bands.items()):
        estimates = [results[name].at(t) for t in own]
        chart.line(
            own,
            mean.tolist(),
            _label(name),
            colour=colour % 6,
            band=(low.tolist(), high.tolist()),
            tips=[
                f"{_label(name)}, {time_name(t)}: {estimate.value:.2f}{_interval(estimate)}"
                for t, estimate in zip(own, estimates, strict=True)
            ],
        )
    chart.level(first.reference, "digital network")
    return chart.html()


def _notes(results: Mapping[str, DriftResult]) -> list[str]:
    """A warning if there are few chips."""
    fewest = min(result.n_chips for result in results.values())
    if fewest >= _FEW_CHIPS:
        return []
    return [
        paragraph(f"Only {fewest} chips were measured, so bands and intervals are rough.", "note")
    ]


def _table(name: str, result: DriftResult) -> str:
    unit = f" ({result.task.unit})" if result.task.unit else ""
    rows = []
    for t in result.times:
        estimate, normalised = result.at(t), result.normalised(t)
        low, high = estimate.shown
        interval = (
            f"{low:.2f} to {high:.2f}" if np.isfinite(estimate.half_width) else "one chip: none"
        )
        rows.append(
            [
                time_name(t) if t > 0.0 else "0 s",
                f"{estimate.value:.2f}",
                interval,
                f"{result.chip_std(t):.2f}" if np.isfinite(result.chip_std(t)) else "-",
                f"{100 * normalised.value:.1f}",
                result.iso_accuracy(t),
            ]
        )
    heads = [
        "time",
        f"{result.task.metric_name}{unit}",
        f"{100 * result.confidence:g} % interval",
        "spread between chips",
        "normalised (%)",
        "iso-accurate",
    ]
    heading = f"<h3>{escape(_label(name).capitalize())}</h3>"
    return heading + columns_table(heads, rows, caption=f"{result.n_chips} chips.")
