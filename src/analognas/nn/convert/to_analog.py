"""From digital layers to analog ones."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field

from torch import nn

from ...core import InvalidArgumentError
from ..config import AnalogConfig
from ..layers.base import AnalogLayer
from ..layers.composite import AnalogComposite
from .converters import Converter, find_converter
from .fast_paths import close_fast_paths
from .module_surgery import STAYS_DIGITAL, substitute
from .selection import Chosen, listed, names_of, select
from .unsupported import check_layer, check_not_wrapped, obstacle, weight_obstacle

FIRST, LAST = "first", "last"
"""What ``AnalogConfig.digital`` may hold beside patterns of names."""
ATTENTION_IS_DIGITAL = "part of an attention that stays digital and reads its weight directly"


class StaysDigitalWarning(UserWarning):
    """Layers with weights stay digital although nobody asked for it."""


@dataclass
class _Plan:
    """What becomes of each layer; layers by their ``id``."""

    names: dict[int, list[str]]
    converters: dict[int, tuple[nn.Module, Converter]] = field(default_factory=dict)
    digital: dict[int, tuple[nn.Module, str]] = field(default_factory=dict)
    unexpected: set[int] = field(default_factory=set)
    n_analog: int = 0

    def keep(self, module: nn.Module, reason: str, *, unexpected: bool = False) -> None:
        """Leave a layer digital; say so in the warning if nobody asked for it."""
        self.converters.pop(id(module), None)
        self.digital[id(module)] = (module, reason)
        if unexpected:
            self.unexpected.add(id(module))


def to_analog(
    model: nn.Module,
    config: AnalogConfig | None = None,
    *,
    exclude: Chosen | Iterable[Chosen] = (),
    only: Chosen | Iterable[Chosen] | None = None,
    inplace: bool = False,
) -> nn.Module:
    """Return a copy of ``model`` with its linear, convolutional, recurrent and attention layers on tiles.

    Parameters keep their names, objects (in a copy: copies), types, devices and ``requires_grad``; hooks
    and the training flag are kept; shared layers and shared weights stay shared. Layers that share a
    weight have tiles of their own, which are programmed independently.

    Layers that have weights and cannot be analog stay digital and are named in one
    :class:`StaysDigitalWarning`.

    Args:
        model: Any module.
        config: The hardware.
        exclude: What stays digital: names of modules, patterns of names (``"encoder.*.attention"``) or
            classes, or one of them; each with all that it contains.
        only: What becomes analog, said likewise; None: all that can.
        inplace: Change ``model`` instead of a copy. If it is itself a layer, use what is returned.

    Returns:
        The analog model.

    Raises:
        UnknownNameError: If a name in ``exclude``, ``only`` or ``config.digital`` fits no layer.
        InvalidArgumentError: If weights are complex, integers, none, NaN, infinite, not there yet (lazy) or
            made anew before each forward (parametrizations).

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        >>> [type(layer).__name__ for layer in to_analog(net, exclude="2")]
        ['AnalogLinear', 'ReLU', 'Linear']
    """
    if not isinstance(model, nn.Module):
        raise InvalidArgumentError(f"`model` must be a torch module, but got {model!r}.")
    config = AnalogConfig() if config is None else config
    if not isinstance(config, AnalogConfig):
        raise InvalidArgumentError(
            f"`config` must be an AnalogConfig, but got {type(config).__name__}."
        )
    check_not_wrapped(model)
    chosen = None if only is None else listed(only)
    excluded = listed(exclude)
    plan = _make_plan(model, config, excluded, chosen)
    for key, (layer, _) in plan.converters.items():
        check_layer(plan.names[key][0], layer)
    message = _warning(plan)
    if not inplace:
        model = copy.deepcopy(model)
        plan = _make_plan(model, config, excluded, chosen)
    for layer, reason in plan.digital.values():
        layer.__dict__[STAYS_DIGITAL] = reason

    def change(module: nn.Module) -> nn.Module | None:
        if id(module) not in plan.converters:
            return None
        return plan.converters[id(module)][1](module, config)

    result = substitute(model, change)
    close_fast_paths(result)
    if message:
        warnings.warn(message, StaysDigitalWarning, stacklevel=2)
    return result


def _make_plan(
    model: nn.Module, config: AnalogConfig, exclude: list[Chosen], only: list[Chosen] | None
) -> _Plan:
    plan = _Plan(names_of(model))
    done = {
        id(part)
        for module in model.modules()
        if isinstance(module, AnalogLayer | AnalogComposite)
        for part in module.modules()
    }
    plan.n_analog = sum(isinstance(module, AnalogLayer) for module in model.modules())
    for module in model.modules():
        if id(module) in done:
            continue
        converter, base = find_converter(module)
        reason = weight_obstacle(module)
        if converter is not None and reason is None:
            plan.converters[id(module)] = (module, converter)
            continue
        reason = reason or obstacle(module, base)
        if reason is not None:
            plan.keep(module, reason, unexpected=True)
    _apply_choices(plan, model, config, exclude, only)
    for module in model.modules():
        is_attention = isinstance(module, nn.MultiheadAttention)
        if is_attention and id(module) not in plan.converters and id(module) not in done:
            out = module.get_submodule("out_proj")
            if id(out) in plan.converters:
                plan.keep(out, ATTENTION_IS_DIGITAL, unexpected=True)
    return plan


def _apply_choices(
    plan: _Plan,
    model: nn.Module,
    config: AnalogConfig,
    exclude: list[Chosen],
    only: list[Chosen] | None,
) -> None:
    """Leave digital what the user does not want analog."""
    order = list(plan.converters)
    patterns = [name for name in config.digital if name not in (FIRST, LAST)]
    by_config = select(model, patterns, "config.digital")
    by_config.update(order[:1] if FIRST in config.digital else [])
    by_config.update(order[-1:] if LAST in config.digital else [])
    excluded = select(model, exclude, "exclude")
    chosen = set(plan.names) if only is None else select(model, only, "only")
    for module in model.modules():
        key = id(module)
        if key not in plan.converters and key not in plan.digital:
            continue
        if key in excluded:
            reason = "excluded"
        elif key not in chosen:
            reason = "not among those chosen"
        elif key in by_config:
            reason = "digital by the configuration"
        else:
            continue
        plan.keep(module, reason)
        plan.unexpected.discard(key)


def _warning(plan: _Plan) -> str:
    """Return what a person must be told; empty if there is nothing."""
    groups: dict[str, list[str]] = {}
    for key in plan.digital:
        module, reason = plan.digital[key]
        if key in plan.unexpected:
            label = f"{type(module).__name__} ({reason})"
            groups.setdefault(label, []).append(repr(plan.names[key][0] or "(model)"))
    texts = [f"{label}: {', '.join(names)}" for label, names in groups.items()]
    parts = []
    if texts:
        count = sum(map(len, groups.values()))
        parts.append(f"{count} layer(s) stay digital. {'; '.join(texts)}.")
    parts.extend(_ties(plan))
    if not plan.converters:
        parts.append("No layer became analog.")
    if plan.n_analog and not plan.converters:
        parts.append(
            f"{plan.n_analog} layer(s) were analog before and keep their configuration: "
            "call to_digital() first to give them another."
        )
    return " ".join(parts)


def _ties(plan: _Plan) -> list[str]:
    """Say which analog layers share a weight with a layer that stays digital against expectation."""
    owners = {
        id(parameter): (plan.names[key][0], type(module).__name__)
        for key, (module, _) in plan.digital.items()
        if key in plan.unexpected
        for parameter in module.parameters(recurse=False)
    }
    return [
        f"{plan.names[key][0]!r} shares a weight with {owners[id(parameter)][0]!r} "
        f"({owners[id(parameter)][1]}), which reads it exactly: training and clipping change both."
        for key, (module, _) in plan.converters.items()
        for parameter in module.parameters(recurse=False)
        if id(parameter) in owners
    ]
