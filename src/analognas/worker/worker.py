"""The worker: runs an optimizer against an evaluator, within a budget, and keeps every trial."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core import InvalidArgumentError, RandomStreams, check_int, get_metric, write_json
from ..evaluators import Evaluator, Problem, TableEvaluator
from ..optimizers import OPTIMIZERS, Optimizer
from ..spaces import SPACES, Space
from .final_training import FinalTraining, train_architecture
from .output import RESULT_FILE, make_folder
from .results import RunResult, SearchResult
from .run import Run
from .trial_log import FILE_NAME, TrialLog, sem_column

if TYPE_CHECKING:
    from torch import nn

DEFAULTS = {
    "evaluator": None,
    "objectives": "analog_drift_2592000",
    "constraints": (),
    "budget": 500,
}
N_WINNERS = 5

_PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a search has come.

    Attributes:
        run: Number of the run at work.
        n_distinct: Distinct architectures it has evaluated.
        best: Best value of the objective in all runs so far; NaN before the first feasible one.
    """

    run: int
    n_distinct: int
    best: float


class Worker:
    """Runs a search several times and gathers what it found.

    Args:
        space: The search space, or its name.
        optimizer: The optimizer, or its name.
        evaluator: Where values come from; by default the optimizer's own, if it has one, else the
            AnalogNAS-Bench table for ``nasbench201``.
        objectives: Name of the metric to improve; by default the optimizer's own, else
            ``analog_drift_2592000``.
        constraints: Bounds such as ``"params<=1e6"``; meeting them comes before the objective. By default
            the optimizer's own, else none.
        runs: Independent repeats.
        budget: Distinct architectures evaluated in each run; by default the optimizer's own, else 500.
        seed: Everything random follows from it.
        out: Folder for the trial log and the result; new or empty. Nothing is written by default.
        resume: Continue the search whose log is in ``out``: it goes on as if it had never stopped. Runs and
            budget may be larger than before.
        on_progress: Called with a :class:`Progress` about ten times a second.

    Raises:
        UnknownNameError: If a name is not known.
        InvalidArgumentError: If a number is out of range or a constraint cannot be read.
        OutputFolderError: From :meth:`search`, if ``out`` cannot be used.
        ResumeError: From :meth:`search`, if the log in ``out`` belongs to another search.

    Example:
        >>> worker = Worker(optimizer="regularized_evolution", budget=100, runs=2)
        >>> result = worker.search()
        >>> len(result.runs), result.runs[0].n_distinct
        (2, 100)
    """

    def __init__(
        self,
        space: Space | str = "nasbench201",
        *,
        optimizer: Optimizer | str = "regularized_evolution",
        evaluator: Evaluator | None = None,
        objectives: str | Sequence[str] | None = None,
        constraints: Any = None,
        runs: int = 5,
        budget: int | None = None,
        seed: int = 0,
        out: str | os.PathLike[str] | None = None,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.space = SPACES.get(space)() if isinstance(space, str) else space
        self.optimizer = OPTIMIZERS.get(optimizer)() if isinstance(optimizer, str) else optimizer
        self.runs = check_int("runs", runs, minimum=1)
        self.streams = RandomStreams(seed)
        given = {
            "evaluator": evaluator,
            "objectives": objectives,
            "constraints": constraints,
            "budget": budget,
        }
        chosen = self._settings(given)
        self.budget = check_int("budget", chosen["budget"], minimum=1)
        self.evaluator = TableEvaluator() if chosen["evaluator"] is None else chosen["evaluator"]
        for name, value, kind in [
            ("space", self.space, Space),
            ("optimizer", self.optimizer, Optimizer),
            ("evaluator", self.evaluator, Evaluator),
        ]:
            if not isinstance(value, kind):
                raise InvalidArgumentError(
                    f"`{name}` must be an object of a class derived from {kind.__name__}, or for space and "
                    f"optimizer a name, but got {value!r}."
                )
        scored = self.evaluator.space
        if evaluator is None and scored.name != self.space.name:
            raise InvalidArgumentError(
                f"Nothing is measured in the space {self.space.name!r}, only in {scored.name!r}; from Python, "
                "search it with an evaluator of your own, a surrogate or a training run: Worker(space, "
                "evaluator=...), see docs/spaces.md."
            )
        if (scored.name, scored.fingerprint()) != (self.space.name, self.space.fingerprint()):
            raise InvalidArgumentError(
                f"The evaluator scores the space {scored.name!r}, but the search is over {self.space.name!r}"
                f"{' of another definition' if scored.name == self.space.name else ''}."
            )
        self.problem = Problem.of(
            chosen["objectives"], chosen["constraints"], self.evaluator.metrics
        )
        self.optimizer.check(self.problem)
        if resume and out is None:
            raise InvalidArgumentError(
                "`resume` needs `out`, the folder of the search to continue."
            )
        self.out = None if out is None else Path(out)
        self.resume = resume
        self.on_progress = on_progress
        self.result: SearchResult | None = None
        self._best = nan

    def _settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """What was given, then what the optimizer is made for, then the defaults of any search."""
        # A wrong optimizer is refused a little later, with the other arguments.
        own = self.optimizer.search_defaults() if isinstance(self.optimizer, Optimizer) else {}
        given = {name: value for name, value in given.items() if value is not None}
        return {**DEFAULTS, **own, **given}

    def identity(self) -> dict[str, Any]:
        """What the trajectory of this search follows from, as JSON types."""
        return {
            **self._space_identity(),
            "optimizer": {"name": self.optimizer.name, **self.optimizer.hyperparameters()},
            "evaluator": self.evaluator.identity(),
            "objectives": list(self.problem.objectives),
            "constraints": [str(constraint) for constraint in self.problem.constraints],
            "seed": self.streams.seed,
        }

    def _space_identity(self) -> dict[str, str]:
        print_of_space = self.space.fingerprint()
        more = {} if print_of_space is None else {"space_fingerprint": print_of_space}
        return {"space": self.space.name, **more}

    def search(self) -> SearchResult:
        """Run the search and return what it found; with ``out``, keep the log and ``best.json`` there.

        Interrupted (Ctrl-C, a kill), the log keeps what was evaluated, and a worker with ``resume=True``
        comes to the same result as an uninterrupted one.
        """
        log = self._open_log()
        self._best = nan
        with nullcontext() if log is None else log:
            results = [self._run(number, log) for number in range(self.runs)]
        settings = {**self.identity(), "n_runs": self.runs, "budget": self.budget}
        best = [self.space.describe(run.population[run.best])["architecture"] for run in results]
        self.result = SearchResult(
            self.problem, tuple(results), settings, tuple(best), self._winners(results)
        )
        if self.out is not None:
            write_json(self.out / RESULT_FILE, self.result.to_json())
        return self.result

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

    def _open_log(self) -> TrialLog | None:
        if self.out is None:
            return None
        notes = {"runs": self.runs, "budget": self.budget}
        if self.resume:
            log = TrialLog.open(self.out / FILE_NAME)
            try:
                log.check_identity(self.identity())
                # A result that stays beside a growing log would be mistaken for the log's.
                (self.out / RESULT_FILE).unlink(missing_ok=True)
            except BaseException:
                log.close()
                raise
            log.note(notes)
            return log
        metrics = self.problem.metrics
        sems = [sem_column(name) for name in metrics if name in self.evaluator.metrics_with_sem]
        made = not self.out.exists()
        folder = make_folder(self.out)
        try:
            return TrialLog.create(folder / FILE_NAME, self.identity(), metrics + sems, notes)
        except BaseException:
            if made:
                folder.rmdir()
            raise

    def _run(self, number: int, log: TrialLog | None) -> RunResult:
        generator = self.streams.numpy("run", number, "optimizer")
        self.optimizer.reset(self.space, self.problem, generator=generator)
        run = Run(
            number,
            optimizer=self.optimizer,
            evaluator=self.evaluator,
            problem=self.problem,
            budget=self.budget,
            log=log,
        )
        due = time.monotonic()

        def after_batch(run: Run) -> None:
            nonlocal due
            now = time.monotonic()
            if now >= due:
                due = now + _PROGRESS_SECONDS
                self._report(number, run.snapshot())

        result = run.execute(None if self.on_progress is None else after_batch)
        self._report(number, result)
        return result

    def _report(self, number: int, run: RunResult) -> None:
        """Tell the observer how far run ``number`` has come."""
        sign = 1.0 if get_metric(self.problem.objectives[0]).higher_is_better else -1.0
        best = run.best_value(self.problem)
        if isnan(self._best) or sign * best > sign * self._best:
            self._best = best
        if self.on_progress is not None:
            self.on_progress(Progress(number, run.n_distinct, self._best))

    def _winners(self, results: list[RunResult]) -> tuple[dict[str, Any], ...]:
        population = np.concatenate([result.population for result in results])
        score = np.concatenate([result.score for result in results])
        violation = np.concatenate([result.violation for result in results])
        measured = {
            name: np.concatenate([result.evaluation.means[name] for result in results])
            for name in self.problem.metrics
        }
        runs = np.repeat(np.arange(len(results)), [len(result.population) for result in results])
        # lexsort is stable, so among equals the one found first wins.
        order = np.lexsort((-score, violation))
        if (violation == 0).any():
            order = order[violation[order] == 0]
        winners: dict[Any, dict[str, Any]] = {}
        for row in order.tolist():
            code = self.space.codes(population[row : row + 1]).tolist()[0]
            if code not in winners:
                genotype = population[row]
                report = self.evaluator.report(genotype)
                # What the search went by is always there, whatever the evaluator reports beside it.
                searched = {
                    name: float(values[row]) if np.isfinite(values[row]) else None
                    for name, values in measured.items()
                    if name not in report["metrics"]
                }
                winners[code] = {
                    **self.space.describe(genotype),
                    "run": int(runs[row]),
                    "feasible": bool(violation[row] == 0),
                    **report,
                    "metrics": {**report["metrics"], **searched},
                }
            if len(winners) == N_WINNERS:
                break
        return tuple(winners.values())

    def _finished(self) -> SearchResult:
        if self.result is None:
            raise InvalidArgumentError("There is no result yet; call search() first.")
        return self.result
