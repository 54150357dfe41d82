r"""Accuracy of a network over a year and the energy spent for it, by how it is kept accurate.

Accuracy comes from the drift evaluation (:class:`analognas.drift.DriftEvaluator`): a chip is moved to the
time since its last programming, with the drift compensation that was last measured. Each programming is a new
draw of the same distribution, so the time after one programming is measured and repeated. Energy comes from the
cost model:

.. math:: E(t) = n_{prog}(t)\, E_{prog} + n_{recal}(t)\, E_{recal} + r\, t\, E_{inference}
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InvalidArgumentError
from ..core.text_tables import ShownTable, TableView, with_unit
from .programming import noise_scale
from .recalibration import DAY, RecalibrationCost, recalibration_cost
from .uncertain_value import high_of, low_of, with_factor
from .upkeep_policies import (
    UpkeepPolicy,
    UpkeepSettings,
    count_compensations,
    last_compensation,
)
from .writing_costs import ProgrammingCost, programming_cost

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..data import DataSet
    from ..drift import DriftProgress, DriftResult, Examples
    from ..drift.intervals import Estimate
    from .chip_cost import ChipCost

__all__ = ["PolicyResult", "UpkeepResult", "upkeep", "with_noise_scale"]

_FIRST_AGES = (60.0, 3600.0, DAY, 2 * DAY, 4 * DAY, 7 * DAY, 15 * DAY)
_MONTH = 30 * DAY
_MOST_POINTS = 400
"""Points of one line: more reprogrammings than they show are an error."""


@dataclass(frozen=True)
class PolicyResult:
    """Accuracy and energy over time under one policy.

    Attributes:
        policy: The policy.
        times: Times since the first programming, s, ascending, shape ``(n,)``.
        accuracy: Mean over chips at each time, with intervals.
        energies: Energy spent until each time, mJ.
        low: The same with the lower bounds of programming, and other energies divided by the chip's factor.
        high: The same with the upper bounds, and other energies multiplied by it.
        n_programmings: Programmings until the end, the first included.
        n_compensations: Measurements of the compensation until the end.
        spent: Energy until the end by purpose, mJ: ``programming``, ``recalibration``, ``inferences``.
        mean: Accuracy averaged over time, mean over chips with its interval.
    """

    policy: UpkeepPolicy
    times: tuple[float, ...]
    accuracy: tuple[Estimate, ...]
    energies: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    n_programmings: int
    n_compensations: int
    spent: dict[str, float]
    mean: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "policy": self.policy.to_dict(),
            "mean": self.mean.value,
            "mean_low": self.mean.low,
            "mean_high": self.mean.high,
            "programmings": self.n_programmings,
            "compensations": self.n_compensations,
            "energy": self.energies[-1],
            "energy_low": self.low[-1],
            "energy_high": self.high[-1],
            "spent": self.spent,
            "rows": [
                {
                    "time": t,
                    "accuracy": found.value,
                    "low": found.low,
                    "high": found.high,
                    "energy": energy,
                    "energy_low": low,
                    "energy_high": high,
                }
                for t, found, energy, low, high in zip(
                    self.times, self.accuracy, self.energies, self.low, self.high, strict=True
                )
            ],
        }


@dataclass(frozen=True, repr=False)
class UpkeepResult(TableView):
    """Policies compared. Its text is a table.

    Attributes:
        settings: The settings.
        chip: Name of the chip of the cost model.
        metric: Name of the metric.
        unit: Its unit.
        digital: Metric of the network without analog effects.
        programming: Cost of one programming.
        recalibration: Cost of one measurement of the compensation, of the first policy that has one.
        inference_energy: Energy of an inference, mJ.
        noise_scale: Factor on the programming noise, from the limit of iterations.
        policies: Results of the policies.

    Example:
        >>> import torch
        >>> from analognas.drift import direct_mapping
        >>> from analognas.hardware import find_chip, network_cost
        >>> x, y = torch.randn(40, 8), torch.arange(40) % 2
        >>> net = torch.nn.Linear(8, 2)
        >>> cost = network_cost(net, find_chip("hermes"), input_shape=(8,))
        >>> result = upkeep(direct_mapping(net, [x]), (x, y), cost, UpkeepSettings(chips=2))
        >>> [one.policy.name for one in result.policies]
        ['never', 'compensate daily', 'reprogram monthly', 'both']
    """

    settings: UpkeepSettings
    chip: str
    metric: str
    unit: str
    digital: float
    programming: ProgrammingCost
    recalibration: RecalibrationCost
    inference_energy: float
    noise_scale: float
    policies: tuple[PolicyResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values: times in s, energies in mJ."""
        programming = self.programming
        return {
            "settings": self.settings.to_dict(),
            "chip": self.chip,
            "metric": self.metric,
            "unit": self.unit,
            "digital": self.digital,
            "programming": programming.to_dict(),
            "recalibration": self.recalibration.to_dict(),
            "inference_energy": float(self.inference_energy),
            "noise_scale": self.noise_scale,
            "policies": [found.to_dict() for found in self.policies],
        }

    def shown_table(self) -> ShownTable:
        """Return what is printed: a row a policy."""
        scale = "" if self.noise_scale == 1.0 else f"; programming noise x{self.noise_scale:.2f}"
        rows = []
        for found in self.policies:
            total = found.energies[-1] or 1.0
            rows.append(
                (
                    found.policy.name,
                    f"{found.mean.value:.2f}",
                    found.mean.interval,
                    f"{found.accuracy[-1].value:.2f}",
                    f"{found.energies[-1]:.4g}",
                    f"{found.low[-1]:.3g} to {found.high[-1]:.3g}",
                    *(
                        f"{found.spent[name] / total:.1%}"
                        for name in ("programming", "recalibration", "inferences")
                    ),
                )
            )
        heads = ("policy", with_unit("mean over time", self.unit), "95 % interval", "at the end")
        return ShownTable(
            f"{self.chip}: digital {self.digital:.2f} {self.unit}, {self.settings.chips} chips, "
            f"{self.settings.rate * DAY:,.4g} inferences a day of {self.inference_energy:.2g} mJ"
            f"{with_factor(self.inference_energy)}{scale}",
            (*heads, "energy (mJ)", "range", "programming", "recalibration", "inferences"),
            tuple(rows),
            (str(self.programming), str(self.recalibration)),
        )


