"""What an analysis says in sentences, beside the three insights that AnalogNAS-Bench published.

Bessalah et al., arXiv:2506.18495, 2025: quantization does not capture the noise of analog chips; robust
networks have wide and branched blocks; skip connections improve resilience to drift.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core import get_metric
from ..core.metric_words import name_of
from .comparison import BEST_DIGITAL, BEST_ON_CHIPS, ComparedNetwork
from .ranks import Agreement
from .result import Prediction, Slope

__all__ = ["findings_of"]

_DIGITAL = "baseline_accuracy"
_PTQ = "ptq_accuracy"
_DRIFT_LOSS = "avm"
_BLIND = 0.5
"""A metric is called blind to something if it reaches less than this share of the ceiling."""


def findings_of(
    slopes: Sequence[Slope],
    predictions: Sequence[Prediction],
    networks: Sequence[ComparedNetwork],
    target: str,
) -> tuple[str, ...]:
    """Return one finding for each question that the table can answer."""
    found = [
        _depth(slopes, target),
        _quantization(predictions, target),
        _width(slopes, target),
        _skips(slopes),
        _stability(predictions),
        _search(networks, target),
    ]
    return tuple(text for text in found if text)


def _effects(slopes: Sequence[Slope], trait: str, metric: str) -> list[Slope]:
    """Effects of a trait, from the one with least held equal to the one with most."""
    return [one for one in slopes if (one.trait.name, one.metric) == (trait, metric)]


def _depth(slopes: Sequence[Slope], target: str) -> str:
    found = _effects(slopes, "depth", target)
    if not found:
        return ""
    last = found[-1]
    return (
        f"Depth: one more {last.trait.one} changes {_name(target)} by {last.effect} points at equal "
        f"{last.equal}."
    )


def _width(slopes: Sequence[Slope], target: str) -> str:
    found = _effects(slopes, "width", target)
    if not found:
        return ""
    first, last = found[0], found[-1]
    alone, given = first.effect.low > 0, last.effect.low > 0
    verdict = "Confirmed" if given else "Confirmed by itself only" if alone else "Not confirmed"
    return (
        f"Published: robust networks have wide and branched blocks. {verdict}: one more "
        f"{last.trait.one} changes {_name(target)} by {first.effect} points at equal {first.equal}, "
        f"and by {last.effect} at equal {last.equal}."
    )


def _skips(slopes: Sequence[Slope]) -> str:
    found = _effects(slopes, "skips", _DRIFT_LOSS)
    if not found:
        return ""
    last = found[-1]
    verdict = "Confirmed" if last.effect.high < 0 else "Not confirmed"
    return (
        f"Published: skip connections improve resilience to drift. {verdict}: one more changes the loss over a "
        f"month by {last.effect} points at equal {last.equal}."
    )


def _quantization(predictions: Sequence[Prediction], target: str) -> str:
    by_name = {(one.predictor, one.equal_digital): one.agreement for one in predictions}
    try:
        equal, plain, digital = (
            by_name[key] for key in ((_PTQ, True), (_PTQ, False), (_DIGITAL, False))
        )
    except KeyError:
        return ""
    verdict = "Confirmed" if equal.tau.high < _BLIND * _ceiling(equal) else "Not confirmed"
    return (
        f"Published: quantization does not capture the noise of chips. {verdict}: accuracy after PTQ ranks "
        f"networks by {_name(target)} with tau {plain.tau}, digital accuracy with {digital.tau}; at "
        f"equal digital accuracy {equal.tau} are left, of at most {_ceiling(equal):.2f}."
    )


def _stability(predictions: Sequence[Prediction]) -> str:
    early = [one for one in predictions if "_drift_" in one.predictor and not one.equal_digital]
    if not early:
        return ""
    first = early[0]
    kept = f"; {first.best_kept:.0%} of the best tenth stay in it" if first.best_kept else ""
    trained = " of another training" if first.agreement.between_trainings else ""
    return (
        f"Ranking over time: {_name(first.predictor)} ranks networks by {_name(first.target)}{trained} with "
        f"tau {first.agreement.tau}, of at most {_ceiling(first.agreement):.2f}{kept}."
    )


def _search(networks: Sequence[ComparedNetwork], target: str) -> str:
    roles = {one.role: one for one in reversed(networks) if one.limit is None}
    if not {BEST_ON_CHIPS, BEST_DIGITAL} <= roles.keys():
        return ""
    best, digital = roles[BEST_ON_CHIPS].values, roles[BEST_DIGITAL].values
    return (
        f"Search on chips: the best network has {best[target]} % {_name(target).removeprefix('accuracy ')}, "
        f"the best digital network {digital[target]} %; digitally they have {best[_DIGITAL]} and "
        f"{digital[_DIGITAL]} %."
    )


def _name(metric: str) -> str:
    return name_of(get_metric(metric))


def _ceiling(agreement: Agreement) -> float:
    return 1.0 if agreement.ceiling is None else agreement.ceiling.value
