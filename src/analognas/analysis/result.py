"""The result of an analysis of a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core import InvalidArgumentError, get_metric
from ..core.interval import Interval
from ..core.metric_words import head_of
from ..core.text_tables import ShownTable, TableView
from .comparison import ComparedNetwork
from .ranks import Agreement
from .traits import TRAITS, Trait

__all__ = ["LevelEffect", "Prediction", "RobustnessAnalysis", "Slope"]

FORMAT = "analognas analysis 1"


@dataclass(frozen=True)
class Slope:
    """Change of a metric per unit of a trait.

    Attributes:
        trait: The trait.
        metric: The metric.
        equal: What is held equal.
        effect: Change per unit, in the unit of the metric.

    Example:
        >>> from analognas.analysis import read_analysis
        >>> found = read_analysis("my-analysis")
        >>> slope = found.slopes[0]
        >>> print(slope.trait.name, slope.metric, slope.effect)
        depth analog_drift_2592000 -5.41 [-5.80, -5.02]
    """

    trait: Trait
    metric: str
    equal: str
    effect: Interval


@dataclass(frozen=True)
class LevelEffect:
    """Effect of one value of a trait or a gene, relative to the mean over all networks.

    Attributes:
        of: Name of the trait or gene.
        metric: The metric.
        value: The value, as text.
        n_networks: Number of networks that have it.
        effect: Difference, in the unit of the metric.

    Example:
        >>> LevelEffect("depth", "avm", "3", 1200, Interval(0.9, 0.7, 1.1)).effect.high
        1.1
    """

    of: str
    metric: str
    value: str
    n_networks: int
    effect: Interval


@dataclass(frozen=True)
class Prediction:
    """How well one metric tells the ranking by another.

    Attributes:
        predictor: The metric that predicts.
        target: The metric that is predicted.
        equal_digital: Whether networks of equal digital accuracy are compared.
        agreement: Rank correlation and its ceiling.
        best_kept: Share of the best tenth by the predictor that is among the best tenth by the target; None
            where true values are not known.

    Example:
        >>> from analognas.analysis import read_analysis
        >>> found = read_analysis("my-analysis")
        >>> [(one.predictor, f"{one.agreement.tau:.2f}") for one in found.predictions][0]
        ('baseline_accuracy', '0.53 [0.50, 0.55]')
    """

    predictor: str
    target: str
    equal_digital: bool
    agreement: Agreement
    best_kept: float | None


@dataclass(frozen=True, repr=False)
class RobustnessAnalysis(TableView):
    """What makes the networks of a table robust.

    Attributes:
        table: Name of the table.
        target: The accuracy on chips that networks are ranked by.
        n_networks: Number of different networks with a reading.
        n_compared: Number of those whose digital accuracy is high enough to take part.
        least_digital: That digital accuracy, %.
        confidence: Level of the intervals.
        slopes: Effects of traits per unit.
        levels: Effects of the values of discrete traits.
        genes: Effects of the values of genes.
        predictions: What tells the ranking on chips, and how long a ranking holds.
        networks: Networks beside each other.
        findings: What follows, one sentence each.

    Example:
        >>> from analognas.analysis import read_analysis
        >>> found = read_analysis("my-analysis")
        >>> found.n_networks, found.n_compared, len(found.findings)
        (6466, 5180, 6)
    """

    table: str
    target: str
    n_networks: int
    n_compared: int
    least_digital: float
    confidence: float
    slopes: tuple[Slope, ...]
    levels: tuple[LevelEffect, ...]
    genes: tuple[LevelEffect, ...]
    predictions: tuple[Prediction, ...]
    networks: tuple[ComparedNetwork, ...]
    findings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "format": FORMAT,
            "table": self.table,
            "target": self.target,
            "n_networks": self.n_networks,
            "n_compared": self.n_compared,
            "least_digital": self.least_digital,
            "confidence": self.confidence,
            "findings": list(self.findings),
            "slopes": [
                {
                    "trait": slope.trait.name,
                    "words": slope.trait.words,
                    "metric": slope.metric,
                    "equal": slope.equal,
                    **slope.effect.to_dict(),
                }
                for slope in self.slopes
            ],
            "levels": [_level(level) for level in self.levels],
            "genes": [_level(level) for level in self.genes],
            "predictions": [
                {
                    "predictor": one.predictor,
                    "target": one.target,
                    "equal_digital": one.equal_digital,
                    "best_kept": one.best_kept,
                    **one.agreement.to_dict(),
                }
                for one in self.predictions
            ],
            "networks": [network.to_dict() for network in self.networks],
        }

    def networks_table(self) -> ShownTable:
        """Return the networks that are compared, with their true values."""
        if not self.networks:
            return ShownTable("The table does not repeat trainings, so networks are not compared.")
        metrics = sorted(self.networks[0].values, key=lambda name: name != self.target)
        heads = ("network", "parameters", *(head_of(get_metric(name)) for name in metrics))
        rows = tuple(
            (
                one.role if one.limit is None else f"{one.role}, no larger than {one.limit}",
                f"{one.params:,}",
                *(str(one.values[name]) for name in metrics),
            )
            for one in self.networks
        )
        return ShownTable("True values, the mean over many trainings", heads, rows)

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> RobustnessAnalysis:
        """Return the analysis that :meth:`to_dict` described.

        Raises:
            InvalidArgumentError: If the values are not of an analysis.
        """
        try:
            if payload["format"] != FORMAT:
                raise ValueError(payload["format"])
            by_words = {trait.words: trait for trait in TRAITS}
            return cls(
                **{name: payload[name] for name in _PLAIN},
                findings=tuple(payload["findings"]),
                slopes=tuple(
                    Slope(by_words[one["words"]], one["metric"], one["equal"], _interval(one))
                    for one in payload["slopes"]
                ),
                levels=tuple(map(_read_level, payload["levels"])),
                genes=tuple(map(_read_level, payload["genes"])),
                predictions=tuple(map(_read_prediction, payload["predictions"])),
                networks=tuple(map(ComparedNetwork.from_dict, payload["networks"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"These are not the values of an analysis: {error!r}. Make it again with `analognas analyze`."
            ) from None

    def shown_table(self) -> ShownTable:
        """Return the effects of traits at equal digital accuracy and parameters, and the findings."""
        shown = [slope for slope in self.slopes if slope.metric == self.target]
        equal = list(dict.fromkeys(slope.equal for slope in shown))
        by_trait = {(slope.trait.words, slope.equal): slope.effect for slope in shown}
        traits = list(dict.fromkeys(slope.trait.words for slope in shown))
        rows = tuple(
            (words, *(str(by_trait.get((words, held), "-")) for held in equal)) for words in traits
        )
        title = (
            f"{self.table}: what one more of a trait changes in {head_of(get_metric(self.target))}, with "
            f"{100 * self.confidence:g} % intervals; {self.n_compared:,} networks of at least "
            f"{self.least_digital:.1f} % digital accuracy"
        )
        return ShownTable(title, ("at equal", *equal), rows, self.findings)


_PLAIN = ("table", "target", "n_networks", "n_compared", "least_digital", "confidence")


def _interval(entry: Mapping[str, float]) -> Interval:
    return Interval(entry["value"], entry["low"], entry["high"])


def _read_level(entry: Mapping[str, Any]) -> LevelEffect:
    return LevelEffect(
        entry["of"], entry["metric"], entry["level"], entry["n_networks"], _interval(entry)
    )


def _read_prediction(entry: Mapping[str, Any]) -> Prediction:
    ceiling = entry["ceiling"]
    agreement = Agreement(
        _interval(entry["tau"]),
        None if ceiling is None else _interval(ceiling),
        entry["between_trainings"],
        entry["n_networks"],
    )
    return Prediction(
        entry["predictor"], entry["target"], entry["equal_digital"], agreement, entry["best_kept"]
    )


def _level(level: LevelEffect) -> dict[str, Any]:
    return {
        "of": level.of,
        "metric": level.metric,
        "level": level.value,
        "n_networks": level.n_networks,
        **level.effect.to_dict(),
    }