def upkeep(
    model: nn.Module,
    data: DataSet | Sequence[Tensor] | Examples,
    cost: ChipCost,
    settings: UpkeepSettings | None = None,
    *,
    journal: str | os.PathLike[str] | None = None,
    on_progress: Callable[[str, DriftProgress], None] = lambda name, progress: None,
) -> UpkeepResult:
    """Return accuracy and energy of a network over time, for each policy.

    Args:
        model: An analog network with input ranges; it is not changed. Its drift compensation is measured when
            the policies say so.
        data: A data set, a pair of tensors (prepared inputs, targets), or examples.
        cost: Cost of an inference of the network, as from :func:`network_cost`.
        settings: Policies, rate and duration; None: the defaults.
        journal: A folder that exists, to continue from and to write after each chip. The result is that of an
            uninterrupted comparison.
        on_progress: Called with the name of a policy and its progress, after each simulated chip.

    Raises:
        InvalidArgumentError: If the chip does not state what an energy follows from, a policy reprograms too
            often to show, or model and data do not fit.
        PhysicalRangeError: If the device's model is not valid for the duration.
        ResumeError: If the journal belongs to another comparison.

    Example:
        >>> import torch
        >>> from analognas.drift import direct_mapping
        >>> from analognas.hardware import find_chip, network_cost
        >>> x, y = torch.randn(40, 8), torch.arange(40) % 2
        >>> net = torch.nn.Linear(8, 2)
        >>> cost = network_cost(net, find_chip("hermes"), input_shape=(8,))
        >>> result = upkeep(direct_mapping(net, [x]), (x, y), cost, UpkeepSettings(chips=2))
        >>> result.policies[1].n_compensations
        365
    """
    from ..drift import DriftEvaluator

    settings = UpkeepSettings() if settings is None else settings
    written = programming_cost(cost, iterations=settings.iterations)
    if math.isnan(written.energy):
        raise InvalidArgumentError(
            f"Energy over time needs the energy of programming, but {written.missing}."
        )
    if math.isnan(cost.energy):
        raise InvalidArgumentError(
            f"Energy over time needs that of an inference, which {cost.chip.name!r} does not state: give "
            "`mvm_energy`, and `digital_energy` where layers are digital."
        )
    _check_compensation(model, settings)
    ages = {policy.name: _ages(policy, settings.duration) for policy in settings.policies}
    scale = 1.0
    if settings.iterations is not None:
        model, scale = with_noise_scale(model, cost, settings.iterations)
    evaluator = DriftEvaluator(
        chips=settings.chips, seed=settings.seed, batch_size=settings.batch_size
    )
    examples = evaluator.examples(data)
    found = {}
    periods = dict.fromkeys(policy.compensate_every for policy in settings.policies)
    for k, period in enumerate(periods):
        # Policies that compensate alike share their chips.
        alike = [policy for policy in settings.policies if policy.compensate_every == period]
        times = sorted(set().union(*(ages[policy.name] for policy in alike)))
        name = ", ".join(policy.name for policy in alike)
        evaluator.on_progress = partial(on_progress, name)
        found[period] = evaluator.evaluate(
            model,
            examples,
            times=times,
            compensated=[last_compensation(period, age) for age in times],
            journal=None if journal is None else Path(journal) / f"{k}.safetensors",
        )
    drift = next(iter(found.values()))
    first = next((p for p in settings.policies if p.compensate_every), settings.policies[0])
    return UpkeepResult(
        settings=settings,
        chip=cost.chip.name,
        metric=drift.task.metric_name,
        unit=drift.task.unit,
        digital=drift.digital,
        programming=written,
        recalibration=recalibration_cost(cost, reference_mvms=first.reference_mvms),
        inference_energy=cost.energy,
        noise_scale=scale,
        policies=tuple(
            _result(
                policy, found[policy.compensate_every], ages[policy.name], cost, written, settings
            )
            for policy in settings.policies
        ),
    )


