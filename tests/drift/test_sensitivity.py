import copy
import json

import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError, ResumeError, UnknownNameError
from analognas.drift import DAY, DriftEvaluator, layer_sensitivity
from analognas.drift.sensitivity import WHOLE, analog_units
from analognas.nn import AnalogConfig, analog_layers, calibrate, to_analog


@pytest.fixture(scope="module")
def found(analog, problem):
    return layer_sensitivity(analog, problem, t=DAY, chips=4)


def test_the_whole_network_is_the_drift_evaluation(analog, problem, found):
    result = DriftEvaluator((DAY,), chips=4).evaluate(analog, problem)
    np.testing.assert_allclose(found.costs[:, -1], result.digital - result.chips_at(DAY), atol=1e-9)
    assert found.layers == ("0", "2", WHOLE)
    assert found.parameters == (512, 128, 640)


def test_a_layer_alone_has_the_devices_of_the_whole_chip(analog, problem):
    """With the other layer digital in both, nothing else differs."""
    from analognas.core import RandomStreams
    from analognas.drift.chips import ChipSimulator
    from analognas.drift.sensitivity import program_units
    from analognas.nn import program

    bench = ChipSimulator(analog, 0)
    program_units(bench, analog_units(bench.model), ["2"], 1, DAY)
    whole = program(copy.deepcopy(analog), generator=RandomStreams(0).torch("chip", 1))
    torch.testing.assert_close(
        bench.model[2].chips.devices.g_prog, whole[2].chips.devices.g_prog, rtol=0.0, atol=0.0
    )


def test_the_layer_that_is_made_fragile_costs_most(digital, problem):
    """One weight far larger than the others leaves them a tenth of the devices' range."""
    fragile = copy.deepcopy(digital)
    fragile[0] = nn.Linear(17, 32)
    with torch.no_grad():
        fragile[0].weight[:, :16] = digital[0].weight
        fragile[0].weight[:, 16] = 0.0
        fragile[0].weight[0, 16] = 60.0 * digital[0].weight.abs().max()
        fragile[0].bias.copy_(digital[0].bias)
    inputs = torch.cat([problem[0], torch.zeros(len(problem[0]), 1)], dim=1)
    model = calibrate(to_analog(fragile, AnalogConfig()), [inputs])
    found = layer_sensitivity(model, (inputs, problem[1]), t=DAY, chips=4)
    assert found.ranked()[0][0] == "0"
    assert found.cost("0").low > found.cost("2").high
    assert found.share("0").low > 0.0
    spared = layer_sensitivity(model, (inputs, problem[1]), t=DAY, chips=4, kind="spared")
    assert spared.ranked()[0][0] == "0"
    assert spared.cost("0").high < spared.cost("2").low


def test_layers_of_several_matrices_count_as_one():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.out = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = to_analog(Net(), AnalogConfig())
        x = torch.randn(8, 5, 4)
    calibrate(model, [x])
    found = layer_sensitivity(model, (x, torch.arange(8) % 2), t=1.0, chips=2)
    assert found.layers == ("lstm", "out", WHOLE)
    assert len(list(analog_layers(model))) > 2


def test_interrupted(analog, problem, found, tmp_path):
    path = tmp_path / "journal.safetensors"

    def stop(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        layer_sensitivity(analog, problem, t=DAY, chips=4, journal=path, on_progress=stop)
    told = []
    again = layer_sensitivity(
        analog, problem, t=DAY, chips=4, journal=path, on_progress=lambda *x: told.append(x)
    )
    assert told[0] == (7, 12)  # two chips of three passes were kept
    np.testing.assert_array_equal(again.costs, found.costs)
    with pytest.raises(ResumeError, match="kind"):
        layer_sensitivity(analog, problem, t=DAY, chips=4, journal=path, kind="spared")


def test_tables(found, tmp_path):
    found.write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith("layer,parameters,cost,sem,low,high\n0,512,")
    assert found.to_dict()["layers"][2]["layer"] == WHOLE


def test_one_chip_leaves_what_is_unknown_empty(analog, problem, tmp_path):
    result = layer_sensitivity(analog, problem, t=DAY, chips=1)
    assert result.cost("0").interval == "one chip: no interval"
    result.write(tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().splitlines()[1].endswith(",,,")
    assert "nan" not in (tmp_path / "a.csv").read_text()
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["layers"][0]["low"] is None


def test_bad_arguments(analog, digital, problem, found):
    with pytest.raises(InvalidArgumentError, match="must have analog layers"):
        layer_sensitivity(digital, problem)
    with pytest.raises(UnknownNameError, match="Choices: alone, spared"):
        layer_sensitivity(analog, problem, kind="both")
    with pytest.raises(UnknownNameError, match="analog layer"):
        found.cost("7")
