"""Measured chips by name: numbers from their papers, under the operating points that these state."""

from __future__ import annotations

from .chip import AIMCChip
from .programming import Programming

__all__ = ["SILICON_CHIPS"]

_WAN = (
    "Wan et al., A compute-in-memory chip based on resistive random-access memory (NeuRRAM), Nature 608, "
    "2022, Extended Data Fig. 12, digitised by the CiMLoop project: 48 cores of 256 x 128 weights of two "
    "cells, 130 nm, 1.8 V"
)
_NEURRAM_POINTS = (
    (1, 1, 2.12230988, 43.07875866),
    (2, 1, 1.793083771, 40.33412834),
    (3, 1, 1.165400233, 23.09069279),
    (4, 1, 0.7438677864, 15.95409517),
    (5, 1, 0.4515642, 11.32999012),
    (6, 1, 0.260797508, 9.12235241),
    (5, 2, 0.5254091287, 11.03166076),
    (6, 2, 0.4177183338, 8.257196816),
    (7, 2, 0.343873405, 7.750037817),
    (8, 2, 0.2638743409, 6.437388185),
)
"""Input bits, phases, TOPS of all 48 cores and TOPS/W; outputs have two bits more than inputs."""
_NEURRAM_ROWS, _NEURRAM_COLUMNS, _NEURRAM_CORES = 128, 256, 48


_NEURRAM_PROGRAMMING = Programming(
    source="Wan et al. 2022, Methods: 8.52 pulses of 1 us on average for a cell, verify reads of 1 to 10 us, "
    "up to three rounds; a cell takes 56 us by the authors' estimate, from which the expected verify time "
    "follows. Not published: how many cells are written at once (one a core, and between one core and all, "
    "assumed), and the energy",
    devices=2.0,
    iterations=(8.52, 8.52, 3 * 8.52),
    pulse_time=1000.0,
    verify_time=(1000.0, 5570.0, 10000.0),
    verify_energy=None,
    parallel_tiles=(1.0, 7.0, 48.0),
)


def _sram_programming(node: float, supply: float, clock: float) -> Programming:
    """Writes of the four bits of a weight.

    Args:
        node: Technology, nm.
        supply: Supply, V.
        clock: Clock, MHz.
    """
    bit = 10.0 / 64 * (node / 45.0) * (supply / 0.9) ** 2
    return Programming(
        source="SRAM: each bit of a weight is written once. Not published, and assumed: between 32 bits and a "
        f"row of 256 in a cycle of {clock:g} MHz; 10 pJ for an access of 64 bits at 45 nm and 0.9 V (Horowitz, "
        "ISSCC 2014), scaled by node and square of the supply, within a factor of 2",
        devices=4.0,
        pulse_time=1e3 / clock,
        pulse_energy=(bit / 2, bit, 2 * bit),
        writers=(32.0, 90.0, 256.0),
    )


def _neurram(bits: int, phases: int, tops: float, tops_per_watt: float, name: str) -> AIMCChip:
    operations = 2 * _NEURRAM_ROWS * _NEURRAM_COLUMNS
    return AIMCChip(
        name=name,
        source=f"{_WAN}; {bits}-bit inputs in {phases} phase{'s' * (phases > 1)}, {bits + 2}-bit outputs: "
        f"{tops:.3g} TOPS, {tops_per_watt:.3g} TOPS/W; area of a core from Wan 2022",
        rows=_NEURRAM_ROWS,
        columns=_NEURRAM_COLUMNS,
        n_tiles=_NEURRAM_CORES,
        mvm_latency=operations * _NEURRAM_CORES / tops / 1e3,
        mvm_energy=operations / tops_per_watt / 1e3,
        tile_area=1.161142857142857,
        programming=_NEURRAM_PROGRAMMING,
    )


def _neurram_name(bits: int, phases: int) -> str:
    return f"neurram-{bits}b" + ("-two-phase" if phases > 1 else "")


_JIA_2020 = AIMCChip(
    name="jia2020",
    source="Jia et al., A programmable heterogeneous microprocessor based on bit-scalable in-memory computing, "
    "IEEE JSSC 55, 2020, 0.85 V: 65 nm SRAM, 2,304 x 256 cells; 400 1-bit TOPS/W, 2.9 nJ a use of the array; "
    "inputs of 4 bits enter bit by bit, 0.2185 TOPS for 4-bit inputs, 5.4 us; weights of 4 bits take four "
    "columns; area from 0.24 1-bit TOPS/mm2 at 0.874 TOPS",
    rows=2304,
    columns=64,
    n_tiles=1,
    mvm_latency=2 * 2304 * 256 / 0.2185e3,
    mvm_energy=4 * 2 * 2304 * 256 / 400e3,
    tile_area=0.874 / 0.24,
    programming=_sram_programming(65.0, 0.85, 40.0),
)
_JIA_2021 = AIMCChip(
    name="jia2021",
    source="Jia et al., Scalable and programmable neural network inference accelerator based on in-memory "
    "computing, IEEE JSSC 57, 2022: 16 nm SRAM, 0.8 V, 16 arrays of 1,152 x 256 cells; 4-bit inputs and "
    "weights: 11.8 TOPS, 200 ns; 1,936 1-bit TOPS/W and 44.94 1-bit TOPS/mm2 of an array in the UIUC survey, "
    "index 25",
    rows=1152,
    columns=64,
    n_tiles=16,
    mvm_latency=200.0,
    mvm_energy=4 * 2 * 1152 * 256 / 1936e3,
    tile_area=2 * 1152 * 256 / 50 / 44.94e3,
    programming=_sram_programming(16.0, 0.8, 200.0),
)

SILICON_CHIPS: dict[str, AIMCChip] = {
    "neurram": _neurram(*_NEURRAM_POINTS[3], "neurram"),
    **{
        _neurram_name(bits, phases): _neurram(
            bits, phases, tops, efficiency, _neurram_name(bits, phases)
        )
        for bits, phases, tops, efficiency in _NEURRAM_POINTS
    },
    "jia2020": _JIA_2020,
    "jia2021": _JIA_2021,
}
"""NeuRRAM at each of its ten operating points, ``neurram`` being that of 4-bit inputs, and two SRAM chips."""
