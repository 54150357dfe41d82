import pytest
import torch
from torch import nn


def _measured(network, shape):
    macs = 0

    def count(module, _, output):
        nonlocal macs
        per_output = module.weight[0].numel() + (module.bias is not None)
        macs += output[0].numel() * per_output

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    device = next(network.parameters()).device
    network.eval()(torch.zeros(1, *shape, device=device))
    return sum(parameter.numel() for parameter in network.parameters()), macs


@pytest.fixture(scope="session")
def measured():
    """Parameters and multiply-accumulates of a network, by a forward pass; any device, also "meta"."""
    return _measured
