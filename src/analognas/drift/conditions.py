"""The conditions of AnalogNAS-Bench for one network: digital, quantised, on chips with and without training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from ..core import DRIFT_TIMES, InvalidArgumentError
from ..data import DataSet
from ..nn import AnalogConfig, analog_layers
from .chips import MONTH, as_analog, digital_scores
from .direct_mapping import direct_mapping
from .evaluator import DriftEvaluator
from .intervals import Estimate, estimate, t_quantile
from .result import DriftResult

PROGRAMMED = 0.0
"""When the chips without drift are measured: as programming ends."""


@dataclass(frozen=True)
class MetricValues:
    """Metrics of one network, by name (:data:`analognas.core.METRICS`).

    Attributes:
        values: The metrics.
        stds: Standard deviations from chip to chip, of those that are measured on chips.
        sems: Standard errors of the values, for chips and examples like these; what cannot be known, as from a
            single chip, is omitted.
    """

    values: dict[str, float]
    stds: dict[str, float]
    sems: dict[str, float]


@dataclass(frozen=True, eq=False)
class Conditions:
    """One network under all conditions.

    Attributes:
        noisy: The digital weights on chips as they are.
        analog: The weights after hardware-aware training on chips.
        digital: Metrics of the network off chips, by name: ``baseline_accuracy`` and, where given,
            ``ptq_accuracy`` and ``qat_accuracy``.
    """

    noisy: DriftResult
    analog: DriftResult
    digital: dict[str, float]

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics, named as everywhere (:data:`analognas.core.METRICS`).

        ``_std`` is the standard deviation from chip to chip, programming noise and drift exponents included;
        one chip has none. The table's is that of 25 readings of one programmed chip. ``noisy_accuracy`` and
        ``analog_accuracy`` are measured on programmed chips as programming ends; the table's have no
        programming noise.
        """
        found = dict(self.digital)
        for name, result in (("noisy", self.noisy), ("analog", self.analog)):
            measured = chip_metrics(name, result)
            found |= measured.values
            found |= {
                f"{metric}_std": x for metric, x in measured.stds.items() if "_drift_" in metric
            }
        return found

    def order(self) -> list[tuple[str, str, Estimate]]:
        """Return pairs of conditions that are expected in falling order, and their difference on this test set.

        Baseline above analog above noisy as programming ends and at each time, and each condition above
        itself at the next time.
        """
        a, n, task = self.analog, self.noisy, self.analog.task
        sign = 1.0 if task.higher_is_better else -1.0
        first = a.at(PROGRAMMED)
        steps = [
            ("baseline", "analog", _negative(first, self.digital[f"baseline_{task.metric_name}"]))
        ]
        for t in a.times:
            suffix = "" if t == PROGRAMMED else f"_drift_{t:.0f}"
            steps.append((f"analog{suffix}", f"noisy{suffix}", difference_of(a, n, t)))
        for name, result in (("analog", a), ("noisy", n)):
            for t, later in zip(result.times[:-1], result.times[1:], strict=True):
                pair = (f"{name}_drift_{t:.0f}", f"{name}_drift_{later:.0f}")
                steps.append((*pair, result.difference(t, later)))
        if sign > 0.0:
            return steps
        return [(high, low, _negative(found, 0.0)) for high, low, found in steps]


