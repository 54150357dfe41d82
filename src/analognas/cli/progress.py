"""Live progress of a search on the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

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
        MofNCompleteColumn(),
        TextColumn("best " + objective + " {task.fields[best]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("run 1", total=worker.runs * worker.budget, best="-")

        def show(progress: SearchProgress) -> None:
            bar.update(
                task,
                description=f"run {progress.run + 1} of {worker.runs}",
                completed=progress.run * worker.budget + progress.n_distinct,
                best="-" if math.isnan(progress.best) else f"{progress.best:.2f}",
            )

        worker.on_progress = show
        yield
