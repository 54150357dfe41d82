"""Chips by name, with the sources of their numbers."""

from __future__ import annotations

from ..core import InvalidArgumentError, Registry
from .chip import AIMCChip

__all__ = ["CHIPS", "register_chip"]

_LE_GALLO = (
    "Le Gallo et al., A 64-core mixed-signal in-memory compute chip based on phase-change memory for deep "
    "neural network inference, Nature Electronics 6, 2023: 64 cores of 256 x 256"
)
_HERMES_AREA = 0.64
"""Area of a core, mm2. Source: 1.55 TOPS/mm2 at 2 * 256 * 256 operations in 133 ns (Le Gallo et al. 2023)."""

CHIPS: Registry[AIMCChip] = Registry(
    "chip",
    {
        "hermes": AIMCChip(
            name="hermes",
            source=f"{_LE_GALLO}, one-phase reads, 63.1 TOPS at 9.76 TOPS/W: 133 ns and 13.4 nJ an MVM",
            rows=256,
            columns=256,
            n_tiles=64,
            mvm_latency=133.0,
            mvm_energy=13.4,
            tile_area=_HERMES_AREA,
        ),
        "hermes-four-phase": AIMCChip(
            name="hermes-four-phase",
            source=f"{_LE_GALLO}, four-phase reads, 16.1 TOPS at 2.48 TOPS/W: 521 ns and 52.9 nJ an MVM",
            rows=256,
            columns=256,
            n_tiles=64,
            mvm_latency=521.0,
            mvm_energy=52.9,
            tile_area=_HERMES_AREA,
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
        "ambrogio2023": AIMCChip(
            name="ambrogio2023",
            source="Ambrogio et al., An analog-AI chip for energy-efficient speech recognition and "
            "transcription, Nature 620, 2023: 34 tiles of 512 x 2048 devices, four a weight; 12.4 TOPS/W "
            "sustained by the chip, 42.3 nJ an MVM; no latency or area of a tile is taken from it",
            rows=512,
            columns=512,
            n_tiles=34,
            mvm_energy=2 * 512 * 512 / 12.4e3,
        ),
        "puma": AIMCChip(
            name="puma",
            source="Ankit et al., PUMA, ASPLOS 2019 (arXiv:1901.10351): crossbars of 128 x 128; 837 GOPS/W, "
            "39.1 nJ an MVM with all that is around it; no latency or area of a crossbar is taken from it",
            rows=128,
            columns=128,
            mvm_energy=2 * 128 * 128 / 837.0,
        ),
    },
)
"""Chips by the name that ``analognas cost --chip`` takes."""


def register_chip(name: str, chip: AIMCChip) -> None:
    """Make ``chip`` known under ``name``.

    Raises:
        InvalidArgumentError: If it is no chip, or the name is taken.
    """
    if not isinstance(chip, AIMCChip):
        raise InvalidArgumentError(f"`chip` must be an AIMCChip, but got {type(chip).__name__}.")
    CHIPS.add(name, chip)
