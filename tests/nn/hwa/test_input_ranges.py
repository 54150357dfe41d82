"""Input ranges from the first batches: what counts as a batch, and gradient checkpointing."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from analognas.nn import (
    AnalogConfig,
    AnalogLinear,
    AnalogLSTM,
    InputRange,
    WeightModifier,
    to_analog,
)

QUIET = AnalogConfig(out_noise=0.0, modifier=WeightModifier(kind="none"))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def config(n):
    return QUIET.replace(input_range=InputRange(init_batches=n))


def trained(model, run, batches):
    """Ranges and gradients of every step of a training."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    seen = []
    for x in batches:
        optimizer.zero_grad()
        run(model, x).square().mean().backward()
        seen += [parameter.grad.clone() for parameter in model.parameters()]
        seen += [layer.input_range.detach().clone() for layer in model]
        optimizer.step()
    return seen


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("n", [0, 2, 50])
def test_checkpointing_changes_nothing_while_ranges_are_initialised(n, reentrant):
    plain = to_analog(nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 4)), config(n))
    other = copy.deepcopy(plain)
    batches = [torch.randn(32, 8, requires_grad=True) for _ in range(5)]

    def checkpointed(model, x):
        return checkpoint(model, x, use_reentrant=reentrant)

    expected = trained(plain, lambda model, x: model(x), batches)
    for ours, theirs in zip(trained(other, checkpointed, batches), expected, strict=True):
        torch.testing.assert_close(ours, theirs)
    assert [int(layer.input_range_batches) for layer in other] == [min(n, 5)] * 2


def test_ranges_are_learned_after_so_many_batches():
    layer = AnalogLinear(8, 4, config=config(2))
    moved = []
    for _ in range(4):
        layer.zero_grad()
        layer(torch.randn(1000, 8)).square().sum().backward()
        moved.append(bool(layer.input_range.grad != 0))
    assert moved == [False, False, True, True]
    assert int(layer.input_range_batches) == 2


def test_a_range_is_the_running_mean_of_spreads():
    layer, spreads = AnalogLinear(8, 4, config=config(3)), []
    for scale in (1.0, 2.0, 4.0, 8.0):
        x = scale * torch.randn(64, 8)
        layer(x)
        spreads.append(float(x.std()))
    expected = layer.config.input_range.init_std * sum(spreads[:3]) / 3
    assert float(layer.input_range.detach()) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_overflowed_batch_does_not_spoil_the_range(value):
    layer = AnalogLinear(8, 4, config=config(10))
    layer(torch.randn(64, 8))
    before = layer.input_range.detach().clone()
    layer(torch.full((4, 8), value))
    assert torch.equal(layer.input_range, before)


def test_a_copy_observes_for_itself():
    layer = AnalogLinear(8, 4, config=config(10))
    twin = copy.deepcopy(layer)
    twin(torch.randn(64, 8))
    assert (int(layer.input_range_batches), int(twin.input_range_batches)) == (0, 1)


def test_recurrent_layers_count_a_pass_once():
    layer = AnalogLSTM(4, 6, config=config(2))
    for _ in range(4):
        layer(torch.randn(5, 3, 4))
    assert {int(part.input_range_batches) for part in layer.matrices} == {2}
