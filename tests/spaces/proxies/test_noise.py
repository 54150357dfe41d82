import math

import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.spaces.proxies import noise_sensitivity


def sensitivity(model, x, seed=0, **settings):
    return noise_sensitivity(model, x, generator=torch.Generator().manual_seed(seed), **settings)


def one_matrix(seed=0, outputs=40, inputs=50):
    generator = torch.Generator().manual_seed(seed)
    layer = nn.Linear(inputs, outputs, bias=False)
    layer.weight.data = torch.rand(outputs, inputs, generator=generator) - 0.5
    return layer, torch.randn(30, inputs, generator=generator)


def test_one_matrix_in_closed_form():
    layer, x = one_matrix()
    spread, n_draws = 0.05, 200
    # E|x D|^2 = outputs * var * |x|^2, with var = (spread * max|W|)^2.
    clean = x @ layer.weight.detach().T
    std = spread * layer.weight.detach().abs().max()
    expected = float(std * (len(layer.weight) ** 0.5) * x.norm() / (clean - clean.mean(0)).norm())
    found = sensitivity(layer, x, weight_noise=spread, n_draws=n_draws)
    # |x D| is the root of a sum of squares over 40 independent outputs, each weighted by eigenvalues of x^T x: its
    # relative standard deviation is at most sqrt(sum l^2 / (2 * 40)) / sum l, and its mean lies below the root of the
    # mean square by half the relative variance.
    eigenvalues = torch.linalg.eigvalsh(x.T @ x)
    relative = float((eigenvalues.square().sum() / (2 * 40)).sqrt() / eigenvalues.sum())
    tolerance = 5 * relative / n_draws**0.5 + relative**2
    assert found == pytest.approx(expected, rel=tolerance)
    # The test would see noise that is wrong by 5 %.
    planted = sensitivity(layer, x, weight_noise=1.05 * spread, n_draws=n_draws)
    assert planted != pytest.approx(expected, rel=tolerance)


def test_linear_in_the_noise_where_the_network_is_linear():
    layer, x = one_matrix()
    small, large = (sensitivity(layer, x, weight_noise=noise) for noise in (0.01, 0.1))
    assert large == pytest.approx(10 * small, rel=1e-4)
    assert sensitivity(layer, x, weight_noise=0.0) == 0.0


def test_same_generator_same_score(network, batch):
    assert sensitivity(network, batch, seed=1) == sensitivity(network, batch, seed=1)
    assert sensitivity(network, batch, seed=1) != sensitivity(network, batch, seed=2)


def test_batch_norm_keeps_the_statistics_of_the_clean_pass():
    # With its own statistics in every pass, a batch norm would undo noise that only scales its input.
    conv = nn.Conv2d(1, 1, 1, bias=False)
    conv.weight.data.fill_(1.0)
    x = torch.randn(64, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    bare = nn.Sequential(conv, nn.Flatten())
    normed = nn.Sequential(conv, nn.BatchNorm2d(1), nn.Flatten())
    assert sensitivity(normed, x) == pytest.approx(sensitivity(bare, x), rel=0.05)


def test_a_constant_network_has_no_signal(batch):
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 4))
    nn.init.zeros_(model[1].weight)
    assert sensitivity(model, batch) == math.inf


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"weight_noise": -0.1}, "`weight_noise` must be a finite number of at least 0.0"),
        ({"n_draws": 0}, "`n_draws` must be an integer of at least 1"),
    ],
)
def test_bad_numbers(network, batch, settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        sensitivity(network, batch, **settings)


def test_a_model_without_matrices(batch):
    with pytest.raises(InvalidArgumentError, match="must have a matrix"):
        sensitivity(nn.ReLU(), batch)
