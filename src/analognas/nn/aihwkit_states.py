"""State dicts of aihwkit and aihwkit-lightning, read without either package.

aihwkit keeps a layer's weights on tiles under ``<layer>.analog_module``. ``analog_tile_state`` or
``shared_weights`` (or ``tile.weight`` of its torch tiles) holds what is on the tile. Times ``mapping_scales``
and ``out_scaling_alpha``, these are the weights. A layer of several tiles has them under
``analog_module.array.i.j``, with input part i and output part j. aihwkit-lightning keeps torch's names, and one
input range for each part of the inputs.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..core import CheckpointMismatchError, DataNotFoundError, TableIntegrityError
from .layers.base import AnalogLayer
from .layers.loading import load_weights

__all__ = ["load_aihwkit_state"]

_TILES = ".analog_module."
_SCALES = ("mapping_scales", "out_scaling_alpha")
_RANGE, _RANGE_BATCHES = "input_range", "input_range_update_idx"
_UNUSED = ("x_min", "x_max", "learnable_weight_clip")


class _Inert:
    """Replaces a class of aihwkit in a file: takes any arguments and state, and keeps none."""

    def __new__(cls, *args: Any, **kwargs: Any) -> _Inert:
        return object.__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def load_aihwkit_state(
    model: nn.Module, state_dict: Mapping[str, Any] | str | os.PathLike[str]
) -> nn.Module:
    """Load the state dict of the same network in aihwkit or aihwkit-lightning.

    Weights are in the units of the network, so scales of tiles are multiplied in; weight scales follow from the
    weights. A layer has one input range here: the largest of those of its tiles. All other entries, such as
    those of batch norms, must have the names of ``model``.

    Args:
        model: The network after :func:`to_analog`; its layers have the names that they have in the state dict.
            Modified in place.
        state_dict: What ``state_dict()`` of the converted network returned, or a file of ``torch.save``. The
            file is read without running its code: classes of aihwkit in it are ignored.

    Returns:
        ``model``.

    Raises:
        CheckpointMismatchError: If names or shapes differ, or a tile holds no weights; nothing is loaded then.
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If the file is damaged, or holds anything but tensors, plain values and classes of
            aihwkit.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = to_analog(nn.Sequential(nn.Linear(2, 1)))
        >>> state = {
        ...     "0.analog_module.shared_weights": torch.tensor([[0.5, -1.0]]),
        ...     "0.analog_module.mapping_scales": torch.tensor([0.2]),
        ...     "0.analog_module.bias": torch.tensor([1.0]),
        ...     "0.analog_module.input_range": torch.tensor([3.0]),
        ... }
        >>> load_aihwkit_state(model, state)[0].weight.tolist()
        [[0.10000000149011612, -0.20000000298023224]]
    """
    if isinstance(state_dict, str | os.PathLike):
        state_dict = _read(state_dict)
    layers = {
        name: layer for name, layer in model.named_modules() if isinstance(layer, AnalogLayer)
    }
    tiles: dict[str, dict[str, Any]] = {}
    given: dict[str, Tensor] = {}
    for key, value in state_dict.items():
        layer, on_tiles, rest = key.partition(_TILES)
        if on_tiles:
            tiles.setdefault(layer, {})[rest] = value
        elif key.rpartition(".")[2] not in _UNUSED:
            given[key] = value
    for layer, entries in tiles.items():
        given |= {f"{layer}.{name}": value for name, value in _joined(layer, entries).items()}
    own = model.state_dict()
    for name, analog in layers.items():
        prefix = f"{name}." if name else ""
        _fit_layer(given, own, prefix)
        given.setdefault(prefix + "input_range_batches", own[prefix + "input_range_batches"])
        given.setdefault(prefix + _RANGE, own[prefix + _RANGE])
        given[prefix + "weight_scale"] = own[prefix + "weight_scale"]
        if analog.out_scale is not None:
            given[prefix + "out_scale"] = torch.ones_like(analog.out_scale)
    load_weights(model, given, "the state dict")
    for analog in layers.values():
        analog.remap()
    return model


def _read(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Return the state dict in a file, with inert objects for classes of aihwkit."""
    where = os.fspath(path)
    if not os.path.isfile(where):
        raise DataNotFoundError(f"There is no file {where!r}; give a file that torch.save made.")
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(where)
        inert: list[Any] = [
            type(name.rpartition(".")[2], (_Inert,), {"__module__": name.rpartition(".")[0]})
            for name in names
            if name.partition(".")[0] in ("aihwkit", "aihwkit_lightning")
        ]
        with torch.serialization.safe_globals(inert):
            content = torch.load(where, map_location="cpu", weights_only=True)
    except Exception as error:
        # A damaged file can raise almost any error; show one line instead of a traceback.
        raise TableIntegrityError(
            f"{where!r} is damaged or holds more than a state dict: {str(error).splitlines()[-1]}"
        ) from None
    if not isinstance(content, Mapping):
        raise TableIntegrityError(
            f"{where!r} must hold a state dict, but holds {type(content).__name__}: save model.state_dict()."
        )
    return content