def _check_compensation(model: nn.Module, settings: UpkeepSettings) -> None:
    """Check that a network can be compensated if a policy does so."""
    from ..nn import analog_layers

    kinds = {layer.config.compensation.kind for _, layer in analog_layers(model)}
    wanted = next((policy.name for policy in settings.policies if policy.compensate_every), None)
    if wanted is not None and kinds == {"none"}:
        raise InvalidArgumentError(
            f"The policy {wanted!r} needs a network with drift compensation, but its hardware has none: set "
            "`compensation` of the analog configuration, or compare other policies."
        )


def with_noise_scale(
    model: nn.Module, cost: ChipCost, iterations: float
) -> tuple[nn.Module, float]:
    """Return a copy of an analog network whose programming stops after some iterations, and its noise factor.

    The factor is that of the first layer's device; see :func:`noise_scale`.

    Raises:
        InvalidArgumentError: If the chip does not state its programming, or a device has no programming noise.
    """
    import copy

    from ..nn import analog_layers
    from ..nn.tile.tiled_layer import TiledLayer

    how = cost.chip.programming
    if how is None:
        raise InvalidArgumentError(
            f"`iterations` needs the programming of {cost.chip.name!r}, which is not published: give figures "
            "of your own, such as --set programming.iterations=10."
        )
    model = copy.deepcopy(model)
    scales = []
    for _, layer in analog_layers(model):
        device = layer.config.device
        scales.append(noise_scale(how, device, iterations))
        noisy = device.replace(prog_noise_scale=device.prog_noise_scale * scales[-1])
        config = layer.config.replace(device=noisy)
        layer.tiled = TiledLayer(config, layer.tiled.product, layer.tiled.grid)
    return model, scales[0]


