import math

import numpy as np
import pytest
import torch
from torch import nn

from analognas.core import InvalidArgumentError
from analognas.spaces.proxies import naswot


def test_against_hamming_distances(network, batch):
    # Every pattern kept, and the kernel by its definition.
    network.eval()
    network[1].train()
    h = network[1](network[0](batch))
    codes = [(h > 0).flatten(1), (network[4](h.relu()) > 0).flatten(1)]
    codes = torch.cat(codes, dim=1).numpy()
    distances = (codes[:, None] != codes[None]).sum(axis=2)
    expected = np.linalg.slogdet((codes.shape[1] - distances).astype(float))[1]
    # The determinant of the kernel is computed in float64 from integers on both sides.
    assert naswot(network, batch) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "rectifier",
    [
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.ReLU6(),
        nn.LeakyReLU(0.1),
        nn.GELU(),
        nn.SiLU(),
        nn.ELU(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_rectifiers_that_keep_the_sign_score_alike(batch, rectifier):
    torch.manual_seed(0)
    first = nn.Conv2d(3, 4, 3)
    score = naswot(nn.Sequential(first, rectifier, nn.Flatten()), batch)
    assert score == naswot(nn.Sequential(first, nn.ReLU(), nn.Flatten()), batch)


def test_functions_count_as_modules_do(batch):
    class Functional(nn.Sequential):
        def forward(self, x):
            return torch.relu(self[0](x)).flatten(1)

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3)
    module = nn.Sequential(conv, nn.ReLU(), nn.Flatten())
    assert naswot(Functional(conv), batch) == naswot(module, batch)


def test_inputs_that_cannot_be_told_apart(network, batch):
    assert naswot(network, batch[:1].expand(4, -1, -1, -1)) == -math.inf


def test_bad_input(network, batch):
    with pytest.raises(InvalidArgumentError, match="at least 2 inputs"):
        naswot(network, batch[:1])
    with pytest.raises(InvalidArgumentError, match="rectifiers"):
        naswot(nn.Conv2d(3, 3, 1), batch)
