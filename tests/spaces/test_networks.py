import numpy as np
import pytest

from analognas.spaces import SPACES, ConfigSpace
from analognas.testing.spaces import check_network


def convolutions():
    """A configuration space of one's own: conditions, a forbidden combination, a network by a function."""
    from torch import nn

    def network(arch, input_shape, n_classes):
        layers, width = [], input_shape[0]
        for _ in range(arch["depth"]):
            layers += [nn.Conv2d(width, arch["width"], arch["kernel"], padding="same"), nn.ReLU()]
            width = arch["width"]
        return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, n_classes))  # fmt: skip

    space = ConfigSpace(name="convolutions", network=network)
    space.add_hyperparameter("depth", "discrete", 0, 4)
    space.add_hyperparameter_range("width", "discrete", [4, 8, 16], when=("depth", ">", 0))
    space.add_hyperparameter("kernel", "discrete", 1, 5, step=2, when=("depth", ">", 0))
    space.add_forbidden({"depth": 4, "kernel": 5})
    return space


MADE = {**{name: SPACES.get(name) for name in SPACES.names()}, "convolutions": convolutions}


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_500_networks_run_and_convert(name):
    space, generator = MADE[name](), np.random.default_rng(list(MADE).index(name))
    channels, n_classes = getattr(space, "input_shape", (3,))[0], getattr(space, "n_classes", 10)
    # The smallest image that every architecture of every space can be built for; weights cost the time.
    side = 17 if name == "fbnet_imagenet" else 8
    for row in space.sample(500, generator=generator):
        check_network(space, row, (channels, side, side), n_classes, generator)
