import pytest
import torch
from torch import nn
from torch.nn import functional as F


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


def _shake(module):
    generator = torch.Generator().manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            for tensor in (part.running_mean, part.bias.data):
                tensor.uniform_(-0.5, 0.5, generator=generator)
            for tensor in (part.running_var, part.weight.data):
                tensor.uniform_(0.5, 2, generator=generator)
    return module.eval()


@pytest.fixture(scope="session")
def shake():
    """Give a module's batch norms statistics and weights that would show if they were skipped."""
    return _shake


def _normed(x, norm):
    return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)


@pytest.fixture(scope="session")
def normed():
    """Batch norm in evaluation by a function, from a module's tensors."""
    return _normed
