"""One run's part of the trial log: read when the run is replayed, and extended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import ResumeError
from ...evaluators import FIDELITY, Evaluation
from ...spaces import Population, Space
from .trial_log import TrialLog


class RunLog:
    """The part of a log that belongs to one run; without a log, it is empty and stores nothing.

    Args:
        log: The log, if there is one.
        run: Number of the run.
        space: The space of its architectures.

    Attributes:
        end: Trials below this number may be in the log, those above are not.
        seconds: Time that the run had taken when it was interrupted, s.
    """

    def __init__(self, log: TrialLog | None, run: int, space: Space) -> None:
        self._log = log
        self._run = run
        self._logged = None if log is None else log.read_run(run, space)
        self.end = int(self._logged.numbers[-1]) + 1 if self._logged else 0
        self.seconds = self._logged.seconds if self._logged else 0.0
        self._aside = None if log is None else log.read_set_aside(run, space)

    def recall(
        self,
        first: int,
        population: Population,
        fidelities: NDArray[np.float64] | None = None,
    ) -> tuple[list[int], Evaluation, dict[int, str]]:
        """Return the logged part of a batch: rows, their metrics, and errors by number of the trial.

        Args:
            first: Number of the batch's first trial.
            population: The batch, shape ``(n, n_genes)``.
            fidelities: Fidelity of each row, shape ``(n,)``, in a search at several.

        Raises:
            ResumeError: If the log has another architecture or fidelity in the place of one of these.
        """
        if self._logged is None or first >= self.end:
            return [], Evaluation({}), {}
        logged = self._logged
        batch = [first, first + len(population)]
        part = slice(*logged.numbers.searchsorted(batch).tolist())
        numbers, genotypes = logged.numbers[part], logged.population[part]
        proposed = population[numbers - first]
        differs = (genotypes != proposed).any(axis=1)
        if differs.any():
            at = int(differs.argmax())
            raise ResumeError(
                f"Trial {numbers[at]} of run {self._run} in the log is {genotypes[at].tolist()}, but this "
                f"search proposes {proposed[at].tolist()}: the log belongs to another search or another "
                "version."
            )
        evaluation = logged.evaluation.take(part)
        if fidelities is not None:
            self._check_fidelities(numbers, evaluation.means[FIDELITY], fidelities[numbers - first])
        errors = {n: logged.errors[n] for n in numbers.tolist() if n in logged.errors}
        return (numbers - first).tolist(), evaluation, errors

    def genotype(self, number: int) -> NDArray[Any] | None:
        """Return the logged genotype of a trial, shape ``(n_genes,)``; None where there is none."""
        if self._logged is None:
            return None
        at = int(self._logged.numbers.searchsorted(number))
        known = at < len(self._logged) and self._logged.numbers[at] == number
        genotype: NDArray[Any] | None = self._logged.population[at] if known else None
        return genotype

    def _check_fidelities(
        self,
        numbers: NDArray[np.int64],
        logged: NDArray[np.float64],
        proposed: NDArray[np.float64],
    ) -> None:
        differs = logged != proposed
        if differs.any():
            at = int(differs.argmax())
            raise ResumeError(
                f"Trial {numbers[at]} of run {self._run} in the log has the fidelity {logged[at]:.12g}, but "
                f"this search proposes {proposed[at]:.12g}: the log belongs to another search or version."
            )

    @property
    def has_set_aside(self) -> bool:
        """Whether trials of the run were set aside."""
        return self._aside is not None and bool(self._aside.rows)

    def set_aside(
        self, codes: Sequence[Any], readings: Sequence[int]
    ) -> tuple[list[int], NDArray[np.float64]]:
        """Return values that were set aside when failed trials were evaluated again.

        Args:
            codes: Codes of architectures.
            readings: How often each was read before.

        Returns:
            Positions of those that are known, and their values in the order of the log's value columns, shape
            ``(n_known, n_columns)``.
        """
        if self._aside is None:
            return [], np.empty((0, 0))
        keys = zip(codes, readings, strict=True)
        found = {
            at: self._aside.rows[key] for at, key in enumerate(keys) if key in self._aside.rows
        }
        return list(found), self._aside.values[list(found.values())]

    def keep(
        self,
        first: int,
        batch: int,
        rows: Sequence[int],
        population: Population,
        new: Sequence[bool],
        evaluation: Evaluation,
        error: str | None = None,
    ) -> None:
        """Add some rows of a batch.

        Args:
            first: Number of the batch's first trial.
            batch: Number of the batch.
            rows: Which rows, rising; one alone where there is an ``error``.
            population: The whole batch, shape ``(n, n_genes)``.
            new: Whether each row of the batch is new to the run.
            evaluation: Metrics of ``rows``.
            error: Why they have no values.
        """
        if self._log is None:
            return
        start, stop = rows[0], rows[-1] + 1
        if stop - start > len(rows):
            for at, row in enumerate(rows):
                alone = evaluation.take(slice(at, at + 1))
                self.keep(first, batch, [row], population, new, alone)
            return
        errors = None if error is None else {first + start: error}
        part = slice(start, stop)
        self._log.append(
            self._run, first + start, batch, population[part], new[part], evaluation, errors
        )

    def flush(self) -> None:
        """Write all added trials to the disk."""
        if self._log is not None:
            self._log.commit()

    def keep_state(self, n_told: int, seconds: float, state: Any) -> None:
        """Store the time and the state of the random generator after ``n_told`` trials."""
        if self._log is not None:
            self._log.note_state(self._run, n_told, seconds, state)

    def check_state(self, n_told: int, state: Any) -> None:
        """Check that a replay has the generator state of the logged run.

        Raises:
            ResumeError: If the log has another state of the random generator after ``n_told`` trials.
        """
        if self._logged and self._logged.states.get(n_told, state) != state:
            raise ResumeError(
                f"After {n_told} trials of run {self._run} the random generator is not in the state that the "
                "log holds: another version of the optimizer, of analognas or of numpy began the search; "
                "continue it with that."
            )
