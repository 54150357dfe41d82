"""Live progress of a search on the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ..core.progress import ProgressLines
from .callbacks import SearchProgress

__all__ = ["live_progress"]


@contextmanager
def live_progress(
    objective: str, runs: Sequence[int]
) -> Iterator[Callable[[SearchProgress], None]]:
    """Show runs, evaluations, the best value so far and the time left on stderr while the block lasts.

    In a terminal or a notebook it is a bar, elsewhere a line every few seconds.

    Args:
        objective: Name of the metric whose best value is shown.
        runs: Numbers of the runs.

    Yields:
        What the search calls with its progress.
    """
    console = Console(stderr=True)
    if not (console.is_terminal or console.is_jupyter):
        yield _lines(objective, runs)
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(
            "{task.fields[evaluations]} evaluations, best " + objective + " {task.fields[best]}"
        ),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task(f"run {runs[0]}", total=len(runs), best="-", evaluations="0")

        def show(progress: SearchProgress) -> None:
            bar.update(
                task,
                description=f"run {progress.run}",
                # Whichever limit is nearest: evaluations, time or cost.
                completed=runs.index(progress.run) + progress.fraction,
                evaluations=_evaluations(progress),
                best=_best(progress),
            )

        yield show


def _lines(objective: str, runs: Sequence[int]) -> Callable[[SearchProgress], None]:
    lines = ProgressLines()

    def show(progress: SearchProgress) -> None:
        more = f"run {progress.run}: {_evaluations(progress)} evaluations, best {objective} {_best(progress)}"
        done = 100.0 * (runs.index(progress.run) + progress.fraction) / len(runs)
        lines.show("search", done, 100.0, more, "%")

    return show


def _evaluations(progress: SearchProgress) -> str:
    failed = f" ({progress.n_failed} failed)" if progress.n_failed else ""
    return f"{progress.n_distinct:,}{failed}"


def _best(progress: SearchProgress) -> str:
    return "-" if math.isnan(progress.best) else f"{progress.best:.2f}"
