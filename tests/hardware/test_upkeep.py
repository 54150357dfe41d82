import re

import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.data import DataSet, Split
from analognas.drift import DriftEvaluator, direct_mapping
from analognas.hardware import (
    UpkeepPolicy,
    UpkeepSettings,
    find_chip,
    network_cost,
    programming_cost,
    recalibration_cost,
    upkeep,
)
from analognas.hardware.upkeep_networks import analog_cost
from analognas.nn import AnalogConfig, DriftCompensation, analog_layers
from analognas.physics import PCM, PowerLaw

DAY, MONTH, YEAR = 86400.0, 30 * 86400.0, 365 * 86400.0
SMALL = UpkeepSettings(chips=3, rate=1e-3)


@pytest.fixture(scope="module")
def problem():
    """A classifier whose bias is digital, so that drift costs accuracy, on devices that drift alike."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(400, 8, generator=generator)
    y = (x[:, 0] > 0.5).long()
    net = nn.Linear(8, 2)
    with torch.no_grad():
        net.weight.zero_()
        net.weight[1, 0] = 1.0
        net.bias.copy_(torch.tensor([0.5, 0.0]))
    config = AnalogConfig(device=PowerLaw(nu=0.06, t_0=20.0), out_noise=0.0)
    model = direct_mapping(net, [x], config)
    return model, (x, y), network_cost(net, find_chip("hermes"), input_shape=(8,))


@pytest.fixture(scope="module")
def result(problem):
    return upkeep(*problem, SMALL)


def test_energy_is_what_is_done(problem, result):
    cost = problem[2]
    once, measured = programming_cost(cost), recalibration_cost(cost)
    found = {policy.policy.name: policy for policy in result.policies}
    counts = {name: (p.n_programmings, p.n_compensations) for name, p in found.items()}
    assert counts == {
        "never": (1, 0),
        "compensate daily": (1, 365),
        "reprogram monthly": (13, 0),
        "both": (13, 365),
    }
    inferences = 1e-3 * YEAR * cost.energy
    for name, (writings, readings) in counts.items():
        policy = found[name]
        assert policy.times[-1] == pytest.approx(YEAR)
        assert policy.energies[-1] == pytest.approx(
            writings * once.energy + readings * measured.energy + inferences
        )
        # Bounds of programming, and the chip's error factor on all that its MVMs take.
        factor = cost.energy.factor
        assert factor > 1.5
        rest = readings * float(measured.energy) + float(inferences)
        assert policy.high[-1] == pytest.approx(writings * once.energy.high + rest * factor)
        assert policy.low[-1] == pytest.approx(writings * once.energy.low + rest / factor)
        assert sum(policy.spent.values()) == pytest.approx(policy.energies[-1])
        assert list(policy.energies) == sorted(policy.energies)


def test_accuracy_follows_the_policy(result):
    never, daily, monthly, both = result.policies
    assert never.mean.high < daily.mean.low < daily.mean.value + 1e-9
    assert never.mean.value < monthly.mean.value
    assert both.mean.value > monthly.mean.value
    # A month after each programming is the same: drift starts again.
    at = dict(zip(monthly.times, monthly.accuracy, strict=True))
    assert at[MONTH] == at[2 * MONTH]
    assert at[60.0] == at[MONTH + 60.0]
    assert at[MONTH] == dict(zip(never.times, never.accuracy, strict=True))[MONTH]


def test_the_mean_over_time_is_an_integral(problem):
    settings = SMALL.replace(policies=(UpkeepPolicy(name="n"),), duration=3600.0)
    found = upkeep(*problem, settings).policies[0]
    assert found.times == (60.0, 3600.0)
    first, last = (a.value for a in found.accuracy)
    share = (60.0 + 3600.0) / 2 / 3600.0
    assert found.mean.value == pytest.approx(share * first + (1 - share) * last)


def test_compensation_is_that_of_the_given_time(problem):
    model, data, _ = problem
    evaluator = DriftEvaluator(chips=2)
    now = evaluator.evaluate(model, data, times=(60.0, YEAR))
    same = evaluator.evaluate(model, data, times=(60.0, YEAR), compensated=(60.0, YEAR))
    assert np.array_equal(now.chip_scores, same.chip_scores)
    none = evaluator.evaluate(model, data, times=(60.0, YEAR), compensated=(None, None))
    old = evaluator.evaluate(model, data, times=(60.0, YEAR), compensated=(60.0, 60.0))
    assert none.at(YEAR).value < old.at(YEAR).value < now.at(YEAR).value
    for wrong in ((None,), (DAY, None), (DAY, YEAR), (60.0, 2 * YEAR)):
        with pytest.raises(InvalidArgumentError, match="`compensated` must"):
            evaluator.evaluate(model, data, times=(60.0, YEAR), compensated=wrong)


def test_fewer_iterations_save_energy_and_cost_accuracy(problem):
    data = problem[1]
    torch.manual_seed(0)
    net = nn.Linear(8, 2)
    net.load_state_dict(
        {"weight": torch.tensor([[0.0] * 8, [1.0] + [0.1] * 7]), "bias": torch.tensor([0.5, 0.0])}
    )
    model = direct_mapping(net, [data[0]], AnalogConfig(device=PCM(), out_noise=0.0))
    settings = SMALL.replace(
        policies=(UpkeepPolicy(name="p", compensate_every=60.0),), duration=DAY
    )
    all_of_them = upkeep(model, data, problem[2], settings)
    few = upkeep(model, data, problem[2], settings.replace(iterations=1))
    assert few.noise_scale > 3.0 > all_of_them.noise_scale == 1.0
    assert few.programming.energy < all_of_them.programming.energy
    assert few.policies[0].mean.value < all_of_them.policies[0].mean.value
    # The given network is not changed.
    assert analog_layers(model)[0][1].config.device.prog_noise_scale == 1.0


def test_text_and_values(result):
    text = str(result)
    lines = text.splitlines()
    assert [line.split("  ")[0] for line in lines[1:6]] == [
        "policy", "never", "compensate daily", "reprogram monthly", "both",
    ]  # fmt: skip
    assert f"mJ (x{result.inference_energy.factor:.2g})" in lines[0]
    # Cells of a row never touch.
    assert all(len(re.split(r" {2,}", line)) == 9 for line in lines[1:6])
    assert lines[6].startswith("programming: ")
    assert lines[7].startswith("recalibration: ")
    payload = result.to_dict()
    assert payload["policies"][1]["compensations"] == 365
    assert payload["policies"][0]["rows"][0]["time"] == 60.0
    assert UpkeepSettings.from_dict(payload["settings"]) == SMALL


def test_errors(problem):
    model, data, cost = problem
    with pytest.raises(InvalidArgumentError, match="two|2 are called 'a'"):
        UpkeepSettings(policies=(UpkeepPolicy(name="a"), UpkeepPolicy(name="a")))
    often = SMALL.replace(policies=(UpkeepPolicy(name="often", reprogram_every=60.0),))
    with pytest.raises(InvalidArgumentError, match="`reprogram_every` of 'often' must leave fewer"):
        upkeep(model, data, cost, often)
    isaac = network_cost(nn.Linear(8, 2), find_chip("isaac"), input_shape=(8,))
    with pytest.raises(
        InvalidArgumentError, match="'isaac' are not published; give your own figures"
    ):
        upkeep(model, data, isaac, SMALL)
    config = AnalogConfig(compensation=DriftCompensation(kind="none"))
    plain = direct_mapping(nn.Linear(8, 2), [data[0]], config)
    with pytest.raises(InvalidArgumentError, match="'compensate daily' needs a network with drift"):
        upkeep(plain, data, cost, SMALL)


class Mixed(nn.Module):
    """Recurrent, attention and linear layers."""

    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(8, 16, batch_first=True)
        self.att = nn.MultiheadAttention(16, 2, batch_first=True)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        h, _ = self.rnn(x)
        h, _ = self.att(h, h, h)
        return self.out(h[:, -1])


def test_layers_that_stay_digital_are_not_on_crossbars():
    x = torch.randn(12, 5, 8, generator=torch.Generator().manual_seed(0))
    part = Split(x, torch.arange(12) % 3)
    data = DataSet("mixed", "classification", part, None, part, (5, 8), 3)
    everything = {
        "rnn.weight_ih_l0",
        "rnn.weight_hh_l0",
        "att.query",
        "att.key",
        "att.value",
        "att.out_proj",
        "out",
    }
    for digital, absent in (
        ((), set()),
        (("last",), {"out"}),
        (("rnn",), {"rnn.weight_ih_l0", "rnn.weight_hh_l0"}),
    ):
        model = direct_mapping(Mixed().eval(), [x], AnalogConfig(digital=digital))
        cost = analog_cost(model, data, find_chip("hermes"))
        assert {layer.name for layer in cost.layers} == everything - absent
    lstm = direct_mapping(nn.LSTM(8, 16, batch_first=True).eval(), [x])
    assert len(analog_cost(lstm, data, find_chip("hermes")).layers) == 2
