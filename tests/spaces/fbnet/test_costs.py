import numpy as np
import pytest
import torch

from analognas.core import UnknownNameError
from analognas.spaces import FBNetSpace


@pytest.fixture(scope="module")
def tables(shared):
    """Cost of each key by metric."""
    file = np.load(shared / "data" / "hwnas_fbnet_lut.npz", allow_pickle=False)
    keys = [str(key) for key in file["keys"]]
    return {
        str(metric): dict(zip(keys, file["values"][:, column].tolist(), strict=True))
        for column, metric in enumerate(file["metrics"])
    }


def check_counts(measured, space, shape, n_classes, n):
    population = space.sample(n, generator=np.random.default_rng(0))
    population[:9] = np.arange(9)[: len(population), None]
    params = space.params(population, shape, n_classes)
    macs = space.macs(population, shape, n_classes)
    for row, expected in zip(population, zip(params, macs, strict=True), strict=True):
        with torch.device("meta"):
            network = space.build(row, shape, n_classes)
        assert measured(network, shape) == expected


@pytest.mark.parametrize(
    ("setting", "shape", "n_classes"),
    [("cifar100", (3, 32, 32), 100), ("ImageNet", (2, 65, 40), 7)],
)
def test_counts_equal_the_built_network(measured, setting, shape, n_classes):
    check_counts(measured, FBNetSpace(setting), shape, n_classes, 10)


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["cifar100", "ImageNet"])
def test_counts_equal_200_built_networks(measured, setting):
    space = FBNetSpace(setting)
    check_counts(measured, space, space.input_shape, space.n_classes, 200)


def test_counts_by_hand():
    # One block: 16 channels, 1 x 1 to 96, depthwise 5 x 5, 1 x 1 to 16, at 32 x 32; instead of an identity.
    space = FBNetSpace()
    with_block, without = space.population([[7] + [8] * 21, [8] * 22])[:, None]
    params = 16 * 96 + 2 * 96 + 25 * 96 + 2 * 96 + 96 * 16 + 2 * 16
    assert space.params(with_block) - space.params(without) == params
    macs = 1024 * (16 * 96 + 25 * 96 + 96 * 16)
    assert space.macs(with_block) - space.macs(without) == macs
    # Grouped: two groups of 8 to 8 channels in both 1 x 1 convolutions.
    grouped = space.population([[1] + [8] * 21])
    assert space.params(grouped) - space.params(without) == 2 * (2 * 64 + 32) + 9 * 16 + 32


def test_keys_name_the_layers():
    keys = FBNetSpace("ImageNet").cost_keys([8] + ["k5_e6"] * 20 + [1])
    assert len(keys) == 26
    assert keys[:3] == (
        "ConvNorm_H224_W224_Cin3_Cout16_kernel3_stride2_group1",
        "Skip_H112_W112_Cin16_Cout16_stride1",
        "ConvBlock_H112_W112_Cin16_Cout24_exp6_kernel5_stride2_group1",
    )
    assert keys[-4:] == (
        "ConvBlock_H7_W7_Cin184_Cout352_exp1_kernel3_stride1_group2",
        "ConvNorm_H7_W7_Cin352_Cout1984_kernel1_stride1_group1",
        "AvgP_H7_W7_Cin1984_Cout1984_kernel7_stride1",
        "FC_Cin1984_Cout1000",
    )


@pytest.mark.parametrize("setting", ["cifar100", "ImageNet"])
def test_every_key_is_in_the_published_table(tables, setting):
    space = FBNetSpace(setting)
    every_operation = np.repeat(np.arange(9, dtype=np.int8)[:, None], 22, axis=1)
    used = {key for row in every_operation for key in space.cost_keys(row)}
    for metric, table in tables.items():
        assert used <= set(table), metric
    if setting == "cifar100":
        other = {key for row in every_operation for key in FBNetSpace("ImageNet").cost_keys(row)}
        # Nothing of the table is left over but the classifier of a third data set.
        assert set(tables["fpga_latency"]) - used - other == {"FC_Cin1504_Cout10"}


@pytest.mark.parametrize("device", ["fpga", "eyeriss", "pixel3", "raspi4"])
def test_sums_are_the_published_latencies(shared, tables, device):
    file = np.load(shared / "data" / "help_fbnet_latency.npz", allow_pickle=False)
    column = [str(name) for name in file["devices"]].index(device)
    space, table = FBNetSpace(), tables[f"{device}_latency"]
    population = space.population(file["arch"])
    np.testing.assert_allclose(
        space.sum_costs(population, table), file["latency_ms"][:, column], rtol=1e-14
    )
    by_keys = sum(table[key] for key in space.cost_keys(population[0]))
    assert by_keys == pytest.approx(file["latency_ms"][0, column], rel=1e-14)


@pytest.mark.parametrize("setting", ["cifar100", "ImageNet"])
def test_sums_are_those_of_the_keys(setting):
    space = FBNetSpace(setting)
    generator = np.random.default_rng(0)
    # Whole numbers: exact in any order.
    table = {key: float(generator.integers(2**40)) for key in space.every_cost_key()}
    rows = space.sample(300, generator=generator)
    expected = [sum(table[key] for key in space.cost_keys(row)) for row in rows]
    np.testing.assert_array_equal(space.sum_costs(rows, table), expected)
    assert space.sum_costs(rows[:0], table).shape == (0,)


def test_a_table_without_an_operation_is_refused():
    space = FBNetSpace()
    table = {key: 1.0 for number in range(9) for key in space.cost_keys([number] * 22)}
    population = space.population([[0] * 22, [8] * 22])
    assert space.sum_costs(population, table).tolist() == [26, 26]
    del table["FC_Cin1504_Cout100"]
    with pytest.raises(UnknownNameError, match="lacks 1 keys.*'FC_Cin1504_Cout100'"):
        space.sum_costs(population, table)
