"""One network on several devices: PCM, HERMES, ReRAM and a fitted one."""

import json

import pytest
import torch

from analognas.cli import main
from analognas.core import InvalidArgumentError, PhysicalRangeError, UnknownNameError
from analognas.core.files import with_checksum
from analognas.drift import DriftEvaluator, DriftResult, DriftStudy
from analognas.drift.devices import device_note, on_device
from analognas.nn import analog_layers
from analognas.physics import PCM, FittedPowerLaw, Hermes, Ideal, save_device
from analognas.report.drift_curves import drift_curves
from analognas.training import RunConfig, train_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A digital network that was trained on a part of the digits."""
    folder = tmp_path_factory.mktemp("devices") / "run"
    settings = {
        "data": "digits",
        "model": "cnn-4",
        "subset": {"train": 100, "validation": 50, "test": 40, "seed": 3},
        "recipe": {"kind": "digital", "epochs": 1},
    }
    train_run(RunConfig.from_dict(settings), folder)
    return folder


@pytest.fixture
def fitted(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    save_device(FittedPowerLaw(nu_means=(0.2,), nu_stds=(0.02,)), folder / "device.yaml")
    return folder / "device.yaml"


def test_weights_and_ranges_stay(analog, problem):
    moved = on_device(analog, Hermes())
    assert all(layer.config.device == Hermes() for _, layer in analog_layers(moved))
    assert all(layer.config.device == PCM() for _, layer in analog_layers(analog))
    for name, value in analog.state_dict().items():
        assert torch.equal(moved.state_dict()[name], value), name


def test_on_its_own_device_nothing_changes(analog, problem):
    evaluator = DriftEvaluator((60.0,), 2)
    expected = evaluator.evaluate(analog, problem).chip_scores
    found = evaluator.evaluate(on_device(analog, PCM()), problem).chip_scores
    assert (found == expected).all()
    ideal = evaluator.evaluate(on_device(analog, Ideal()), problem)
    assert abs(ideal.at(60.0).value - ideal.digital) < 5.0


def test_one_command_compares_devices(run, fitted, tmp_path, capsys):
    out = tmp_path / "out"
    devices = ["PCM", "Hermes", "ReRAMWan2022", str(fitted)]
    words = [word for name in devices for word in ("--device", name)]
    times = "60,86400,31536000"
    command = ["drift", str(run), *words, "--times", times, "--chips", "3", "--out", str(out)]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "The digital network is mapped onto each device without further training." in shown
    assert "ReRAMWan2022 is measured up to 86400 s: it is not known at the later times." in shown
    payload = json.loads((out / "result.json").read_text())
    assert list(payload) == ["PCM", "Hermes", "ReRAMWan2022", "mine"]
    assert payload["ReRAMWan2022"]["times"] == [60.0, 86400.0]
    assert payload["mine"]["provenance"]["device"] == "FittedPowerLaw"
    assert payload["mine"]["provenance"]["trained_for"] == "no device"
    assert (out / "drift.png").is_file()
    assert {path.stem for path in out.glob("*.csv")} == set(payload)
    # A study continues from its folder alone, wherever it is started from.
    results = DriftStudy.load(out).run_drift(out)
    again = {name: with_checksum(result.to_dict()) for name, result in results.items()}
    assert again == payload


def test_the_figure_has_a_curve_and_a_band_for_each_device(analog, problem):
    evaluator = DriftEvaluator((60.0, 86400.0), 3)
    results = {
        name: evaluator.evaluate(on_device(analog, device), problem)
        for name, device in (("PCM", PCM()), ("Hermes", Hermes()))
    }
    (axes,) = drift_curves(results).axes
    assert len(axes.collections) >= 2
    labels = axes.get_legend_handles_labels()[1]
    assert {"PCM", "Hermes"} <= set(labels)


@pytest.mark.parametrize(
    ("devices", "error", "text"),
    [
        (["PCN"], UnknownNameError, "Did you mean 'PCM'"),
        (["PCM", "PCM"], InvalidArgumentError, "two are called 'PCM'"),
        ([], InvalidArgumentError, "devices"),
    ],
)
def test_wrong_devices(run, devices, error, text):
    with pytest.raises(error, match=text):
        DriftStudy({"checkpoint": str(run), "devices": devices}).check()


def test_a_device_without_a_known_time(run):
    study = DriftStudy({"checkpoint": str(run), "devices": ["ReRAMWan2022"], "times": [31536000.0]})
    with pytest.raises(PhysicalRangeError, match="ReRAMWan2022 is known from 1 to 172800 s"):
        study.check()


def test_results_keep_their_device(analog, problem):
    result = DriftEvaluator((60.0,), 2).evaluate(analog, problem)
    assert device_note({"hwa": result}) is None
    named = DriftResult.from_dict(
        result.to_dict() | {"provenance": {"device": "Hermes", "trained_for": "PCM"}}
    )
    assert device_note({"Hermes": named}).startswith("The network was trained for PCM. ")
