import pytest
import torch
from torch import nn
from torch.nn import functional as F

from analognas.nn import to_analog


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


def _run_and_convert(space, arch):
    network = space.build(arch)
    x = torch.randn(2, *space.input_shape, generator=torch.Generator().manual_seed(0))
    F.cross_entropy(network(x), torch.tensor([0, 1])).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    network.zero_grad()
    y = to_analog(network, inplace=True).eval()(x)
    assert y.shape == (2, space.n_classes)
    assert torch.isfinite(y).all()


@pytest.fixture(scope="session")
def run_and_convert():
    """Build a network for its space's own input, run it forward and backward, and again as analog layers."""
    return _run_and_convert
