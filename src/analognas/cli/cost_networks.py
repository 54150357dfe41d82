"""What ``analognas cost`` takes: networks by name, saved networks, the user's own, architectures, winners."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InvalidArgumentError, dump_json
from ..core.user_code import import_code, is_reference

if TYPE_CHECKING:
    from torch import nn

    from ..hardware import AIMCChip, ChipCost

__all__ = ["cost_on_enough", "is_count", "parse_architecture_of", "without_nan"]

_BEST_FILE = "best.json"
_MOST_DIGITS = 9
_IMAGE, _CLASSES = (3, 32, 32), 10
_MODELS = {
    "lstm": ((35,), 10_000),
    "text-classifier": ((128,), 2),
    "kws-cnn": ((1, 32, 40), 12),
    "t100-kws": ((1, 98, 10), 12),
    "t500-kws": ((1, 98, 10), 12),
}
"""Input and classes of networks not for colour images; the language model's are those of its source."""


def cost_on_enough(
    network: str,
    space: str,
    shape: tuple[int, ...] | None,
    classes: int | None,
    chip: AIMCChip,
    *,
    limited: bool,
) -> tuple[ChipCost, str]:
    """Return the cost, and a note where the chip has too few crossbars and one like it with enough is counted.

    Args:
        network: What was typed.
        space: Name of the space of an architecture.
        shape: Shape of one input; None: that of the network.
        classes: Number of classes; None: that of the network.
        chip: The chip.
        limited: Whether its number of crossbars was asked for, so that too few raise an error.

    Raises:
        AnalogNASError: If the network is not known or cannot be mapped; one line.
    """
    try:
        return _cost(network, space, shape, classes, chip), ""
    except InvalidArgumentError:
        if chip.n_tiles is None or limited:
            raise
        # Wrong input raises the same error again.
        found = _cost(network, space, shape, classes, chip.replace(n_tiles=None, replicate=False))
        if found.tiles <= chip.n_tiles:
            raise
    return found, (
        f"note: the network needs {found.tiles} crossbars, but {chip.name!r} has {chip.n_tiles}; this is the "
        f"cost on a chip like it with enough. `--tiles {chip.n_tiles}` keeps to its number."
    )


def _cost(
    network: str,
    space: str,
    shape: tuple[int, ...] | None,
    classes: int | None,
    chip: AIMCChip,
) -> ChipCost:
    if is_reference(network):
        import_code(network)
        return _cost_of_model(network, shape, classes, chip)
    if os.path.exists(network):  # unlike Path's, False for texts that are too long for a path
        if not (Path(network) / _BEST_FILE).is_file():
            return _cost_of_saved(network, shape, chip)
        network, space = _winner(Path(network))
    elif _is_model_name(network):
        return _cost_of_model(network, shape, classes, chip)
    from ..hardware import architecture_cost
    from ..spaces import SPACES

    chosen = SPACES.get(space)()
    if shape is not None and len(shape) != 3:
        raise InvalidArgumentError(
            f"`--input` must be channels, height and width, but got {len(shape)} sizes."
        )
    arch = parse_architecture_of(network, space)
    return architecture_cost(chosen, arch, chip, input_shape=shape, n_classes=classes)


def _is_model_name(network: str) -> bool:
    return network[:1].isalpha() and not network.lower().startswith("no.") and "=" not in network


def _winner(folder: Path) -> tuple[str, str]:
    """The best architecture of a search as JSON, and the name of its space."""
    from ..core.text_files import read_json
    from ..spaces import SPACES

    found = read_json(folder / _BEST_FILE, error=InvalidArgumentError, sealed=True)
    space, best = found.get("space"), found.get("best") or {}
    if not isinstance(space, str) or space not in SPACES or "architecture" not in best:
        raise InvalidArgumentError(
            f"The space of the search in {str(folder)!r} is not one of {', '.join(SPACES.names())}; train its "
            "winner and give the folder of the training."
        )
    architecture = best["architecture"]
    if isinstance(architecture, dict):
        return dump_json(architecture), space
    return ",".join(map(str, architecture)), space


def _cost_of_saved(path: str, shape: tuple[int, ...] | None, chip: AIMCChip) -> ChipCost:
    """Costs of a saved network, as if all its layers were on the chip."""
    from ..nn import to_digital
    from ..training import load_model

    model, record = load_model(path)
    return _network_cost(to_digital(model), shape or record.input_shape, chip)


def _network_cost(model: nn.Module, shape: tuple[int, ...], chip: AIMCChip) -> ChipCost:
    import torch

    from ..hardware import network_cost

    if len(shape) == 1 and any(isinstance(part, torch.nn.Embedding) for part in model.modules()):
        return network_cost(model, chip, example=torch.zeros(1, *shape, dtype=torch.long))
    return network_cost(model, chip, input_shape=shape)


def _cost_of_model(
    network: str, shape: tuple[int, ...] | None, classes: int | None, chip: AIMCChip
) -> ChipCost:
    from ..models import build_model

    own_shape, own_classes = _MODELS.get(network, (_IMAGE, _CLASSES))
    shape = own_shape if shape is None else shape
    # Tokens are looked up, which costs nothing here: any vocabulary does.
    options: dict[str, Any] = {"vocabulary_size": 1} if network == "text-classifier" else {}
    model = build_model(
        network,
        input_shape=shape,
        n_classes=own_classes if classes is None else classes,
        **options,
    )
    return _network_cost(model, shape, chip)


def parse_architecture_of(network: str, space: str) -> Any:
    """Return an architecture of a space from what was typed."""
    from .tables import parse_architecture

    arch = parse_architecture(network)
    if space == "nasbench201" or not isinstance(arch, str):
        return arch
    parts = network.strip("()[] ").split(",")
    return [int(part) if is_count(part.strip()) else part.strip() for part in parts]


def is_count(text: str) -> bool:
    """Whether a text is a number of things, which has few digits."""
    return text.isdecimal() and len(text) <= _MOST_DIGITS


def without_nan(value: Any) -> Any:
    """Return plain values; what is not known is null."""
    if isinstance(value, dict):
        return {name: without_nan(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(part) for part in value]
    return None if isinstance(value, float) and value != value else value
