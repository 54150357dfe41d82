"""Checkpoints: everything a training needs to continue as if it had not stopped.

A checkpoint is one file next to the results; it is written to a new file and renamed, so that a complete one
always exists. It holds weights, optimizer, averages, states carried between batches, random generators, the
position in the epoch and the history. Everything else follows from the seed and the position: order and
augmentation of the examples, learning rate, noise ramp.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..core import CheckpointMismatchError, TableIntegrityError
from ..nn.layers.loading import give_dimensions, load_weights
from .average import WeightAverage
from .result import HistoryRow
from .tensor_files import read_tensors, write_tensors

CHECKPOINT_FILE = "checkpoint.safetensors"
"""Name of a run's checkpoint in its folder."""

_FORMAT = "analognas checkpoint 1"


@dataclass
class Position:
    """Position of a training, and its sums so far.

    Attributes:
        epoch: Epochs done.
        batch: Batches done of the present epoch.
        step: Steps done in total.
        n_examples: Examples of the present epoch so far.
        sums: Sums of loss and score over these examples, shape ``(2,)``, float64.
        history: Rows of the epochs done.
        carried: States carried to the next batch, by name of their owner.
        reason: Why the training is aborted; empty if it is not.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    n_examples: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    history: list[HistoryRow] = field(default_factory=list)
    carried: dict[str, Any] = field(default_factory=dict)
    reason: str = ""

    def begin_epoch(self) -> None:
        """Reset the sums and states of the last epoch."""
        self.batch, self.n_examples, self.carried = 0, 0, {}
        self.sums = torch.zeros_like(self.sums)


def save_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    position: Position,
    identity: Mapping[str, Any],
) -> None:
    """Write a checkpoint; the previous one stays until this one is complete.

    Args:
        path: The file.
        model: The model.
        optimizer: Its optimizer.
        average: Its moving average, or None.
        position: Position of the training.
        identity: Plain values that must be equal when the training is resumed.

    Raises:
        OutputFolderError: If it cannot be written.
    """
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    plain: dict[str, Any] = {}
    for index, state in optimizer.state_dict()["state"].items():
        for name, value in state.items():
            key = f"{index}/{name}"
            if isinstance(value, Tensor):
                tensors[f"optimizer/{key}"] = value
            else:
                plain[key] = value
    if average is not None:
        tensors |= {f"average/{name}": value for name, value in average.values.items()}
    for owner, state in position.carried.items():
        parts = state if isinstance(state, tuple) else () if state is None else (state,)
        tensors |= {f"carried/{owner}/{i}": part for i, part in enumerate(parts)}
    tensors["position/sums"] = position.sums
    tensors["random/cpu"] = torch.get_rng_state()
    device = next(model.parameters()).device
    if device.type == "cuda":
        tensors["random/cuda"] = torch.cuda.get_rng_state(device)
    values = {
        "format": _FORMAT,
        "identity": dict(identity),
        "optimizer": plain,
        "position": {
            "epoch": position.epoch,
            "batch": position.batch,
            "step": position.step,
            "n_examples": position.n_examples,
            "reason": position.reason,
        },
        "history": position.history,
    }
    write_tensors(path, tensors, values)


def load_checkpoint(
    path: str | os.PathLike[str],
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightAverage | None,
    identity: Mapping[str, Any],
    *,
    may_differ: Collection[str] = (),
) -> Position:
    """Restore everything, including torch's default generators, and return the position.

    Args:
        path: The file.
        model: The model that is trained.
        optimizer: Its optimizer.
        average: Its moving average, if there is one.
        identity: What the training is.
        may_differ: Entries in which the training of the checkpoint may differ, such as ``"recipe.epochs"``.

    Raises:
        InvalidArgumentError: If there is no such file.
        TableIntegrityError: If it is damaged or not a checkpoint.
        CheckpointMismatchError: If it belongs to another training; names the differences. Then nothing is
            changed.
    """
    tensors, values = read_tensors(path)
    if values.get("format") != _FORMAT:
        raise TableIntegrityError(
            f"{str(path)!r} is not a checkpoint ({values.get('format', 'unknown format')})."
        )
    _check_identity(str(path), values["identity"], identity, may_differ)
    load_weights(model, _part(tensors, "model/"), str(path))
    device = next(model.parameters()).device
    state: dict[int, dict[str, Any]] = {}
    entries = _part(tensors, "optimizer/") | values["optimizer"]
    for key, value in entries.items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    give_dimensions(optimizer)
    if average is not None:
        for name, value in _part(tensors, "average/").items():
            average.values[name].copy_(value)
    carried: dict[str, list[Tensor]] = {}
    for key, value in _part(tensors, "carried/").items():  # tensors come back in any order
        owner, index = key.rsplit("/", 1)
        parts = carried.setdefault(owner, [])
        parts.extend([value] * (int(index) + 1 - len(parts)))
        parts[int(index)] = value.to(device)
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random/cuda"], device)
    return Position(
        **values["position"],
        sums=tensors["position/sums"].to(device),
        history=values["history"],
        carried={owner: tuple(parts) for owner, parts in carried.items()},
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}


def _check_identity(
    path: str, saved: Mapping[str, Any], present: Mapping[str, Any], may_differ: Collection[str]
) -> None:
    found = _differences(saved, present, "")
    differing = [text for text in found if text.partition(" ")[0] not in may_differ]
    if differing:
        more = ", ..." if len(differing) > 3 else ""
        raise CheckpointMismatchError(
            f"{path!r} belongs to another training: {'; '.join(differing[:3])}{more}. Continue it with its own "
            "settings, or start a new training in another folder."
        )


def _differences(saved: Any, present: Any, name: str) -> list[str]:
    if isinstance(saved, Mapping) and isinstance(present, Mapping):
        return [
            text
            for key in dict.fromkeys([*saved, *present])
            for text in _differences(saved.get(key), present.get(key), f"{name}.{key}".strip("."))
        ]
    return [] if saved == present else [f"{name} was {saved!r} and is {present!r}"]
