import copy

import numpy as np
import pytest
import torch
from scipy.stats import kendalltau
from torch import nn

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.spaces.proxies import PROXIES, log_synflow, naswot, proxy_scores


def state_of(model):
    return {
        "tensors": {name: value.clone() for name, value in model.state_dict().items()},
        "grads": [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        "requires_grad": [p.requires_grad for p in model.parameters()],
        "training": [module.training for module in model.modules()],
        "momenta": [getattr(module, "momentum", None) for module in model.modules()],
        "hooks": [len(module._forward_hooks) for module in model.modules()],
        "objects": [id(value) for value in (*model.parameters(), *model.buffers())],
    }


def assert_same(one, other):
    for name, value in one["tensors"].items():
        assert torch.equal(value, other["tensors"][name]), name
    for mine, theirs in zip(one["grads"], other["grads"], strict=True):
        assert (mine is None) == (theirs is None)
        assert mine is None or torch.equal(mine, theirs)
    for key in ("requires_grad", "training", "momenta", "hooks", "objects"):
        assert one[key] == other[key], key


class Failing(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        self.conv(self.norm(x))
        raise RuntimeError("inside the model")


class Returns(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return self.kind([self.conv(torch.relu(x))])


@pytest.mark.parametrize("name", list(PROXIES))
def test_the_model_and_the_global_generator_stay_as_they_were(network, batch, name):
    network.train()
    network[3].eval()
    network[0].weight.requires_grad_(False)
    network(batch).sum().backward()
    before, random = state_of(network), torch.get_rng_state()
    score = proxy_scores(network, batch, generator=torch.Generator().manual_seed(0), proxies=[name])
    assert np.isfinite(score[name])
    assert_same(before, state_of(network))
    assert torch.equal(random, torch.get_rng_state())


@pytest.mark.parametrize("name", list(PROXIES))
def test_a_model_that_fails_stays_as_it_was(batch, name):
    model = Failing()
    before = state_of(model)
    if name != "params":
        with pytest.raises(RuntimeError, match="inside the model"):
            proxy_scores(model, batch, generator=torch.Generator(), proxies=[name])
    assert_same(before, state_of(model))


@pytest.mark.parametrize("name", list(PROXIES))
def test_scores_follow_from_weights_batch_and_generator(network, batch, name):
    scores = [
        proxy_scores(
            copy.deepcopy(network).train(training),
            batch,
            generator=torch.Generator().manual_seed(5),
        )[name]
        for training in (True, False)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("name", [name for name in PROXIES if name != "params"])
@pytest.mark.parametrize("kind", [tuple, list])
def test_outputs_that_are_no_tensor(batch, name, kind):
    with pytest.raises(
        InvalidArgumentError, match=f"must return one tensor, but got {kind.__name__}"
    ):
        proxy_scores(Returns(kind), batch, generator=torch.Generator(), proxies=[name])


def test_bad_input(network, batch):
    generator = torch.Generator()
    with pytest.raises(UnknownNameError, match="Did you mean 'naswot'"):
        proxy_scores(network, batch, generator=generator, proxies=["nas_wot"])
    for wrong in (batch.long(), batch.numpy(), torch.zeros(3), batch[:0]):
        with pytest.raises(InvalidArgumentError, match="`x` must be a floating-point batch"):
            proxy_scores(network, wrong, generator=generator)
    for name in PROXIES:
        with pytest.raises(InvalidArgumentError, match="`model` must be a torch module"):
            proxy_scores("net", batch, generator=generator, proxies=[name])


def ranks(space, shared, n, batch, size=32):
    """Kendall tau of NASWOT and log-synflow with published scores, on n cells whose output depends on the input."""
    file = np.load(shared / "data" / "nb201_core.npz", allow_pickle=False)
    assert file["zc_names"].tolist()[:2] == ["naswot", "logsynflow"]
    indices = np.random.default_rng(0).permutation(space.size)
    indices = indices[space.reaches_output(space.from_indices(indices))][:n]
    x = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0))
    scores = []
    for index in indices:
        torch.manual_seed(3)
        network = space.build(int(index))
        scores.append((naswot(network, x), log_synflow(network)))
    published = file["zc"][indices, 0]
    return [
        kendalltau(mine, published[:, k]).statistic
        for k, mine in enumerate(zip(*scores, strict=True))
    ]


def lowest(tau, n):
    """Lower bound at five standard errors of a sample's tau when the population's is ``tau``.

    The variance of tau for normal scores of correlation r = sin(pi tau / 2) is at most
    2 (1 - tau^2) / n (Kendall, Rank Correlation Methods, section 4).
    """
    return tau - 5 * (2 * (1 - tau**2) / n) ** 0.5


def test_ranks_agree_with_published_scores(space, shared):
    n = 40
    taus = ranks(space, shared, n, batch=8, size=16)
    # Scores of other weights and images than ours; chance has tau within 5 x 0.11 of zero.
    chance = 5 * (2 * (2 * n + 5) / (9 * n * (n - 1))) ** 0.5
    assert all(tau > max(chance, 0.5) for tau in taus), taus


@pytest.mark.slow
def test_ranks_agree_with_published_scores_on_200_cells(space, shared):
    naswot_tau, flow_tau = ranks(space, shared, 200, batch=64)
    assert naswot_tau > lowest(0.85, 200)
    assert flow_tau > lowest(0.9, 200)
