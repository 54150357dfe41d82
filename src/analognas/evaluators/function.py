"""Evaluators from Python functions of one architecture."""

from __future__ import annotations

import functools
import hashlib
import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    ArchitectureError,
    InvalidArgumentError,
    Metric,
    check_choice,
    check_definitions,
    current_metric_name,
    find_metric,
)
from ..spaces import Population, Space, find_space
from .base import Evaluation, Evaluator
from .fidelity import Fidelity

__all__ = ["FunctionEvaluator", "MetricsLike", "evaluator_from"]

MetricsLike = str | Metric | Sequence[str | Metric] | Mapping[str, str]
"""Metrics as users give them: known names, definitions, or directions by name."""

_DIRECTIONS = {"max": True, "maximize": True, "min": False, "minimize": False}
_Row = tuple[list[float], list[float]]


class FunctionEvaluator(Evaluator):
    """Scores architectures by calling a Python function.

    If the function raises an error or returns anything but numbers, the trial fails with that reason, and the
    search continues. The function must be deterministic: values of earlier trials are read from the log.

    Args:
        function: Called with one architecture in the form of the space's ``decode``: for a
            :class:`~analognas.spaces.ConfigSpace` a mapping of its hyperparameters. Returns a number
            if there is one metric, or a mapping of metrics to numbers. For other processes (``--backend pool``)
            it must be defined at module level, so that it can be pickled; Ray accepts lambdas too.
        space: The space, or its name.
        metrics: Known names; :class:`~analognas.core.Metric` definitions; or a mapping of names to
            ``"max"`` or ``"min"``.
        with_sem: Metrics with a standard error, which the function returns as ``NAME_sem``.
        fidelity: Parameter of the function for the effort of a measurement, such as ``"epochs"``. Its default
            is the full fidelity; if that is an integer, all are. A search at several fidelities
            (:class:`~analognas.optimizers.SuccessiveHalving`) calls the function with smaller ones first.
        version: Anything else that the values depend on, such as ``"v2"``. A search resumes only with equal
            code and an equal version.

    Raises:
        InvalidArgumentError: If the function is not callable, a metric has no known direction, or the parameter
            ``fidelity`` has no default that is a positive number.
        UnknownNameError: If a direction or a metric of ``with_sem`` is unknown.

    Example:
        >>> from analognas.search import Worker
        >>> from analognas.spaces import ConfigSpace
        >>> space = ConfigSpace(name="toy")
        >>> space.add_hyperparameter("width", "discrete", 1, 30)
        >>> near_nine = FunctionEvaluator(lambda arch: (arch["width"] - 9) ** 2, space, {"loss": "min"})
        >>> worker = Worker(space, evaluator=near_nine, objectives="loss", runs=1, budget=30)
        >>> worker.search().winners[0]["architecture"]["width"]
        9
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        space: Space | str,
        metrics: MetricsLike,
        *,
        with_sem: Sequence[str] = (),
        fidelity: str | None = None,
        version: str = "",
    ) -> None:
        if not callable(function):
            raise InvalidArgumentError(
                f"`function` must be a function of one architecture, but got {function!r}."
            )
        self.function = function
        self.space = space if isinstance(space, Space) else find_space(space)
        self._definitions = _definitions(metrics)
        self._parameter = fidelity
        self._fidelity = None if fidelity is None else _fidelity_of(function, fidelity)
        self._with_sem = [
            check_choice("metric", name, self.metrics)
            for name in ([with_sem] if isinstance(with_sem, str) else with_sem)
        ]
        self.version = str(version)
        # Results of a batch in which an architecture failed, so that the others are not measured twice.
        self._measured: dict[tuple[bytes, float | None], _Row] = {}

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the given order."""
        return [metric.name for metric in self._definitions]

    @property
    def metrics_with_sem(self) -> list[str]:
        """Names of the metrics whose standard errors the function returns."""
        return list(self._with_sem)

    @property
    def metric_definitions(self) -> tuple[Metric, ...]:
        """Definitions of the metrics."""
        return self._definitions

    @property
    def cheap_metrics(self) -> tuple[str, ...]:
        """None: the function computes all metrics."""
        return ()

    def evaluate(self, population: Population, metrics: Sequence[str]) -> Evaluation:
        """Call the function with each architecture.

        Raises:
            ArchitectureError: If it raises an error for one of them, or returns anything but numbers.
        """
        return self._evaluated(population, metrics, [None] * len(population))

    @property
    def fidelity(self) -> Fidelity | None:
        """Fidelities by the parameter ``fidelity``."""
        return self._fidelity

    def evaluate_at(
        self,
        population: Population,
        metrics: Sequence[str],
        *,
        fidelities: NDArray[np.float64],
    ) -> Evaluation:
        """Call the function with each architecture and its fidelity; see :meth:`evaluate`."""
        assert self._fidelity is not None  # checked by the search
        kind = int if self._fidelity.whole else float
        return self._evaluated(population, metrics, [kind(value) for value in fidelities.tolist()])

    def _evaluated(
        self, population: Population, metrics: Sequence[str], fidelities: Sequence[float | None]
    ) -> Evaluation:
        keys = [(row.tobytes(), at) for row, at in zip(population, fidelities, strict=True)]
        for row, key in zip(population, keys, strict=True):
            if key not in self._measured:
                self._measured[key] = self._call(row, key[1])
        rows = [self._measured[key] for key in keys]
        for key in keys:
            self._measured.pop(key, None)
        values = np.array([means for means, _ in rows]).reshape(len(rows), len(self.metrics))
        errors = np.array([sems for _, sems in rows]).reshape(len(rows), len(self._with_sem))
        means = dict(zip(self.metrics, values.T, strict=True))
        sems = dict(zip(self._with_sem, errors.T, strict=True))
        return Evaluation(
            {name: means[name] for name in metrics},
            {name: sems[name] for name in metrics if name in sems},
        )

    def _call(self, row: NDArray[np.signedinteger[Any]], fidelity: float | None) -> _Row:
        options = {} if fidelity is None else {self._parameter or "": fidelity}
        try:
            result = self.function(self.space.decode(row), **options)
        except Exception as error:
            # Any error of the function is taken as an error of this architecture.
            text = " ".join(str(error).split())
            raise ArchitectureError(f"{type(error).__name__}: {text}".removesuffix(": ")) from error
        if not isinstance(result, Mapping):
            if len(self.metrics) > 1 or self._with_sem:
                raise ArchitectureError(
                    f"The function must return a mapping of {', '.join(self._expected)} to numbers, but "
                    f"returned {result!r}."
                )
            result = {self.metrics[0]: result}
        return [self._number(result, name) for name in self.metrics], [
            self._number(result, f"{name}_sem") for name in self._with_sem
        ]

    @property
    def _expected(self) -> list[str]:
        return [*self.metrics, *(f"{name}_sem" for name in self._with_sem)]

    def _number(self, result: Mapping[str, Any], name: str) -> float:
        if name not in result:
            raise ArchitectureError(
                f"The function must return {', '.join(self._expected)}, but {name!r} is missing."
            )
        value = result[name]
        try:
            if isinstance(value, str | bytes | bool) or getattr(value, "ndim", None):
                raise TypeError
            return float(value)
        except (TypeError, ValueError, OverflowError):
            raise ArchitectureError(
                f"The function must return a number for {name!r}, but returned {value!r}."
            ) from None

    def identity(self) -> dict[str, Any]:
        """Return the name of the function, a checksum of its code, its version and the metrics."""
        return {
            "function": _name(self.function),
            "code": hashlib.sha256(repr(_fingerprint(self.function)).encode()).hexdigest()[:16],
            "version": self.version,
            **({} if self._parameter is None else {"fidelity": self._parameter}),
            "metrics": {
                metric.name: "max" if metric.higher_is_better else "min"
                for metric in self._definitions
            },
        }

    def report(self, row: NDArray[np.signedinteger[Any]]) -> dict[str, Any]:
        """Return no metrics: the function is not called again."""
        return {"metrics": {}}