def _fit_layer(given: dict[str, Tensor], own: Mapping[str, Tensor], prefix: str) -> None:
    """Give the entries of one layer the shapes that they have here, in place."""
    weight = given.get(prefix + "weight")
    shape = own[prefix + "weight"].shape
    if weight is not None and weight.numel() == shape.numel() and weight.shape[:1] == shape[:1]:
        given[prefix + "weight"] = weight.reshape(shape)
    if prefix + _RANGE in given:
        given[prefix + _RANGE] = given[prefix + _RANGE].max().reshape(1)
    batches = given.pop(prefix + _RANGE_BATCHES, None)
    if batches is not None:
        given[prefix + "input_range_batches"] = batches.max().to(torch.int64)


def _joined(layer: str, entries: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return weights, bias and input range of a layer of aihwkit from the entries of its tiles."""
    parts: dict[tuple[int, int], dict[str, Any]] = {}
    whole: dict[str, Any] = {}
    for key, value in entries.items():
        names = key.split(".")
        if names[0] == "array" and len(names) > 3 and names[1].isdecimal() and names[2].isdecimal():
            parts.setdefault((int(names[1]), int(names[2])), {})[".".join(names[3:])] = value
        else:
            whole[key] = value
    parts = parts or {(0, 0): whole}
    weights = {place: _weights(layer, tile) for place, tile in parts.items()}
    rows = sorted({row for row, _ in parts})
    try:
        joined = torch.cat(
            [torch.cat([weights[p] for p in sorted(weights) if p[0] == row], 0) for row in rows], 1
        )
    except RuntimeError as error:
        raise CheckpointMismatchError(
            f"The tiles of {layer!r} do not form a matrix: {str(error).splitlines()[0]}"
        ) from None
    found = {"weight": joined}
    if whole.get("bias") is not None:
        found["bias"] = whole["bias"]
    for name in (_RANGE, _RANGE_BATCHES):
        values = [tile[name].reshape(-1) for tile in parts.values() if tile.get(name) is not None]
        if values:
            found[name] = torch.cat(values)
    return found


def _weights(layer: str, tile: Mapping[str, Any]) -> Tensor:
    """Return the weights of one tile, shape ``(out, in)``, in the units of the network."""
    state = tile.get("analog_tile_state")
    state = state if isinstance(state, Mapping) else {}
    for candidate in (
        state.get("analog_tile_weights"),
        tile.get("shared_weights"),
        tile.get("tile.weight"),
    ):
        if candidate is not None:
            weight = torch.as_tensor(candidate)
            break
    else:
        raise CheckpointMismatchError(
            f"The state dict has no weights for a tile of {layer!r}: 'analog_tile_state', 'shared_weights' or "
            f"'tile.weight' was expected, but got {', '.join(sorted(tile)) or 'nothing'}."
        )
    for name in _SCALES:
        scale = tile.get(name, state.get(name))
        if scale is not None:
            weight = weight * torch.as_tensor(scale).reshape(-1, 1).to(weight)
    return weight
