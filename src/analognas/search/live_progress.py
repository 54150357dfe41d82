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

from .callbacks import SearchProgress

__all__ = ["live_progress"]


@contextmanager
def live_progress(
    objective: str, runs: Sequence[int]
) -> Iterator[Callable[[SearchProgress], None]]:
    """Show runs, evaluations, the best value so far and the time left on stderr while the block lasts.

    In a terminal or a notebook; elsewhere nothing is shown.

    Args:
        objective: Name of the metric whose best value is shown.
        runs: Numbers of the runs.

    Yields:
        What the search calls with its progress.
    """
    console = Console(stderr=True)
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
        disable=not (console.is_terminal or console.is_jupyter),
    ) as bar:
        task = bar.add_task(f"run {runs[0]}", total=len(runs), best="-", evaluations="0")

        def show(progress: SearchProgress) -> None:
            failed = f" ({progress.n_failed} failed)" if progress.n_failed else ""
            bar.update(
                task,
                description=f"run {progress.run}",
                # Whichever limit is nearest: evaluations, time or cost.
                completed=runs.index(progress.run) + progress.fraction,
                evaluations=f"{progress.n_distinct:,}{failed}",
                best="-" if math.isnan(progress.best) else f"{progress.best:.2f}",
            )

        yield show
