"""The objects that a search consists of: made from its settings, checked, and described for its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import (
    METRICS,
    Constraint,
    InvalidArgumentError,
    Metric,
    merge_constraints,
    parse_constraints,
)
from ..evaluators import (
    FIDELITY,
    CombinedEvaluator,
    CostPredictor,
    Evaluator,
    Fidelity,
    Problem,
    Surrogate,
    TableEvaluator,
    TrainedEvaluator,
    default_evaluator,
    definition_of,
    evaluator_from_definition,
)
from ..optimizers import OPTIMIZERS, Optimizer, default_optimizer
from ..spaces import SPACES, Space, equal_spaces, find_space
from .budget import Budget
from .settings import EvaluatorSettings, SearchSettings

if TYPE_CHECKING:
    from ..builder import MeasurementSettings

DEFAULT_SPACE = "nasbench201"
DEFAULT_OBJECTIVE = "analog_drift_2592000"
DEFAULT_BUDGET = 500
DEFAULT_RUNS = 5


def check_kind(name: str, value: Any, kind: type) -> None:
    """Check the class of a component of a search.

    Raises:
        InvalidArgumentError: If it is another one.
    """
    if not isinstance(value, kind):
        raise InvalidArgumentError(
            f"`{name}` must be an object of a class derived from {kind.__name__}, or for space and "
            f"optimizer a name, but got {value!r}."
        )


def make_space(entry: str | dict[str, Any] | None) -> Space | None:
    """Return the space that settings name or define; None where they say nothing."""
    if isinstance(entry, str):
        made: Space = SPACES.get(entry)() if entry in SPACES else find_space(entry)
        return made
    return None if entry is None else find_space(entry)


def make_optimizer(settings: SearchSettings) -> Optimizer:
    """Return the optimizer of settings, by default one for their objectives.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If it does not have one of the hyperparameters, or a value is out of range.
    """
    options: dict[str, Any] = {"name": default_optimizer(settings.objectives)}
    if isinstance(settings.optimizer, dict):  # a name was read as a mapping
        options |= settings.optimizer
    if settings.fidelities is not None:
        fidelities = list(settings.fidelities)
        options = {"name": "successive_halving", "optimizer": options, "fidelities": fidelities}
    make = OPTIMIZERS.get(options.pop("name"))
    try:
        return make(**options)
    except TypeError as error:
        raise InvalidArgumentError(f"`optimizer` cannot be made: {error}.") from None


def make_evaluator(
    settings: SearchSettings,
    space: Space | None,
    optimizer: Optimizer,
    objectives: Sequence[str],
    constraints: Any,
) -> Evaluator:
    """Return the evaluator that settings describe.

    Args:
        settings: The settings.
        space: The space; None: that of the table, or the default one.
        optimizer: The optimizer, whose limits are scored too.
        objectives: Names of the objectives.
        constraints: All constraints but those of the optimizer.

    Raises:
        AnalogNASError: If it cannot be made; one line says why.
    """
    said = settings.evaluator
    if said.definition is not None:
        return evaluator_from_definition(said.definition, space)
    own: list[Evaluator] = []
    if said.table is not None:
        from ..tables import MeasuredTable

        table = TableEvaluator(MeasuredTable(said.table))
        own.append(table)
        if space is not None and space.name != table.space.name:
            raise InvalidArgumentError(
                f"The table {said.table!r} is about the space {table.space.name!r}, but `space` is "
                f"{space.name!r}; omit `space`."
            )
        space = table.space
    space = SPACES.get(DEFAULT_SPACE)() if space is None else space
    if said.train is not None:
        own.append(_trained_evaluator(space, said, settings.seed))
    own += [measured_device(Path(file), space) for file in said.measured]
    return find_evaluator(
        space,
        optimizer,
        objectives,
        constraints,
        cost_metric=settings.cost_metric,
        chip=_chip(said.chip),
        dataset=said.dataset,
        noise=said.noise,
        own=own,
    )


def _chip(entry: str | dict[str, Any]) -> Any:
    if isinstance(entry, str):
        return entry
    from ..hardware import chip_from_dict

    return chip_from_dict(entry)


def measured_device(file: Path, space: Space) -> CostPredictor:
    """Return the predictor of costs on a device that a user has measured.

    Args:
        file: What ``analognas cost --keep`` wrote (``.parquet``), or a CSV file of measurements.
        space: The space.

    Raises:
        DataNotFoundError: If there is no such CSV file.
        TableIntegrityError: If the file cannot be read, or is about another space.
        InvalidArgumentError: If there are too few measurements.
        UnknownNameError: If a column is not the name of a cost.
    """
    if file.suffix.lower() == ".parquet":
        return CostPredictor.load(file, space=space)
    from ..tables import read_csv_table

    return CostPredictor(space).fit(*read_csv_table(file, space))


def _trained_evaluator(space: Space, said: EvaluatorSettings, seed: int) -> TrainedEvaluator:
    from ..builder.specification import data_place

    assert said.train is not None
    settings = _measurement(said.train)
    place = data_place(settings.root, said.root)
    if place is not None:
        place = str(Path(place).absolute())
    return TrainedEvaluator(space, settings.replace(root=place), seed=seed)


def _measurement(train: str | dict[str, Any]) -> MeasurementSettings:
    """Return the settings of a measurement, also from the specification of a build."""
    from ..builder import MeasurementSettings
    from ..builder.specification import BuildSettings
    from ..core.config_files import read_mapping

    if isinstance(train, dict):
        return MeasurementSettings.from_dict(train)
    if "measurement" in read_mapping(train, "measurement"):
        return BuildSettings.load(train).measurement
    return MeasurementSettings.load(train)


def specified_by_training(
    said: EvaluatorSettings,
) -> tuple[str | dict[str, Any] | None, tuple[str, ...]]:
    """Return space and constraints of a build specification that trainings follow; else nothing."""
    from ..core.config_files import read_mapping

    file = said.train if said.definition is None else None
    if not isinstance(file, str) or "measurement" not in read_mapping(file, "measurement"):
        return None, ()
    # Loads torch, which other searches do not need.
    from ..builder.specification import BuildSettings

    specification = BuildSettings.load(file)
    return specification.space, specification.sample.constraints


def find_evaluator(
    space: Space,
    optimizer: Optimizer,
    objectives: str | Sequence[str],
    constraints: Any = (),
    *,
    cost_metric: str | None = None,
    **options: Any,
) -> Evaluator:
    """Return the default evaluator for the metrics of a search, including those that the optimizer limits.

    Args:
        space: The space.
        optimizer: The optimizer.
        objectives: Names of the objectives.
        constraints: Constraints of the user.
        cost_metric: Metric of the cost of an evaluation, if any.
        options: Further arguments of :func:`.default_evaluator`.

    Raises:
        InvalidArgumentError: If nothing measures a metric in the space.

    Example:
        >>> from analognas.optimizers import RandomSearch
        >>> from analognas.spaces import SPACES
        >>> space = SPACES.get("nasbench201")()
        >>> evaluator = find_evaluator(space, RandomSearch(), "analog_accuracy", "params<=1e6")
        >>> "analog_accuracy" in evaluator.metrics
        True
    """
    wanted = [objectives] if isinstance(objectives, str) else [*objectives]
    if cost_metric is not None:
        wanted.append(cost_metric)
    # An evaluator does not need to know the bound on the fidelity.
    bounds = [one for one in all_constraints(optimizer, constraints) if one.metric != FIDELITY]
    try:
        return default_evaluator(space, wanted, bounds, **options)
    except InvalidArgumentError as error:
        # The limits explain a message about a metric that the user may not have named.
        if not any(repr(bound.metric) in str(error) for bound in _limits(optimizer)):
            raise
        raise InvalidArgumentError(f"{error} {_limits_text(optimizer)}") from None


def trains(evaluator: Evaluator) -> bool:
    """Whether an evaluator, or one of its sources, trains networks."""
    sources = evaluator.sources if isinstance(evaluator, CombinedEvaluator) else [evaluator]
    return any(isinstance(source, TrainedEvaluator) for source in sources)


def all_constraints(optimizer: Optimizer, constraints: Any) -> tuple[Constraint, ...]:
    """Return constraints together with those of the optimizer.

    Raises:
        InvalidArgumentError: If one cannot be read, or contradicts one of the optimizer.
    """
    return merge_constraints(constraints, _limits(optimizer), by=type(optimizer).__name__)


def searched_metrics(problem: Problem, budget: Budget, evaluator: Evaluator) -> list[str]:
    """Names of the metrics of every evaluation: of the problem, the cost, and what comes for free."""
    cost = [] if budget.cost_metric is None else [budget.cost_metric]
    free = evaluator.free_metrics([name for name in problem.metrics if name != FIDELITY])
    return list(dict.fromkeys([*problem.metrics, *cost, *free]))


def searched_definitions(problem: Problem, budget: Budget, evaluator: Evaluator) -> list[Metric]:
    """Definitions of the metrics of every evaluation; an undeclared cost metric is better when smaller."""
    known = {**METRICS, **{metric.name: metric for metric in evaluator.metric_definitions}}
    known.update((metric.name, metric) for metric in problem.definitions)
    names = searched_metrics(problem, budget, evaluator)
    return [known.get(name) or Metric(name, "", higher_is_better=False) for name in names]


def check_evaluator(evaluator: Evaluator, space: Space, optimizer: Optimizer) -> None:
    """Check that an evaluator fits a search: it is fitted, scores the space, and knows the optimizer's limits.

    A surrogate without a space takes that of the search.

    Raises:
        InvalidArgumentError: If it is not an evaluator, is of another space, or does not know a metric that the
            optimizer limits.
        NotFittedError: If it is not fitted.
    """
    check_kind("evaluator", evaluator, Evaluator)
    if isinstance(evaluator, Surrogate):
        evaluator.adapt_to(space)
    scored = evaluator.space
    if not equal_spaces(scored, space):
        raise InvalidArgumentError(
            f"The evaluator scores the space {scored.name!r}, but the search is over {space.name!r}"
            f"{' of another definition' if scored.name == space.name else ''}{_fit_hint(evaluator)}."
        )
    if isinstance(evaluator, Surrogate):
        evaluator.check_fitted()
    for bound in _limits(optimizer):
        if bound.metric not in evaluator.metrics:
            raise InvalidArgumentError(
                f"{type(evaluator).__name__} does not know the metric {bound.metric!r}, only "
                f"{', '.join(evaluator.metrics)}. {_limits_text(optimizer)}"
            )


def check_fidelities(evaluator: Evaluator, optimizer: Optimizer) -> Fidelity | None:
    """Return the fidelities of the evaluator if the optimizer searches at several; else None.

    Raises:
        InvalidArgumentError: If the evaluator cannot measure at these.
    """
    if not optimizer.fidelities:
        return None
    known = evaluator.fidelity
    if known is None:
        raise InvalidArgumentError(
            f"{type(evaluator).__name__} measures at one fidelity, but {optimizer.name} needs several; search "
            "with trainings (--train, TrainedEvaluator), with evaluator_from(..., fidelity='epochs'), or "
            "without `fidelities`."
        )
    if FIDELITY in evaluator.metrics:
        raise InvalidArgumentError(
            f"A metric must not be called {FIDELITY!r} in a search at several fidelities; rename it."
        )
    known.check(optimizer.fidelities)
    return known


def _fit_hint(evaluator: Evaluator) -> str:
    """How an evaluator can be used in another space, if it can."""
    if not isinstance(evaluator, Surrogate):
        return ""
    return (
        f"; fit it to networks of that space that you measured: {type(evaluator).__name__}(...).fit("
        "architectures, {'analog_drift_86400': accuracies, ...}, space=...)"
    )


def _limits(optimizer: Optimizer) -> tuple[Constraint, ...]:
    return parse_constraints(optimizer.search_defaults().get("constraints", ()))


def _limits_text(optimizer: Optimizer) -> str:
    bounds = " and ".join(map(str, _limits(optimizer)))
    return (
        f"{type(optimizer).__name__} has the limits {bounds} by default; in Python, set those that you do not "
        "want to None."
    )


def space_entry(space: Space) -> str | dict[str, Any] | None:
    """Return the name or the definition of a space for settings; None where neither makes an equal space."""
    if space.name in SPACES and SPACES.get(space.name)().fingerprint() == space.fingerprint():
        return space.name
    if space.reference is not None:
        return space.reference
    definition = space.definition()
    # Settings in a definition belong to a class of the user's, which find_space does not know.
    return None if definition is None or "settings" in definition else definition


def optimizer_entry(optimizer: Optimizer) -> dict[str, Any] | None:
    """Return name and hyperparameters of an optimizer for settings; None where its class is not registered."""
    if optimizer.name not in OPTIMIZERS or OPTIMIZERS.get(optimizer.name) is not type(optimizer):
        return None
    return {"name": optimizer.name, **optimizer.hyperparameters()}


def evaluator_entry(said: EvaluatorSettings, evaluator: Evaluator) -> EvaluatorSettings | None:
    """Return settings with the exact definition of an evaluator; None where it has none."""
    definition: Mapping[str, Any] | None = definition_of(evaluator)
    return None if definition is None else said.replace(definition=dict(definition))


def class_without_entry(component: Any) -> str:
    """Return the name of the class of a component without an entry; of several evaluators, the first such."""
    if isinstance(component, CombinedEvaluator):
        for source in component.sources:
            if definition_of(source) is None:
                return class_without_entry(source)
    return type(component).__qualname__


def missing_objects(settings: SearchSettings, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the classes of the components that settings cannot store and that are not given.

    Args:
        settings: The settings.
        given: Components by name, None where there is none. An evaluator has its space with it.
    """
    return {
        part: kind
        for part, kind in settings.objects.items()
        if given.get(part) is None and not (part == "space" and given["evaluator"] is not None)
    }
