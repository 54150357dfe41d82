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
from .module_surgery import STAYS_DIGITAL, close_fast_paths, replace_modules
from .selection import Chosen, listed, names_of, select
from .unsupported import check_layer, check_not_wrapped, obstacle, weight_obstacle

FIRST, LAST = "first", "last"
"""Special entries of ``AnalogConfig.digital`` and ``AnalogConfig.doubled``."""
ATTENTION_IS_DIGITAL = "part of an attention that stays digital and reads its weight directly"


class StaysDigitalWarning(UserWarning):
    """Layers with weights stay digital although they were not excluded.

    Example:
        >>> issubclass(StaysDigitalWarning, UserWarning)
        True
    """


@dataclass
class _Conversion:
    """Decision for each layer, by its ``id``."""

    names: dict[int, list[str]]
    converters: dict[int, tuple[nn.Module, Converter]] = field(default_factory=dict)
    digital: dict[int, tuple[nn.Module, str]] = field(default_factory=dict)
    unexpected: set[int] = field(default_factory=set)
    doubled: set[int] = field(default_factory=set)
    n_analog: int = 0

    def keep(self, module: nn.Module, reason: str, *, unexpected: bool = False) -> None:
        """Keep a layer digital. If this is unexpected, the warning names it."""
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

    Parameters keep their names, types, devices and ``requires_grad``. With ``inplace=True`` they are the same
    objects. Hooks and the training flag are kept. Shared layers and shared weights stay shared; layers that
    share a weight have separate tiles, which are programmed independently.

    Layers with weights that cannot be analog stay digital. One :class:`StaysDigitalWarning` names them.

    Args:
        model: Any module.
        config: Configuration of the hardware; the default configuration if None.
        exclude: Layers that stay digital: one or several names, patterns of names (``"encoder.*.attention"``)
            or classes. Modules inside them stay digital too.
        only: Layers that become analog, in the same form; None: all that can.
        inplace: Modify ``model`` instead of a copy. If ``model`` is itself a layer, use the return value.

    Returns:
        The analog model.

    Raises:
        UnknownNameError: If a name in ``exclude``, ``only``, ``config.digital`` or ``config.doubled`` matches
            no layer.
        InvalidArgumentError: If weights are complex, integer, missing, NaN, infinite, not initialised (lazy) or
            parametrized.

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
    conversion = _choose_layers(model, config, excluded, chosen)
    for key, (layer, _) in conversion.converters.items():
        check_layer(conversion.names[key][0], layer)
    message = _warning(conversion)
    if not inplace:
        model = copy.deepcopy(model)
        conversion = _choose_layers(model, config, excluded, chosen)
    for layer, reason in conversion.digital.values():
        layer.__dict__[STAYS_DIGITAL] = reason

    of_doubled = config.of_doubled()

    def change(module: nn.Module) -> nn.Module | None:
        if id(module) not in conversion.converters:
            return None
        of_layer = of_doubled if id(module) in conversion.doubled else config
        return conversion.converters[id(module)][1](module, of_layer)

    result = replace_modules(model, change)
    close_fast_paths(result, AnalogLayer)
    if message:
        warnings.warn(message, StaysDigitalWarning, stacklevel=2)
    return result


def _choose_layers(
    model: nn.Module, config: AnalogConfig, exclude: list[Chosen], only: list[Chosen] | None
) -> _Conversion:
    conversion = _Conversion(names_of(model))
    done = {
        id(part)
        for module in model.modules()
        if isinstance(module, AnalogLayer | AnalogComposite)
        for part in module.modules()
    }
    conversion.n_analog = sum(isinstance(module, AnalogLayer) for module in model.modules())
    for module in model.modules():
        if id(module) in done:
            continue
        converter, base = find_converter(module)
        reason = weight_obstacle(module)
        if converter is not None and reason is None:
            conversion.converters[id(module)] = (module, converter)
            continue
        reason = reason or obstacle(module, base)
        if reason is not None:
            conversion.keep(module, reason, unexpected=True)
    _apply_choices(conversion, model, config, exclude, only)
    for module in model.modules():
        is_attention = isinstance(module, nn.MultiheadAttention)
        if is_attention and id(module) not in conversion.converters and id(module) not in done:
            out = module.get_submodule("out_proj")
            if id(out) in conversion.converters:
                conversion.keep(out, ATTENTION_IS_DIGITAL, unexpected=True)
    return conversion


def _apply_choices(
    conversion: _Conversion,
    model: nn.Module,
    config: AnalogConfig,
    exclude: list[Chosen],
    only: list[Chosen] | None,
) -> None:
    """Keep the layers digital that the user excluded or did not choose."""
    order = list(conversion.converters)
    by_config = _named(model, config.digital, "config.digital", order)
    conversion.doubled = _named(model, config.doubled, "config.doubled", order)
    excluded = select(model, exclude, "exclude")
    chosen = set(conversion.names) if only is None else select(model, only, "only")
    for module in model.modules():
        key = id(module)
        if key not in conversion.converters and key not in conversion.digital:
            continue
        if key in excluded:
            reason = "excluded"
        elif key not in chosen:
            reason = "not among those chosen"
        elif key in by_config:
            reason = "digital by the configuration"
        else:
            continue
        conversion.keep(module, reason)
        conversion.unexpected.discard(key)


def _named(model: nn.Module, names: tuple[str, ...], where: str, order: list[int]) -> set[int]:
    """Return the ``id`` of all modules that an entry of the configuration names.

    Args:
        model: The model.
        names: Patterns of names, :data:`FIRST` and :data:`LAST`.
        where: The entry, for errors.
        order: Layers that can be analog, in order.
    """
    found = select(model, [name for name in names if name not in (FIRST, LAST)], where)
    found.update(order[:1] if FIRST in names else [])
    found.update(order[-1:] if LAST in names else [])
    return found


def _warning(conversion: _Conversion) -> str:
    """Return the text of the warning; empty if there is nothing to report."""
    groups: dict[str, list[str]] = {}
    for key in conversion.digital:
        module, reason = conversion.digital[key]
        if key in conversion.unexpected:
            label = f"{type(module).__name__} ({reason})"
            groups.setdefault(label, []).append(repr(conversion.names[key][0] or "(model)"))
    texts = [f"{label}: {', '.join(names)}" for label, names in groups.items()]
    parts = []
    if texts:
        count = sum(map(len, groups.values()))
        parts.append(f"{count} layer(s) stay digital. {'; '.join(texts)}.")
    parts.extend(_ties(conversion))
    if not conversion.converters:
        parts.append("No layer became analog.")
    if conversion.n_analog and not conversion.converters:
        parts.append(
            f"{conversion.n_analog} layer(s) were analog before and keep their configuration: "
            "call to_digital() first to change it."
        )
    return " ".join(parts)


def _ties(conversion: _Conversion) -> list[str]:
    """Name the analog layers that share a weight with a layer that unexpectedly stays digital."""
    owners = {
        id(parameter): (conversion.names[key][0], type(module).__name__)
        for key, (module, _) in conversion.digital.items()
        if key in conversion.unexpected
        for parameter in module.parameters(recurse=False)
    }
    return [
        f"{conversion.names[key][0]!r} shares a weight with {owners[id(parameter)][0]!r} "
        f"({owners[id(parameter)][1]}), which reads it exactly: training and clipping change both."
        for key, (module, _) in conversion.converters.items()
        for parameter in module.parameters(recurse=False)
        if id(parameter) in owners
    ]