def evaluator_from(
    function: Callable[[Any], Any], space: Space | str, metrics: MetricsLike, **options: Any
) -> FunctionEvaluator:
    """Return an evaluator that calls a function; see :class:`FunctionEvaluator`.

    Args:
        function: Called with one architecture; returns a number, or a mapping of metrics to numbers.
        space: The space, or its name.
        metrics: Its metrics, such as ``{"loss": "min"}`` or ``["params", Metric("score", "", True)]``.
        options: Further arguments of :class:`FunctionEvaluator`.

    Example:
        >>> evaluator_from(sum, "nasbench201", {"total": "max"}).metrics
        ['total']
    """
    return FunctionEvaluator(function, space, metrics, **options)


def _fidelity_of(function: Callable[..., Any], parameter: str) -> Fidelity:
    """What a parameter of a function says of its fidelity: its name is the unit, its default the full one."""
    try:
        known = inspect.signature(function).parameters
    except (TypeError, ValueError):
        known = types.MappingProxyType({})
    full = known[parameter].default if parameter in known else None
    if isinstance(full, bool) or not isinstance(full, int | float) or not 0.0 < full < math.inf:
        raise InvalidArgumentError(
            "`fidelity` must name a parameter of the function whose default is the full fidelity, such as "
            f"'epochs' of `def train(arch, epochs=27)`, but got {parameter!r} of {_name(function)}."
        )
    return Fidelity(parameter, float(full), whole=isinstance(full, int))


