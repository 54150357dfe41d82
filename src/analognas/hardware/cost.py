"""What networks cost on a chip: totals, a table of layers, and whole populations at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice
from ..spaces import Layers, NamedLayers, Space
from .chip import AIMCChip
from .chip_cost import COMPONENTS, ChipCost, LayerCost
from .dataflow import Use, longest_path, with_operations
from .presets import find_chip
from .uncertain_value import estimated
from .work import Work, count_work

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "COMPONENTS",
    "ChipCost",
    "LayerCost",
    "architecture_cost",
    "cost_of_layers",
    "network_cost",
    "population_costs",
]

_PICO, _MS, _MJ = 1e-3, 1e-6, 1e-6  # pJ in nJ, ns in ms, nJ in mJ

Floats = NDArray[np.floating[Any]]


def network_cost(
    model: nn.Module,
    chip: AIMCChip | str,
    *,
    input_shape: tuple[int, ...] | None = None,
    example: Any = None,
) -> ChipCost:
    """Return what one inference of ``model`` costs on ``chip``.

    Args:
        model: Any torch network; it is run once on zeros and left as it was.
        chip: The chip, its name or its YAML file.
        input_shape: Shape of one input without the batch.
        example: The input instead, where zeros of a shape will not do, such as tokens.

    Raises:
        InvalidArgumentError: If the network has a layer that cannot be mapped, does not run on the input, or
            the chip has too few crossbars; says how many are missing.
        UnknownNameError: If there is no such chip.

    Example:
        >>> from torch import nn
        >>> cost = network_cost(nn.Linear(512, 10), AIMCChip(
        ...     name="one", rows=256, columns=256, mvm_latency=100.0, mvm_energy=10.0), input_shape=(512,))
        >>> cost.tiles, f"{cost.latency:.4g} ms", f"{cost.energy:.4g} mJ"
        (2, '0.0001 ms', '2e-05 mJ')
    """
    from .trace import trace_network

    chip = _found(chip)
    traced = trace_network(model, input_shape=input_shape, example=example)
    if not traced.layers:
        raise InvalidArgumentError("The network has no matrix layer, so that it costs no crossbar.")
    return cost_of_layers(traced.layers, chip, operations=traced.operations, uses=traced.uses)


def architecture_cost(
    space: Space,
    arch: Any,
    chip: AIMCChip | str,
    *,
    input_shape: tuple[int, int, int] | None = None,
    n_classes: int | None = None,
) -> ChipCost:
    """Return what one inference of an architecture's network costs on ``chip``.

    Where the space names the layers of its networks (:meth:`.Space.named_layers`) nothing is built and torch is
    not imported; the result is exactly that of :func:`network_cost` for the built network.

    Args:
        space: The space.
        arch: The architecture in any form that the space knows.
        chip: The chip, its name or its YAML file.
        input_shape: Channels, height and width of the input; None: the space's own.
        n_classes: Number of classes; None: the space's own.

    Raises:
        OutOfSpaceError: If ``arch`` does not belong to the space.
        InvalidArgumentError: If the network cannot be built or mapped, or the chip has too few crossbars.
        UnknownNameError: If there is no such chip.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> cost = architecture_cost(NASBench201Space(), (0, 1, 1, 1, 1, 1), "hermes")
        >>> cost.tiles, cost.layers[0].name, cost.layers[0].rows
        (12, 'stem.0', 27)
    """
    chip = _found(chip)
    named = space.named_layers(arch, input_shape, n_classes)
    if named is not None:
        counted: list[Layers] = []
        if chip.branches == "parallel" and space.has_layers:
            counted = list(space.layers(space.population([arch]), input_shape, n_classes))
        return cost_of_layers(named, chip, counted=counted)
    shape = space.input_shape if input_shape is None else input_shape
    classes = space.n_classes if n_classes is None else n_classes
    return network_cost(space.build(arch, shape, classes), chip, input_shape=shape)


def cost_of_layers(
    named: Sequence[NamedLayers],
    chip: AIMCChip,
    *,
    operations: int = 0,
    uses: Sequence[Use] = (),
    counted: Sequence[Layers] = (),
) -> ChipCost:
    """Return what an inference of all these matrices costs; errors as :func:`network_cost`.

    Args:
        named: The matrices.
        chip: The chip.
        operations: Digital operations that belong to no matrix, such as those of attention.
        uses: Uses of the matrices with what they wait for, from which the longest path follows.
        counted: The same layers as their space counts them, which tell the longest path instead.
    """
    layers = [entry.layer for entry in named]
    work = count_work(layers, chip, 1)
    if chip.branches == "parallel" and (uses or counted):
        path = longest_path(named, uses, chip, work) if uses else count_work(counted, chip, 1)
        work = replace(work, path=path.path, path_operations=path.path_operations)
    if operations:
        work = with_operations(work, operations)
    missing = _missing(work, chip)[0]
    if missing > 0:
        raise InvalidArgumentError(
            f"The network needs {int(work.tiles[0])} crossbars of {chip.rows} x {chip.columns}, but "
            f"{chip.name!r} has {chip.n_tiles}: {int(missing)} are missing. Take a chip with more, or leave "
            "their number open: `--tiles any` on the command line, `n_tiles=None` from Python."
        )
    latency, interval, parts = _prices(work, chip)
    total = _total(parts)
    tiles = int(work.tiles[0] + work.copies[0])
    return ChipCost(
        chip=chip,
        tiles=tiles,
        utilisation=int(work.cells[0]) / max(tiles * chip.rows * chip.columns, 1),
        latency=estimated(float(latency[0]) * _MS, chip.time_factor, "ms"),
        interval=estimated(float(interval[0]) * _MS, chip.time_factor, "ms"),
        energy=estimated(float(total[0]) * _MJ, chip.energy_factor, "mJ"),
        components={
            name: estimated(float(part[0]) * _MJ, chip.energy_factor, "mJ")
            for name, part in parts.items()
        },
        area=estimated(float(_area(work, chip)[0]), chip.area_factor, "mm2"),
        program_energy=float(_priced(work.cells, chip.program_energy)[0]) * _MJ,
        macs=sum(int(layer.positions) * int(layer.weights) for layer in layers),
        layers=_table(named, chip, work),
    )


def population_costs(
    space: Space,
    population: Any,
    chip: AIMCChip | str,
    *,
    input_shape: tuple[int, int, int] | None = None,
    n_classes: int | None = None,
    **options: Any,
) -> dict[str, NDArray[Any]]:
    """Return what one inference of each network of a population costs, without building any.

    The values are exactly those of :func:`network_cost` for the built network.

    Args:
        space: A space that tells the layers of its networks.
        population: Genotypes, shape ``(n, n_genes)``, or architectures in any form that the space knows.
        chip: The chip, its name or its YAML file.
        input_shape: Channels, height and width of the input; None: the space's own.
        n_classes: Number of classes; None: the space's own.
        options: Options of the networks that the space can count, such as ``cells`` of ``nasbench201``.

    Returns:
        ``aimc_latency`` (ms), ``aimc_energy`` (mJ), ``aimc_area`` (mm2) and ``aimc_tiles``, shape ``(n,)``
        each, without the chip's error factors. Latency and energy of a network that does not fit the chip are
        NaN; its tiles and area are those it needs.

    Raises:
        OutOfSpaceError: If an architecture does not belong to the space.
        UnknownNameError: If there is no such chip, or the space cannot count networks with one of the options.

    Example:
        >>> from analognas.spaces import NASBench201Space
        >>> space = NASBench201Space()
        >>> costs = population_costs(space, [[0, 1, 1, 1, 1, 1]], "hermes")
        >>> costs["aimc_tiles"].tolist()
        [12]
    """
    chip = _found(chip)
    rows = space.population(population)
    for option in options:
        check_choice(f"counted option of {space.name!r}:", option, space.counted_options)
    list_layers: Callable[..., Iterator[Layers]] = space.layers
    layers = list(list_layers(rows, input_shape, n_classes, **options))
    n = len(rows)
    work = count_work(layers, chip, n)
    latency, _, parts = _prices(work, chip)
    fits = np.where(_missing(work, chip) > 0, np.nan, 1.0)
    return {
        "aimc_latency": latency * _MS * fits,
        "aimc_energy": _total(parts) * _MJ * fits,
        "aimc_area": _area(work, chip),
        "aimc_tiles": work.tiles + work.copies,
    }


def _found(chip: object) -> AIMCChip:
    if isinstance(chip, AIMCChip):
        return chip
    if isinstance(chip, str):
        return find_chip(chip)
    raise InvalidArgumentError(
        f"`chip` must be an AIMCChip, the name of a chip or its YAML file, but got {chip!r}."
    )


def _missing(work: Work, chip: AIMCChip) -> NDArray[np.int64]:
    return work.tiles - chip.n_tiles if chip.n_tiles is not None else np.zeros_like(work.tiles)


def _prices(work: Work, chip: AIMCChip) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Time of an inference and between two, ns; energies by component, nJ."""
    n_bytes = work.moved * chip.activation_bits / 8
    per_mac = None if chip.digital_throughput is None else 1 / chip.digital_throughput
    beside = _priced(work.digital, per_mac)
    if chip.link_bandwidth is not None:
        beside = beside + n_bytes / chip.link_bandwidth
    parallel = chip.branches == "parallel"
    steps, operations = (
        (work.path, work.path_operations) if parallel else (work.steps, work.operation_steps)
    )
    longest = _priced(work.longest, chip.mvm_latency)
    latency = _priced(steps, chip.mvm_latency) + beside
    if chip.operation_throughput is not None:
        latency = latency + operations / chip.operation_throughput
        longest = longest + work.longest_operations / chip.operation_throughput
    interval = latency
    if chip.schedule == "pipelined":
        # Units for digital multiply-accumulates and links are shared by all layers, which wait for them.
        interval = np.maximum(longest, beside)
    parts = {
        "mvm": _mvm_energy(work, chip),
        "dac": work.dac * chip.dac_energy * _PICO,
        "adc": work.adc * chip.adc_energy * _PICO,
        "adds": work.adds * chip.add_energy * _PICO,
        "digital": _priced(work.digital, chip.digital_energy) * _PICO,
        "operations": work.operations * chip.operation_energy * _PICO,
        "links": n_bytes * (chip.link_energy * chip.link_hops + chip.buffer_energy) * _PICO,
        # 1 mW for 1 ns is 1 pJ; without idle power an unknown time does no harm.
        "idle": (work.tiles + work.copies) * chip.idle_power * interval * _PICO
        if chip.idle_power
        else np.zeros(len(work.tiles)),
    }
    return latency, interval, parts


