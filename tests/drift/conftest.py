import pytest
import torch
from torch import nn

from analognas.nn import AnalogConfig, calibrate, to_analog


@pytest.fixture(scope="session")
def problem():
    """Inputs and targets of four overlapping classes."""
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(400) % 4
    inputs = torch.randn(400, 16, generator=generator)
    inputs[torch.arange(400), targets] += 2.0
    return inputs, targets


@pytest.fixture(scope="session")
def digital(problem):
    """A small network that is right on most of them."""
    inputs, targets = problem
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(inputs), targets).backward()
        optimizer.step()
    return net.eval()


@pytest.fixture(scope="session")
def analog(digital, problem):
    """The same on tiles."""
    return calibrate(to_analog(digital, AnalogConfig()), [problem[0]]).eval()
