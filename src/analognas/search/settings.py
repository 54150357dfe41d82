"""Settings of a search: everything that a person can say about it, as one object."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field, ValidatorFunctionWrapHandler, field_validator, model_validator

from ..core import InvalidArgumentError, current_metric_name, parse_constraints
from ..core.settings import Options, Settings
from .backends.base import BACKENDS, RETRIES, Backend, make_backend

__all__ = ["BackendSettings", "EvaluatorSettings", "SearchSettings"]


class BackendSettings(Settings):
    """Where evaluations happen. It makes no difference to what is found.

    Example:
        >>> from analognas.search import SearchSettings
        >>> settings = SearchSettings(budget=100, backend=BackendSettings(name="pool", n_workers=4))
        >>> settings.backend.retries
        2
    """

    settings_name = "back end"

    name: str | None = Field(
        default=None,
        description="serial, pool or ray; null: serial, or pool where networks are trained.",
    )
    n_workers: int | None = Field(
        default=None, ge=1, description="Workers of a pool or on Ray; null: one for each core."
    )
    retries: int = Field(
        default=RETRIES, ge=0, description="Further attempts for a failed evaluation."
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="Threads of each process of a pool; null: its share of the cores.",
    )
    address: str | None = Field(
        default=None, description="Ray cluster; auto for the one that this machine belongs to."
    )
    cpus_per_worker: float | None = Field(
        default=None, ge=0, description="Cores that each worker on Ray takes; fractions share one."
    )
    gpus_per_worker: float | None = Field(
        default=None, ge=0, description="GPUs that each worker on Ray takes; fractions share one."
    )
    start_seconds: float | None = Field(
        default=None,
        ge=0,
        description="Time that workers on Ray may take to start.",
        json_schema_extra={"unit": "s"},
    )

    def make(self, *, trains: bool = False) -> Backend:
        """Return the back end.

        Args:
            trains: Whether evaluations are trainings, which run in a pool by default.

        Raises:
            UnknownNameError: If there is no such back end.
            InvalidArgumentError: If it does not have one of the options.
        """
        from ..core.processes import n_cores

        name = self.name
        if name is None:
            parallel = (self.n_workers or n_cores()) > 1
            name = "pool" if trains and parallel else "serial"
        known = _options(name)
        options = {
            entry: value
            for entry in ("threads", "address", *_RAY)
            if (value := getattr(self, entry)) is not None
        }
        for entry in options:
            if entry not in known:
                users = [other for other in BACKENDS if entry in _options(other)]
                raise InvalidArgumentError(
                    f"`backend.{entry}` is an option of the back end {' or '.join(users)}, but the back end "
                    f"is {name}."
                )
        return make_backend(name, self.n_workers, retries=self.retries, **options)

    @classmethod
    def of(cls, backend: Backend) -> BackendSettings | None:
        """Return the settings of a back end; None where its class is not registered."""
        name = getattr(backend, "name", "")
        if name not in BACKENDS or BACKENDS.get(name) is not type(backend):
            return None
        entries = {entry: getattr(backend, entry, None) for entry in cls.model_fields}
        return cls(**{entry: value for entry, value in entries.items() if value is not None})


_RAY = ("cpus_per_worker", "gpus_per_worker", "start_seconds")


def _options(name: str) -> Iterable[str]:
    return inspect.signature(BACKENDS.get(name)).parameters


class EvaluatorSettings(Settings):
    """Where the values of a search come from.

    By default they come from what :func:`.default_evaluator` finds for the metrics: the table of the space,
    counts, and models of a chip and of devices.

    Example:
        >>> from analognas.search import SearchSettings
        >>> settings = SearchSettings(budget=100, evaluator=EvaluatorSettings(chip="hermes", noise=3))
        >>> settings.evaluator.noise
        3
    """

    settings_name = "evaluator"

    chip: str | Options = Field(
        default="hermes", description="Chip of `aimc_` metrics: name, YAML file, or description."
    )
    dataset: str | None = Field(
        default=None, description="Data set of counts and device metrics; null: that of the space."
    )
    noise: int | None = Field(
        default=None,
        ge=1,
        description="Simulate errors: accuracies are means of this many noisy readings.",
    )
    measured: tuple[str, ...] = Field(
        default=(),
        description="Costs measured on your own devices: files of `analognas cost --keep`, or CSV files.",
    )
    table: str | None = Field(
        default=None, description="File of a measured table; only its architectures are proposed."
    )
    train: str | Options | None = Field(
        default=None,
        description="Train and measure every architecture as this YAML file, or these settings, say.",
    )
    root: str | None = Field(default=None, description="Folder or file of the data of trainings.")
    definition: Options | None = Field(
        default=None,
        description="Exact definition of an evaluator, as a trial log stores it; it overrides all of these.",
    )

    @model_validator(mode="after")
    def _check(self) -> EvaluatorSettings:
        if self.definition is not None:
            return self
        if self.train is None and self.root is not None:
            raise InvalidArgumentError(
                "`root` is the place of the data of trainings; it needs `train`."
            )
        tables = [name for name in ("noise", "dataset", "table") if getattr(self, name) is not None]
        if self.train is not None and tables:
            raise InvalidArgumentError(
                f"`{tables[0]}` is an option of searches in measured tables; omit it, or `train`."
            )
        if self.table is not None and self.noise is not None:
            raise InvalidArgumentError(
                "`noise` simulates readings of AnalogNAS-Bench; it does not go with `table`."
            )
        return self


class SearchSettings(Settings):
    """Everything that a person can say about a search.

    What is not given follows from the optimizer, if it is made for a certain search, then from the defaults
    below.

    Example:
        >>> settings = SearchSettings(objectives="avm", constraints=["params<=1e6"], budget=100)
        >>> settings.objectives, settings.runs
        (('avm',), None)
        >>> settings.with_settings(["backend.name=pool", "evaluator.noise=3"]).evaluator.noise
        3
    """

    settings_name = "search"

    space: str | Options | None = Field(
        default=None,
        description="Name of the search space, or its definition; null: that of the evaluator, or nasbench201.",
    )
    optimizer: str | Options | None = Field(
        default=None,
        description="Name of the optimizer, or a mapping of its `name` and hyperparameters; by default "
        "bayesian, or pareto_evolution for several objectives.",
    )
    fidelities: tuple[float, ...] | None = Field(
        default=None,
        min_length=2,
        description="Successive halving: ascending fidelities such as digital epochs. All architectures are "
        "measured at the first, the best of them at the next.",
    )
    evaluator: EvaluatorSettings = Field(
        default=EvaluatorSettings(), description="Where values come from."
    )
    objectives: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Metrics to improve; for several, the non-dominated set is searched. null: "
        "analog_drift_2592000.",
    )
    constraints: tuple[str, ...] = Field(
        default=(),
        description="Bounds such as params<=1e6; meeting them comes before the objectives.",
    )
    start: str | tuple[Any, ...] | Options | None = Field(
        default=None,
        description="What each run starts from: a list of architectures (.json, .txt), which are measured "
        "first, or results of a table (.parquet, .csv) or of a search (its folder), which cost nothing.",
    )
    prior: str | Options | None = Field(
        default=None,
        description="Results of another metric, device or data set that the model of bayesian learns from: a "
        "table, the folder of a search, or analognasbench; with :METRIC, if not the metric of the search.",
    )
    extrapolate: bool = Field(
        default=False,
        description="Whether to propose networks outside of those that were measured for the surrogate.",
    )
    runs: int | None = Field(
        default=None,
        ge=1,
        description="Independent repeats; null: 5, or 1 where networks are trained.",
    )
    budget: int | None = Field(
        default=None,
        ge=1,
        description="Distinct architectures evaluated in each run, each of their fidelities, or readings where "
        "a repeat is a new measurement; null: 500, or unlimited with `max_seconds` or `max_cost`.",
    )
    max_seconds: float | None = Field(
        default=None,
        gt=0,
        description="Wall-clock time of each run; the batch at work is finished.",
        json_schema_extra={"unit": "s"},
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        description="Largest sum of `cost_metric` in each run; the batch that reaches it is finished.",
    )
    cost_metric: str | None = Field(
        default=None, description="Metric that says what an evaluation cost; the log keeps it."
    )
    seed: int = Field(default=0, ge=0, description="Seed of everything random.")
    pending: int | None = Field(
        default=None,
        ge=1,
        description="Asynchronous search: evaluations in progress at any time. Each result is told at once, "
        "and the log keeps the order. null: batches, in the order of their proposal.",
    )
    backend: BackendSettings = Field(
        default=BackendSettings(), description="Where evaluations happen."
    )
    objects: dict[str, str] = Field(
        default={},
        description="Written by a search: class of each part (space, optimizer, evaluator, backend) that these "
        "settings cannot store, so that it must be given again.",
    )

    @field_validator("optimizer", mode="before")
    @classmethod
    def _read_optimizer(cls, given: Any) -> Any:
        return {"name": given} if isinstance(given, str) else given

    @field_validator("objectives", mode="before")
    @classmethod
    def _read_objectives(cls, given: Any) -> Any:
        if given is None:
            return None
        names = [given] if isinstance(given, str) or not isinstance(given, Iterable) else given
        listed = tuple(names)
        if not all(isinstance(name, str) for name in listed):
            raise InvalidArgumentError(
                f"it must be the name of a metric or names of several, but got {given!r}."
            )
        return tuple(map(current_metric_name, listed))

    @field_validator("constraints", mode="before")
    @classmethod
    def _read_constraints(cls, given: Any) -> tuple[str, ...]:
        return tuple(map(str, parse_constraints(() if given is None else given)))

    @field_validator("max_seconds", "max_cost", mode="wrap")
    @classmethod
    def _keep_integers(cls, given: Any, check: ValidatorFunctionWrapHandler) -> Any:
        """Check a number, and leave integers as they are: results show what was given."""
        check(given)
        return given

    @field_validator("cost_metric")
    @classmethod
    def _read_cost_metric(cls, name: str | None) -> str | None:
        return None if name is None else current_metric_name(name)

    def changed(self, changes: Mapping[str, Any]) -> SearchSettings:
        """Return a copy with entries changed by path.

        Args:
            changes: Values by path, such as ``{"runs": 3, "evaluator.noise": 2}``.

        Raises:
            InvalidArgumentError: If a value has the wrong type or is out of range.
            UnknownNameError: If an entry is unknown.
        """
        # Further changes may be about the optimizer that is named here.
        named = {"optimizer": {"name": changes["optimizer"]}} if _is_named(changes) else {}
        return self.with_settings(
            f"{path}={json.dumps(value)}" for path, value in {**changes, **named}.items()
        )


def _is_named(changes: Mapping[str, Any]) -> bool:
    return isinstance(changes.get("optimizer"), str)
