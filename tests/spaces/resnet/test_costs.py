import numpy as np
import pytest
import torch

from analognas.nn import TileSize, summary, to_analog
from analognas.nn.config import AnalogConfig
from analognas.spaces import STRUCTURE, ResNetSpace

BLOCK = {"R1": 2, "convblock1": 1, "widenfact1": 0.5, "B1": 2}
ONE = {"out_channel0": 8, "M": 1, **BLOCK}
NARROW = {"R2": 3, "convblock2": 2, "widenfact2": 0.8, "B2": 1}


def check_counts(measured, space, population):
    params, macs = space.params(population), space.macs(population)
    for row, expected in zip(population, zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = space.build(row)
        assert measured(network, space.input_shape) == expected


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"dataset": "KWS", "kernels": (1, 3, 5)},
        {"input_shape": (16, 33, 20), "n_classes": 3, "layout": "imagenet"},
    ],
)
def test_counts_equal_the_built_network(measured, settings):
    space = ResNetSpace(**settings)
    population = space.sample(100, generator=np.random.default_rng(0))
    shallow = space.structure(population)[:, STRUCTURE.index("layers")] < 60
    assert shallow.sum() >= 10
    check_counts(measured, space, population[shallow][:10])


@pytest.mark.slow
@pytest.mark.parametrize("dataset", ["CIFAR-10", "VWW", "KWS"])
def test_counts_equal_200_built_networks(measured, dataset):
    space = ResNetSpace(dataset)
    check_counts(measured, space, space.sample(200, generator=np.random.default_rng(1)))


def test_basic_blocks_by_hand():
    space = ResNetSpace()
    row = space.population([ONE])
    stem, stem_norm = 7 * 7 * 3 * 8, 2 * 8
    # 8 channels become 8 / 0.5 = 16; two residual blocks of two branches of two 3 x 3 convolutions.
    first = 2 * (9 * 8 * 16 + 9 * 16 * 16)
    second = 2 * (9 * 16 * 16 + 9 * 16 * 16)
    norms = 2 * 2 * 2 * 2 * 16
    skip, skip_norm = 8 * 8 + 8 * 8, 2 * 16
    classifier = 16 * 10 + 10
    convolutions = stem + first + second + skip
    assert (convolutions, stem_norm + norms + skip_norm) == (17_432, 304)
    assert space.params(row) == [convolutions + 304 + classifier]
    assert space.macs(row) == [convolutions * 32 * 32 + classifier]
    network = space.build(ONE)
    counted = {torch.nn.Conv2d: 0, torch.nn.BatchNorm2d: 0}
    for part in network.modules():
        if type(part) in counted:
            counted[type(part)] += sum(parameter.numel() for parameter in part.parameters())
    assert list(counted.values()) == [17_432, 304]


def test_bottlenecks_and_halving_by_hand():
    space = ResNetSpace()
    one, two = space.population([ONE, {**ONE, **NARROW, "M": 2}])[:, None]
    # 16 channels become 16 // 0.8 = 19 in binary fractions, 4 of them inside; the map is halved to 16 x 16.
    assert 16 // 0.8 == 19
    reduce_first, reduce, spatial, expand = 16 * 4, 19 * 4, 9 * 4 * 4, 4 * 19
    skip = 16 * 19
    weights = reduce_first + 2 * reduce + 3 * (spatial + expand) + skip
    norms = 3 * (2 * 4 + 2 * 4 + 2 * 19) + 2 * 19
    wider_classifier = 3 * 10
    assert space.params(two) - space.params(one) == weights + norms + wider_classifier
    at_full_size = reduce_first * (32 * 32 - 16 * 16)
    macs = weights * 16 * 16 + at_full_size + wider_classifier
    assert space.macs(two) - space.macs(one) == macs


def test_block_type_changes_the_network():
    space = ResNetSpace()
    basic, bottleneck = space.population([ONE, {**ONE, "convblock1": 2}])
    assert space.params(basic[None]) != space.params(bottleneck[None])
    assert space.features(basic[None])[0, 7] == 1
    assert space.features(bottleneck[None])[0, 7] == 2


@pytest.mark.parametrize("columns", [512, 64])
def test_tiles_are_those_of_the_analog_network(columns):
    space = ResNetSpace(kernels=(3, 7))
    config = AnalogConfig(tile=TileSize(rows=256, columns=columns))
    population = space.sample(400, generator=np.random.default_rng(2))
    population = population[space.params(population) < 2e6][:6]
    tiles = space.tiles(population, rows=256, columns=columns)
    structure = space.structure(population, rows=256, columns=columns)
    for row, n_tiles, features in zip(population, tiles, structure, strict=True):
        measured = summary(to_analog(space.build(row), config))
        assert measured.tiles == n_tiles
        assert features[STRUCTURE.index("log10_tiles")] == np.log10(n_tiles)
        assert features[STRUCTURE.index("utilisation")] == pytest.approx(measured.utilisation)


def test_structure_by_hand():
    space = ResNetSpace()
    population = space.population([ONE, {**ONE, **NARROW, "M": 2}])
    table = dict(zip(STRUCTURE, space.structure(population).T.tolist(), strict=True))
    # Stem, two blocks of two layers, three blocks of three layers, classifier.
    assert table["depth"] == [1 + 4 + 1, 1 + 4 + 9 + 1]
    assert table["layers"] == [1 + 2 * 4 + 2 + 1, 1 + 2 * 4 + 2 + 9 + 2 + 1]
    assert table["projections"] == [2, 4]
    assert table["mean_branches"] == [(1 + 2 * 4 + 1) / 6, (1 + 2 * 4 + 9 + 1) / 15]
    assert table["max_branches"] == [2, 2]
    assert table["last_width"] == [16, 19]
    assert table["max_width"] == [16, 19]
    assert table["max_fan_in"] == [147, 147]


def test_an_empty_population():
    space = ResNetSpace()
    none = space.population([])
    assert space.params(none).shape == space.macs(none).shape == space.tiles(none).shape == (0,)
    assert space.features(none).shape == (0, 22)
    assert space.structure(none).shape == (0, len(STRUCTURE))
