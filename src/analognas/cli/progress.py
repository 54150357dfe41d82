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
    from ..worker import Progress as SearchProgress
    from ..worker import Worker


@contextmanager
def live_progress(worker: Worker) -> Iterator[None]:
    """Show runs, evaluations and the best value so far on stderr while the block lasts.

    Nothing is shown where stderr is no terminal.
    """
    objective = worker.problem.objectives[0]
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
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("run 0", total=worker.runs, best="-", evaluations="0")

        def show(progress: SearchProgress) -> None:
            failed = f" ({progress.n_failed} failed)" if progress.n_failed else ""
            bar.update(
                task,
                description=f"run {progress.run}",
                # Whichever limit is nearest: evaluations, time or cost.
                completed=progress.run + progress.fraction,
                evaluations=f"{progress.n_distinct:,}{failed}",
                best="-" if math.isnan(progress.best) else f"{progress.best:.2f}",
            )

        worker.on_progress = show
        yield