def _mvm_energy(work: Work, chip: AIMCChip) -> Floats:
    """Energy of all MVMs, nJ; what is not fixed follows the share of cells that hold weights."""
    if chip.fixed_share == 1.0:
        return _priced(work.mvms, chip.mvm_energy)
    share = work.used / (chip.rows * chip.columns)
    price = np.nan if chip.mvm_energy is None else chip.mvm_energy
    active: Floats = chip.fixed_share * work.mvms + (1.0 - chip.fixed_share) * share
    return np.where(work.mvms > 0, active * price, 0.0)


def _priced(counts: NDArray[np.int64], price: float | None) -> Floats:
    """Counts times a price; where that is not known, NaN if there is anything to pay."""
    return np.where(counts > 0, np.nan, 0.0) if price is None else counts * price


def _total(parts: dict[str, Floats]) -> Floats:
    # One after another: sums of numpy depend on the number of networks in the last bit.
    first, *others = parts.values()
    total = first
    for part in others:
        total = total + part
    return total


def _area(work: Work, chip: AIMCChip) -> Floats:
    tile = np.nan if chip.tile_area is None else chip.tile_area
    return (work.tiles + work.copies) * tile + chip.digital_area


def _table(named: Sequence[NamedLayers], chip: AIMCChip, whole: Work) -> tuple[LayerCost, ...]:
    """One row a matrix; copies are those of the whole network."""
    plain = chip.replace(replicate=False, idle_power=0.0, branches="sequential")
    target = int(whole.target[0])
    rows = []
    for entry in named:
        layer = entry.layer
        # Pieces, not packed crossbars: those may be shared.
        work = count_work([layer], plain, 1)
        positions = int(layer.positions)
        copies = -(-positions // target) if target and work.steps[0] else 1
        steps = -(-positions // copies)
        shorter = {
            name: getattr(work, name) * steps // max(positions, 1)
            for name in ("steps", "operation_steps")
        }
        latency, _, parts = _prices(replace(work, **shorter), plain)
        tiles = int(work.tiles[0]) * copies
        energy = sum(float(part[0]) for part in parts.values())
        rows.append((entry, tiles, copies, float(latency[0]), energy))
    all_time = sum(row[3] for row in rows) or 1.0
    all_energy = sum(row[4] for row in rows) or 1.0
    return tuple(
        LayerCost(
            name=entry.name,
            kind=entry.kind,
            rows=int(entry.layer.channels * entry.layer.kernel),
            columns=int(entry.layer.outputs),
            groups=int(entry.layer.groups),
            positions=int(entry.layer.positions),
            tiles=tiles,
            copies=copies,
            utilisation=int(entry.layer.weights)
            * copies
            / max(tiles * chip.rows * chip.columns, 1),
            latency=estimated(latency * _MS, chip.time_factor, "ms"),
            energy=estimated(energy * _MJ, chip.energy_factor, "mJ"),
            latency_share=latency / all_time,
            energy_share=energy / all_energy,
        )
        for entry, tiles, copies, latency, energy in rows
    )
