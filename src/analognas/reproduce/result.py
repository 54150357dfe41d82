"""The table of an experiment: networks of each task over drift time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core import InvalidArgumentError
from ..core.interval import number_text
from ..core.text_tables import ShownTable, TableView, text_table, with_unit
from ..core.times import time_name
from ..drift import DriftResult, difference_of
from ..drift.conditions import paired_difference
from ..drift.intervals import Estimate
from ..drift.study import CURVES

__all__ = ["Reproduction", "TableResult", "TaskResult"]

FORMAT = "analognas reproduction 1"
HWA, DIRECT = "hwa", "direct"


@dataclass(frozen=True)
class TableResult:
    """Variants of one network of a task, and how far each is from it on the same chips.

    Attributes:
        name: Name of the table.
        title: What is compared.
        published: What was published, as text.
        base_title: What the base has.
        base: The drift evaluation that the variants are compared with.
        rows: Title and drift evaluation of each variant by name.
    """

    name: str
    title: str
    published: str
    base_title: str
    base: DriftResult
    rows: Mapping[str, tuple[str, DriftResult]]

    def difference(self, name: str, t: float) -> Estimate:
        """Return the metric of a variant minus that of the base, chip by chip."""
        return paired_difference(self.rows[name][1], self.base, t)

    def last_time(self, name: str) -> float:
        """Return the last time at which a variant and the base were measured, s."""
        return max(set(self.rows[name][1].times) & set(self.base.times))

    def to_dict(self, base: str) -> dict[str, Any]:
        """Return plain values.

        Args:
            base: Name of the base among the networks of the task.
        """
        return {
            "name": self.name,
            "title": self.title,
            "published": self.published,
            "base": base,
            "base_title": self.base_title,
            "variants": {
                name: _network(title, curve)
                | {
                    "difference": [
                        {"time": t, **_plain(self.difference(name, t))}
                        for t in curve.times
                        if t in self.base.times
                    ]
                }
                for name, (title, curve) in self.rows.items()
            },
        }

    @classmethod
    def from_dict(
        cls, payload: Mapping[str, Any], networks: Mapping[str, DriftResult]
    ) -> TableResult:
        """Return the result that :meth:`to_dict` described.

        Args:
            payload: The values.
            networks: The networks of the task by name.
        """
        return cls(
            payload["name"],
            payload["title"],
            payload["published"],
            payload["base_title"],
            networks[payload["base"]],
            {
                name: (entry["words"], DriftResult.from_dict(entry["curve"]))
                for name, entry in payload["variants"].items()
            },
        )

    def shown_table(self, heading: str) -> ShownTable:
        """Return one row for the base and one for each variant.

        Args:
            heading: What comes before the title, such as the task.
        """
        times = self.base.times
        metric = with_unit(self.base.task.metric_name, self.base.task.unit)
        rows = [(f"{self.base_title or 'as it is'} (base)", *_values(self.base, times), "")]
        for name, (title, curve) in self.rows.items():
            at = self.last_time(name)
            apart = f"{_text(self.difference(name, at))} after {time_name(at)}"
            rows.append((title, *_values(curve, times), apart))
        heads = ("variant", *map(time_name, times), "difference to the base")
        notes = (f"Published: {self.published}",) if self.published else ()
        return ShownTable(f"{heading}{self.title}: {metric}", heads, tuple(rows), notes)


@dataclass(frozen=True)
class TaskResult:
    """Results of one task.

    Attributes:
        name: Name of the task.
        title: Network and data.
        quantized: Metric after post-training quantisation, on the examples of the chips; None: not measured.
        curves: Drift evaluations by name of the network.
        data: What was trained and measured on; plain values.
        words: Titles of the networks by name.
        tables: Tables of variants.
    """

    name: str
    title: str
    quantized: float | None
    curves: Mapping[str, DriftResult]
    data: Mapping[str, Any]
    words: Mapping[str, str] = field(default_factory=lambda: CURVES)
    tables: tuple[TableResult, ...] = ()

    @property
    def first(self) -> DriftResult:
        """The drift evaluation of the hardware-aware network."""
        return self.curves[HWA]

    @property
    def metric(self) -> str:
        """The metric with its unit."""
        return with_unit(self.first.task.metric_name, self.first.task.unit)

    def loss(self, name: str) -> Estimate:
        """Return the loss of a network from the first to the last time; positive is worse."""
        curve = self.curves[name]
        found = curve.difference(curve.times[0], curve.times[-1])
        if curve.task.higher_is_better:
            return found
        return Estimate(-found.value, found.sem, -found.high, -found.low, found.df)

    def gain(self) -> Estimate:
        """Return what hardware-aware training gains over direct mapping at the last time."""
        one, other = self.curves[HWA], self.curves[DIRECT]
        if not one.task.higher_is_better:
            one, other = other, one
        return difference_of(one, other, one.times[-1])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "title": self.title,
            "metric": self.first.task.metric_name,
            "unit": self.first.task.unit,
            "higher_is_better": self.first.task.higher_is_better,
            "digital": self.first.reference,
            "quantized": self.quantized,
            "data": dict(self.data),
            "gain": _plain(self.gain()),
            "networks": {
                name: _network(self.title_of(name), curve) | {"loss": _plain(self.loss(name))}
                for name, curve in self.curves.items()
            },
            "tables": [table.to_dict(self._name_of(table.base)) for table in self.tables],
        }

    def title_of(self, name: str) -> str:
        """Return the title of a network."""
        return self.words.get(name, name)

    def _name_of(self, curve: DriftResult) -> str:
        return next(name for name, known in self.curves.items() if known is curve)

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> TaskResult:
        """Return the result that :meth:`to_dict` described."""
        networks = payload["networks"]
        curves = {name: DriftResult.from_dict(entry["curve"]) for name, entry in networks.items()}
        return cls(
            payload["name"],
            payload["title"],
            payload["quantized"],
            curves,
            payload["data"],
            {name: entry["words"] for name, entry in networks.items()},
            tuple(TableResult.from_dict(table, curves) for table in payload.get("tables", ())),
        )


@dataclass(frozen=True, repr=False)
class Reproduction(TableView):
    """Results of an experiment.

    Attributes:
        name: Name of the experiment.
        title: What it shows.
        scale: ``reduced``, ``quick`` or ``full``.
        notes: How it differs from what was published.
        tasks: Results by task.
        settings: Settings of the experiment; plain values.
        versions: Versions of the packages that made it.
    """

    name: str
    title: str
    scale: str
    notes: str
    tasks: tuple[TaskResult, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "format": FORMAT,
            "name": self.name,
            "title": self.title,
            "scale": self.scale,
            "notes": self.notes,
            "settings": dict(self.settings),
            "versions": dict(self.versions),
            "tasks": [task.to_dict() for task in self.tasks],
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> Reproduction:
        """Return the result that :meth:`to_dict` described.

        Raises:
            InvalidArgumentError: If the values are not of an experiment.
        """
        try:
            if payload["format"] != FORMAT:
                raise ValueError(payload["format"])
            return cls(
                **{name: payload[name] for name in ("name", "title", "scale", "notes")},
                tasks=tuple(map(TaskResult.from_dict, payload["tasks"])),
                settings=payload.get("settings", {}),
                versions=payload.get("versions", {}),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"These are not the values of an experiment: {error!r}. Make it again with `analognas "
                "reproduce`."
            ) from None

    def shown_table(self) -> ShownTable:
        """Return one row for each network of each task, with its metric over time."""
        times = self.tasks[0].first.times
        heads = ("task", "network", "digital", *map(time_name, times), "lost", "normalised", "iso")
        rows = []
        for task in self.tasks:
            digital = f"{task.first.reference:.2f}"
            if task.quantized is not None:
                empty = ("",) * (len(times) + 3)
                rows.append((task.name, f"quantized: {task.quantized:.2f}", digital, *empty))
            for name, curve in task.curves.items():
                last = times[-1]
                rows.append(
                    (
                        task.name,
                        task.title_of(name),
                        digital,
                        *(_text(curve.at(t)) for t in times),
                        _text(task.loss(name)),
                        _text(curve.normalised(last), 3),
                        curve.iso_accuracy(last),
                    )
                )
        notes = [
            f"{task.title}: {task.metric}. Hardware-aware training gains {_text(task.gain())} after "
            f"{time_name(times[-1])} over direct mapping."
            for task in self.tasks
        ]
        notes += [
            f"Published for {task.name}: {text}"
            for task in self.tasks
            if (text := task.data.get("published"))
        ]
        notes += [
            f"{task.name}, {name}: {text}"
            for task in self.tasks
            for name, text in task.data.get("generated", {}).items()
        ]
        return ShownTable(f"{self.title} ({self.scale})", heads, tuple(rows), tuple(notes))

    def normalised_table(self) -> ShownTable:
        """Return the normalised metric of each network over time, and whether it is iso-accurate."""
        times = self.tasks[0].first.times
        rows = [
            (
                task.name,
                task.title_of(name),
                *(f"{_text(curve.normalised(t), 3)} {curve.iso_accuracy(t)}" for t in times),
            )
            for task in self.tasks
            for name, curve in task.curves.items()
        ]
        heads = ("task", "network", *map(time_name, times))
        title = "Normalised metric (1: digital, 0: chance), and whether it is iso-accurate"
        return ShownTable(title, heads, tuple(rows))

    def further_tables(self) -> list[ShownTable]:
        """Return what is shown below the table: the normalised metric if wanted, and tables of variants."""
        several = len(self.tasks) > 1
        normalised = [self.normalised_table()] if self.settings.get("normalised") else []
        return normalised + [
            table.shown_table(f"{task.name}, " if several else "")
            for task in self.tasks
            for table in task.tables
        ]

    def __str__(self) -> str:
        parts = [super().__str__()]
        for shown in self.further_tables():
            parts.append(
                "\n".join([shown.title, text_table(shown.heads, shown.rows), *shown.notes])
            )
        return "\n\n".join(parts)


def _network(title: str, curve: DriftResult) -> dict[str, Any]:
    """Return a network's values over time as plain values, and everything to read it again."""
    return {
        "words": title,
        "times": [
            {
                "time": t,
                "value": _plain(curve.at(t)),
                "normalised": _plain(curve.normalised(t)),
                "chip_std": curve.chip_std(t),
                "iso_accuracy": curve.iso_accuracy(t),
            }
            for t in curve.times
        ],
        "curve": curve.to_dict(),
    }


def _values(curve: DriftResult, times: tuple[float, ...]) -> tuple[str, ...]:
    """Return the metric at some times as text; empty where it was not measured."""
    return tuple(_text(curve.at(t)) if t in curve.times else "" for t in times)


def _text(found: Estimate, digits: int = 2) -> str:
    value, low, high = (number_text(one, f".{digits}f") for one in (found.value, *found.shown))
    return f"{value} [{low}, {high}]"


def _plain(found: Estimate) -> dict[str, float | None]:
    low, high = found.shown
    values = {"value": found.value, "low": low, "high": high}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
