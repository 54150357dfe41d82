"""Live progress of a training on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from ..training import TrainingProgress
    from ..training.result import Listener
    from ..training.run import StageListener


@contextmanager
def training_progress(tensorboard: bool = False) -> Iterator[StageListener]:
    """Show epochs, steps and loss of each stage on stderr while the block lasts.

    Nothing is shown if stderr is not a terminal.

    Args:
        tensorboard: Also write TensorBoard files into the folder ``tensorboard`` of each stage.

    Raises:
        InvalidArgumentError: If TensorBoard is asked for and not installed.
    """
    console = Console(stderr=True)
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
            listeners: list[Listener] = [_bar(bar, stage)]
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
        row = progress.row
        last = {} if row is None else row
        values = [
            f"{name.removeprefix('validation_')} {value:.2f}"
            for name, value in last.items()
            if name.startswith("validation_") and not name.endswith("_loss")
        ]
        done = (progress.epoch - (row is None)) * progress.n_steps
        bar.update(
            task,
            description=f"{stage} {progress.epoch}/{progress.n_epochs}",
            total=progress.n_epochs * progress.n_steps,
            completed=done + (progress.step if row is None else 0),
            shown=" ".join([f"loss {progress.loss:.3f}", *values]),
        )

    return show
