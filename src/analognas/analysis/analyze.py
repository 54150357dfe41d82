"""The analysis of a table: effects of traits, what tells robustness, and networks beside each other."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, write_json
from ..core.text_files import read_json
from .comparison import compare_networks
from .effects import Floats, Networks, adjusted, level_effects, slopes, spline
from .findings import findings_of
from .ranks import rank_agreement
from .readings import DIGITAL, Readings, read_readings
from .result import LevelEffect, Prediction, RobustnessAnalysis, Slope
from .settings import AnalysisSettings
from .traits import Trait, traits_of

__all__ = ["ANALYSIS_FILE", "analyze", "read_analysis", "run_analysis"]

ANALYSIS_FILE = "analysis.json"

ACCURACY = "digital accuracy"
SIZE = "digital accuracy and parameters"
OTHERS = "digital accuracy and the other traits"

_LEAST_NETWORKS = 20
_MOST_LEVELS = 8
_LEAST_OF_LEVEL = 50
_PREDICTORS = (DIGITAL, "ptq_accuracy", "qat_accuracy", "noisy_accuracy", "analog_accuracy")


def run_analysis(settings: AnalysisSettings, folder: Path) -> RobustnessAnalysis:
    """Analyse a table by settings, and write ``analysis.json`` into a folder.

    Args:
        settings: The settings.
        folder: A folder that exists.

    Raises:
        AnalogNASError: If the table cannot be read or analysed; one line.

    Example:
        >>> settings = AnalysisSettings(table="my-table.parquet", margin=20.0)
        >>> Path("analysis-of-mine").mkdir()
        >>> found = run_analysis(settings, Path("analysis-of-mine"))
        >>> read_analysis("analysis-of-mine") == found
        True
    """
    found = analyze(settings)
    write_json(folder / ANALYSIS_FILE, found.to_dict())
    return found


def read_analysis(folder: str | os.PathLike[str]) -> RobustnessAnalysis:
    """Return the analysis that :func:`run_analysis` or ``analognas analyze --out`` wrote into a folder.

    Args:
        folder: The folder.

    Raises:
        TableIntegrityError: If there is none, or its file is damaged.
        InvalidArgumentError: If the file holds anything else.

    Example:
        >>> read_analysis("my-analysis").n_networks
        6466
    """
    return RobustnessAnalysis.from_dict(read_json(Path(folder) / ANALYSIS_FILE))


def analyze(settings: AnalysisSettings | None = None) -> RobustnessAnalysis:
    """Analyse what makes the networks of a table robust.

    Networks are compared at equal digital accuracy, by regression on a spline of it. Digital accuracies are
    estimates of true values where the table repeats trainings.

    Args:
        settings: The settings; None: all networks of AnalogNAS-Bench within 6 points of the best.

    Raises:
        InvalidArgumentError: If the table has no digital accuracies or none on chips, or too few networks.
        TableIntegrityError: If the file of the table is damaged.

    Example:
        >>> found = analyze(AnalysisSettings(table="my-table.parquet", margin=20.0))
        >>> found.n_compared, len(found.findings)
        (69, 4)
    """
    settings = AnalysisSettings() if settings is None else settings
    every = read_readings(settings.table)
    responses = _responses(every.values)
    target = responses[0]
    measured = np.all([np.isfinite(every.values[name]) for name in (DIGITAL, *responses)], axis=0)
    every = every.rows(measured)
    digital = every.digital()
    least = float(digital.max()) - settings.margin if len(digital) else 0.0
    part = every.rows(digital >= least)
    networks = Networks(part.labels)
    if networks.n < _LEAST_NETWORKS:
        raise InvalidArgumentError(
            f"An analysis needs at least {_LEAST_NETWORKS} networks, but {every.table!r} has {networks.n} "
            f"within {settings.margin:g} points of the best digital accuracy; raise `margin` or measure more."
        )
    controls = spline(digital[digital >= least])
    traits = traits_of(part.space, part.population)
    study = _Study(part, networks, controls, settings.confidence)
    found_slopes = [slope for metric in responses for slope in study.slopes(traits, metric)]
    predictions = study.predictions(target, _times_of(target, every.values))
    compared = compare_networks(every, _course_of(target, every.values), target)
    return RobustnessAnalysis(
        table=every.table,
        target=target,
        n_networks=Networks(every.labels).n,
        n_compared=networks.n,
        least_digital=least,
        confidence=settings.confidence,
        slopes=tuple(found_slopes),
        levels=tuple(level for metric in responses for level in study.levels(traits, metric)),
        genes=tuple(level for metric in responses for level in study.genes(metric)),
        predictions=tuple(predictions),
        networks=tuple(compared),
        findings=findings_of(found_slopes, predictions, compared, target),
    )


class _Study:
    """The parts of an analysis, for the networks that take part."""

    def __init__(
        self, part: Readings, networks: Networks, controls: Floats, confidence: float
    ) -> None:
        self.part, self.networks, self.controls = part, networks, controls
        self.confidence = confidence

    def slopes(self, traits: Mapping[Trait, Floats], metric: str) -> list[Slope]:
        """Return the effect of each trait on a metric, with more and more held equal."""
        values = self.part.values[metric]
        found = []
        held = {ACCURACY: self.controls}
        if "params" in self.part.values:
            size = np.log10(self.part.values["params"])
            held[SIZE] = np.column_stack([self.controls, spline(size)])
        for equal, controls in held.items():
            for trait, column in traits.items():
                effect = slopes(values, column[:, None], controls, self.networks, self.confidence)[
                    0
                ]
                found.append(Slope(trait, metric, equal, effect))
        columns = np.stack(list(traits.values()), axis=1)
        if columns.shape[1] > 1 and np.linalg.matrix_rank(columns - columns.mean(0)) == len(traits):
            effects = slopes(values, columns, self.controls, self.networks, self.confidence)
            found += [
                Slope(trait, metric, OTHERS, effect)
                for trait, effect in zip(traits, effects, strict=True)
            ]
        return found

    def levels(self, traits: Mapping[Trait, Floats], metric: str) -> list[LevelEffect]:
        """Return the effect of each value of the traits that have few; all traits are in one model."""
        discrete = {
            trait.name: self._merged(column)
            for trait, column in traits.items()
            if (column == np.round(column)).all() and len(np.unique(column)) <= _MOST_LEVELS
        }
        return self._effects(discrete, metric)

    def genes(self, metric: str) -> list[LevelEffect]:
        """Return the effect of each choice of each gene, for spaces of few choices that all networks have."""
        sizes = np.asarray(self.part.space.n_choices)
        if sizes.max() > _MOST_LEVELS or self.networks.n < _LEAST_NETWORKS * sizes.sum():
            return []
        names = {}
        for gene, parameter in enumerate(self.part.space.parameters()):
            choices = parameter.values(self.part.population[:, gene])
            names[parameter.name] = np.array([str(choice) for choice in choices])
        return self._effects(names, metric)

    def predictions(self, target: str, times: Sequence[str]) -> list[Prediction]:
        """Return what tells the ranking by the target, and how long a ranking holds."""
        names = [name for name in _PREDICTORS if name in self.part.values]
        return [
            self._prediction(name, target, equal)
            for name in [*names, *times]
            for equal in (False, True)
            if not (equal and name == DIGITAL)
        ]

    def _prediction(self, name: str, target: str, equal: bool) -> Prediction:
        predictor, wanted = self.part.values[name], self.part.values[target]
        if equal:
            predictor = adjusted(predictor, self.controls, self.networks)
            wanted = adjusted(wanted, self.controls, self.networks)
        agreement = rank_agreement(predictor, wanted, self.networks, self.confidence)
        return Prediction(
            name, target, equal, agreement, None if equal else self._best_kept(name, target)
        )

    def _best_kept(self, name: str, target: str) -> float | None:
        """Share of the best tenth by one metric's true values that is in the best tenth by another's."""
        first = self.part.rows(np.ones(len(self.part.labels), dtype=bool))
        true = [first.true_values(metric) for metric in (name, target)]
        if true[0] is None or true[1] is None:
            return None
        _, rows = np.unique(self.part.labels, return_index=True)
        tenth = max(len(rows) // 10, 1)
        best = [
            set(np.argsort(-values.estimates[rows], kind="stable")[:tenth])
            for values in true
            if values
        ]
        return len(best[0] & best[1]) / tenth

    def _merged(self, column: Floats) -> NDArray[Any]:
        """Return the values as texts; outer ones that few networks have are merged, such as ``3 or more``."""
        values = np.unique(column)
        counts = np.array([len(np.unique(self.networks.number[column == v])) for v in values])
        first, last = 0, len(values) - 1
        while first < last and counts[: first + 1].sum() < _LEAST_OF_LEVEL:
            first += 1
        while last > first and counts[last:].sum() < _LEAST_OF_LEVEL:
            last -= 1
        place = np.clip(np.searchsorted(values, column), first, last)
        names = [f"{value:g}" for value in values]
        if first > 0:
            names[first] += " or fewer"
        if last < len(values) - 1:
            names[last] += " or more"
        return np.array(names)[place]

    def _effects(self, columns: Mapping[str, Any], metric: str) -> list[LevelEffect]:
        if not columns:
            return []
        effects = level_effects(
            self.part.values[metric],
            list(columns.values()),
            self.controls,
            self.networks,
            self.confidence,
        )
        return [
            LevelEffect(name, metric, value, count, effect)
            for name, of_column in zip(columns, effects, strict=True)
            for value, count, effect in of_column
        ]


def _responses(values: Mapping[str, Floats]) -> list[str]:
    """Metrics whose dependence on traits is analysed; the first is what networks are ranked by."""
    last = [
        max(times, key=_time_of)
        for kind in ("analog", "noisy")
        if (times := [name for name in values if name.startswith(f"{kind}_drift_")])
    ]
    if not last:
        raise InvalidArgumentError(
            "The table has no accuracy on chips, such as analog_drift_86400."
        )
    others = [name for name in ("analog_accuracy", "avm") if name in values]
    return [last[0], *others, *last[1:]]


def _times_of(target: str, values: Mapping[str, Floats]) -> list[str]:
    """Earlier readings of the same kind, in order of time."""
    kind = target.rpartition("_")[0]
    names = [name for name in values if name.rpartition("_")[0] == kind and name != target]
    return sorted(names, key=_time_of)


def _course_of(target: str, values: Mapping[str, Floats]) -> tuple[str, ...]:
    """Digital accuracy, then accuracy on chips over time."""
    known = [name for name in (DIGITAL, "analog_accuracy") if name in values]
    return (*known, *_times_of(target, values), target)


def _time_of(name: str) -> float:
    return float(name.rpartition("_")[2])
