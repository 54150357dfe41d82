"""What a stranger hands in: every oddity is stored in plain types or refused in one line."""

import json

import numpy as np
import pytest
import torch

from analognas.cli import main
from analognas.core import AnalogNASError, InvalidArgumentError, PhysicalRangeError
from analognas.physics import (
    PCM,
    CustomDrift,
    DifferentialPair,
    Hermes,
    MultiPair,
    PowerLaw,
    ProgrammedDevices,
    ReRAMCMO,
    SingleDevice,
    load_device,
    normalize_weights,
    save_device,
)


@pytest.mark.parametrize("number", [20, np.float64(20.0), np.float32(20.0), torch.tensor(20.0)])
def test_numbers_are_stored_as_floats(tmp_path, number):
    device = PCM(g_max=number)
    assert type(device.g_max) is float
    for name in ("a.yaml", "a.json"):
        save_device(device, tmp_path / name)
        assert load_device(tmp_path / name) == device


def test_lists_are_stored_as_tuples(tmp_path):
    device = CustomDrift(g_points=[0, 25], nu_means=[0.1, 0.05], nu_stds=[0, 0])
    assert device.g_points == (0.0, 25.0)
    assert hash(device) == hash(
        CustomDrift(g_points=(0.0, 25.0), nu_means=(0.1, 0.05), nu_stds=(0.0, 0.0))
    )
    save_device(device, tmp_path / "a.json")
    assert load_device(tmp_path / "a.json") == device
    assert hash(MultiPair([1, 2])) == hash(MultiPair((1.0, 2.0)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: PCM(g_max="25"),
        lambda: PCM(t_0="20"),
        lambda: PCM(prog_noise_scale="0.5"),
        lambda: PCM(g_max=None),
        lambda: PCM(g_max=10**400),
        lambda: PCM(prog_coeffs=None),
        lambda: PCM(prog_coeffs="123"),
        lambda: CustomDrift(g_points=None),
        lambda: ReRAMCMO(acceptance=[1]),
        lambda: Hermes(n_devices=[]),
        lambda: Hermes(n_devices=2.0),
        lambda: PowerLaw(nu=torch.ones(2)),
        lambda: ProgrammedDevices.program("PCM", torch.ones(2), generator=torch.Generator()),
        lambda: ProgrammedDevices.program(PCM(), torch.ones(2), generator=None),
        lambda: ProgrammedDevices.program(PCM(), torch.ones(2), generator=5),
        lambda: ProgrammedDevices(PCM(), torch.ones(2), torch.full((2,), float("nan"))),
        lambda: ProgrammedDevices(PCM(), torch.ones(2), -torch.ones(2)),
        lambda: PCM().drift(torch.ones(2), -torch.ones(2), 1.0),
        lambda: normalize_weights(torch.zeros(0, 3)),
    ],
)
def test_refused(make):
    with pytest.raises(AnalogNASError) as caught:
        make()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("mapping", [DifferentialPair(), MultiPair(), SingleDevice()])
def test_trainable_weights_can_be_mapped(mapping):
    weight = torch.nn.Parameter(torch.linspace(-1, 1, 12).view(3, 4))
    g = mapping.to_conductances(normalize_weights(weight)[0], PCM())
    assert not g.requires_grad
    torch.testing.assert_close(mapping.to_weights(g, PCM()), weight.detach())


def test_conductances_beyond_g_max_keep_their_overshoot():
    g = torch.tensor([[[26.5]], [[0.0]]])
    assert DifferentialPair().to_weights(g, PCM()).item() == pytest.approx(1.06)


def test_arrays_of_times():
    chip = ProgrammedDevices.program(
        PCM(), torch.full((3,), 10.0), generator=torch.Generator().manual_seed(0)
    )
    expected = chip.drift([1.0, 60.0])
    assert torch.equal(chip.drift(np.array([1.0, 60.0])), expected)
    assert torch.equal(chip.drift(torch.tensor([1.0, 60.0])), expected)
    assert torch.equal(chip.drift(np.float64(60.0)), expected[1])
    with pytest.raises(PhysicalRangeError, match="`t` must be in"):
        chip.drift(10**400)


def test_latest_time_is_finite():
    chip = ProgrammedDevices.program(
        PCM(), torch.full((3,), 10.0), generator=torch.Generator().manual_seed(0)
    )
    assert torch.isfinite(chip.read(1e308, generator=torch.Generator())).all()


def test_a_reading_never_overwrites_the_chip():
    chip = ProgrammedDevices.program(
        PCM(), torch.full((3,), 10.0), generator=torch.Generator().manual_seed(0)
    )
    with pytest.raises(InvalidArgumentError, match="must not share memory with the chip"):
        chip.drift(60.0, out=chip.g_prog)


@pytest.mark.parametrize("g_max", ["1e308", "1" + "0" * 400, '"25"', "null", "[1]"])
def test_device_files_with_odd_numbers(tmp_path, monkeypatch, capsys, g_max):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.json").write_text(f'{{"model": "PCM", "g_max": {g_max}}}')
    assert main(["device", "show", "d.json"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["d.json"]
    assert json.loads((tmp_path / "d.json").read_text())["model"] == "PCM"