def _definitions(metrics: Any) -> tuple[Metric, ...]:
    if isinstance(metrics, str | Metric):
        metrics = [metrics]
    if isinstance(metrics, Mapping):
        found = [_directed(name, way) for name, way in metrics.items()]
    elif isinstance(metrics, Sequence):
        found = [_definition(metric) for metric in metrics]
    else:
        found = []
    if not found:
        raise InvalidArgumentError(
            "`metrics` must name what the function returns, such as {'loss': 'min'}, but got "
            f"{metrics!r}."
        )
    if len({metric.name for metric in found}) < len(found):
        names = [metric.name for metric in found]
        raise InvalidArgumentError(f"`metrics` must have different names, but got {names}.")
    check_definitions(found)
    return tuple(found)


def _directed(name: Any, way: Any) -> Metric:
    if not isinstance(name, str):
        raise InvalidArgumentError(f"The name of a metric must be a text, but got {name!r}.")
    higher_is_better = _DIRECTIONS[check_choice(f"direction of {name!r}:", way, _DIRECTIONS)]
    known = find_metric(name) or Metric(name, "", higher_is_better, "")
    return replace(known, higher_is_better=higher_is_better)


def _definition(metric: Any) -> Metric:
    if isinstance(metric, Metric):
        return metric
    name = current_metric_name(metric) if isinstance(metric, str) else metric
    if name not in METRICS:
        raise InvalidArgumentError(
            f"The direction of the metric {metric!r} is unknown; write {{{metric!r}: 'max'}}, "
            f"or Metric({metric!r}, unit, higher_is_better)."
        )
    return METRICS[name]


def _name(function: Any) -> str:
    if isinstance(function, functools.partial):
        return f"partial({_name(function.func)})"
    kind = type(function)
    owner = function if hasattr(function, "__qualname__") else kind
    return f"{owner.__module__}.{owner.__qualname__}"


def _fingerprint(function: Any) -> Any:
    """Return what a function's result depends on, as far as known: code, defaults, values in its closure."""
    if isinstance(function, functools.partial):
        return (
            _fingerprint(function.func),
            _plain(function.args),
            _plain(sorted(function.keywords.items())),
        )
    if isinstance(function, types.MethodType):
        return _fingerprint(function.__func__)
    if isinstance(function, types.FunctionType):
        return (
            _code(function.__code__),
            _plain(function.__defaults__),
            _plain(sorted((function.__kwdefaults__ or {}).items())),
            [_plain(_content(cell)) for cell in function.__closure__ or ()],
        )
    call = vars(type(function)).get("__call__")
    return _fingerprint(call) if isinstance(call, types.FunctionType) else _name(function)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _code(code: types.CodeType) -> Any:
    constants = [
        _code(value) if isinstance(value, types.CodeType) else _plain(value)
        for value in code.co_consts
    ]
    return code.co_code.hex(), constants, code.co_names, code.co_varnames


def _plain(value: Any) -> Any:
    """Return values with reproducible text as they are; of all others the type."""
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    if isinstance(value, frozenset):
        return sorted(repr(_plain(part)) for part in value)
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return value
    if isinstance(value, types.FunctionType):
        return _code(value.__code__)  # without its closure, which may contain the function itself
    return type(value).__qualname__
