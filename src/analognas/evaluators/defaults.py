"""The default evaluator of a search: what is known of the metrics of a space."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..core import (
    METRICS,
    Constraint,
    InvalidArgumentError,
    check_choice,
    current_metric_name,
    parse_constraints,
)
from ..hardware import AIMCChip
from ..spaces import Space
from ..tables import MEASUREMENTS
from .base import COUNTED, Evaluator
from .combined import CombinedEvaluator
from .costs import (
    ChipCostEvaluator,
    CountEvaluator,
    DeviceCostEvaluator,
    check_counted,
    check_described,
    counted_dataset,
    network_input_of,
)
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .noisy_table import NoisyTableEvaluator
from .shipped_weights import how_to_measure
from .table import TableEvaluator
from .trained import TrainedEvaluator

__all__ = ["default_evaluator"]

_CHIP_METRICS = ("aimc_latency", "aimc_energy", "aimc_area", "aimc_tiles")
_FREE = (*COUNTED, *_CHIP_METRICS, *MEASUREMENTS)
"""Metrics that need no network to be trained."""


def default_evaluator(
    space: Space,
    objectives: str | Sequence[str],
    constraints: Any = (),
    *,
    chip: AIMCChip | str = "hermes",
    dataset: str | None = None,
    noise: int | None = None,
    own: Sequence[Evaluator] = (),
) -> Evaluator:
    """Return the evaluator of a search for which the user has given none, or only part of one.

    Accuracies come from the AnalogNAS-Bench table for ``nasbench201``, for AnalogNAS's spaces from
    :meth:`.GraphEnsembleEvaluator.pretrained`; ``params`` and ``macs`` from the space, ``aimc_...`` from the
    model of a chip, and costs on devices from HW-NAS-Bench, which must have been added.

    Args:
        space: The space.
        objectives: Names of the objectives.
        constraints: Constraints, as for :meth:`.Problem.of`.
        chip: Chip of the metrics that begin with ``aimc_``: a chip, its name or its YAML file.
        dataset: Data set of the networks whose costs are counted or looked up; that of the space by default.
            Accuracies are always those on CIFAR-10, as no others are in the table.
        noise: Simulate measurement noise: each accuracy is the mean of this many noisy readings of the
            AnalogNAS-Bench table (:class:`.NoisyTableEvaluator`); None: the table's values.
        own: The user's evaluators, such as a :class:`.CostPredictor` of a measured device; they take
            precedence. With a :class:`.TrainedEvaluator` or a measured table, costs on a chip are those of the
            networks that were trained.

    Raises:
        InvalidArgumentError: If nothing measures a metric in the space, or not for ``dataset``, or the chip's
            description does not tell it; the message names what does. If a user's evaluator is of another
            space, ``noise`` is below 1, or the space has no table.
        UnknownNameError: If there is no such metric or data set.
        DataNotFoundError: If HW-NAS-Bench was not added; the message says how.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> type(default_evaluator(NASBench201Space(), ["analog_accuracy"])).__name__
        'TableEvaluator'
    """
    names = [objectives] if isinstance(objectives, str) else list(objectives)
    bounds: tuple[Constraint, ...] = parse_constraints(constraints)
    names_known = dict.fromkeys([*METRICS, *(name for source in own for name in source.metrics)])
    wanted = [
        check_choice("metric", current_metric_name(name), names_known)
        for name in [*names, *(bound.metric for bound in bounds)]
    ]
    shipped = not any(isinstance(source, TableEvaluator | TrainedEvaluator) for source in own)
    measured = any(name not in _FREE for name in wanted)
    sources = [*(_tables(space, dataset, noise, measured) if shipped else []), *own]
    known = {name for source in sources for name in source.metrics}
    wanted = [name for name in wanted if name not in known]
    if space.name != TableEvaluator.space_name or not shipped:
        _check_countable(space, wanted, known)
    if any(name in COUNTED for name in wanted):
        for source in own:
            check_counted(source, [name for name in wanted if name in COUNTED])
        sources.append(CountEvaluator(space, dataset=dataset))
    if any(name in _CHIP_METRICS for name in wanted):
        costs = ChipCostEvaluator(space, chip, dataset=dataset, **network_input_of(own))
        sources.append(check_described(costs, wanted))
    if any(name in MEASUREMENTS for name in wanted):
        sources.append(DeviceCostEvaluator(space, dataset=dataset))
    return sources[0] if len(sources) == 1 else CombinedEvaluator(sources)


def _tables(
    space: Space, dataset: str | None, noise: int | None, measured: bool
) -> list[Evaluator]:
    """Return the evaluators of the space's table of accuracies, or fitted to one, if it has any."""
    if space.name == TableEvaluator.space_name:
        table = TableEvaluator() if noise is None else NoisyTableEvaluator(n_readings=noise)
        # The table counts the networks for CIFAR-10.
        other = counted_dataset(space, dataset) is not None
        return [CountEvaluator(space, dataset=dataset), table] if other else [table]
    if noise is not None:
        raise InvalidArgumentError(
            f"`noise` is that of the table of {TableEvaluator.space_name!r}; the space {space.name!r} has none."
        )
    fitted = GraphEnsembleEvaluator.find_pretrained(space) if measured else None
    return [] if fitted is None else [fitted]


def _check_countable(space: Space, wanted: Sequence[str], known: Collection[str]) -> None:
    """Check that no metric needs a table of measured networks that the space does not have."""
    measured = [name for name in wanted if name not in _FREE]
    if measured and known:
        raise InvalidArgumentError(
            f"{measured[0]!r} was not measured; measured were {', '.join(sorted(known))}. Besides, "
            f"{', '.join((*COUNTED, *_CHIP_METRICS))} can be searched."
        )
    if measured:
        raise InvalidArgumentError(
            f"Nothing is measured in the space {space.name!r}, only in {TableEvaluator.space_name!r}; from "
            f"Python, search {measured[0]!r} with an evaluator of your own, a surrogate or a training run: "
            "Worker(space, evaluator=...), see docs/multi_objective.md"
            f"{how_to_measure(space.name)}. Without one, "
            f"{', '.join((*COUNTED, *_CHIP_METRICS))} can be searched."
        )