def chip_metrics(name: str, result: DriftResult) -> MetricValues:
    """Return the metrics of one network on chips, with their spread and standard errors.

    Args:
        name: ``"noisy"`` for digital weights as they are, ``"analog"`` after hardware-aware training.
        result: Its evaluation. Accuracy as programming ends is ``NAME_accuracy``, at a time
            ``NAME_drift_TIME``; the ``avm`` of ``"analog"`` is lost from the first time after that to one
            month, each chip being paired with itself.
    """
    values, stds, sems = {}, {}, {}
    for t in result.times:
        plain = t == PROGRAMMED
        metric = f"{name}_{result.task.metric_name}" if plain else f"{name}_drift_{t:.0f}"
        values[metric] = result.at(t).value
        stds[metric] = result.chip_std(t)
        sems[metric] = result.at(t, "population").sem
    drifted = [t for t in result.times if t != PROGRAMMED]
    if name == "analog" and MONTH in drifted[1:]:
        loss = result.difference(drifted[0], MONTH, "population")
        sign = 1.0 if result.task.higher_is_better else -1.0
        values["avm"], sems["avm"] = sign * loss.value, loss.sem
    known = {metric: sem for metric, sem in sems.items() if math.isfinite(sem)}
    return MetricValues(values, {m: x for m, x in stds.items() if math.isfinite(x)}, known)


def evaluate_conditions(
    digital: nn.Module,
    hwa: nn.Module,
    data: DataSet | Sequence[Tensor],
    *,
    evaluator: DriftEvaluator | None = None,
    config: AnalogConfig | None = None,
    calibration: DataSet | Sequence[Tensor] | None = None,
    ptq: nn.Module | None = None,
    qat: nn.Module | None = None,
) -> Conditions:
    """Measure one architecture under the conditions of AnalogNAS-Bench.

    Args:
        digital: The network after digital training.
        hwa: The same after hardware-aware training, with analog layers.
        data: What they are scored on.
        evaluator: How; 25 chips at the table's four times if None. Programming itself, t = 0, is added.
        config: Hardware for the digital weights; that of ``hwa`` if None.
        calibration: Where input ranges for the digital weights come from, a data set or batches of inputs;
            ``data`` if None, which must then be a data set.
        ptq: The network after post-training quantisation.
        qat: The network after quantisation-aware training.

    Raises:
        InvalidArgumentError: If ``hwa`` has no analog layer, or calibration inputs are missing.
    """
    evaluator = DriftEvaluator(DRIFT_TIMES) if evaluator is None else evaluator
    _, layer = next(iter(analog_layers(as_analog(hwa))))
    if calibration is None and not isinstance(data, DataSet):
        raise InvalidArgumentError(
            "`calibration` must be given where `data` is not a DataSet: batches of inputs, such as [inputs]."
        )
    source = data if calibration is None else calibration
    mapped = direct_mapping(digital, source, layer.config if config is None else config)
    examples = evaluator.examples(data)
    metric, name = examples.task.metric, examples.task.metric_name
    times = (PROGRAMMED, *(t for t in evaluator.times if t != PROGRAMMED))
    analog = evaluator.evaluate(hwa, examples, reference=digital, times=times)
    noisy = evaluator.evaluate(mapped, examples, reference=digital, times=times)
    found = {f"baseline_{name}": analog.reference}
    for label, model in (("ptq", ptq), ("qat", qat)):
        if model is not None:
            found[f"{label}_{name}"] = metric(
                float(digital_scores(model, examples, evaluator.seed).mean())
            )
    return Conditions(noisy, analog, found)


def difference_of(first: DriftResult, second: DriftResult, t: float) -> Estimate:
    """Return the metric of one network minus that of another at ``t``, on the same test set.

    Their chips are independent. Degrees of freedom are Welch's.

    Source: Welch, Biometrika 34:28, 1947.

    Raises:
        InvalidArgumentError: If one of them was not measured at ``t``.
    """
    a, b = first.at(t), second.at(t)
    # What an interval is wider by in adaptive mode stays in the variance.
    parts = [
        ((found.half_width / t_quantile(result.confidence, found.df)) ** 2, found.df)
        for found, result in ((a, first), (b, second))
    ]
    return estimate(a.value - b.value, parts, confidence=first.confidence)


def _negative(found: Estimate, plus: float) -> Estimate:
    """Return ``plus`` minus an estimate."""
    return Estimate(plus - found.value, found.sem, plus - found.high, plus - found.low, found.df)
