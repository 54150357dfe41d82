"""Which layers of a network stay digital, or get more devices per weight: from sensitivities and costs."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from ..core import write_json
from ..core.config_files import write_mapping
from ..core.former_names import former_names
from ..core.settings import Time
from ..core.text_tables import ShownTable, TableView, with_unit
from ..drift.intervals import Estimate, estimate
from ..drift.layer_mapping import LayerMapping
from ..drift.result import ISO_LEVEL
from ..drift.settings import DriftSettings
from ..training.tasks import lost_unit

if TYPE_CHECKING:
    from ..drift import Sensitivity
    from .chip_cost import ChipCost

__all__ = [
    "Choice",
    "HybridMapping",
    "LayerEnergies",
    "MapSettings",
    "choose_mapping",
    "mapping_path",
]

MAPPING_FILE, RESULT_FILE = "mapping.yaml", "map.json"
_LOSS_OF_DOUBLED = 0.5
"""Two pairs halve the variance of the noise, and the loss is about proportional to it."""


class MapSettings(DriftSettings):
    """Settings of a choice of layers: those of a sensitivity study, and the budget."""

    settings_name = "layer mapping study"

    times: tuple[Time, ...] = Field(
        default=(86400.0,),
        min_length=1,
        max_length=1,
        description="Time since programming at which accuracy is counted.",
        json_schema_extra={"unit": "s"},
    )
    chips: int = Field(default=10, ge=2, description="Number of chips.")
    loss: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="Loss of the metric that is accepted; null: normalised accuracy of 99 % (iso-accuracy).",
    )
    energy: Annotated[float, Field(gt=0.0)] | None = Field(
        default=None,
        description="Largest energy of an inference; null: none.",
        json_schema_extra={"unit": "mJ"},
    )
    chip: str = Field(
        default="hermes", description="Chip whose costs are counted, a name or a file."
    )
    digital_energy: Annotated[float, Field(ge=0.0)] | None = Field(
        default=None,
        description="Energy of a multiply-accumulate of a digital layer; null: that of the chip.",
        json_schema_extra={"unit": "pJ"},
    )
    double: bool = Field(
        default=False, description="Whether layers may also get two pairs of devices per weight."
    )
    mappings: int = Field(default=10, ge=2, description="Mappings that are measured on chips.")


@dataclass(frozen=True)
class LayerEnergies:
    """What a layer costs.

    Attributes:
        name: Its name.
        parameters: Its weights.
        analog: Energy of an inference on the chip, mJ; NaN if it is not known.
        digital: Energy of an inference as a digital layer, mJ; NaN if it is not known.
    """

    name: str
    parameters: int
    analog: float
    digital: float


@dataclass(frozen=True)
class Choice:
    """One mapping.

    Attributes:
        mapping: The layers that stay digital, and those that are doubled.
        share: Share of the weights that are digital.
        energy: Energy of an inference, mJ; NaN if it is not known.
        predicted: Loss by the sum of the sensitivities, in the unit of the metric.
        losses: Measured loss of each chip; empty if it was not measured.
        possible: Smallest and largest loss that there can be.
    """

    mapping: LayerMapping
    share: float
    energy: float
    predicted: float
    losses: tuple[float, ...] = ()
    possible: tuple[float, float] = (-math.inf, math.inf)

    @property
    def loss(self) -> Estimate:
        """The measured loss with its interval."""
        values = np.array(self.losses)
        variance = float(values.var(ddof=1)) / len(values) if len(values) > 1 else math.inf
        return estimate(
            float(values.mean()), [(variance, len(values) - 1.0)], possible=self.possible
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; unknown numbers are None."""
        found = self.loss
        entries = {
            **self.mapping.to_dict(),
            "share": self.share,
            "energy": self.energy,
            "predicted": self.predicted,
            "loss": found.value,
            "low": found.low,
            "high": found.high,
        }
        known = {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in entries.items()
        }
        return known | {"losses": list(self.losses)}


