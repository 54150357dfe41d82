"""Chips by name, with the sources of their numbers, and chips in YAML and JSON files.

A file may start from a chip that has a name::

    base: hermes
    name: bigger
    n_tiles: 256

or describe its array, with points that calibrate it::

    name: mine
    unit: {device: PCM, node: 14, rows: 256, columns: 256, outputs: 64, integration_time: 130}
    measured: [{energy: 12500}, {changes: {supply: 0.7}, energy: 10000}]
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..core import InvalidArgumentError
from ..core.config_files import is_config_file, read_mapping_text
from .chip import CHIPS, AIMCChip
from .programming import Programming
from .silicon_presets import SILICON_CHIPS
from .unit_presets import chip_of_unit

__all__ = [
    "chip_from_dict",
    "chip_to_dict",
    "find_chip",
    "load_chip",
    "register_chip",
    "save_chip",
]

_LE_GALLO = (
    "Le Gallo et al., A 64-core mixed-signal in-memory compute chip based on phase-change memory for deep "
    "neural network inference, Nature Electronics 6, 2023: 64 cores of 256 x 256"
)
_HERMES_AREA = 0.64
"""Area of a core, mm2. Source: 1.55 TOPS/mm2 at 2 * 256 * 256 operations in 133 ns (Le Gallo et al. 2023)."""

_WRITE_VOLTAGES = (0.8, 1.2, 1.8)
"""Between the core supply and the supply of pins at 14 nm, V. Assumed: the source states currents only."""
_PREPARING = 4 * 0.125 * 700.0 + 2 * 0.25 * 125.0
"""Charge of RESET of four devices and SET of two, pC."""
_TUNING = (0.125 * 125.0, 0.125 * 296.0, 0.125 * 700.0)
"""Charge of a pulse of the iterations, pC; the middle is that of the geometric mean of the currents."""
_VERIFY_ENERGY = 3380.0e3 / 64 / 256
"""Share of one column in a four-phase MVM, pJ: what a verify read of one device takes at most."""

_HERMES_PROGRAMMING = Programming(
    source="Le Gallo et al. 2023, Methods: RESET of the four devices of a weight (125 ns at 700 uA), SET of "
    "two (250 ns at 125 uA), then pulses of 125 ns at 125 to 700 uA with verify reads of 512 + 256 ns, at most "
    "30 iterations, 32 writers a core. Not published: the mean number of iterations (bounds 1 and 30, their "
    "geometric mean expected), the voltage (0.8 to 1.8 V assumed), the energy of a verify read (at most the "
    "share of a column in an MVM), and whether the devices of a weight are prepared one after another "
    "(assumed)",
    devices=2.0,
    preparation_time=(375.0, 1000.0, 1000.0),
    preparation_energy=(
        _WRITE_VOLTAGES[0] * _PREPARING,
        _WRITE_VOLTAGES[1] * _PREPARING,
        _WRITE_VOLTAGES[2] * _PREPARING,
    ),
    iterations=(1.0, 5.5, 30.0),
    pulse_time=125.0,
    pulse_energy=(
        _WRITE_VOLTAGES[0] * _TUNING[0],
        _WRITE_VOLTAGES[1] * _TUNING[1],
        _WRITE_VOLTAGES[2] * _TUNING[2],
    ),
    verify_time=768.0,
    verify_energy=(0.0, _VERIFY_ENERGY / 2, _VERIFY_ENERGY),
    writers=32.0,
)
_HERMES = AIMCChip(
    name="hermes",
    source=f"{_LE_GALLO}, one-phase reads, 63.1 TOPS at 9.76 TOPS/W: 133 ns and 13.4 nJ an MVM",
    rows=256,
    columns=256,
    n_tiles=64,
    mvm_latency=133.0,
    mvm_energy=13.4,
    tile_area=_HERMES_AREA,
    programming=_HERMES_PROGRAMMING,
)
_ISAAC_UNITS = 168 * 12
_PUMA_UNITS = 69 * 2**20 // (128 * 128 * 2)
"""Matrices of 128 x 128 weights of two bytes that the stated capacity of 69 MB holds."""

_AMBROGIO = AIMCChip(
    name="ambrogio2023",
    source="Ambrogio et al., An analog-AI chip for energy-efficient speech recognition and "
    "transcription, Nature 620, 2023: 34 tiles of 512 x 2048 devices, four a weight; 12.4 TOPS/W "
    "sustained by the chip, 42.3 nJ an MVM; an MVM takes at most the 2.1 us of a step of its RNN-T on "
    "a chip; no area of a tile is taken from it",
    rows=512,
    columns=512,
    n_tiles=34,
    mvm_latency=2100.0,
    latency_bound=True,
    mvm_energy=2 * 512 * 512 / 12.4e3,
)

for _name, _chip in {
    "hermes": _HERMES,
    "hermes-four-phase": _HERMES.replace(
        name="hermes-four-phase",
        source=f"{_LE_GALLO}, four-phase reads: 520 ns, 3.38 uJ for all 64 cores, 52.8 nJ an MVM",
        mvm_latency=520.0,
        mvm_energy=3380.0 / 64,
    ),
    "hermes-system": _HERMES.replace(
        name="hermes-system",
        source=f"{_LE_GALLO}, four-phase reads: 520 ns and 52.8 nJ an MVM, which follow the cells in use; "
        "digital part assumed: one operation a ns and core (1 GHz), 1.5 pJ an operation (16-bit arithmetic "
        "and two accesses to a small memory, Horowitz, ISSCC 2014, scaled from 45 nm and 0.9 V to 14 nm "
        "and 0.8 V by node and square of the supply)",
        mvm_latency=520.0,
        mvm_energy=3380.0 / 64,
        fixed_share=0.0,
        operation_energy=1.5,
        operation_throughput=1.0,
        branches="parallel",
    ),
    "hermes-core": AIMCChip(
        name="hermes-core",
        source="Khaddam-Aljameh et al., HERMES-Core, IEEE JSSC 57, 2022: 256 x 256, 10.5 TOPS/W, "
        "1.59 TOPS/mm2, that is 130 ns, 12.5 nJ and 0.634 mm2",
        rows=256,
        columns=256,
        mvm_latency=130.0,
        mvm_energy=12.5,
        tile_area=0.634,
    ),
    "ambrogio2023": _AMBROGIO,
    "ambrogio2023-two-devices": _AMBROGIO.replace(
        name="ambrogio2023-two-devices",
        source="The chip of ambrogio2023 with two devices a weight: 1,024 x 512 weights a tile; energy and "
        "time of a tile are assumed to be the same, since the same devices are read",
        rows=1024,
    ),
    "isaac": AIMCChip(
        name="isaac",
        source="Shafiee et al., ISAAC, ISCA 2016, ISAAC-CE: 168 tiles of 12 units; a unit holds 128 x 128 "
        "weights of 16 bits on eight crossbars of 2-bit cells and takes inputs of 16 bits in 16 cycles of "
        "100 ns; 65.8 W and 85.4 mm2 of the chip, shared by its 2,016 units: 52.2 nJ an MVM with all that "
        "is around it",
        rows=128,
        columns=128,
        n_tiles=_ISAAC_UNITS,
        mvm_latency=1600.0,
        mvm_energy=65.8 * 1600.0 / _ISAAC_UNITS,
        tile_area=85.4 / _ISAAC_UNITS,
        activation_bits=16,
    ),
    "puma": AIMCChip(
        name="puma",
        source="Ankit et al., PUMA, ASPLOS 2019 (arXiv:1901.10351): 2,208 units of 128 x 128 weights of 16 "
        "bits (69 MB); 52.31 TOPS, 62.5 W and 90.6 mm2 of the chip, shared by them: an MVM every 1,383 ns "
        "at 39.1 nJ with all that is around it. A single MVM of a unit is stated as 2,304 ns and 43.97 nJ",
        rows=128,
        columns=128,
        n_tiles=_PUMA_UNITS,
        mvm_latency=2 * 128 * 128 * _PUMA_UNITS / 52.31e3,
        mvm_energy=2 * 128 * 128 * 62.5 / 52.31e3,
        tile_area=90.6 / _PUMA_UNITS,
        activation_bits=16,
    ),
    **SILICON_CHIPS,
}.items():
    CHIPS.add(_name, _chip)


def register_chip(name: str, chip: AIMCChip) -> None:
    """Make ``chip`` known under ``name``.

    Raises:
        InvalidArgumentError: If it is no chip, or the name is taken.

    Example:
        >>> register_chip("hermes-256", find_chip("hermes").replace(n_tiles=256))
        >>> find_chip("hermes-256").n_tiles
        256
    """
    if not isinstance(chip, AIMCChip):
        raise InvalidArgumentError(f"`chip` must be an AIMCChip, but got {type(chip).__name__}.")
    CHIPS.add(name, chip)


def chip_to_dict(chip: AIMCChip) -> dict[str, Any]:
    """Return all entries of ``chip`` as plain values.

    Example:
        >>> from analognas.hardware import find_chip
        >>> chip_to_dict(find_chip("hermes"))["name"]
        'hermes'
    """
    return chip.to_dict()


def chip_from_dict(payload: Mapping[str, Any]) -> AIMCChip:
    """Make a chip from its entries; with ``base``, the name of a chip, from those that differ.

    Raises:
        InvalidArgumentError: If an entry is missing, of the wrong kind or out of range.
        UnknownNameError: If an entry or the base is unknown; names the nearest.

    Example:
        >>> chip_from_dict({"base": "hermes", "n_tiles": 256}).mvm_latency
        133.0
    """
    if isinstance(payload, Mapping) and "unit" in payload:
        return chip_of_unit(payload)
    return AIMCChip.from_dict(payload)


def save_chip(chip: AIMCChip, path: str | os.PathLike[str]) -> None:
    """Write ``chip`` to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the ending is another one.
        OutputFolderError: If it cannot be written.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.hardware import find_chip
        >>> save_chip(find_chip("hermes"), f"{folder}/chip.yaml")
        >>> os.listdir(folder)
        ['chip.yaml']
    """
    chip.save(path)


def load_chip(path: str | os.PathLike[str]) -> AIMCChip:
    """Read a chip from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        InvalidArgumentError: If it cannot be read, or as :func:`chip_from_dict`.
        UnknownNameError: If the ending, an entry or the base is unknown.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.hardware import find_chip, save_chip
        >>> save_chip(find_chip("hermes"), f"{folder}/chip.yaml")
        >>> load_chip(f"{folder}/chip.yaml") == find_chip("hermes")
        True
    """
    payload, _ = read_mapping_text(path, AIMCChip.settings_name)
    return chip_of_unit(payload) if "unit" in payload else AIMCChip.load(path)


def find_chip(name: str) -> AIMCChip:
    """Return the chip called ``name``, or read it where ``name`` ends as a chip file does.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.
        InvalidArgumentError: If the file cannot be read.

    Example:
        >>> find_chip("hermes").n_tiles
        64
    """
    return load_chip(name) if is_config_file(name) else CHIPS.get(name)
