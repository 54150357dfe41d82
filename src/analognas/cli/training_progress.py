"""Live progress of a training on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..core.progress import ProgressLines

if TYPE_CHECKING:
    from ..training import TrainingProgress
    from ..training.result import Listener
    from ..training.run import StageListener


@contextmanager
def training_progress(tensorboard: bool = False) -> Iterator[StageListener]:
    """Show epochs, steps and loss of each stage on stderr while the block lasts.

    Where stderr is not a terminal, it is a line every few seconds.

    Args:
        tensorboard: Also write TensorBoard files into the folder ``tensorboard`` of each stage.

    Raises:
        InvalidArgumentError: If TensorBoard is asked for and not installed.
    """
    console = Console(stderr=True)
    lines = None if console.is_terminal else ProgressLines()
    with (
        ExitStack() as open_logs,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[shown]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as bar,
    ):

        def listen(stage: str, folder: Path) -> Listener:
            listeners: list[Listener] = [
                _bar(bar, stage) if lines is None else _lines(lines, stage)
            ]
            if tensorboard:
                from ..training.tensorboard import TensorBoardLog

                log = TensorBoardLog(folder / "tensorboard")
                open_logs.callback(log.close)
                listeners.append(log)

            def tell(progress: TrainingProgress) -> None:
                for listener in listeners:
                    listener(progress)

            return tell

        yield listen


def _bar(bar: Progress, stage: str) -> Listener:
    task = bar.add_task(stage, total=None, shown="")

    def show(progress: TrainingProgress) -> None:
        bar.update(
            task,
            description=f"{stage} {progress.epoch}/{progress.n_epochs}",
            total=progress.n_epochs * progress.n_steps,
            completed=_steps_done(progress),
            shown=_values(progress),
        )

    return show


def _lines(lines: ProgressLines, stage: str) -> Listener:
    def show(progress: TrainingProgress) -> None:
        more = f"epoch {progress.epoch} of {progress.n_epochs}, {_values(progress)}"
        total = progress.n_epochs * progress.n_steps
        lines.show(stage, _steps_done(progress), total, more, "steps")

    return show


def _steps_done(progress: TrainingProgress) -> int:
    done = (progress.epoch - (progress.row is None)) * progress.n_steps
    return done + (progress.step if progress.row is None else 0)


def _values(progress: TrainingProgress) -> str:
    """The loss, and after an epoch the metrics on validation examples."""
    values = [
        f"{name.removeprefix('validation_')} {value:.2f}"
        for name, value in ({} if progress.row is None else progress.row).items()
        if name.startswith("validation_") and not name.endswith("_loss")
    ]
    return " ".join([f"loss {progress.loss:.3f}", *values])
