"""A run without batches: each result is told as soon as it arrives, and the next architecture is proposed.

The order of results depends on how long evaluations take. The log keeps it: its trials are in the order in
which the optimizer was told of them. A replay takes them in that order, so it gives the same result, byte for
byte. Whenever fewer than the given number of proposals have no result, the optimizer is asked for one more,
whatever is left of the budget. What it proposes therefore follows from the order of results alone, also where a
budget has grown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..core import ResumeError
from ..evaluators import Evaluation
from ..spaces import Population
from .backends.jobs import Job, Outcome
from .batch import Batch, check_counts
from .results.run_result import RunResult
from .run import STALL, Run

__all__ = ["AsynchronousRun"]


@dataclass
class _Proposal:
    """A proposal without a result.

    Attributes:
        row: The architecture, shape ``(1, n_genes)``.
        batch: It as a batch of its own.
        reading: How often the architecture was read before.
    """

    row: Population
    batch: Batch
    reading: int


class AsynchronousRun(Run):
    """A run that tells each result at once; see :class:`.Run`.

    Args:
        n_pending: Evaluations in progress at any time.
        arguments: Those of :class:`.Run`.
    """

    def __init__(self, *arguments: Any, n_pending: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._n_pending = n_pending
        self._proposals: dict[int, _Proposal] = {}  # by number of the proposal
        self._n_proposed = 0
        self._numbers: dict[bytes, list[int]] = {}  # by genotype, in the order of proposal
        self._unsent: deque[int] = deque()
        self._n_sent = 0  # with the back end
        self._queue: deque[tuple[int, Job]] = deque()
        self._stream: Iterator[tuple[int, Outcome]] = iter(())
        self._since_new = 0

    def execute(self, after_batch: Callable[[Run], object] | None = None) -> RunResult:
        """Drive the optimizer until the budget is spent or nothing new is left; see :meth:`.Run.execute`.

        At the end of a budget, evaluations in progress are finished and count.
        """
        size = self.optimizer.batch_size
        self.optimizer.batch_size = 1
        try:
            return self._result(self._execute(after_batch))
        finally:
            self.optimizer.batch_size = size

    def _execute(self, after_batch: Callable[[Run], object] | None) -> str:
        self._begin()
        while True:
            self._fill()
            limit = self._limit()
            if limit is None:
                self._send()
            if not self._step():
                return limit or "exhausted"
            if self._since_new >= STALL:
                return "stalled"
            if after_batch is not None and after_batch(self):
                return "callback"

    def _fill(self) -> None:
        """Ask until enough proposals have no result; those that need no measurement are told at once."""
        while len(self._proposals) < self._n_pending and self._since_new < STALL:
            proposed = self.optimizer.ask()
            if not len(proposed):
                return
            for row in proposed:
                self._propose(row[None])

    def _propose(self, row: Population) -> None:
        counted, barred = self._check_first(row)
        code = self.evaluator.space.codes(row).tolist()[0]
        is_barred = barred is not None and barred[0]
        unseen = code not in self._first_trial
        if is_barred or not (unseen or self.problem.stochastic):
            self._first_trial.setdefault(code, self.n_trials)
            batch = Batch(row, [unseen and not is_barred], [False], counted)
            self._since_new += 1
            self._take(batch, self._evaluate(batch))
            return
        # Its number as a trial is not known before its result.
        batch = Batch(row, [unseen], [True], counted)
        self._first_trial.setdefault(code, -1)
        reading = self._count_readings(batch)[0]
        self._proposals[self._n_proposed] = _Proposal(row, batch, reading)
        self._numbers.setdefault(row.tobytes(), []).append(self._n_proposed)
        self._unsent.append(self._n_proposed)
        self._n_proposed += 1

    def _send(self) -> None:
        """Give the back end what it has not got yet, as far as the budget reaches; nothing during a replay."""
        if self.n_trials < self._log.end:
            return
        while self._unsent and self.n_spent + self._n_sent < self.budget.most:
            number = self._unsent.popleft()
            if number not in self._proposals:  # its result was in the log
                continue
            proposal = self._proposals[number]
            self._n_sent += 1
            job = self._job(proposal.batch, [0], [proposal.reading])
            self._queue.append((number, job))

    def _step(self) -> bool:
        """Take the next result, from the log or the back end; return False where none is left."""
        if self.n_trials < self._log.end:
            self._replay()
            return True
        if not self._n_sent:
            return False
        number, outcome = self._next()
        self._n_sent -= 1
        proposal = self._pop(number)
        if outcome.error is not None:
            self.errors[self.n_trials] = outcome.error
        self._finish(proposal, outcome.evaluation, outcome.error)
        return True

    def _next(self) -> tuple[int, Outcome]:
        while True:
            for found in self._stream:
                return found
            # All earlier jobs have ended.
            self._stream = self._backend.measure_each(self._queue)

    def _replay(self) -> None:
        """Take the next result from the log.

        Raises:
            ResumeError: If it is of an architecture that has not been proposed.
        """
        logged = self._log.genotype(self.n_trials)
        found = [] if logged is None else self._numbers.get(logged.tobytes(), [])
        if not found:
            shown = None if logged is None else logged.tolist()
            raise ResumeError(
                f"Trial {self.n_trials} of run {self.number} in the log is {shown}, which this search has not "
                "proposed: the log belongs to another search or another version."
            )
        proposal = self._pop(found[0])
        _, evaluation, errors = self._log.recall(self.n_trials, proposal.row)
        self.errors.update(errors)
        self._finish(proposal, evaluation, None, keep=False)

    def _pop(self, number: int) -> _Proposal:
        """Remove a proposal that has a result now."""
        proposal = self._proposals.pop(number)
        numbers = self._numbers[proposal.row.tobytes()]
        numbers.remove(number)
        if not numbers:
            del self._numbers[proposal.row.tobytes()]
        return proposal

    def _finish(
        self, proposal: _Proposal, evaluation: Evaluation, error: str | None, *, keep: bool = True
    ) -> None:
        code = self.evaluator.space.codes(proposal.row).tolist()[0]
        if self._first_trial[code] < 0:
            self._first_trial[code] = self.n_trials
        if keep:
            check_counts(self.evaluator, proposal.batch, [0], evaluation)
            self._keep([0], proposal.batch, evaluation, error)
            self._log.flush()
        self._since_new = 0
        self._take(proposal.batch, evaluation)
