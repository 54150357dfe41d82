"""`Worker`: a search with its arguments in one call, by the names of AnalogNAS and of the first versions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InvalidArgumentError
from ..evaluators import Evaluator, Problem
from ..optimizers import Optimizer
from ..spaces import Space
from .backends.base import Backend, make_backend
from .budget import Budget
from .callbacks import Callback, SearchProgress, best_value
from .components import DEFAULT_RUNS, check_kind
from .final_training import FinalTraining, train_architecture
from .results.search_result import SearchResult
from .run_options import RunOptions
from .search import Search
from .settings import SearchSettings

if TYPE_CHECKING:
    from torch import nn

    from ..data import DataSet

__all__ = ["Worker"]


class Worker:
    """A :class:`.Search` whose components and settings are given in one call.

    Args:
        space: The search space, or its name; by default that of the evaluator, or ``nasbench201``. Or, as in
            AnalogNAS, a function or class that builds the network of an architecture for :attr:`best_arch`;
            then ``cs`` is the space.
        cs: AnalogNAS's name of ``space``.
        optimizer: The optimizer, or its name; by default ``bayesian``, or ``pareto_evolution`` for
            several objectives.
        evaluator: Where values come from; by default the optimizer's own, if it has one, else what
            :func:`.default_evaluator` finds.
        out: New or empty folder for the trial log and the result. Nothing is written by default.
        resume: Continue the search whose log is in ``out``. Runs and budget may be larger than before, not
            smaller.
        retry_failed: With ``resume``, evaluate again what failed; see :meth:`.Search.resume`.
        only_runs: Numbers of the runs of this process; see :meth:`.Search.run`.
        callbacks: Called with a :class:`.SearchView` after every batch; see :meth:`.Search.run`.
        on_progress: Called with a :class:`.SearchProgress` about ten times a second.
        settings: Further entries of :class:`.SearchSettings`: ``objectives``, ``constraints``, ``runs`` (5 by
            default), ``budget``, ``max_seconds``, ``max_cost``, ``cost_metric``, ``seed``; ``backend``, a name
            or a :class:`.Backend`, and ``n_workers``. ``eval`` and ``surrogate`` mean ``evaluator``.

    Attributes:
        result: What it found; None before :meth:`search`.

    Raises:
        UnknownNameError: If a name is unknown.
        InvalidArgumentError: If an argument is out of range, or arguments do not fit together.
        NotFittedError: If the evaluator is not fitted.

    Example:
        >>> worker = Worker(optimizer="regularized_evolution", budget=100, runs=2)
        >>> result = worker.search()
        >>> len(result.runs), result.runs[0].n_distinct
        (2, 100)
    """

    def __init__(
        self,
        space: Space | str | Callable[[Any], nn.Module] | None = None,
        cs: Space | str | None = None,
        *,
        optimizer: Optimizer | str | None = None,
        evaluator: Evaluator | None = None,
        out: str | os.PathLike[str] | None = None,
        resume: bool = False,
        retry_failed: bool = False,
        only_runs: Sequence[int] | None = None,
        callbacks: Sequence[Callback] = (),
        on_progress: Callable[[SearchProgress], None] | None = None,
        **settings: Any,
    ) -> None:
        builds = None
        if cs is not None and not isinstance(space, Space | str):
            builds, space = space, cs
        for name in ("eval", "surrogate"):
            given = settings.pop(name, None)
            evaluator = given if evaluator is None else evaluator
        backend, n_workers = settings.pop("backend", "serial"), settings.pop("n_workers", None)
        entries: dict[str, Any] = {"runs": DEFAULT_RUNS, **settings}
        objects: dict[str, Any] = {"evaluator": evaluator}
        for name, part, kind in (("space", space, Space), ("optimizer", optimizer, Optimizer)):
            if part is None or isinstance(part, str):
                entries[name] = part
            else:
                check_kind(name, part, kind)
                objects[name] = part
        if isinstance(backend, str):
            entries["backend"] = {"name": backend, "n_workers": n_workers}
        else:
            objects["backend"] = make_backend(backend, n_workers)
        self._set(
            Search(SearchSettings(**entries), **objects),
            RunOptions(out, resume, retry_failed, only_runs, callbacks, on_progress),
            builds,
        )

    def __repr__(self) -> str:
        return repr(self._search).replace("<Search", "<Worker", 1)

    def _set(
        self,
        search: Search,
        options: RunOptions,
        builds: Callable[[Any], nn.Module] | None = None,
    ) -> None:
        options.numbers(search.runs)
        self._search, self._options, self._builds = search, options, builds
        self.result: SearchResult | None = None

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        *,
        backend: Backend | str | None = None,
        n_workers: int | None = None,
        only_runs: Sequence[int] | None = None,
        callbacks: Sequence[Callback] = (),
        on_progress: Callable[[SearchProgress], None] | None = None,
        **changes: Any,
    ) -> Worker:
        """Return the worker that continues the search in a folder; see :meth:`.Search.resume`.

        Args:
            folder: The folder, or the log in it.
            backend: Name of another back end, or a :class:`.Backend`.
            n_workers: Workers of a named back end.
            only_runs: As of :class:`Worker`.
            callbacks: As of :class:`Worker`.
            on_progress: As of :class:`Worker`.
            changes: ``runs``, ``budget``, ``max_seconds``, ``max_cost`` and ``retry_failed``; and ``space``,
                ``optimizer`` or ``evaluator``, where the log cannot store it. None changes nothing.

        Raises:
            ResumeError: If there is no log, a component must be given, or settings do not agree with the log.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     first = Worker(runs=1, budget=20, out=f"{folder}/a").search()
            ...     longer = Worker.resume(f"{folder}/a", budget=30).search()
            >>> longer.runs[0].n_distinct
            30
        """
        given = {name: value for name, value in changes.items() if value is not None}
        if isinstance(backend, str):
            given |= {"backend.name": backend, "backend.n_workers": n_workers}
        elif backend is not None:
            given["backend"] = make_backend(backend, n_workers)
        elif n_workers is not None:
            given["backend.n_workers"] = n_workers
        retry_failed = given.get("retry_failed", False)
        search = Search.resume(folder, **given)
        worker = cls.__new__(cls)
        worker._set(
            search,
            RunOptions(search.folder, True, retry_failed, only_runs, callbacks, on_progress),
        )
        return worker

    def search(self, *, progress: bool = False) -> SearchResult:
        """Run the search and return what it found; see :meth:`.Search.run`.

        Args:
            progress: Show runs, evaluations, the best value and the time left, on stderr where that is a
                terminal, or in a notebook.
        """
        self.result = self._search.run_with(self._options, progress=progress)
        return self.result

    def identity(self) -> dict[str, Any]:
        """Return what the trajectory of the search follows from, as JSON types."""
        return self._search.identity()

    @property
    def settings(self) -> SearchSettings:
        """All settings, as a log stores them."""
        return self._search.settings

    @property
    def space(self) -> Space:
        """The space."""
        return self._search.space

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer."""
        return self._search.optimizer

    @property
    def evaluator(self) -> Evaluator:
        """The evaluator."""
        return self._search.evaluator

    @property
    def problem(self) -> Problem:
        """Objectives and constraints."""
        return self._search.problem

    @property
    def limits(self) -> Budget:
        """What each run may spend."""
        return self._search.limits

    @property
    def budget(self) -> int | None:
        """Evaluations of each run; None where they are not limited."""
        return self.limits.evaluations

    @property
    def runs(self) -> int:
        """Number of runs."""
        return self._search.runs

    @property
    def out(self) -> Path | None:
        """Folder of the log and the result, if there is one."""
        folder: Path | None = self._options.out
        return folder

    def result_summary(self) -> None:
        """Print the best architecture, each run's best, and their mean and spread."""
        print(self._finished().summary())

    @property
    def best_config(self) -> Any:
        """The best architecture in the space's own form."""
        return self.space.decode(self.space.encode(self._finished().winners[0]["architecture"]))

    @property
    def best_arch(self) -> nn.Module:
        """The best architecture's network, built with new weights."""
        return (self.space.build if self._builds is None else self._builds)(self.best_config)

    @property
    def best_acc(self) -> float:
        """Best value of the first objective in all runs, in its own unit; NaN if nothing is feasible."""
        result = self._finished()
        return best_value(result.problem, result.finals())

    @property
    def std_err(self) -> float:
        """Standard error of the mean of the best values of the runs; NaN for fewer than two."""
        finals = self._finished().finals()
        if len(finals) < 2:
            return float("nan")
        return float(np.std(finals, ddof=1) / np.sqrt(len(finals)))

    def train_best(self, data: str | DataSet = "digits", **settings: Any) -> FinalTraining:
        """Train the best architecture, simulate it on chips, and measure it over time.

        Args:
            data: The data set, or its name.
            settings: ``out``, a new or empty folder (by default ``final`` in that of the search), ``recipe``,
                ``resume``, ``evaluation`` and others, see :func:`.train_architecture`.

        Raises:
            InvalidArgumentError: If there is no result yet, or no folder to write to.
        """
        if self.out is not None:
            settings.setdefault("out", self.out / "final")
        if settings.get("out") is None:
            raise InvalidArgumentError("`out` must be the folder of the training, but got none.")
        return train_architecture(self.space, self.best_config, data, **settings)

    def _finished(self) -> SearchResult:
        if self.result is None:
            raise InvalidArgumentError("There is no result yet; call search() first.")
        return self.result
