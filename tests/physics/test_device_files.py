import json

import pytest

from analognas.core import (
    InvalidArgumentError,
    OutputFolderError,
    PhysicalRangeError,
    UnknownNameError,
)
from analognas.physics import (
    DEVICES,
    PCM,
    CustomDrift,
    Hermes,
    PowerLaw,
    describe_devices,
    device_from_dict,
    device_to_dict,
    find_device,
    load_device,
    save_device,
)

OWN = CustomDrift(g_points=(0.0, 25.0), nu_means=(0.1, 0.05), nu_stds=(0.04, 0.01), t_read=1e-6)


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
@pytest.mark.parametrize(
    "device", [*map(DEVICES.get, DEVICES), OWN], ids=lambda d: type(d).__name__
)
def test_round_trip(device, ending, tmp_path):
    path = tmp_path / f"device.{ending}"
    save_device(device, path)
    assert load_device(path) == device
    assert find_device(str(path)) == device
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_left_out_arguments_have_their_defaults(tmp_path):
    path = tmp_path / "device.yaml"
    path.write_text("model: PCM\nt_read: 1e-6\nprog_noise_scale: 0.5\n")
    assert load_device(path) == PCM(t_read=1e-6, prog_noise_scale=0.5)
    assert device_from_dict({"model": "Hermes", "n_devices": 1}) == Hermes(n_devices=1)


@pytest.mark.parametrize(
    ("payload", "error", "text"),
    [
        ({"model": "PCM", "g_maximum": 3}, UnknownNameError, "'g_maximum'. Did you mean 'g_max'"),
        ({"model": "PMC"}, UnknownNameError, "Unknown device model 'PMC'. Did you mean 'PCM'"),
        ({"g_max": 3}, InvalidArgumentError, "must name its `model`, but has no such entry"),
        ([1, 2], InvalidArgumentError, "must be a mapping of names to values, but got list"),
        ({1: 2}, InvalidArgumentError, "must be a mapping"),
        ({"model": "PCM", "g_max": -1}, PhysicalRangeError, "`g_max` must be"),
        ({"model": "PCM", "g_max": "wide"}, InvalidArgumentError, "but got 'wide'"),
        ({"model": "PCM", "g_max": None}, InvalidArgumentError, "but got None"),
        ({"model": "PCM", "prog_coeffs": 0.3}, InvalidArgumentError, "must be a list of"),
        (
            {"model": "PCM", "prog_coeffs": ["a"]},
            InvalidArgumentError,
            r"`prog_coeffs\[0\]` must be",
        ),
        ({"model": "Hermes", "n_devices": 1.0}, InvalidArgumentError, "must be an integer"),
    ],
)
def test_reading_is_strict(payload, error, text):
    with pytest.raises(error, match=text):
        device_from_dict(payload)


@pytest.mark.parametrize("name", ["broken.json", "broken.yaml", "missing.yaml"])
def test_unreadable_files_say_so_in_one_line(name, tmp_path):
    if name != "missing.yaml":
        (tmp_path / name).write_text("{[")
    with pytest.raises(InvalidArgumentError, match="Cannot read a device from") as caught:
        load_device(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_yaml_tags_are_not_obeyed(tmp_path):
    path = tmp_path / "device.yaml"
    path.write_text("!!python/object/apply:os.getcwd []\n")
    with pytest.raises(InvalidArgumentError, match="Cannot read a device"):
        load_device(path)


def test_bad_places(tmp_path):
    with pytest.raises(UnknownNameError, match=r"Unknown device file ending '\.txt'"):
        save_device(PCM(), tmp_path / "device.txt")
    with pytest.raises(OutputFolderError):
        save_device(PCM(), tmp_path / "nowhere" / "device.yaml")


def test_only_registered_models_are_written():
    class Mine(PCM):
        pass

    with pytest.raises(UnknownNameError, match="Unknown device model 'Mine'"):
        device_to_dict(Mine())


def test_descriptions_are_plain_json():
    rows = describe_devices()
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert [row["name"] for row in rows] == DEVICES.names()
    power_law = next(row for row in rows if row["name"] == "PowerLaw-0.05")
    assert power_law["nu"] == PowerLaw(nu=0.05).nu
