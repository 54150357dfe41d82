"""Evaluators from their definitions in a trial log, so that any program can resume a search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import AnalogNASError, InvalidArgumentError, Registry
from ..spaces import Space
from .base import Evaluator

EVALUATORS: Registry[type[Evaluator]] = Registry(
    "evaluator",
    {
        "table": f"{__package__}.table:TableEvaluator",
        "noisy_table": f"{__package__}.noisy_table:NoisyTableEvaluator",
        "counts": f"{__package__}.costs:CountEvaluator",
        "chip_costs": f"{__package__}.costs:ChipCostEvaluator",
        "device_costs": f"{__package__}.costs:DeviceCostEvaluator",
        "combined": f"{__package__}.combined:CombinedEvaluator",
        "stochastic_combined": f"{__package__}.combined:CombinedEvaluator",
        "xgboost": f"{__package__}.xgboost_evaluator:XGBoostEvaluator",
        "mlp": f"{__package__}.mlp_evaluator:MLPEvaluator",
        "graph_ensemble": f"{__package__}.graph_ensemble_evaluator:GraphEnsembleEvaluator",
        "trained": f"{__package__}.trained:TrainedEvaluator",
        "cost_predictor": f"{__package__}.cost_predictor:CostPredictor",
        "zero_cost": f"{__package__}.zero_cost:ZeroCostEvaluator",
    },
)
"""Classes of evaluators that have definitions, by the name used there."""

KIND = "kind"
"""Key of that name in a definition."""


def definition_of(evaluator: Evaluator) -> dict[str, Any] | None:
    """Return the definition of an evaluator, for :func:`evaluator_from_definition`; None if it has none.

    Args:
        evaluator: Any evaluator. User-defined classes, including subclasses of classes of this package, have no
            definition.

    Example:
        >>> from analognas.evaluators import TableEvaluator
        >>> definition_of(TableEvaluator())
        {'kind': 'table'}
    """
    for name in EVALUATORS.names():
        if EVALUATORS.get(name) is type(evaluator):
            definition = evaluator.definition()
            return None if definition is None else {KIND: name, **definition}
    return None


def evaluator_from_definition(definition: Any, space: Space | None) -> Evaluator:
    """Return the evaluator of a definition made by :func:`definition_of`.

    Args:
        definition: The definition.
        space: The space that is searched; None if only the evaluator knows it.

    Raises:
        InvalidArgumentError: If it cannot be read, or the evaluator cannot be made here.
        UnknownNameError: If there is no such kind of evaluator.
        DataNotFoundError: If a table that it reads is missing.

    Example:
        >>> from analognas.evaluators import CountEvaluator, definition_of
        >>> from analognas.spaces import NASBench201Space
        >>> space = NASBench201Space()
        >>> definition = definition_of(CountEvaluator(space))
        >>> type(evaluator_from_definition(definition, space)).__name__
        'CountEvaluator'
    """
    if not isinstance(definition, Mapping):
        raise InvalidArgumentError(
            f"An evaluator's definition must be a mapping, but got {definition!r}."
        )
    made = EVALUATORS.get(definition.get(KIND, ""))
    entries = {name: value for name, value in definition.items() if name != KIND}
    try:
        return made.from_definition(entries, space)
    except AnalogNASError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InvalidArgumentError(
            f"The definition of the evaluator {definition.get(KIND)!r} cannot be read: {error!r}."
        ) from None
