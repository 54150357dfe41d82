"""Verification of a search: some of its evaluations are repeated and compared with its log."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import numpy as np

from ..core import InvalidArgumentError, RandomStreams, check_int
from ..core.verify_report import VerifyReport
from ..evaluators import FIDELITY, Evaluation, Evaluator, reading_seeds
from .backends.jobs import Job, attempt
from .components import searched_metrics
from .log.logged_run import LoggedRun
from .log.trial_log import FILE_NAME, TrialLog
from .search import Search

__all__ = ["verify_search"]

_CLOSE = 1e-6
"""Relative difference that other versions of numerical libraries explain."""


def verify_search(
    folder: str | os.PathLike[str],
    *,
    again: int = 10,
    seed: int = 0,
    evaluator: Evaluator | None = None,
) -> VerifyReport:
    """Repeat some evaluations of a search, drawn at random, and compare them with its log.

    On the machine and with the versions of the search, all values are equal bit for bit. On another machine,
    values that are computed with other floating-point libraries differ in their last digits, and trained
    networks differ by their label noise.

    Args:
        folder: Folder of the search.
        again: Number of evaluations to repeat; all of a smaller search.
        seed: Seed of the draw.
        evaluator: The evaluator, where the log cannot store it.

    Returns:
        What was compared, and where values differ.

    Raises:
        ResumeError: If there is no search in the folder, or the evaluator must be given.
        InvalidArgumentError: If nothing was evaluated, or ``again`` is not positive.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Search({"runs": 1, "budget": 20}).run(f"{folder}/found")
        ...     print(verify_search(f"{folder}/found", again=5))
        ok: 5 of 20 evaluations repeated: all values are equal to the last bit
    """
    check_int("again", again, minimum=1)
    search = Search.resume(folder, evaluator=evaluator)
    assert search.folder is not None  # a resumed search has one
    with TrialLog.open(search.folder / FILE_NAME) as log:
        runs = {number: log.read_run(number, search.space) for number in range(search.runs)}
    known = [
        (number, row) for number, run in runs.items() if run for row in _evaluated(search, run)
    ]
    if not known:
        raise InvalidArgumentError(f"The search in {str(folder)!r} has no evaluation to repeat.")
    generator = RandomStreams(seed).numpy("verify")
    chosen = sorted(generator.permutation(len(known))[:again].tolist())
    equal, close, problems = 0, 0, []
    for number, row in (known[at] for at in chosen):
        difference = _difference(search, number, runs[number], row)
        if difference is None:
            equal += 1
        elif isinstance(difference, float):
            close += 1
        else:
            problems.append(f"trial {runs[number].numbers[row]} of run {number}: {difference}")
    return VerifyReport(_passed(equal, close, len(chosen), len(known)), tuple(problems))


def _passed(equal: int, close: int, n: int, of: int) -> tuple[str, ...]:
    if equal == n:
        return (f"{n} of {of} evaluations repeated: all values are equal to the last bit",)
    texts = []
    if equal:
        texts.append(f"{equal} of {n} repeated evaluations are equal to the last bit")
    if close:
        texts.append(f"{close} of {n} repeated evaluations differ in the last digits only")
    return tuple(texts)


def _evaluated(search: Search, run: LoggedRun) -> list[int]:
    """Rows of a run that the search measured itself, and that did not fail."""
    start = search.start
    n_known = 0 if start is None or start.evaluation is None else len(start.population)
    seen: set[Any] = set()
    rows = []
    values = [run.evaluation.means[name] for name in search.problem.objectives]
    fidelity = run.evaluation.means.get(FIDELITY)
    for row, code in enumerate(search.space.codes(run.population).tolist()):
        key = (code, None if fidelity is None else float(fidelity[row]))
        repeated = key in seen and not search.problem.stochastic
        seen.add(key)
        number = int(run.numbers[row])
        measured = number >= n_known and number not in run.errors
        if measured and not repeated and all(np.isfinite(column[row]) for column in values):
            rows.append(row)
    return rows


def _difference(search: Search, number: int, run: LoggedRun, row: int) -> float | str | None:
    """Repeat an evaluation: None if it is equal, the largest relative difference if small, else a text."""
    stored = run.evaluation.take(slice(row, row + 1))
    job = Job(
        run.population[row : row + 1],
        list(searched_metrics(search.problem, search.limits, search.evaluator)),
        list(stored.sems),
        _seeds(search, number, run, row),
        stored.means.get(FIDELITY),
    )
    found = attempt(search.evaluator, job)
    if isinstance(found, str):
        return f"the evaluation failed: {found}"
    return _compared(stored, found)


def _seeds(search: Search, number: int, run: LoggedRun, row: int) -> Any:
    """Seed of a reading, which follows from the earlier readings of the same architecture in the run."""
    if not search.problem.stochastic:
        return None
    codes = search.space.codes(run.population[: row + 1]).tolist()
    earlier = Counter(codes)[codes[-1]] - 1
    fidelity = run.evaluation.means.get(FIDELITY)
    if fidelity is not None:
        earlier = search.optimizer.fidelities.index(float(fidelity[row]))
    return reading_seeds(
        search.identity()["seed"], number, run.population[row : row + 1], [earlier]
    )


def _compared(stored: Evaluation, found: Evaluation) -> float | str | None:
    largest = 0.0
    for kind, before, after in (
        ("", stored.means, found.means),
        ("standard error of ", stored.sems, found.sems),
    ):
        for name, column in before.items():
            one, other = float(column[0]), float(after[name][0]) if name in after else np.nan
            if one == other or (np.isnan(one) and np.isnan(other)):
                continue
            relative = abs(one - other) / max(abs(one), abs(other))
            if not relative <= _CLOSE:
                return f"{kind}{name} is {other:.12g}, the log has {one:.12g}"
            largest = max(largest, relative)
    return largest or None