@dataclass(frozen=True, eq=False, repr=False)
class HybridMapping(TableView):
    """Measured mappings and the chosen one.

    Attributes:
        choices: Mappings with ascending shares of digital weights. The first is all analog; the last is all
            digital and loses nothing by definition; the others were measured.
        chosen: Index of the chosen one; None if none meets the budget.
        accepted: Loss that is accepted, in the unit of the metric.
        digital: Metric of the digital network.
        metric: Name of the metric.
        sensitivity: The sensitivities that the path is from.
        costs: Costs of the layers.
        settings: The settings.
    """

    choices: tuple[Choice, ...]
    chosen: int | None
    accepted: float
    digital: float
    metric: str
    sensitivity: Sensitivity
    costs: tuple[LayerEnergies, ...]
    settings: MapSettings

    @property
    def nearest(self) -> int:
        """Index of the chosen mapping, or of the one that takes least energy if none meets the budget."""
        if self.chosen is not None:
            return self.chosen
        energies = [choice.energy for choice in self.choices]
        return min(range(len(energies)), key=lambda i: (math.isnan(energies[i]), energies[i]))

    @property
    def iso_share(self) -> float | None:
        """Smallest measured share of digital weights with an accepted mean loss; None if there is none."""
        shares = [choice.share for choice in self.choices if choice.loss.value <= self.accepted]
        return min(shares) if shares else None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "metric": self.metric,
            "digital": self.digital,
            "accepted_loss": self.accepted,
            "chosen": self.chosen,
            "nearest": self.nearest,
            "iso_share": self.iso_share,
            "choices": [choice.to_dict() for choice in self.choices],
            "sensitivity": self.sensitivity.to_dict(),
            "settings": self.settings.to_dict(),
        }

    def shown_table(self) -> ShownTable:
        """Return what is printed: the measured mappings, with a mark at the chosen one."""
        task = self.sensitivity.task
        rows = []
        for i, choice in enumerate(self.choices):
            doubled = len(choice.mapping.doubled)
            rows.append(
                (
                    f"{i + 1}{' <- chosen' if i == self.chosen else ''}",
                    f"{100 * choice.share:.2f}",
                    f"{choice.loss.value:.2f}",
                    "by definition" if choice.share == 1.0 else choice.loss.interval,
                    "-" if choice.energy != choice.energy else f"{choice.energy:.4g}",
                    str(len(choice.mapping.digital)) + (f" + {doubled} doubled" if doubled else ""),
                )
            )
        heads = (
            "mapping",
            "digital weights (%)",
            with_unit("loss", lost_unit(task)),
            "95 % interval",
        )
        return ShownTable(
            f"digital {self.metric} {self.digital:.2f}; accepted loss {self.accepted:.2f}"
            f"{' points' if task.unit == '%' else ''}, {self.settings.chips} chips",
            (*heads, "energy (mJ)", "digital layers"),
            tuple(rows),
            self._chosen_notes(),
        )

    def _chosen_notes(self) -> tuple[str, ...]:
        found = self.choices[self.nearest]
        chosen = found.mapping
        if self.chosen is None:
            return (
                f"No mapping is within {self.settings.energy:g} mJ. The nearest, {self.nearest + 1}, takes "
                f"{found.energy:.4g} mJ; its layers are in {MAPPING_FILE}.",
            )
        if found.share == 1.0:
            return ("digital: all layers, as no mapping with analog layers loses so little",)
        doubled = (f"doubled: {', '.join(chosen.doubled)}",) if chosen.doubled else ()
        return (f"digital: {', '.join(chosen.digital) or 'none'}", *doubled)

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write ``map.json``, and ``mapping.yaml`` of the chosen or nearest mapping, into a folder."""
        write_json(Path(folder) / RESULT_FILE, self.to_dict())
        mapping = self.choices[self.nearest].mapping
        write_mapping(Path(folder) / MAPPING_FILE, mapping.to_dict(), mapping.settings_name)


def layer_costs(
    names: Sequence[str], parameters: Sequence[int], cost: ChipCost | None, digital_energy: float
) -> tuple[LayerEnergies, ...]:
    """Return the costs of layers, from those of all matrices of the network.

    Args:
        names: Names of the layers; a layer of several matrices is a prefix of their names.
        parameters: Weights of each layer.
        cost: Costs of the network on the chip; None if they are not known.
        digital_energy: Energy of a digital multiply-accumulate, pJ; NaN if it is not known.
    """
    result = []
    for name, count in zip(names, parameters, strict=True):
        matrices = [
            layer
            for layer in (() if cost is None else cost.layers)
            if layer.name == name or layer.name.startswith(f"{name}.")
        ]
        macs = sum(x.rows * x.columns * x.groups * x.positions for x in matrices)
        analog = float(sum(x.energy for x in matrices)) if matrices else math.nan
        digital = macs * digital_energy * 1e-9 if matrices else math.nan
        result.append(LayerEnergies(name, int(count), analog, digital))
    return tuple(result)


def mapping_path(
    costs: Sequence[LayerEnergies],
    losses: Sequence[float],
    whole: float,
    *,
    double: bool = False,
    per_weight: bool = True,
) -> list[Choice]:
    """Return mappings from all analog to all digital, each one layer further than the one before.

    The next step is the one that removes most loss for its weights, which is the greedy solution of the
    knapsack problem with a choice for each layer. A doubled layer counts half of its weights. Single losses are
    scaled so that their sum is the loss of the whole network.

    Args:
        costs: Costs of the layers.
        losses: Loss of each layer alone, in the unit of the metric.
        whole: Loss of the whole network.
        double: Whether a layer may be doubled before it becomes digital.
        per_weight: Whether steps are chosen by the loss that they remove for their weights; else by their loss
            alone, which takes large layers first.

    Example:
        >>> costs = [LayerEnergies("a", 10, 1.0, 4.0), LayerEnergies("b", 90, 1.0, 4.0)]
        >>> [(choice.mapping.digital, choice.predicted) for choice in mapping_path(costs, [1.0, 2.0], 3.0)]
        [((), 3.0), (('a',), 2.0), (('a', 'b'), 0.0)]
    """
    positive = np.maximum(np.asarray(losses, dtype=np.float64), 0.0)
    total = float(positive.sum())
    scaled = positive * (max(whole, 0.0) / total if total > 0.0 else 0.0)
    level = [0] * len(costs)  # 0 analog, 1 doubled, 2 digital
    path = [_choice(costs, scaled, level)]
    while any(state < 2 for state in level):
        best, worth = -1, -1.0
        for i, state in enumerate(level):
            if state == 2:
                continue
            removed, weights = _step(float(scaled[i]), costs[i].parameters, state, double)
            gain = removed / weights if per_weight else removed
            if gain > worth:
                best, worth = i, gain
        level[best] = 1 if double and level[best] == 0 else 2
        path.append(_choice(costs, scaled, level))
    return path


def choose_mapping(choices: Sequence[Choice], accepted: float, energy: float | None) -> int | None:
    """Return the index of the best measured mapping, or None if none meets the budget.

    Among mappings within the energy, the one with the fewest digital weights whose mean loss is accepted. With
    a budget of energy and no such mapping, the one that loses least.

    Args:
        choices: Measured mappings.
        accepted: Accepted mean loss, in the unit of the metric.
        energy: Largest energy, mJ; None: no limit.
    """
    within = [i for i, choice in enumerate(choices) if energy is None or choice.energy <= energy]
    good = [i for i in within if choices[i].loss.value <= accepted]
    if good:
        return min(good, key=lambda i: (choices[i].share, choices[i].loss.value))
    if energy is None or not within:
        return None
    return min(within, key=lambda i: choices[i].loss.value)


def spread_out(path: Sequence[Choice], n: int, others: Sequence[Choice] = ()) -> list[Choice]:
    """Return at most ``n`` mappings of a path, with shares of digital weights in about equal ratios.

    The first is always among them. The last, where nothing is analog, is not, as its loss is 0 by definition.

    Args:
        path: The path.
        n: Largest number.
        others: Mappings that fill up a path with fewer than ``n``.
    """
    inner = list(path[:-1])
    if len(inner) <= n:
        seen = {choice.mapping for choice in path}
        more = [choice for choice in others if choice.mapping not in seen and choice.share < 1.0]
        return sorted(inner + more[: n - len(inner)], key=lambda choice: choice.share)
    shares = np.array([choice.share for choice in inner])
    wanted = np.geomspace(max(float(shares[1]), 1e-6), max(float(shares[-1]), 1e-6), n - 1)
    places = {0, *(int(np.abs(np.log(np.maximum(shares, 1e-9) / w)).argmin()) for w in wanted)}
    # Several shares may be nearest to one step: fill with the first steps, which remove most loss.
    for i in range(len(inner)):
        if len(places) >= n:
            break
        places.add(i)
    return [inner[i] for i in sorted(places)]


def accepted_loss(settings: MapSettings, digital: float, chance: float) -> float:
    """Return the loss that is accepted, in the unit of the metric."""
    if settings.loss is not None:
        return settings.loss
    return (1.0 - ISO_LEVEL) * abs(digital - chance)


def _step(loss: float, parameters: int, state: int, double: bool) -> tuple[float, float]:
    """Return the loss that the next step of a layer removes, and the weights that it costs."""
    if not double:
        return loss, float(parameters)
    return (1.0 - _LOSS_OF_DOUBLED if state == 0 else _LOSS_OF_DOUBLED) * loss, 0.5 * parameters


def _choice(costs: Sequence[LayerEnergies], losses: Any, level: Sequence[int]) -> Choice:
    names = [
        [cost.name for cost, s in zip(costs, level, strict=True) if s == kind] for kind in (2, 1)
    ]
    weights = sum(cost.parameters for cost in costs)
    digital = sum(cost.parameters for cost, s in zip(costs, level, strict=True) if s == 2)
    energies = [
        (cost.analog, 2.0 * cost.analog, cost.digital)[s]
        for cost, s in zip(costs, level, strict=True)
    ]
    left = [(1.0, _LOSS_OF_DOUBLED, 0.0)[s] for s in level]
    return Choice(
        LayerMapping(digital=tuple(names[0]), doubled=tuple(names[1])),
        digital / max(weights, 1),
        float(sum(energies)),
        float(np.dot(losses, left)),
    )


__getattr__ = former_names(__name__, {"LayerCosts": "LayerEnergies"})
