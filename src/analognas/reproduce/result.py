"""The table of an experiment: networks of each task over drift time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core import InvalidArgumentError
from ..core.text_tables import ShownTable, TableView, with_unit
from ..core.times import time_name
from ..drift import DriftResult, difference_of
from ..drift.intervals import Estimate
from ..drift.study import CURVES

__all__ = ["Reproduction", "TaskResult"]

FORMAT = "analognas reproduction 1"
HWA, DIRECT = "hwa", "direct"


@dataclass(frozen=True)
class TaskResult:
    """Results of one task.

    Attributes:
        name: Name of the task.
        title: Network and data.
        quantized: Metric after post-training quantisation, on the whole test set.
        curves: Drift evaluations by name of the network.
        data: What was trained and measured on; plain values.
    """

    name: str
    title: str
    quantized: float
    curves: Mapping[str, DriftResult]
    data: Mapping[str, Any]

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
                name: {
                    "words": CURVES.get(name, name),
                    "loss": _plain(self.loss(name)),
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
                for name, curve in self.curves.items()
            },
        }

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> TaskResult:
        """Return the result that :meth:`to_dict` described."""
        return cls(
            payload["name"],
            payload["title"],
            payload["quantized"],
            {
                name: DriftResult.from_dict(entry["curve"])
                for name, entry in payload["networks"].items()
            },
            payload["data"],
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
    """

    name: str
    title: str
    scale: str
    notes: str
    tasks: tuple[TaskResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "format": FORMAT,
            "name": self.name,
            "title": self.title,
            "scale": self.scale,
            "notes": self.notes,
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
            rows.append(
                (task.name, f"quantized: {task.quantized:.2f}", digital, *("",) * (len(times) + 3))
            )
            for name, curve in task.curves.items():
                last = times[-1]
                rows.append(
                    (
                        task.name,
                        CURVES.get(name, name),
                        digital,
                        *(_text(curve.at(t)) for t in times),
                        _text(task.loss(name)),
                        _text(curve.normalised(last), 3),
                        curve.iso_accuracy(last),
                    )
                )
        notes = tuple(
            f"{task.title}: {task.metric}. Hardware-aware training gains {_text(task.gain())} after "
            f"{time_name(times[-1])} over direct mapping."
            for task in self.tasks
        )
        return ShownTable(f"{self.title} ({self.scale})", heads, tuple(rows), notes)


def _text(found: Estimate, digits: int = 2) -> str:
    low, high = found.shown
    return f"{found.value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def _plain(found: Estimate) -> dict[str, float | None]:
    low, high = found.shown
    values = {"value": found.value, "low": low, "high": high}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
