import numpy as np
import pytest

from analognas.spaces import SPACES
from analognas.testing.networks import check_network


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES.names())
def test_500_networks_run_and_convert(name):
    space, generator = SPACES.get(name)(), np.random.default_rng(0)
    # The smallest image that every architecture of every space can be built for.
    side = 17 if name == "fbnet_imagenet" else 8
    for row in space.sample(500, generator=generator):
        check_network(space, row, (3, side, side), 10, generator)
