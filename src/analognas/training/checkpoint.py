"""Checkpoints: everything a training needs to continue as if it had not stopped.

A checkpoint is one file next to the results; it is written to a new file and renamed, so that a complete one
always exists. It holds weights, optimizer, averages, states carried between batches, random generators, the
position in the epoch and the history. Everything else follows from the seed and the position: order and
augmentation of the examples, learning rate, noise ramp.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..core import AnalogNASError, CheckpointMismatchError, TableIntegrityError
from ..core.limits import shown
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
    device = next(model.parameters()).device
    try:
        _check_identity(str(path), values["identity"], identity, may_differ)
        state = _optimizer_state(tensors, values["optimizer"])
        position = _position(tensors, values, device)
        # A state that is not one raises an error here, before anything is changed.
        torch.Generator().set_state(tensors["random/cpu"])
        load_weights(model, _part(tensors, "model/"), str(path))
        groups = optimizer.state_dict()["param_groups"]
        _check_shapes(state, [one for group in optimizer.param_groups for one in group["params"]])
        averages = _part(tensors, "average/")
        if average is not None:
            _check_averages(averages, average)
    except AnalogNASError:
        raise
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise TableIntegrityError(
            f"{str(path)!r} does not hold the state of a training: {shown(error)}. Use an earlier checkpoint, "
            "or start the training again."
        ) from None
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    give_dimensions(optimizer)
    if average is not None:
        for name, value in averages.items():
            average.values[name].copy_(value)
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors and device.type == "cuda":
        torch.cuda.set_rng_state(tensors["random/cuda"], device)
    return position


def _optimizer_state(
    tensors: Mapping[str, Tensor], plain: Mapping[str, Any]
) -> dict[int, dict[str, Any]]:
    """Return the state of an optimizer by number of the parameter and name."""
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**_part(tensors, "optimizer/"), **plain}.items():
        index, name = key.split("/", 1)
        state.setdefault(int(index), {})[name] = value
    return state


def _position(
    tensors: Mapping[str, Tensor], values: Mapping[str, Any], device: torch.device
) -> Position:
    """Return the position that a checkpoint holds, with checked types."""
    carried: dict[str, list[Tensor]] = {}
    for key, value in _part(tensors, "carried/").items():  # tensors come back in any order
        owner, index = key.rsplit("/", 1)
        parts = carried.setdefault(owner, [])
        parts.extend([value] * (int(index) + 1 - len(parts)))
        parts[int(index)] = value.to(device)
    sums, history, stated = tensors["position/sums"], values["history"], values["position"]
    position = Position(
        **stated,
        sums=sums.to(device),
        history=history,
        carried={owner: tuple(parts) for owner, parts in carried.items()},
    )
    counts = (position.epoch, position.batch, position.step, position.n_examples)
    if any(type(count) is not int or count < 0 for count in counts):
        raise ValueError(f"its position is {stated!r}")
    if type(position.reason) is not str:
        raise ValueError(f"its reason is {position.reason!r}")
    if sums.shape != (2,) or sums.dtype != torch.float64:
        raise ValueError(f"its sums are {sums.dtype} of shape {tuple(sums.shape)}")
    if not isinstance(history, list) or not all(isinstance(row, dict) for row in history):
        raise ValueError("its history is not a list of rows")
    return position


def _check_shapes(state: Mapping[int, Mapping[str, Any]], parameters: Sequence[Tensor]) -> None:
    """Check that the states of an optimizer fit its parameters; its step is a number."""
    for index, entries in state.items():
        shape = parameters[index].shape
        for name, value in entries.items():
            if not isinstance(value, Tensor):
                continue
            # Former versions wrote numbers without a dimension.
            number = value.numel() == 1 and (name == "step" or shape.numel() == 1)
            if not number and value.shape != shape:
                raise ValueError(
                    f"{name} of parameter {index} has shape {tuple(value.shape)}, the parameter {tuple(shape)}"
                )


def _check_averages(found: Mapping[str, Tensor], average: WeightAverage) -> None:
    """Check that averages are those of a model's weights."""
    if found.keys() != average.values.keys():
        raise ValueError("it holds the averages of other weights")
    for name, value in found.items():
        kept = average.values[name]
        if value.shape != kept.shape and not value.numel() == kept.numel() == 1:
            raise ValueError(f"the average of {name} has shape {tuple(value.shape)}")


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): x for name, x in tensors.items() if name.startswith(prefix)}


def _check_identity(
    path: str, saved: Any, present: Mapping[str, Any], may_differ: Collection[str]
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
