"""The bank of normal numbers against exact draws."""

import pytest
import torch
from torch import nn

from analognas.nn import AnalogConfig, InputRange, attach, to_analog
from analognas.nn.hwa.noise import BANK_SIZE, BankNoise, ExactNoise
from analognas.nn.kernels.threads import PART

SOURCES = {"exact": ExactNoise, "bank": BankNoise}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("std", [0.5, "tensor"])
def test_moments(name, std):
    torch.manual_seed(0)
    source, n = SOURCES[name](), 400_000
    like = torch.zeros(4, n // 4)
    spread = torch.tensor([[0.5], [1.0], [2.0], [0.5]]) if std == "tensor" else 0.5
    for draw in (
        source.normal(like, spread),
        source.added(like, spread),
        source.add(like.clone(), spread),
    ):
        z = draw / spread
        assert abs(z.mean()) < 5 / n**0.5
        assert abs(z.std() - 1) < 5 / (2 * n) ** 0.5
        assert abs(0.95 * z.std() - 1) > 5 / (2 * n) ** 0.5
        assert abs(z.pow(3).mean()) < 5 * (15 / n) ** 0.5
        assert abs(z.pow(4).mean() - 3) < 5 * (96 / n) ** 0.5


@pytest.mark.parametrize("name", SOURCES)
def test_every_draw_obeys_the_seed(name):
    like, draws = torch.zeros(1000), []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        draws.append(SOURCES[name]().normal(like, 1.0))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("name", SOURCES)
def test_any_memory_format_is_filled(name):
    torch.manual_seed(0)
    y = torch.zeros(2, 8, 64, 64).to(memory_format=torch.channels_last)
    SOURCES[name]().add(y, 1.0)
    assert (y != 0).all()
    assert abs(y.std() - 1) < 0.02


def test_tensors_longer_than_the_bank_are_filled_in_pieces():
    torch.manual_seed(0)
    y = BankNoise().add(torch.zeros(BANK_SIZE + 1000), 1.0)
    assert (y != 0).float().mean() > 0.999
    assert abs(torch.corrcoef(torch.stack([y[:1000], y[-1000:]]))[0, 1]) < 0.16


def test_the_bank_is_decorrelated_over_1000_steps():
    """The noise of one weight tensor in 1,000 steps: no pair of steps, and no lag, is more alike than chance.

    10,000 weights, so a correlation has a standard error of 0.01. Of 499,500 pairs, 5 standard errors are
    passed by 0.3 in exact draws. Steps that read the bank at the same place would be equal (correlation 1):
    by chance 0.12 pairs of places are the same.
    """
    torch.manual_seed(0)
    source, n_steps, n = BankNoise(), 1000, 10_000
    draws = torch.stack([source.normal(torch.zeros(n), 1.0) for _ in range(n_steps)])
    correlation = torch.corrcoef(draws)
    correlation.fill_diagonal_(0.0)
    assert int((correlation.abs() > 5 / n**0.5).sum()) / 2 <= 5
    upper = correlation[tuple(torch.triu_indices(n_steps, n_steps, offset=1))]
    assert abs(upper.std() * n**0.5 - 1) < 0.02
    # The mean over steps falls as 1 / sqrt(steps): training sees no lasting bias.
    mean = draws.mean(0)
    assert abs(mean.std() * n_steps**0.5 - 1) < 5 / (2 * n) ** 0.5 + 0.02
    # One step's weights are independent of each other.
    assert abs((draws[:, 1:] * draws[:, :-1]).mean()) < 5 / (n_steps * n) ** 0.5 * 3


def accuracy(noise_source, seed):
    """Accuracy (%) of a small network trained hardware-aware on two noisy rings."""
    torch.manual_seed(seed)
    config = AnalogConfig(noise_source=noise_source, input_range=InputRange(init_batches=5))
    model = to_analog(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2)), config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    attach(model, optimizer)
    x = torch.randn(2048, 8)
    target = (x.norm(dim=1) > 2.7).long()
    for _ in range(100):
        batch = torch.randint(1536, (128,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x[batch]), target[batch]).backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        return 100 * float((model(x[1536:]).argmax(1) == target[1536:]).float().mean())


def test_the_bank_trains_to_the_same_accuracy():
    results = {name: torch.tensor([accuracy(name, seed) for seed in range(4)]) for name in SOURCES}
    difference = results["bank"] - results["exact"]
    error = float(torch.cat(list(results.values())).std()) * (2 / 4) ** 0.5
    assert abs(float(difference.mean())) < 3 * error
    assert min(r.mean() for r in results.values()) > 75.0


def test_parts_that_threads_share_read_different_places_of_the_bank():
    """Correlations of the 65,536 numbers of each part with those of the others: 5 standard errors."""
    torch.manual_seed(0)
    for name in SOURCES:
        parts = SOURCES[name]().normal(torch.zeros(5 * PART), 1.0).view(5, PART)
        correlation = torch.corrcoef(parts).fill_diagonal_(0.0)
        assert correlation.abs().max() < 5 / PART**0.5
