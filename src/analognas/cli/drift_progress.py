"""Live progress of an evaluation: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..core.progress import ProgressLines

if TYPE_CHECKING:
    from rich.progress import Progress

    from ..drift import DriftProgress, DriftStep

_MOMENT = 0.8  # s


@contextmanager
def announced(text: str) -> Iterator[None]:
    """Print a line on stderr if the block takes longer than a moment."""
    timer = threading.Timer(_MOMENT, lambda: print(text, file=sys.stderr, flush=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class DriftListener:
    """Shows chips, the longest interval and forwards of each network on stderr."""

    def __init__(self, show: Callable[..., None]) -> None:
        self._show = show
        self._chips: dict[str, str] = {}

    def chip(self, name: str, progress: DriftProgress) -> None:
        """Called after each chip."""
        width = "" if math.isnan(progress.half_width) else f", ± {progress.half_width:.2f}"
        self._chips[name] = f"{progress.chips} of {progress.n_chips} chips{width}"

    def step(self, name: str, step: DriftStep) -> None:
        """Called when a stage begins, and after each batch."""
        shown = self._chips.get(name, "") if step.stage == "chips" else ""
        self._show(f"{name}: {step.stage}", step.done, step.total, shown)

    def passes(self, done: int, total: int) -> None:
        """Called after each pass over the examples."""
        self._show("layers and chips", done, total, "")

    def stage(self, name: str, done: int, total: int) -> None:
        """Called after each pass over the examples, with the name of the stage."""
        self._show(name, done, total, "")


@contextmanager
def drift_progress() -> Iterator[DriftListener]:
    """Show progress while the block lasts, from its first second on."""
    if not sys.stderr.isatty():
        yield DriftListener(_lines())
        return
    tasks: dict[str, Any] = {}
    with _bar() as bar:

        def show(label: str, done: int, total: int, more: str) -> None:
            if label not in tasks:
                tasks[label] = bar.add_task(label, shown="")
            bar.update(tasks[label], total=total, completed=done, shown=more)

        yield DriftListener(show)


@contextmanager
def pass_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show passes over the examples by stage while the block lasts."""
    with drift_progress() as listener:
        yield listener.stage


def _lines() -> Callable[..., None]:
    """Return what prints a line when something new begins, and then every few seconds."""
    lines = ProgressLines(each_label=True)

    def show(label: str, done: int, total: int, more: str) -> None:
        unit = "passes" if label.endswith("and chips") else "forwards of one example"
        lines.show(label, done, total, more, unit)

    return show


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[shown]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
