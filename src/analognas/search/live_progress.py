"""Live progress of a search on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from .callbacks import Progress as SearchProgress
    from .worker import Worker


@contextmanager
def live_progress(worker: Worker) -> Iterator[None]:
    """Show runs, evaluations, the best value so far and the time left on stderr while the block lasts.

    In a terminal or a notebook; elsewhere nothing is shown. What the worker tells of its progress otherwise, it
    goes on telling.

    Args:
        worker: The worker whose search happens in the block.
    """
    objective = worker.problem.objectives[0]
    runs = worker.only_runs or range(worker.runs)
    told = worker.on_progress
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

            if told is not None:
                told(progress)

        worker.on_progress = show
        try:
            yield
        finally:
            worker.on_progress = told
