"""The worker: runs an optimizer against an evaluator, within a budget, and keeps every trial."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core import (
    InvalidArgumentError,
    RandomStreams,
    check_choice,
    check_int,
    current_metric_name,
    merge_constraints,
    write_json,
)
from ..evaluators import Evaluator, Problem
from ..evaluators.combined import with_counts
from ..optimizers import OPTIMIZERS, Optimizer, default_optimizer
from ..spaces import SPACES, Space, common_space
from .arguments import check_folder, check_objectives, check_observer, check_runs
from .backends.base import Backend, make_backend
from .budget import Budget
from .callbacks import Callback, Progress, Watch, check_callbacks
from .final_training import FinalTraining, train_architecture
from .log.metrics import check_names, checked_first
from .log.trial_log import FILE_NAME, TrialLog, sem_column
from .results.run_result import RunResult
from .results.search_result import SearchResult
from .results.winners import ranked
from .results_folder import RESULT_FILE, clean_up, evaluator_folder, open_log, own_folder
from .resuming import resumed_arguments
from .run import Run
from .settings import (
    check_evaluator,
    check_fidelities,
    check_kind,
    definitions_wanted,
    find_evaluator,
    remarks_on,
    settle,
    wanted_metrics,
)

if TYPE_CHECKING:
    from torch import nn


class Worker:
    """Runs a search several times and gathers what it found.

    Args:
        space: The search space, or its name; that of the evaluator by default, or ``nasbench201``. Where the
            evaluator is a table of some networks of the space, only these are proposed.
        optimizer: The optimizer, or its name; by default ``predictor_guided``, and with several objectives
            ``pareto_evolution``.
        evaluator: Where values come from; by default the optimizer's own, if it has one, else what
            :func:`.default_evaluator` finds: the AnalogNAS-Bench table for ``nasbench201``, and models and
            tables of hardware where its metrics are asked for.
        objectives: Name of the metric to improve, or names of several, of which the non-dominated set is
            searched; by default the optimizer's own, else ``analog_drift_2592000``.
        constraints: Bounds such as ``"params<=1e6"``; meeting them comes before the objective. Those that the
            optimizer brings hold as well.
        runs: Independent repeats.
        budget: Distinct architectures evaluated in each run, or readings taken where a repeat is a new
            measurement (:attr:`.Evaluator.stochastic`); by default the optimizer's own, else 500, or any number
            where ``max_seconds`` or ``max_cost`` is given.
        max_seconds: Wall-clock time of each run, s, that before an interruption included; None: any. The batch
            at work is finished.
        max_cost: Largest sum of ``cost_metric`` in each run, in that metric's unit; None: any. The batch that
            reaches it is finished.
        cost_metric: Metric of the evaluator that says what an evaluation cost, such as seconds of training;
            kept in the log.
        backend: Where evaluations happen: ``"serial"``, ``"pool"``, ``"ray"`` or a :class:`.Backend`. It makes
            no difference to what is found.
        n_workers: Workers of a parallel back end; by default one for each core.
        retry_failed: On resume, evaluate again what failed. The result is that of a search in which it did not
            fail: from the first failure of a run on, the optimizer may propose other architectures than before,
            and what was measured of them is taken from the log.
        only_runs: Numbers of the runs that this process does; all by default. Several processes may give one
            ``out`` and runs of their own: they share its log, and none of them writes the result. A last worker
            with ``resume=True`` gathers it.
        callbacks: Called with a :class:`.SearchView` after every batch, also those replayed from a log; each
            may end the search by returning True or raising :class:`.StopSearch`.
        seed: Everything random follows from it.
        out: Folder for the trial log and the result; new or empty. Nothing is written by default.
        resume: Continue the search whose log is in ``out``: it goes on as if it had never stopped. Runs and
            budget may be larger than before, not smaller.
        on_progress: Called with a :class:`.Progress` about ten times a second.

    Raises:
        UnknownNameError: If a name is not known.
        InvalidArgumentError: If a number is out of range, a constraint cannot be read, or parts do not belong
            together.
        NotFittedError: If the evaluator has learnt nothing yet.
        OutputFolderError: From :meth:`search`, if ``out`` cannot be used.
        ResumeError: From :meth:`search`, if the log in ``out`` belongs to another search or to a larger one.
        EvaluationError: From :meth:`search`, if nothing can be evaluated.

    Example:
        >>> worker = Worker(optimizer="regularized_evolution", budget=100, runs=2)
        >>> result = worker.search()
        >>> len(result.runs), result.runs[0].n_distinct
        (2, 100)
    """

    def __init__(
        self,
        space: Space | str | None = None,
        *,
        optimizer: Optimizer | str | None = None,
        evaluator: Evaluator | None = None,
        objectives: str | Sequence[str] | None = None,
        constraints: Any = None,
        runs: int = 5,
        budget: int | None = None,
        max_seconds: float | None = None,
        max_cost: float | None = None,
        cost_metric: str | None = None,
        seed: int = 0,
        backend: Backend | str = "serial",
        n_workers: int | None = None,
        out: str | os.PathLike[str] | None = None,
        resume: bool = False,
        retry_failed: bool = False,
        only_runs: Sequence[int] | None = None,
        callbacks: Sequence[Callback] = (),
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        objectives = check_objectives(objectives)
        if space is None:
            space = "nasbench201" if evaluator is None else evaluator.space
        self.space = SPACES.get(space)() if isinstance(space, str) else space
        optimizer = default_optimizer(objectives) if optimizer is None else optimizer
        self.optimizer = OPTIMIZERS.get(optimizer)() if isinstance(optimizer, str) else optimizer
        self.runs = check_int("runs", runs, minimum=1)
        self.streams = RandomStreams(seed)
        if isinstance(cost_metric, str):
            cost_metric = current_metric_name(cost_metric)
        given = {
            "evaluator": evaluator,
            "objectives": objectives,
            "constraints": constraints,
            "budget": budget,
            "cost_metric": cost_metric if isinstance(cost_metric, str) else None,
        }
        check_kind("space", self.space, Space)
        check_kind("optimizer", self.optimizer, Optimizer)
        chosen = settle(self.optimizer, given)
        self.evaluator: Evaluator = self._checked_evaluator(chosen)
        # Of a table that holds some networks of a space, nothing else can be proposed.
        self.space = common_space(self.space, self.evaluator.space)
        fidelity = check_fidelities(self.evaluator, self.optimizer)
        full = [] if fidelity is None else [fidelity]
        self.problem = Problem.of(
            chosen["objectives"],
            merge_constraints(chosen["constraints"], [one.bound for one in full], by="fidelities"),
            [*self.evaluator.metrics, *(one.metric.name for one in full)],
            stochastic=self.evaluator.stochastic,
            definitions=[*self.evaluator.metric_definitions, *(one.metric for one in full)],
            checkable=self.evaluator.cheap_metrics if self.evaluator.costly else (),
        )
        self.optimizer.check(self.problem)
        if remark := self.optimizer.remark(self.problem):
            warnings.warn(remark, stacklevel=2)
        if cost_metric is not None:
            cost_metric = check_choice("metric", cost_metric, self.evaluator.metrics)
        unlimited = budget is None and (max_seconds is not None or max_cost is not None)
        self.limits = Budget(
            None if unlimited else chosen["budget"], max_seconds, max_cost, cost_metric
        )
        self.budget = self.limits.evaluations
        self._metrics = check_names(definitions_wanted(self.problem, self.limits, self.evaluator))
        self.out = None if out is None else check_folder(out)
        self.backend = make_backend(backend, n_workers)
        self.callbacks = check_callbacks(callbacks)
        self.only_runs = None if only_runs is None else check_runs(only_runs, self.runs, self.out)
        if resume and out is None:
            raise InvalidArgumentError(
                "`resume` needs `out`, the folder of the search to continue."
            )
        if retry_failed and not resume:
            raise InvalidArgumentError(
                "`retry_failed` needs `resume`: a new search has no failures."
            )
        self.resumes, self.retry_failed = resume, retry_failed
        self.on_progress = check_observer(on_progress)
        self.result: SearchResult | None = None

    @classmethod
    def resume(
        cls,
        folder: str | os.PathLike[str],
        *,
        space: Space | None = None,
        optimizer: Optimizer | None = None,
        evaluator: Evaluator | None = None,
        **changes: Any,
    ) -> Worker:
        """Return the worker that continues the search in a folder; its log says everything else.

        The log holds space, optimizer, evaluator, objectives, constraints, seed and limits. What it cannot hold
        is asked for: an evaluator, an optimizer or a space of your own class. Only limits and what has no
        influence on the result can change.

        Args:
            folder: The folder, or the log in it.
            space: The space, where the log cannot hold it.
            optimizer: The optimizer, likewise.
            evaluator: The evaluator, likewise.
            changes: ``runs``, ``budget``, ``max_seconds``, ``max_cost``, ``retry_failed``, ``backend``,
                ``n_workers``, ``only_runs``, ``callbacks`` or ``on_progress``, as of :class:`Worker`. None
                leaves a limit as it is.

        Raises:
            ResumeError: If there is no log, or something must be given.
            InvalidArgumentError: If something else is to change.

        Example:
            >>> import tempfile
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     first = Worker(runs=1, budget=20, out=f"{folder}/a").search()
            ...     longer = Worker.resume(f"{folder}/a", budget=30).search()
            >>> longer.runs[0].n_distinct
            30
        """
        given = {"space": space, "optimizer": optimizer, "evaluator": evaluator}
        return cls(**resumed_arguments(folder, given, changes))

    def _checked_evaluator(self, chosen: dict[str, Any]) -> Evaluator:
        """Return the evaluator; refuse one that does not belong to the search."""
        evaluator: Evaluator | None = chosen["evaluator"]
        if evaluator is None:
            return find_evaluator(
                self.space,
                self.optimizer,
                chosen["objectives"],
                chosen["constraints"],
                cost_metric=chosen["cost_metric"],
            )
        check_evaluator(evaluator, self.space, self.optimizer)
        return with_counts(evaluator, wanted_metrics(chosen))

    def identity(self) -> dict[str, Any]:
        """What the trajectory of this search follows from, as JSON types."""
        fingerprint = self.space.fingerprint()
        return {
            "space": self.space.name,
            **({} if fingerprint is None else {"space_fingerprint": fingerprint}),
            "optimizer": {"name": self.optimizer.name, **self.optimizer.hyperparameters()},
            "evaluator": self.evaluator.identity(),
            "objectives": list(self.problem.objectives),
            "constraints": [str(constraint) for constraint in self.problem.constraints],
            "seed": self.streams.seed,
            **({} if self.limits.cost_metric is None else {"cost_metric": self.limits.cost_metric}),
        }

    def search(self, *, progress: bool = False) -> SearchResult:
        """Run the search and return what it found; with ``out``, keep the log and ``best.json`` there.

        Interrupted (Ctrl-C, a kill), the log keeps what was evaluated, and a worker with ``resume=True``
        comes to the same result as an uninterrupted one.

        Args:
            progress: Show runs, evaluations, the best value so far and the time left while it lasts, on stderr
                where that is a terminal, or in a notebook.
        """
        with own_folder(self.out, resume=self.resumes, shared=self.only_runs is not None):
            return self._search(progress)

    def _search(self, progress: bool) -> SearchResult:
        results = []
        with ExitStack() as stack:
            observers = [] if self.on_progress is None else [self.on_progress]
            numbers = self.only_runs or range(self.runs)
            if progress:
                from .live_progress import live_progress

                shown = live_progress(self.problem.objectives[0], numbers)
                observers.append(stack.enter_context(shown))
            log = stack.enter_context(self._open_log())
            if log is not None:
                cheap, file = self.evaluator.cheap_metrics, str(log.path)
                first = checked_first(log.identity, cheap, file)
                self.problem = replace(self.problem, checked_first=first)
            stack.enter_context(evaluator_folder(self.evaluator, self.out, self.only_runs, log))
            stack.callback(self.backend.close)
            if log is not None and self.retry_failed:
                log.retry_failed(numbers)
            self.backend.open(self.evaluator)
            watch = Watch(self.problem, observers, self.callbacks)
            for number in numbers:
                results.append(self._run(number, log, watch))
                if results[-1].stopped_by == "callback":
                    break
        settings = {**self.identity(), "n_runs": self.runs, **self._spendable()}
        best = [self.space.describe(run.population[run.best])["architecture"] for run in results]
        winners, comparison = ranked(self.evaluator, self.problem, results)
        self.result = SearchResult(
            self.problem,
            tuple(results),
            settings,
            tuple(best),
            winners,
            comparison,
            remarks_on(self.evaluator, self.optimizer),
        )
        if self.out is not None and self.only_runs is None:
            write_json(self.out / RESULT_FILE, self.result.to_json())
        clean_up(self.evaluator, self.out)
        return self.result

    def _spendable(self) -> dict[str, Any]:
        """The budget as JSON types; what is not limited is left away."""
        limits = {"max_seconds": self.limits.seconds, "max_cost": self.limits.cost}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return {"budget": self.budget, **given}

    @property
    def has_log(self) -> bool:
        """Whether there is a trial log to resume from."""
        return self.out is not None and (self.out / FILE_NAME).exists()

    def result_summary(self) -> None:
        """Print the best architecture, each run's best, and their mean and spread."""
        print(self._finished().summary())

    @property
    def best_config(self) -> Any:
        """The best architecture in the space's own form."""
        return self.space.decode(self.space.encode(self._finished().winners[0]["architecture"]))

    @property
    def best_arch(self) -> nn.Module:
        """The best architecture's network, built anew with fresh weights."""
        return self.space.build(self.best_config)

    def train_best(self, data: str = "digits", **settings: Any) -> FinalTraining:
        """Train the best architecture, put it on simulated chips, and measure it over time.

        Args:
            data: Name of the data set.
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

    def _open_log(self) -> AbstractContextManager[TrialLog | None]:
        if self.out is None:
            return nullcontext()
        metrics = [metric.name for metric in self._metrics]
        sems = [sem_column(name) for name in metrics if name in self.evaluator.metrics_with_sem]
        return open_log(
            self.out,
            self.identity(),
            metrics + sems,
            {"runs": self.runs, **self._spendable()},
            metrics=self._metrics,
            checked_first=self.problem.checked_first,
            evaluator=self.evaluator,
            resume=self.resumes,
            shared=self.only_runs is not None,
        )

    def _run(self, number: int, log: TrialLog | None, watch: Watch) -> RunResult:
        generator = self.streams.numpy("run", number, "optimizer")
        self.optimizer.reset(self.space, self.problem, generator=generator)
        run = Run(
            number,
            optimizer=self.optimizer,
            generator=generator,
            evaluator=self.evaluator,
            backend=self.backend,
            problem=self.problem,
            budget=self.limits,
            log=log,
            seed=self.streams.seed,
        )
        return watch.through(run)

    def _finished(self) -> SearchResult:
        if self.result is None:
            raise InvalidArgumentError("There is no result yet; call search() first.")
        return self.result
