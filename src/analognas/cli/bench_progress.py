"""Live progress of a build: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..core.progress import LINE_SECONDS
from ..core.times import duration

if TYPE_CHECKING:
    from ..builder.coordinator import BuildProgress, Listener

_IDLE_SECONDS = 60.0


@contextmanager
def bench_progress() -> Iterator[Listener]:
    """Show units done, failures and the time left on stderr while the block lasts."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[shown]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    ) as bar:
        task = bar.add_task("units", total=None, shown="")

        def show(progress: BuildProgress) -> None:
            counts = progress.counts
            bar.update(
                task,
                total=counts.total(),
                completed=counts.total("done", "failed"),
                shown=_rest(progress),
            )

        yield show


def _lines() -> Listener:
    last_time, last_done, last_error = -_IDLE_SECONDS, -1, ""

    def show(progress: BuildProgress) -> None:
        nonlocal last_time, last_done, last_error
        now, counts = time.monotonic(), progress.counts
        done = counts.total("done", "failed")
        wait = LINE_SECONDS if done != last_done else _IDLE_SECONDS
        if now - last_time < wait and done < counts.total():
            return
        if done == last_done == counts.total():
            return
        last_time, last_done = now, done
        print(f"{done}/{counts.total()} units, {_rest(progress)}", file=sys.stderr, flush=True)
        if progress.error != last_error:
            last_error = progress.error
            print(f"failed: {last_error}", file=sys.stderr, flush=True)

    return show


def _rest(progress: BuildProgress) -> str:
    parts = [f"{progress.counts.total('running')} running"]
    if failed := progress.counts.total("failed"):
        parts.append(f"{failed} failed")
    left = progress.seconds_left
    parts.append("time left not known yet" if left is None else f"about {duration(left)} left")
    return ", ".join(parts)
