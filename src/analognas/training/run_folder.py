"""The folder of a training: its files, and when they are written and removed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..core import (
    CheckpointMismatchError,
    OutputFolderError,
    TableIntegrityError,
    write_json,
    write_text,
)
from ..core.folders import make_folder
from ..core.limits import shown
from ..core.text_files import read_json
from ..nn.layers.loading import load_weights
from .checkpoint import CHECKPOINT_FILE
from .model_files import MODEL_FILE, ModelRecord, load_model, save_model
from .result import HistoryRow, TrainingResult
from .tensor_files import read_tensors

RESULT_FILE = "result.json"
HISTORY_FILE = "epochs.jsonl"
START_FILE = "start.safetensors"
BEST_FILE = "best.safetensors"
END_FILE = "end.safetensors"

_HISTORY = ("epoch", "step", "lr", "train_loss")
_STATUS = ("finished", "aborted")


class RunFolder:
    """Files of one training.

    During the training: ``checkpoint.safetensors`` and ``epochs.jsonl``; ``start.safetensors`` for recipes that
    start from a digital network; ``best.safetensors`` where the best weights are kept. At the end:
    ``model.safetensors``, ``epochs.jsonl`` and ``result.json``, which is written last; and
    ``end.safetensors``, the last checkpoint, if a longer training is to continue from it.

    Args:
        path: The folder; created if it does not exist.

    Raises:
        OutputFolderError: If it cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self.path = make_folder(path)
        self.checkpoint = path / CHECKPOINT_FILE
        self.end = path / END_FILE

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint to continue from."""
        return self.checkpoint.exists()

    @property
    def is_finished(self) -> bool:
        """Whether the training in the folder has ended."""
        return (self.path / RESULT_FILE).exists()

    def begin(self, resume: bool) -> None:
        """Check that a training may write here.

        Raises:
            OutputFolderError: If it would overwrite another one.
        """
        if not resume and (self.has_checkpoint or self.is_finished):
            raise OutputFolderError(
                f"The folder {str(self.path)!r} holds a training; resume it, or give another "
                "folder."
            )

    def keep_start(self, digital: nn.Module, resume: bool) -> None:
        """Save the weights that the training starts from; when resuming, load them into the network."""
        file = self.path / START_FILE
        if not resume:
            save_model(file, digital, ModelRecord())
            return
        load_weights(digital, read_tensors(file)[0], str(file))

    def keep_best(self, model: nn.Module, record: ModelRecord) -> None:
        """Save the best weights so far."""
        save_model(self.path / BEST_FILE, model, record)

    def best_weights(self) -> dict[str, Tensor]:
        """Return the best weights."""
        return read_tensors(self.path / BEST_FILE)[0]

    def write_history(self, history: Sequence[HistoryRow]) -> None:
        """Write one line of JSON for each epoch."""
        lines = [json.dumps(row, allow_nan=False) + "\n" for row in history]
        write_text(self.path / HISTORY_FILE, "".join(lines))

    def finish(self, result: TrainingResult) -> None:
        """Write the results, and remove the files of the running training."""
        save_model(self.path / MODEL_FILE, result.model, result.record)
        self.write_history(result.history)
        write_json(self.path / RESULT_FILE, result.to_json(), sealed=True)
        for name in (CHECKPOINT_FILE, START_FILE, BEST_FILE):
            (self.path / name).unlink(missing_ok=True)

    def read_result(self, digital: nn.Module, record: ModelRecord) -> TrainingResult:
        """Return the result of the training that has ended.

        Args:
            digital: The network; it is not changed.
            record: Description of the training that is wanted.

        Raises:
            CheckpointMismatchError: If another recipe or seed was used.
            TableIntegrityError: If a file is damaged.
        """
        file = self.path / RESULT_FILE
        try:
            payload = read_json(file, sealed=True)
            if not isinstance(payload, dict) or not payload.keys() >= {
                "status",
                "reason",
                "history",
            }:
                raise ValueError("it must say status, reason and history")
            status, reason, history = (payload[key] for key in ("status", "reason", "history"))
            _check_history(status, reason, history)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise TableIntegrityError(
                f"{str(file)!r} is damaged: {shown(error)}; train again."
            ) from None
        model, found = load_model(self.path, model=digital)
        if (found.recipe, found.seed) != (record.recipe, record.seed):
            raise CheckpointMismatchError(
                f"The training in {str(self.path)!r} has ended, and had another recipe or seed; give another "
                "folder."
            )
        return TrainingResult(model, found, tuple(history), status, reason, self.path)


def _check_history(status: Any, reason: Any, history: Any) -> None:
    """Check the status and the history of a training that has ended.

    Raises:
        ValueError: If they are not possible.
    """
    if status not in _STATUS or not isinstance(reason, str):
        raise ValueError(f"its status is {shown(repr(status))}")
    rows: list[Any] = history if isinstance(history, list) else [None]
    for row in rows:
        numbers = isinstance(row, dict) and {type(value) for value in row.values()} <= {int, float}
        if not numbers or not row.keys() >= {*_HISTORY}:
            raise ValueError(f"its history has the row {shown(repr(row))}")
