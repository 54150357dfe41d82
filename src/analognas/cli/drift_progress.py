"""Live progress of an evaluation on the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

if TYPE_CHECKING:
    from ..drift import DriftProgress


@contextmanager
def drift_progress() -> Iterator[Callable[[str, DriftProgress], None]]:
    """Show chips and the longest interval of each network on stderr while the block lasts."""
    tasks: dict[str, TaskID] = {}
    with _bar() as bar:

        def tell(name: str, progress: DriftProgress) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, shown="")
            width = progress.half_width
            shown = "" if math.isnan(width) else f"± {width:.2f}"
            bar.update(tasks[name], total=progress.n_chips, completed=progress.chips, shown=shown)

        yield tell


@contextmanager
def passes_progress() -> Iterator[Callable[[int, int], None]]:
    """Show passes over the examples on stderr while the block lasts."""
    with _bar() as bar:
        task = bar.add_task("layers and chips", shown="")
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _bar() -> Progress:
    """Return a bar that shows nothing where stderr is no terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[shown]}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