def _ages(policy: UpkeepPolicy, duration: float) -> tuple[float, ...]:
    """Times since a programming at which accuracy is measured, s."""
    end = duration if policy.reprogram_every is None else min(policy.reprogram_every, duration)
    if duration / end * len(_FIRST_AGES) > _MOST_POINTS:
        raise InvalidArgumentError(
            f"`reprogram_every` of {policy.name!r} must leave fewer than {_MOST_POINTS // len(_FIRST_AGES)} "
            f"programmings in {duration:g} s, but got {policy.reprogram_every:g} s."
        )
    step = _MONTH * max(1, round(end / _MONTH / 12))
    later = np.arange(step, end, step).tolist()
    last = duration % end  # since the last programming
    return tuple(sorted({age for age in (*_FIRST_AGES, *later, last) if 0 < age < end} | {end}))


def _result(
    policy: UpkeepPolicy,
    drift: DriftResult,
    ages: Sequence[float],
    cost: ChipCost,
    written: ProgrammingCost,
    settings: UpkeepSettings,
) -> PolicyResult:
    """Put accuracy and energy together."""
    period = min(policy.reprogram_every or settings.duration, settings.duration)
    points = [
        (start + age, age)
        for start in np.arange(0.0, settings.duration, period).tolist()
        for age in ages
        if start + age <= settings.duration
    ]
    recalibration = recalibration_cost(cost, reference_mvms=policy.reference_mvms)
    each = 0.0 if policy.compensate_every is None else recalibration.energy
    # At a time of writing, the writing comes after what is measured.
    counts = [
        (max(1, math.ceil(t / period)), count_compensations(policy, t, period)) for t, _ in points
    ]
    at = {age: drift.at(age) for age in ages}

    def total(end: Callable[[float], float]) -> tuple[float, ...]:
        """Energy until each time at one end of all intervals: bounds of programming, factors of the chip."""
        programming, measuring, inference = end(written.energy), end(each), end(cost.energy)
        return tuple(
            n * programming + m * measuring + settings.rate * t * inference
            for (n, m), (t, _) in zip(counts, points, strict=True)
        )

    return PolicyResult(
        policy=policy,
        times=tuple(t for t, _ in points),
        accuracy=tuple(at[age] for _, age in points),
        energies=total(float),
        low=total(low_of),
        high=total(high_of),
        n_programmings=counts[-1][0],
        n_compensations=counts[-1][1],
        spent={
            "programming": counts[-1][0] * float(written.energy),
            "recalibration": counts[-1][1] * float(each),
            "inferences": settings.rate * points[-1][0] * float(cost.energy),
        },
        mean=_mean_over_time(drift, points),
    )


def _mean_over_time(drift: DriftResult, points: Sequence[tuple[float, float]]) -> Estimate:
    """Metric averaged over time by trapezoids: the mean over chips with its interval."""
    from ..drift.intervals import estimate, possible_metric

    times = np.array([t for t, _ in points])
    edges = np.concatenate([[0.0], (times[1:] + times[:-1]) / 2.0, times[-1:]])
    weights = np.zeros(len(drift.times))
    for width, (_, age) in zip(np.diff(edges), points, strict=True):
        weights[drift.times.index(age)] += width
    chips = drift.chip_scores @ (weights / weights.sum())
    n = len(chips)
    variance = float(chips.var(ddof=1)) / n
    return estimate(
        float(chips.mean()),
        [(variance, n - 1.0)],
        confidence=drift.confidence,
        transform=drift.task.metric,
        possible=possible_metric(drift.task),
    )
