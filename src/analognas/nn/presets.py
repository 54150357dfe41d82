"""Configurations with a source, by name."""

from __future__ import annotations

from ..core import Registry
from .config import (
    AnalogConfig,
    Clip,
    InputRange,
    ReadNoise,
    TileSize,
    WeightModifier,
    WeightScaling,
)


def rasch2023() -> AnalogConfig:
    """Return the AIMC model of Rasch et al., Nat. Commun. 14:5282, 2023.

    Tiles of 512 rows, 8-bit converters, output noise 0.04, PCM read noise 0.0175 a product, nominal IR
    drop, learned output scales for each column, weights mapped anew for each column, clipping at 1,
    programming noise and 1 % drop-connect while training.
    """
    return AnalogConfig(
        tile=TileSize(rows=512, columns=512),
        out_noise=0.04,
        read_noise=ReadNoise(std=0.0175),
        ir_drop=1.0,
        modifier=WeightModifier(kind="programming", std=3.0, drop_connect=0.01),
        clip=Clip(kind="fixed", value=1.0),
        scaling=WeightScaling(per="column", remap=True, learned=True),
    )


def analognasbench() -> AnalogConfig:
    """Return the setting in which the AnalogNAS-Bench table was made.

    Additive weight noise 0.06, clipping at 2 standard deviations of a layer, output noise 0.04, 8-bit
    converters, output bound 10, learned input ranges, one scale a layer, global drift compensation.
    """
    return AnalogConfig(
        out_noise=0.04,
        input_range=InputRange(init_std=3.0, init_batches=50, decay=0.01, min_unclipped=0.995),
        modifier=WeightModifier(kind="additive", std=0.06),
        clip=Clip(kind="gaussian", sigma=2.0),
        scaling=WeightScaling(per="layer", remap=True),
    )


PRESETS: Registry[AnalogConfig] = Registry(
    "analog configuration",
    {"rasch2023": rasch2023(), "analognasbench": analognasbench()},
)
"""Configurations that a person may ask for by name."""


def get_config(name: str) -> AnalogConfig:
    """Return the configuration called ``name``.

    Raises:
        UnknownNameError: If there is none; lists the choices and names the nearest.

    Example:
        >>> get_config("analognasbench").clip.sigma
        2.0
    """
    return PRESETS.get(name)
