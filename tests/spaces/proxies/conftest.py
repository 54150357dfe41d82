import pytest
import torch
from torch import nn


@pytest.fixture
def network():
    """A small network with everything that a pass could change."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


@pytest.fixture
def batch():
    return torch.randn(12, 3, 8, 8, generator=torch.Generator().manual_seed(1))
