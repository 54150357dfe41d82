import json

import pytest
import yaml

from analognas.core import (
    InvalidArgumentError,
    OutputFolderError,
    PhysicalRangeError,
    UnknownNameError,
)
from analognas.nn import (
    PRESETS,
    AnalogConfig,
    TileSize,
    WeightModifier,
    config_from_dict,
    config_to_dict,
    find_config,
    get_config,
    load_config,
    save_config,
)
from analognas.physics import DEVICES, MultiPair, PowerLaw, SingleDevice

CONFIGS = [
    *(PRESETS.get(name) for name in PRESETS),
    AnalogConfig(
        device=PowerLaw(nu=0.05), weight_mapping=MultiPair((1.0, 0.5)), digital=("first", "head*")
    ),
    AnalogConfig(tile=TileSize(rows=None, columns=None), weight_mapping=SingleDevice()),
    AnalogConfig(modifier=WeightModifier(coeffs=(0.1, 0.2))),
    *(AnalogConfig(device=DEVICES.get(name)) for name in DEVICES),
]


@pytest.mark.parametrize("ending", [".yaml", ".yml", ".json"])
@pytest.mark.parametrize("index", range(len(CONFIGS)))
def test_a_configuration_survives_its_file(index, ending, tmp_path):
    path = tmp_path / f"config{ending}"
    save_config(CONFIGS[index], path)
    assert load_config(path) == CONFIGS[index]
    assert find_config(str(path)) == CONFIGS[index]


def test_files_hold_plain_values(tmp_path):
    save_config(AnalogConfig(), tmp_path / "c.yaml")
    save_config(AnalogConfig(), tmp_path / "c.json")
    payload = yaml.safe_load((tmp_path / "c.yaml").read_text())
    assert (
        payload == json.loads((tmp_path / "c.json").read_text()) == config_to_dict(AnalogConfig())
    )


def test_a_part_of_a_configuration_is_enough():
    config = config_from_dict(
        {"tile": {"rows": 256}, "device": {"model": "PCM"}, "digital": ["first"]}
    )
    assert config == AnalogConfig(tile=TileSize(rows=256), digital=("first",))


@pytest.mark.parametrize(
    ("payload", "error", "text"),
    [
        (
            [1],
            InvalidArgumentError,
            "`configuration` must be a mapping of names to values, but got list",
        ),
        (
            {"tiles": {}},
            UnknownNameError,
            "Unknown configuration entry 'tiles'. Did you mean 'tile'",
        ),
        ({"tile": {"row": 3}}, UnknownNameError, "Unknown `tile` entry 'row'. Did you mean 'rows'"),
        ({"tile": 512}, InvalidArgumentError, "`tile` must be a mapping"),
        ({"tile": {"rows": "x"}}, InvalidArgumentError, "`tile.rows` must be an integer"),
        ({"pair": {}}, InvalidArgumentError, "`pair`: A weight mapping must name its `model`"),
        (
            {"pair": {"model": "MultiPair", "significance": [0.0]}},
            PhysicalRangeError,
            "significance",
        ),
        ({"device": {"model": "PCM", "g_max": -1}}, PhysicalRangeError, "`device.g_max` must be"),
    ],
)
def test_wrong_content_is_refused(payload, error, text):
    with pytest.raises(error) as caught:
        config_from_dict(payload)
    assert text in str(caught.value)


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="configuration file ending"):
        save_config(AnalogConfig(), tmp_path / "c.toml")
    with pytest.raises(OutputFolderError):
        save_config(AnalogConfig(), tmp_path / "absent" / "c.yaml")
    with pytest.raises(InvalidArgumentError, match="Cannot read a configuration"):
        load_config(tmp_path / "absent.yaml")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InvalidArgumentError, match="Cannot read a configuration"):
        load_config(tmp_path / "broken.json")


def test_presets_are_found_by_name_and_the_nearest_is_named():
    assert find_config("rasch2023") == get_config("rasch2023")
    with pytest.raises(UnknownNameError, match="Did you mean 'rasch2023'"):
        find_config("rash2023")
