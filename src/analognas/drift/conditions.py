"""The conditions of AnalogNAS-Bench for one network: digital, quantised, and on chips."""

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
from .intervals import Estimate, estimate, slope, t_quantile
from .result import DriftResult

PROGRAMMED = 0.0
"""Time of the measurement without drift: the end of programming, s."""


@dataclass(frozen=True)
class MetricValues:
    """Metrics of one network, by name (:data:`analognas.core.METRICS`).

    Attributes:
        values: The metrics.
        stds: Standard deviations from chip to chip, of metrics measured on chips.
        sems: Standard errors of the values, for the populations of chips and examples; unknown ones, as with a
            single chip, are omitted.

    Example:
        >>> from analognas.drift import read_drift
        >>> from pathlib import Path
        >>> found = chip_metrics("analog", read_drift(Path("my-drift"))["hwa"])
        >>> sorted(found.values)
        ['analog_drift_60', 'analog_drift_86400']
    """

    values: dict[str, float]
    stds: dict[str, float]
    sems: dict[str, float]


@dataclass(frozen=True, eq=False)
class Conditions:
    """Results of one network under all conditions.

    Attributes:
        noisy: The digital weights on chips, without further training.
        analog: The weights of hardware-aware training, on chips.
        digital: Metrics of the network off chips, by name: ``baseline_accuracy`` and, where given,
            ``ptq_accuracy`` and ``qat_accuracy``.

    Example:
        >>> import torch
        >>> from analognas.drift import DriftEvaluator, direct_mapping
        >>> x, y = torch.randn(40, 4), torch.arange(40) % 2
        >>> net = nn.Sequential(nn.Linear(4, 2))
        >>> hwa = direct_mapping(net, [x])
        >>> few = DriftEvaluator(chips=2)
        >>> found = evaluate_conditions(net, hwa, (x, y), calibration=[x], evaluator=few)
        >>> sorted(found.digital), found.analog.chip_scores.shape
        (['baseline_accuracy'], (2, 7))
    """

    noisy: DriftResult
    analog: DriftResult
    digital: dict[str, float]

    @property
    def metrics(self) -> dict[str, float]:
        """All metrics by name (:data:`analognas.core.METRICS`).

        ``_std`` is the standard deviation from chip to chip, with programming noise and drift exponents; a
        single chip has none. In the table of AnalogNAS-Bench it is that of 25 readings of one programmed chip.
        ``noisy_accuracy`` and ``analog_accuracy`` are measured at the end of programming; those of the table
        have no programming noise.
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
        """Return pairs of conditions, the better one expected first, and their difference on this test set.

        The expected order: baseline, analog, noisy at the end of programming and at each time; and each
        condition above itself at the next time.
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
        name: ``"noisy"`` for digital weights, ``"analog"`` for hardware-aware training.
        result: The result. The accuracy at the end of programming is ``NAME_accuracy``, at a time
            ``NAME_drift_TIME``. The ``avm`` of ``"analog"`` is the loss from the first later time to one month,
            on the same chips.

    Example:
        >>> from analognas.drift import read_drift
        >>> from pathlib import Path
        >>> found = chip_metrics("analog", read_drift(Path("my-drift"))["hwa"])
        >>> sorted(found.values) == sorted(found.stds)
        True
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
        digital: The digital network.
        hwa: The network after hardware-aware training, with analog layers.
        data: Data for the scores.
        evaluator: The evaluator; None: 25 chips at the four times of the table. The end of programming, t = 0,
            is added.
        config: Hardware for the digital weights; None: that of ``hwa``.
        calibration: Data set or batches of inputs for the input ranges of the digital weights; None: ``data``,
            which must then be a data set.
        ptq: The network after post-training quantisation.
        qat: The network after quantisation-aware training.

    Raises:
        InvalidArgumentError: If ``hwa`` has no analog layer, or calibration inputs are missing.

    Example:
        >>> import torch
        >>> from analognas.drift import DriftEvaluator, direct_mapping
        >>> x, y = torch.randn(40, 4), torch.arange(40) % 2
        >>> net = nn.Sequential(nn.Linear(4, 2))
        >>> hwa = direct_mapping(net, [x])
        >>> few = DriftEvaluator(chips=2)
        >>> found = evaluate_conditions(net, hwa, (x, y), calibration=[x], evaluator=few)
        >>> found.noisy.times[:3]
        (0.0, 1.0, 60.0)
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

    The chips are independent; degrees of freedom are Welch's.

    Source: Welch, Biometrika 34:28, 1947.

    Raises:
        InvalidArgumentError: If one result has no time ``t``.

    Example:
        >>> from analognas.drift import read_drift
        >>> from pathlib import Path
        >>> results = read_drift(Path("my-drift"))
        >>> difference = difference_of(results["hwa"], results["direct"], 86400.0)
        >>> difference.low <= difference.value <= difference.high
        True
    """
    a, b = first.at(t), second.at(t)
    # The widening of intervals in adaptive mode is part of the variance.
    parts = [
        ((found.half_width / t_quantile(result.confidence, found.df)) ** 2, found.df)
        for found, result in ((a, first), (b, second))
    ]
    return estimate(a.value - b.value, parts, confidence=first.confidence)


def paired_difference(first: DriftResult, second: DriftResult, t: float) -> Estimate:
    """Return the metric of one network minus that of another at ``t``, on the same chips and test set.

    Chip ``k`` of one network is paired with chip ``k`` of the other, which has the same seed. Effects that both
    have cancel.

    Raises:
        InvalidArgumentError: If a result has no time ``t``, or their numbers of chips differ.
    """
    a, b = first.scores_at(t), second.scores_at(t)
    if len(a) != len(b):
        raise InvalidArgumentError(
            f"Paired results must have the same number of chips, but have {len(a)} and {len(b)}."
        )
    metric = first.task.metric
    apart = a * slope(metric, float(a.mean())) - b * slope(metric, float(b.mean()))
    variance = float(apart.var(ddof=1)) / len(apart) if len(apart) > 1 else math.inf
    value = first.at(t).value - second.at(t).value
    return estimate(value, [(variance, len(apart) - 1.0)], confidence=first.confidence)


def _negative(found: Estimate, plus: float) -> Estimate:
    """Return ``plus`` minus an estimate."""
    return Estimate(plus - found.value, found.sem, plus - found.high, plus - found.low, found.df)
