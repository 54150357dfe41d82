"""A search: settings in, a folder with its log and its result out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ..core import (
    Constraint,
    InvalidArgumentError,
    RandomStreams,
    check_choice,
    merge_constraints,
    write_json,
)
from ..evaluators import Evaluator, KnownBounds, Problem
from ..evaluators.combined import with_counts
from ..optimizers import Optimizer
from ..spaces import Space, common_space
from .asynchronous import AsynchronousRun
from .backends.base import Backend, make_backend
from .budget import Budget
from .callbacks import Callback, SearchProgress, Watch
from .components import (
    DEFAULT_BUDGET,
    DEFAULT_OBJECTIVE,
    DEFAULT_RUNS,
    all_constraints,
    check_evaluator,
    check_fidelities,
    check_kind,
    make_evaluator,
    make_optimizer,
    make_space,
    missing_objects,
    searched_definitions,
    searched_metrics,
    specified_by_training,
    trains,
)
from .describe import complete_settings, describe_search, search_identity
from .log.definitions import check_identity, check_names, checked_first
from .log.schema import SETTINGS
from .log.trial_log import FILE_NAME, TrialLog, sem_column
from .prior import take_prior
from .region import keep_within, remarks_on
from .results.search_result import SearchResult
from .results.winners import ranked
from .results_folder import RESULT_FILE, clean_up, evaluator_folder, open_log, own_folder
from .resuming import resumed_components
from .run import Run
from .run_options import RunOptions
from .settings import EvaluatorSettings, SearchSettings
from .start import check_pending, read_start

__all__ = ["Search"]


class Search:
    """Runs an optimizer against an evaluator, several times, and gathers what it found.

    Args:
        settings: The settings: an object, a mapping, or a YAML or JSON file.
        space: The space, in place of that of the settings.
        optimizer: The optimizer, likewise.
        evaluator: The evaluator, likewise.
        backend: The back end, likewise.

    Attributes:
        space: The space; with a table of some of its architectures, restricted to these.
        optimizer: The optimizer.
        evaluator: The evaluator.
        backend: The back end.
        problem: Objectives and constraints, including those of the optimizer.
        limits: What each run may spend.
        runs: Number of runs.
        folder: The folder that a search of :meth:`resume` continues; else None.
        given: The settings as they were given.
        start: What each run starts from; None: what the optimizer begins with.
        prior: Results of another table that the optimizer learns from, if any.

    Raises:
        UnknownNameError: If a name is unknown.
        InvalidArgumentError: If a setting is out of range, or components do not fit together.
        NotFittedError: If the evaluator is not fitted.

    Example:
        >>> search = Search(SearchSettings(optimizer="regularized_evolution", budget=100, runs=2))
        >>> result = search.run()
        >>> len(result.runs), result.runs[0].n_distinct
        (2, 100)
    """

    def __init__(
        self,
        settings: SearchSettings | Mapping[str, Any] | str | os.PathLike[str] | None = None,
        *,
        space: Space | None = None,
        optimizer: Optimizer | None = None,
        evaluator: Evaluator | None = None,
        backend: Backend | None = None,
    ) -> None:
        self.given = said = SearchSettings.coerce(settings)
        given = {"space": space, "optimizer": optimizer, "evaluator": evaluator, "backend": backend}
        for part, kind in missing_objects(said, given).items():
            raise InvalidArgumentError(
                f"These settings cannot store the {part} of the class {kind}; give it: "
                f"Search(settings, {part}=...)."
            )
        self.optimizer = make_optimizer(said) if optimizer is None else optimizer
        check_kind("optimizer", self.optimizer, Optimizer)
        defaults = self.optimizer.search_defaults()
        objectives = said.objectives or defaults.get("objectives", DEFAULT_OBJECTIVE)
        if evaluator is None and said.evaluator == EvaluatorSettings():
            evaluator = defaults.get("evaluator")
        specified, bounds = specified_by_training(said.evaluator)
        constraints = merge_constraints(said.constraints, bounds, by="`evaluator.train`")
        if space is None:
            space = make_space(said.space or specified)
        self.space, self.evaluator = self._components(space, evaluator, objectives, constraints)
        fidelity = check_fidelities(self.evaluator, self.optimizer)
        full = [] if fidelity is None else [fidelity]
        bounds = tuple(str(one.bound) for one in full)
        constraints = all_constraints(self.optimizer, constraints)
        within, on_region = keep_within(said, self.evaluator)
        constraints = merge_constraints(constraints, within, by="the measured region")
        self.problem = Problem.of(
            objectives,
            merge_constraints(constraints, bounds, by="`fidelities`"),
            [*self.evaluator.metrics, *(one.metric.name for one in full)],
            stochastic=self.evaluator.stochastic,
            definitions=[*self.evaluator.metric_definitions, *(one.metric for one in full)],
            checkable=self.evaluator.cheap_metrics if self.evaluator.costly else (),
            cost_metric=said.cost_metric,
        )
        self.optimizer.check(self.problem)
        if remark := self.optimizer.remark(self.problem):
            warnings.warn(remark, stacklevel=2)
        if said.cost_metric is not None:
            check_choice("metric", said.cost_metric, self.evaluator.metrics)
        budget = said.budget
        if budget is None and said.max_seconds is None and said.max_cost is None:
            budget = defaults.get("budget", DEFAULT_BUDGET)
        of_full = [one.remark for one in full if one.remark]
        self._remarks = (*self.evaluator.remarks, *on_region, *of_full)
        self.limits = Budget(budget, said.max_seconds, said.max_cost, said.cost_metric)
        by_training = trains(self.evaluator)
        self.runs = said.runs or (1 if by_training else DEFAULT_RUNS)
        self.backend = (
            said.backend.make(trains=by_training) if backend is None else make_backend(backend)
        )
        self.has_own_backend = backend is not None
        self._streams = RandomStreams(said.seed)
        metrics = searched_metrics(self.problem, self.limits, self.evaluator)
        self.start = read_start(
            said.start, self.space, self.evaluator, metrics, self.problem, self.optimizer
        )
        check_pending(said.pending, self.optimizer)
        self.prior = take_prior(said.prior, self.space, self.problem, self.optimizer)
        self._metrics = check_names(searched_definitions(self.problem, self.limits, self.evaluator))
        self.folder: Path | None = None
        self._retry_failed = False

    def _components(
        self,
        space: Space | None,
        evaluator: Evaluator | None,
        objectives: str | Sequence[str],
        constraints: Sequence[Constraint],
    ) -> tuple[Space, Evaluator]:
        """Make the evaluator where it is not given, and check that it fits the space."""
        if space is not None:
            check_kind("space", space, Space)
        names = [objectives] if isinstance(objectives, str) else [*objectives]
        if evaluator is None:
            evaluator = make_evaluator(self.given, space, self.optimizer, names, constraints)
        check_kind("evaluator", evaluator, Evaluator)
        space = evaluator.space if space is None else space
        check_evaluator(evaluator, space, self.optimizer)
        cost = self.given.cost_metric
        bounds = all_constraints(self.optimizer, constraints)
        names += [*(bound.metric for bound in bounds), *([] if cost is None else [cost])]
        evaluator = with_counts(evaluator, names)
        # Of a table that holds some architectures of a space, nothing else can be proposed.
        return common_space(space, evaluator.space), evaluator

    __repr__ = describe_search

    @cached_property
    def settings(self) -> SearchSettings:
        """The settings with everything filled in that was found, as a log stores them."""
        return complete_settings(self)

    def has_log(self, folder: str | os.PathLike[str]) -> bool:
        """Whether a folder holds a trial log to resume from."""
        return (Path(folder) / FILE_NAME).exists()

    def identity(self) -> dict[str, Any]:
        """Return what the trajectory of the search follows from, as JSON types."""
        return search_identity(self)

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        *,
        space: Space | None = None,
        optimizer: Optimizer | None = None,
        evaluator: Evaluator | None = None,
        backend: Backend | None = None,
        retry_failed: bool = False,
        **changes: Any,
    ) -> Search:
        """Return the search that continues what is in a folder; its log stores everything else.

        Args:
            folder: The folder, or the log in it.
            space: The space, where the log cannot store it.
            optimizer: The optimizer, likewise.
            evaluator: The evaluator, likewise.
            backend: The back end, in place of that of the log.
            retry_failed: Evaluate again what failed. The result is that of a search in which it did not fail:
                from the first failure of a run on, the optimizer may propose other architectures than before;
                those that the log holds are not measured again.
            changes: Settings to change by path, such as ``runs=3``, ``budget=300`` or
                ``**{"backend.name": "pool"}``. Limits may only grow. Other entries that the result depends on
                must agree with the log.

        Raises:
            ResumeError: If there is no log, a component must be given, or settings do not agree with the log.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     first = Search({"runs": 1, "budget": 20}).run(f"{folder}/a")
            ...     longer = Search.resume(f"{folder}/a", budget=30).run()
            >>> longer.runs[0].n_distinct
            30
        """
        given = {"space": space, "optimizer": optimizer, "evaluator": evaluator, "backend": backend}
        file, logged, settings, components = resumed_components(folder, given, changes)
        search = cls(settings, **components)
        check_identity(logged, search.identity(), str(file))
        search.folder, search._retry_failed = file.parent, retry_failed
        return search

    def run(
        self,
        out: str | os.PathLike[str] | None = None,
        *,
        resume: bool = False,
        retry_failed: bool = False,
        only_runs: Sequence[int] | None = None,
        callbacks: Sequence[Callback] = (),
        on_progress: Callable[[SearchProgress], None] | None = None,
        progress: bool = False,
    ) -> SearchResult:
        """Run the search and return what it found; with a folder, keep the log and ``best.json`` there.

        After an interruption (Ctrl-C, a kill), the log holds what was evaluated, and :meth:`resume` comes to
        the result of an uninterrupted search.

        Args:
            out: New or empty folder for the log and the result; by default nothing is written, and a search of
                :meth:`resume` continues in its folder.
            resume: Continue the search in ``out``.
            retry_failed: With ``resume``, evaluate again what failed; see :meth:`resume`.
            only_runs: Numbers of the runs of this process; all by default. Several processes may share ``out``,
                each with its own runs. None of them writes the result; a last one with ``resume`` gathers it.
            callbacks: Called with a :class:`.SearchView` after every batch, also after those replayed from a
                log; each may end the search by returning True or raising :class:`.StopSearch`.
            on_progress: Called with a :class:`.SearchProgress` about ten times a second.
            progress: Show runs, evaluations, the best value and the time left, on stderr or in a notebook.

        Raises:
            InvalidArgumentError: If an argument has the wrong type or is out of range.
            OutputFolderError: If ``out`` cannot be used.
            ResumeError: If the log in ``out`` belongs to another search or to a larger one.
            EvaluationError: If nothing can be evaluated.
        """
        if out is None and self.folder is not None:
            out, resume, retry_failed = self.folder, True, self._retry_failed
        options = RunOptions(out, resume, retry_failed, only_runs, callbacks, on_progress)
        return self.run_with(options, progress=progress)

    def run_with(self, options: RunOptions, *, progress: bool = False) -> SearchResult:
        """Run the search as :meth:`run` does, with options that were checked before."""
        shared = options.only_runs is not None
        with own_folder(options.out, resume=options.resume, shared=shared):
            return self._run_all(options, progress)

    def _run_all(self, options: RunOptions, progress: bool) -> SearchResult:
        out, problem, results = options.out, self.problem, []
        with ExitStack() as stack:
            observers = [] if options.on_progress is None else [options.on_progress]
            numbers = options.numbers(self.runs)
            if progress:
                from .live_progress import live_progress

                shown = live_progress(problem.objectives[0], numbers)
                observers.append(stack.enter_context(shown))
            log = stack.enter_context(self._open_log(options))
            if log is not None:
                cheap, file = self.evaluator.cheap_metrics, str(log.path)
                first = checked_first(log.identity, cheap, file)
                problem = replace(problem, checked_first=first)
            stack.enter_context(evaluator_folder(self.evaluator, out, options.only_runs, log))
            stack.callback(self.backend.close)
            if log is not None and options.retry_failed:
                log.retry_failed(numbers)
            self.backend.open(self.evaluator)
            watch = Watch(problem, observers, options.callbacks)
            for number in numbers:
                results.append(watch.through(self._prepared_run(number, problem, log)))
                if results[-1].stopped_by == "callback":
                    break
        best = [self.space.describe(run.population[run.best])["architecture"] for run in results]
        winners, comparison = ranked(self.evaluator, problem, results)
        result = SearchResult(
            problem,
            tuple(results),
            {**self.identity(), "n_runs": self.runs, **self._spendable()},
            tuple(best),
            winners,
            comparison,
            (*self._remarks, *remarks_on(winners)),
        )
        if out is not None and options.only_runs is None:
            write_json(out / RESULT_FILE, result.to_json(), sealed=True)
        clean_up(self.evaluator, out)
        return result

    def _prepared_run(self, number: int, problem: Problem, log: TrialLog | None) -> Run:
        generator = self._streams.numpy("run", number, "optimizer")
        cheap = self.evaluator.cheap_metrics
        known = tuple(bound for bound in problem.constraints if bound.metric in cheap)
        bounds = KnownBounds(known, self.evaluator.evaluate_cheaply) if known else None
        told = replace(problem, known_bounds=bounds)
        self.optimizer.reset(self.space, told, generator=generator)
        pending = self.given.pending
        make = Run if pending is None else partial(AsynchronousRun, n_pending=pending)
        return make(
            number,
            optimizer=self.optimizer,
            generator=generator,
            evaluator=self.evaluator,
            backend=self.backend,
            problem=problem,
            budget=self.limits,
            log=log,
            seed=self._streams.seed,
            start=self.start,
        )

    def _spendable(self) -> dict[str, Any]:
        """The limits as JSON types, without those that are not set."""
        limits = {"max_seconds": self.limits.seconds, "max_cost": self.limits.cost}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return {"budget": self.limits.evaluations, **given}

    def _open_log(self, options: RunOptions) -> AbstractContextManager[TrialLog | None]:
        if options.out is None:
            return nullcontext()
        metrics = [metric.name for metric in self._metrics]
        sems = [sem_column(name) for name in metrics if name in self.evaluator.metrics_with_sem]
        return open_log(
            options.out,
            self.identity(),
            metrics + sems,
            {"runs": self.runs, **self._spendable(), SETTINGS: self.settings.to_dict()},
            metrics=self._metrics,
            checked_first=self.problem.checked_first,
            evaluator=self.evaluator,
            resume=options.resume,
            shared=options.only_runs is not None,
        )
