"""The page of a search: what was asked and found, how sure it is, and every evaluation."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core import InvalidArgumentError, Metric
from ...core.metric_words import head_of, words_of
from ...core.text_files import read_json
from ...search import Trials, number, read_trials
from ...search.results_folder import RESULT_FILE
from ...spaces import architecture_labels, architecture_text
from .document import (
    Document,
    columns_table,
    command_block,
    definitions,
    paragraph,
    settings_block,
    version_entries,
)
from .drawings import drawing
from .metric_names import space_of, value_of
from .search_charts import convergence_chart, winners_over_time
from .tradeoff import tradeoff_chart

__all__ = ["search_page"]

_WIDTH = 80
"""Characters of an architecture in a table; the file to download has all."""
_DRAWN = 3
"""Architectures that are drawn."""
_ROWS = 100
"""Evaluations in the table on the page; the file to download has more."""
_CSV_ROWS = 10_000
"""Evaluations in the file to download."""


def search_page(folder: Path) -> Document:
    """Make the page of a finished search from its folder.

    Args:
        folder: Folder with ``trials.sqlite`` and ``best.json``.

    Raises:
        InvalidArgumentError: If the search has no result yet.
        TableIntegrityError: If a file is damaged.
    """
    if not (folder / RESULT_FILE).is_file():
        raise InvalidArgumentError(
            f"The search in {str(folder)!r} has no result yet; continue it with: analognas search --resume "
            f"{shlex.quote(str(folder))}"
        )
    return _Page(read_json(folder / RESULT_FILE, sealed=True), read_trials(folder)).document()


class _Page:
    def __init__(self, result: dict[str, Any], trials: Trials) -> None:
        self.result = result
        self.trials = trials
        self.objectives = [trials.definition(name) for name in result["objectives"]]
        several = result.get("front") or result.get("nearest")
        self.winners = several or [result["best"], *result.get("runners_up", [])]

    def document(self) -> Document:
        space = self.result["space"]
        page = Document(f"Search for networks: {space_of(space)}", self._lead())
        page.section("What was asked", self._asked())
        page.section("Best networks", *self._best())
        drift = winners_over_time(self.winners, self.trials.space)
        if drift:
            page.section("Accuracy over time", drift)
        page.section("How the search went", self._course(), *self._runs())
        page.section("All networks that were tried", self._scatter())
        page.section("How sure this is", *self._certainty())
        page.section("How to repeat it", *self._repeat())
        page.section("Every evaluation", *self._evaluations(page))
        return page

    def _lead(self) -> str:
        best, first = self.result["best"], self.objectives[0]
        name = architecture_text(best["architecture"], space=self.trials.space)
        if not self.result["feasible"]:
            n = len(self.trials)
            return f"No network met the constraints in {n:,} evaluations. The nearest is {name}."
        if len(self.objectives) > 1:
            names = " and ".join(words_of(metric) for metric in self.objectives)
            return f"The search found {len(self.winners)} best compromises between {names}."
        estimate = best.get("estimate")
        if estimate is None:
            reading = value_of(first, best["metrics"][first.name])
            return f"The best network found is {name}: {words_of(first)} {reading}."
        low, high = (number(first, estimate[end]) for end in ("low", "high"))
        return (
            f"The best network found is {name}. Its {words_of(first)} is estimated as "
            f"{value_of(first, estimate['estimate'])} (95 % interval {low} to {high})."
        )

    def _asked(self) -> str:
        result = self.result
        optimizer = dict(result["optimizer"])
        goals = [
            f"{'the highest' if metric.higher_is_better else 'the lowest'} {words_of(metric)}"
            for metric in self.objectives
        ]
        return definitions(
            {
                "Wanted": "; ".join(goals),
                "Constraints": ", ".join(result["constraints"]) or "none",
                "Search space": space_of(result["space"]),
                "Networks are scored by": _evaluator_text(result["evaluator"]),
                "Optimizer": str(optimizer.pop("name")).replace("_", " "),
                "Effort": f"{result['n_runs']} run{'s' if result['n_runs'] > 1 else ''} of up to "
                f"{self._limits()}, seed {result['seed']}",
            }
        )

    def _limits(self) -> str:
        """What ended a run at the latest."""
        settings = self.trials.settings.get("settings", {})
        cost = settings.get("cost_metric") or "cost"
        limits = {
            "evaluations": self.result["budget"],
            "s": settings.get("max_seconds"),
            f"of {cost}": settings.get("max_cost"),
        }
        known = [f"{value:,} {unit}" for unit, value in limits.items() if value is not None]
        return " or ".join(known) or "all architectures"

    def _best(self) -> list[str]:
        metrics = self._shown_metrics()
        estimated = any("estimate" in cell for cell in self.winners)
        heads = ["", "network", *(["estimate (95 % interval)"] if estimated else [])]
        heads += [head_of(metric) for metric in metrics]
        rows = []
        labels = self._labels([entry["architecture"] for entry in self.winners])
        for rank, (label, cell) in enumerate(zip(labels, self.winners, strict=True), start=1):
            row = [str(rank), label]
            if estimated:
                row.append(self._estimate(cell))
            rows.append(row + [self._with_spread(cell, metric) for metric in metrics])
        about = "Values are readings" + (
            "; the estimate is that of the true value, the mean over all trainings of the network."
            if self._label_noise()
            else "; the estimate takes their errors into account."
            if estimated
            else "."
        )
        drawings = [
            drawing(cell, f"{rank}. {label}")
            for rank, (label, cell) in enumerate(
                zip(labels[:_DRAWN], self.winners[:_DRAWN], strict=True), start=1
            )
        ]
        shown = "".join(drawings)
        return [
            f"<div class='drawings'>{shown}</div>" if shown else "",
            columns_table(heads, rows, texts=(1,), caption=about),
        ]

    def _shown_metrics(self) -> list[Metric]:
        """Objectives first, then all other metrics of the winner, without spreads."""
        known = self.result["best"]["metrics"]
        names = [metric.name for metric in self.objectives]
        names += [bound.metric for bound in self.trials.constraints if bound.metric in known]
        names += [
            name
            for name in known
            if not name.endswith(("_std", "_sem")) and not name.startswith(("noisy", "ptq", "qat"))
        ]
        return self.trials.definitions(dict.fromkeys(names))

    def _with_spread(self, cell: Mapping[str, Any], metric: Metric) -> str:
        value = cell["metrics"].get(metric.name)
        spread = cell["metrics"].get(f"{metric.name}_std")
        spread = cell.get("standard_errors", {}).get(metric.name) if spread is None else spread
        return number(metric, value) + (f" ± {spread:.2g}" if value is not None and spread else "")

    def _estimate(self, cell: Mapping[str, Any]) -> str:
        known, first = cell.get("estimate"), self.objectives[0]
        if known is None:
            return "-"
        low, high = (number(first, known[end]) for end in ("low", "high"))
        return f"{number(first, known['estimate'])} ({low} to {high})"

    def _label_noise(self) -> bool:
        comparison = self.result.get("comparison")
        return comparison is not None and bool(comparison["label_noise"])

    def _course(self) -> str:
        if len(self.objectives) == 1:
            return convergence_chart({"": self.trials}, self.objectives[0])
        return paragraph(
            "With several objectives, convergence.png in the folder shows how much of the objective space each "
            "run has covered."
        )

    def _runs(self) -> list[str]:
        several = len(self.objectives) > 1
        first = self.objectives[0]
        heads = ["run", *([] if several else ["best network", head_of(first)])]
        heads += ["evaluations", "ended by"]
        rows = []
        entries = self.result["runs"]
        labels = self._labels([entry["architecture"] for entry in entries])
        for label, entry in zip(labels, entries, strict=True):
            found = [label, number(first, entry.get(first.name))]
            ended = [f"{entry['evaluations']:,}", str(entry["stopped_by"])]
            rows.append([str(entry["run"]), *([] if several else found), *ended])
        return [columns_table(heads, rows, texts=() if several else (1,))]

    def _scatter(self) -> str:
        """Every network by two metrics: two objectives, or the objective and a size or cost."""
        first, other = self.objectives[0], self._second_metric()
        if other is None:
            return paragraph(
                "Only one metric was measured, so there is nothing to compare it with."
            )
        trials = self.trials
        distinct = np.sort(np.unique(trials.genotypes, axis=0, return_index=True)[1])
        return tradeoff_chart(
            (other, first),
            (trials.metric(other.name)[distinct], trials.values[first.name][distinct]),
            trials.violation[distinct] == 0,
            lambda rows: self._logged_labels(trials.take(distinct[rows])),
        )

    def _labels(self, networks: Iterable[Any]) -> list[str]:
        """Short texts of architectures, different for different ones."""
        space = self.trials.space
        return architecture_labels(networks, space, width=_WIDTH, only_differences=False).texts

    def _logged_labels(self, trials: Trials) -> list[str]:
        return self._labels(map(json.loads, trials.architecture_texts()))

    def _second_metric(self) -> Metric | None:
        if len(self.objectives) > 1:
            return self.objectives[1]
        counts = {} if self.trials.space is None else self.trials.space.counts()
        names = [
            *(bound.metric for bound in self.trials.constraints),
            *(name for name in self.trials.values if not name.endswith("_sem")),
            *(name for name in ("params", "macs") if name in counts),
        ]
        for name in names:
            if name != self.objectives[0].name and not name.startswith("fidelity"):
                return self.trials.definition(name)
        return None

    def _certainty(self) -> list[str]:
        result, first = self.result, self.objectives[0]
        blocks = [
            paragraph(remark[:1].upper() + remark[1:] + ".", "note")
            for remark in result.get("remarks", [])
        ]
        comparison = result.get("comparison")
        if comparison is None:
            blocks.append(
                paragraph(
                    "The values have no standard errors, so no interval can be stated. Measure the best "
                    "networks again with other seeds before you rely on their order."
                )
            )
        else:
            winner = comparison["winner"]
            blocks.append(
                paragraph(
                    f"With probability {_percent(comparison['level'])} the true value of the best network lies "
                    f"between {number(first, winner['low'])} and {value_of(first, winner['high'])}. "
                    + (
                        "The interval includes the differences between trainings of the same network. "
                        if comparison["label_noise"]
                        else "The interval includes the errors of measurement, not those of repeated training. "
                    )
                    + f"It is the best of all networks that were tried with probability "
                    f"{_percent(winner['probability_best'])}."
                )
            )
            blocks.append(
                paragraph(
                    f"{comparison['n_rivals']} other networks cannot be distinguished from it."
                    if comparison["n_rivals"]
                    else "No other network that was tried comes near it."
                )
            )
            rows = [
                [
                    architecture_text(rival["architecture"], space=self.trials.space),
                    self._estimate({"estimate": rival}),
                    _percent(rival["probability_better"]),
                ]
                for rival in comparison["rivals"][:5]
            ]
            if rows:
                heads = ["rival", "estimate (95 % interval)", "better than the best with"]
                blocks.append(columns_table(heads, rows))
        failed = int(sum(bool(error) for error in self.trials.errors))
        if failed:
            blocks.append(
                paragraph(f"{failed} evaluations failed; see the last column of the table below.")
            )
        return blocks

    def _repeat(self) -> list[str]:
        settings = self.trials.settings.get("settings", {})
        longest = max(entry["evaluations"] for entry in self.result["runs"])
        return [
            paragraph(
                "Save the settings below as search.json. The command gives the same result with the same "
                "version and the same data."
            ),
            command_block(
                [
                    "analognas search --config search.json",
                    f"analognas search --resume FOLDER --budget {2 * longest}   # to go on",
                ]
            ),
            definitions(
                version_entries(self.result["seed"])
                | {"Scores": _evaluator_text(self.result["evaluator"], checksums=True)}
            ),
            settings_block("Settings (search.json)", settings),
        ]

    def _evaluations(self, page: Document) -> list[str]:
        trials = self.trials
        order = trials.best_first()
        names = list(trials.values)
        kept = np.sort(order[:_CSV_ROWS])
        sub = trials.take(kept)
        texts = sub.architecture_texts()
        violation = trials.violation
        heads = ["run", "number", "architecture", "feasible", *names, "error"]
        rows = (
            [
                int(sub.run[row]),
                int(sub.number[row]),
                texts[row],
                bool(violation[kept[row]] == 0),
                *(_finite(sub.values[name][row]) for name in names),
                str(sub.errors[row]) or None,
            ]
            for row in range(len(sub))
        )
        button = page.download("trials.csv", heads, rows)
        best = order[:_ROWS]
        shown = trials.take(best)
        metrics = [self.trials.definition(name) for name in names if not name.endswith("_sem")]
        table = [
            [
                label,
                f"{int(shown.run[row])}/{int(shown.number[row])}",
                *(number(metric, _finite(shown.values[metric.name][row])) for metric in metrics),
                *([str(shown.errors[row])[:80]] if (trials.errors != "").any() else []),
            ]
            for row, label in enumerate(self._logged_labels(shown))
        ]
        columns = ["network", "run/number", *map(head_of, metrics)]
        columns += ["error"] if (trials.errors != "").any() else []
        note = (
            f"The best {len(best)} of {len(trials):,} evaluations; the file has "
            f"{'all' if len(kept) == len(trials) else f'the best {len(kept):,}'}. A click on a head sorts."
        )
        return [button, columns_table(columns, table, caption=note, sortable=True)]


def _percent(probability: float) -> str:
    if 0.0 < probability < 0.005:
        return "below 1 %"
    return f"{100 * probability:.0f} %"


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _evaluator_text(identity: Any, *, checksums: bool = False) -> str:
    """What an evaluator is, in words."""
    if "sources" in identity:
        return "; ".join(_evaluator_text(part, checksums=checksums) for part in identity["sources"])
    if "trained" in identity:
        return f"training each on {identity['trained']['data']}, then simulated chips"
    if "chip" in identity:
        return f"the cost model of the chip {identity['chip']['name']}"
    checked = f" ({identity['checksum'][:23]}…)" if checksums and "checksum" in identity else ""
    if "table" in identity:
        return f"the table {identity['table']}{checked}"
    return ", ".join(
        f"{key} {value}"
        for key, value in identity.items()
        if not isinstance(value, Mapping | Sequence) or isinstance(value, str)
    )
