"""Configurations by name, and configurations in YAML and JSON files.

A file holds the entries of :class:`AnalogConfig` that differ from the defaults::

    device: {model: PCM, g_max: 25.0}
    tile: {rows: 512, columns: 512}
    out_noise: 0.04
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..core import Registry
from ..core.config_files import is_config_file
from ..physics import PowerLaw
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

    Tiles of 512 rows, 8-bit converters, output noise 0.04, PCM read noise 0.0175 per product, nominal IR drop,
    one weight scale and one learned output scale for each column, clipping at 1, programming noise and 1 %
    drop-connect in training.
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
    """Return the configuration with which the AnalogNAS-Bench table was made.

    Additive weight noise 0.06, clipping at 2 standard deviations of a layer, output noise 0.04, 8-bit
    converters, output bound 10, learned input ranges, one scale for each layer, global drift compensation.
    """
    return AnalogConfig(
        out_noise=0.04,
        input_range=InputRange(init_std=3.0, init_batches=50, decay=0.01, min_unclipped=0.995),
        modifier=WeightModifier(kind="additive", std=0.06),
        clip=Clip(kind="gaussian", sigma=2.0),
        scaling=WeightScaling(per="layer", remap=True),
    )


def replication(nu: float = 0.06) -> AnalogConfig:
    """Return the model of a public replication of Rasch et al., for comparison.

    All devices drift with one exponent. The programming noise is a polynomial of the conductance, there is no
    read noise, and the weight scale of a layer is the constant ``sqrt(3 / inputs)`` (CAWS).

    Args:
        nu: The exponent; the replication uses 0.05 and 0.06.
    """
    return AnalogConfig(
        device=PowerLaw(nu=nu, t_0=20.0, prog_coeffs=(0.26348, 1.9650, -1.1731)),
        out_noise=0.04,
        modifier=WeightModifier(kind="programming", std=3.0),
        clip=Clip(kind="fixed", value=1.0),
        scaling=WeightScaling(per="fan_in"),
    )


PRESETS: Registry[AnalogConfig] = Registry(
    "analog configuration",
    {
        "rasch2023": rasch2023(),
        "analognasbench": analognasbench(),
        "replication": replication(),
        "replication-0.05": replication(0.05),
    },
)
"""Configurations by name."""


def get_config(name: str) -> AnalogConfig:
    """Return the configuration called ``name``.

    Raises:
        UnknownNameError: If there is no such configuration. The message contains the nearest name.

    Example:
        >>> get_config("analognasbench").clip.sigma
        2.0
    """
    return PRESETS.get(name)


def config_to_dict(config: AnalogConfig) -> dict[str, Any]:
    """Return all entries of a configuration as plain values.

    Raises:
        UnknownNameError: If the class of its device or weight mapping is not registered.

    Example:
        >>> config_to_dict(AnalogConfig())["adc"]
        {'bits': 8, 'bound': 10.0, 'bound_management': False}
    """
    return config.to_dict()


def config_from_dict(payload: Mapping[str, Any]) -> AnalogConfig:
    """Make a configuration from plain values. Omitted entries have their defaults.

    Raises:
        UnknownNameError: If an entry or a choice is unknown. The message contains the nearest name.
        InvalidArgumentError: If an entry has the wrong type or is outside its range.
        PhysicalRangeError: If an entry of the device is outside its range.

    Example:
        >>> config_from_dict({"tile": {"rows": 256}}).tile
        TileSize(rows=256, columns=512)
    """
    return AnalogConfig.from_dict(payload)


def save_config(config: AnalogConfig, path: str | os.PathLike[str]) -> None:
    """Write a configuration to a ``.yaml``, ``.yml`` or ``.json`` file, atomically.

    Raises:
        UnknownNameError: If the file ending is unknown, or a class is not registered.
        OutputFolderError: If the file cannot be written.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.nn import AnalogConfig
        >>> save_config(AnalogConfig(), f"{folder}/chip.yaml")
        >>> os.listdir(folder)
        ['chip.yaml']
    """
    config.save(path)


def load_config(path: str | os.PathLike[str]) -> AnalogConfig:
    """Read a configuration from a ``.yaml``, ``.yml`` or ``.json`` file.

    Raises:
        UnknownNameError: If the file ending, an entry or a choice is unknown.
        InvalidArgumentError: If the file cannot be read, or an entry has the wrong type or is outside its
            range.
        PhysicalRangeError: If an entry of the device is outside its range.

    Example:
        >>> import tempfile, os
        >>> folder = tempfile.mkdtemp()
        >>> from analognas.nn import AnalogConfig, save_config
        >>> save_config(AnalogConfig(), f"{folder}/chip.yaml")
        >>> load_config(f"{folder}/chip.yaml") == AnalogConfig()
        True
    """
    return AnalogConfig.load(path)


def find_config(name: str) -> AnalogConfig:
    """Return a configuration by its name or from its file.

    Args:
        name: A name, or a path that ends in ``.yaml``, ``.yml`` or ``.json``.

    Raises:
        UnknownNameError: If there is no such configuration. The message contains the nearest name.
        InvalidArgumentError: If the file cannot be read.

    Example:
        >>> find_config("rasch2023").ir_drop
        1.0
    """
    return load_config(name) if is_config_file(name) else PRESETS.get(name)
