import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from analognas.nn import AnalogConfig, Clip, TileSize, WeightScaling
from analognas.nn.tile.products import LinearProduct
from analognas.nn.tile.scales import clip_limit, standard_deviation, weight_scales
from analognas.nn.tile.tiled_layer import TiledLayer
from analognas.nn.tile.tiling import TileGrid

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, -4.0], [0.0, 0.0, 0.25]])


def plan_of(**changes):
    config = AnalogConfig(tile=TileSize(rows=2, columns=2), **changes)
    return TiledLayer(config, LinearProduct(), TileGrid.cut(config.tile, channels=3, outputs=3))


@pytest.mark.parametrize(
    ("per", "expected"),
    [
        ("layer", [[4, 4, 4], [4, 4, 4]]),
        ("tile", [[3, 3, 1], [4, 4, 0.25]]),
        ("column", [[2, 3, 1], [0.5, 4, 0.25]]),
    ],
)
def test_by_hand_and_zeros_have_the_scale_one(per, expected):
    scale = weight_scales(WEIGHT, plan_of(scaling=WeightScaling(per=per)))
    assert scale.tolist() == expected


def test_limits():
    assert clip_limit(WEIGHT, torch.ones(2, 3), plan_of(clip=Clip(kind="none"))) is None
    gaussian = clip_limit(WEIGHT, torch.ones(2, 3), plan_of(clip=Clip(sigma=1.5)))
    assert float(gaussian) == pytest.approx(1.5 * float(WEIGHT.std()), rel=1e-6)
    tiled = plan_of(clip=Clip(kind="fixed", value=0.5), scaling=WeightScaling(per="column"))
    limit = clip_limit(WEIGHT, torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), tiled)
    rows = torch.tensor([[0.5, 0.5, 2.0], [1.0, 1.0, 2.5], [1.5, 1.5, 3.0]])
    assert torch.equal(limit, rows)


@given(st.integers(1, 50), st.floats(-1e3, 1e3), st.floats(1e-3, 1e3))
def test_the_cheap_spread_is_the_exact_one(n, mean, std):
    """Also where the mean is large beside the spread, where two sums would lose all digits."""
    weight = mean + std * torch.randn(n, generator=torch.Generator().manual_seed(n))
    exact = float(weight.double().std(correction=min(1, n - 1)))
    assert float(standard_deviation(weight)) == pytest.approx(
        exact, rel=1e-4, abs=1e-6 * (abs(mean) + std)
    )
