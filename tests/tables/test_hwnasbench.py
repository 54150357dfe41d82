"""HW-NAS-Bench against every published value that is at hand."""

import copy
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from analognas.core import (
    METRICS,
    DataNotFoundError,
    InvalidArgumentError,
    OutOfSpaceError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.spaces import FBNetSpace, NASBench201Space
from analognas.tables import (
    MEASUREMENTS,
    CellCosts,
    HardwareCost,
    HWNASBench,
    LayerCosts,
    NASBench201,
    Provenance,
    add_hw_nas_bench,
    get_cell_based_tiny_net,
    get_fbnet,
)

DATASETS = ("cifar10", "cifar100", "ImageNet16-120")
ARCH_STR = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"


def test_every_published_value_comes_back_exactly(hw, cell_values):
    population = hw.space.from_indices(np.arange(15_625))
    for i, dataset in enumerate(DATASETS):
        columns = hw.query(population, cell_values["metrics"].tolist(), dataset)
        for j, metric in enumerate(cell_values["metrics"].tolist()):
            np.testing.assert_array_equal(columns[metric], cell_values["values"][:, i, j])


def test_single_queries_equal_the_published_notebook(hw, fbnet, notebook):
    cells, networks = notebook
    for name, expected in cells.items():
        index, dataset = name.split("|")
        assert hw.query_by_index(int(index), dataset) == expected
    for name, expected in networks.items():
        arch, dataset = name.split("|")
        found = fbnet.query_by_index([int(op) for op in arch[1:-1].split(",")], dataset)
        assert list(found) == list(expected)
        # 26 terms summed in another order: at most 26 roundings each, 8 factors.
        np.testing.assert_allclose(
            list(found.values()), list(expected.values()), rtol=26 * 9 * 2**-53
        )


def test_fbnet_totals_equal_an_independent_publication(fbnet, shared):
    with np.load(shared / "data/help_fbnet_latency.npz", allow_pickle=False) as file:
        arch, devices, latency = file["arch"], file["devices"].tolist(), file["latency_ms"]
    for device in ("fpga", "eyeriss", "pixel3", "raspi4"):
        found = fbnet.query(arch, f"{device}_latency", "cifar100")[f"{device}_latency"]
        np.testing.assert_allclose(found, latency[:, devices.index(device)], rtol=26 * 2 * 2**-53)


@pytest.mark.parametrize("form", [0, np.int64(0), "No.0", ARCH_STR, list, tuple, np.array])
def test_every_form_of_architecture(hw, form):
    architecture = form(hw.space.decode(hw.space.encode(0))) if callable(form) else form
    assert hw.query_by_index(architecture, "cifar100") == hw.query_by_index(0, "cifar100")
    assert hw.get_net_config(architecture, "cifar10")["arch_str"] == ARCH_STR


def test_values_know_how_they_were_taken(hw):
    cost = hw.query_by_index(0, "cifar10")["edgegpu_energy"]
    assert isinstance(cost, HardwareCost)
    assert (cost.unit, cost.batch_size, cost.measurement.kind) == ("mJ", 1, "measured")
    assert repr(cost) == "24.226614330768584"
    assert cost.provenance is Provenance.PUBLISHED
    assert pickle.loads(pickle.dumps(cost)).measurement == cost.measurement
    assert copy.copy(cost).metric == "edgegpu_energy"
    assert set(hw.metrics) == set(MEASUREMENTS) <= set(METRICS)


def test_missing_values_are_nan_with_provenance(hw, partial_table, cell_values):
    failed = int(np.flatnonzero(np.isnan(cell_values["values"][:, 0, 3]))[0])
    costs = hw.query_by_index(failed, "cifar10")
    assert np.isnan(costs["edgetpu_latency"])
    assert costs["edgetpu_latency"].provenance is Provenance.MISSING
    assert np.isnan(costs["average_hw_metric"])
    assert costs["pixel3_latency"].provenance is Provenance.PUBLISHED
    bench = HWNASBench(partial_table)
    assert bench.query_by_index(7, "cifar10")["fpga_energy"].provenance is Provenance.DERIVED
    population = bench.space.from_indices(np.arange(15_625))
    found = bench.provenance(population, "fpga_energy", "cifar10")["fpga_energy"]
    np.testing.assert_array_equal(found, cell_values["provenance"][:, 0, 9])


def test_every_metric_says_how_it_was_taken():
    """As the published script of the TX2 says, and nothing where no source says it."""
    taken = {
        name: (found.device, found.kind, found.batch_size) for name, found in MEASUREMENTS.items()
    }
    assert taken == {
        "edgegpu_latency": ("NVIDIA Jetson TX2", "measured", 1),
        "edgegpu_energy": ("NVIDIA Jetson TX2", "measured", 1),
        "raspi4_latency": ("Raspberry Pi 4", "measured", None),
        "edgetpu_latency": ("Google Edge TPU", "measured", None),
        "pixel3_latency": ("Google Pixel 3", "measured", None),
        "eyeriss_latency": ("Eyeriss", "estimated", None),
        "eyeriss_energy": ("Eyeriss", "estimated", None),
        "eyeriss_arithmetic_intensity": ("Eyeriss", "estimated", None),
        "fpga_latency": ("FPGA", "estimated", None),
        "fpga_energy": ("FPGA", "estimated", None),
        "average_hw_metric": ("all devices", "product", None),
    }
    assert "mean over 50 runs after 3 s" in MEASUREMENTS["edgegpu_energy"].how
    for name in ("raspi4_latency", "edgetpu_latency", "pixel3_latency"):
        assert "images at once are not stated" in MEASUREMENTS[name].how


def test_nan_and_provenance_must_agree(cell_values):
    provenance = np.ones_like(cell_values["provenance"])
    with pytest.raises(TableIntegrityError, match="exactly where its provenance is MISSING"):
        CellCosts(cell_values["values"], provenance)
    with pytest.raises(TableIntegrityError, match=r"shape \(15625, 3, 10\), but got \(2, 3, 10\)"):
        CellCosts(cell_values["values"][:2], provenance)


def test_networks(hw, fbnet):
    config = hw.get_net_config(0, "ImageNet16-120")
    network = get_cell_based_tiny_net(config)
    x = torch.zeros(1, 3, 16, 16)
    assert network(x).shape == (1, 120)
    n_params = sum(parameter.numel() for parameter in network.parameters())
    assert n_params == NASBench201Space().params(hw.space.encode(0)[None], "ImageNet16-120")[0]
    arch = [0] * 21 + [8]
    assert fbnet.get_net_config(arch, "cifar100") == {
        "dataset": "cifar100",
        "num_classes": 100,
        "op_idx_list": arch,
        "arch_str": ["k3_e1"] * 21 + ["skip"],
    }
    network = get_fbnet(fbnet.get_net_config(arch, "cifar100"))
    n_params = sum(parameter.numel() for parameter in network.parameters())
    assert n_params == FBNetSpace().params(np.array([arch], dtype=np.int8))[0]


def test_bad_configurations():
    with pytest.raises(InvalidArgumentError, match="must have 'arch_str'"):
        get_cell_based_tiny_net({"num_classes": 10})
    with pytest.raises(InvalidArgumentError, match="must have 'num_classes'"):
        get_cell_based_tiny_net({"arch_str": ARCH_STR})
    with pytest.raises(InvalidArgumentError, match=r"must be 'infer.tiny', but got 'GDAS'"):
        get_cell_based_tiny_net({"name": "GDAS"})
    with pytest.raises(InvalidArgumentError, match="must have 'dataset'"):
        get_fbnet({})
    config = {"dataset": "cifar100", "op_idx_list": [0] * 22, "num_classes": 100}
    for change, error, message in (
        ({"op_idx_list": 3}, OutOfSpaceError, "is a list of 22 operations, but got 3"),
        ({"op_idx_list": [0] * 21}, OutOfSpaceError, "has 22 operations, but got 21"),
        ({"dataset": "cifar10"}, UnknownNameError, "Unknown data set 'cifar10'"),
        ({"dataset": ["cifar100"]}, UnknownNameError, "Unknown data set"),
        ({"num_classes": "many"}, InvalidArgumentError, "n_classes"),
    ):
        with pytest.raises(error, match=message):
            get_fbnet({**config, **change})
    with pytest.raises(InvalidArgumentError, match="must have 'arch_str'"):
        get_cell_based_tiny_net(3)
    with pytest.raises(OutOfSpaceError):
        get_cell_based_tiny_net({"arch_str": 3.5, "num_classes": 10})


@pytest.mark.parametrize("path", [123, b"x", ["a"]])
def test_what_names_no_file(path):
    for use in (HWNASBench, NASBench201, add_hw_nas_bench):
        with pytest.raises(InvalidArgumentError, match="`path` must name a file"):
            use(path)


def test_lookup_tables(fbnet, hw, layer_values):
    tables = fbnet.get_op_lookup_tables()
    for j, metric in enumerate(layer_values["metrics"].tolist()):
        assert list(tables[metric].values()) == layer_values["values"][:, j].tolist()
    with pytest.raises(InvalidArgumentError, match="search_space='fbnet'"):
        hw.get_op_lookup_tables()


@pytest.mark.parametrize("index", [-1, 15_625, True, 1.0, (0, 0, 0, 0, 0, 9), "|none~0|"])
def test_architectures_that_do_not_exist(hw, index):
    with pytest.raises(OutOfSpaceError):
        hw.query_by_index(index, "cifar10")
    with pytest.raises(OutOfSpaceError):
        hw.get_net_config(index, "cifar10")


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ([0] * 21, "has 22 operations, but got 21"),
        ([0] * 21 + [9], "Operation 21 .* from 0 to 8"),
        ([-1] + [0] * 21, "Operation 0 .* got -1"),
        (3, "list of 22 operations"),
    ],
)
def test_fbnet_architectures_that_do_not_exist(fbnet, arch, message):
    with pytest.raises(OutOfSpaceError, match=message):
        fbnet.query_by_index(arch, "cifar100")


def test_unknown_names(hw, fbnet, pickle_file):
    with pytest.raises(UnknownNameError, match="Did you mean 'cifar10'"):
        hw.query_by_index(0, "cifar-10")
    with pytest.raises(UnknownNameError, match="Choices: cifar100, ImageNet"):
        fbnet.get_net_config([0] * 22, "cifar10")
    with pytest.raises(UnknownNameError, match="Unknown metric 'edgetpu_latency'"):
        fbnet.query([[0] * 22], "edgetpu_latency", "cifar100")
    with pytest.raises(UnknownNameError, match="Unknown search space"):
        HWNASBench(pickle_file, search_space="nb201")


def test_the_wrong_table_is_refused(partial_table, tmp_path):
    with pytest.raises(InvalidArgumentError, match="must hold costs of fbnet"):
        HWNASBench(partial_table, "fbnet")
    partial_table.save(tmp_path / "cells.parquet")
    with pytest.raises(TableIntegrityError, match="lacks the column 'key'"):
        LayerCosts.load(tmp_path / "cells.parquet")


def test_without_the_table_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    with pytest.raises(
        DataNotFoundError,
        match=r"Download HW-NAS-Bench-v1_0.pickle from https://github.com/GATECH-EIC.*analognas data add",
    ):
        HWNASBench()
    with pytest.raises(DataNotFoundError, match="No such file"):
        HWNASBench(tmp_path / "none.pickle")


def test_the_published_steps_print_the_published_numbers(pickle_file, monkeypatch, capsys):
    monkeypatch.chdir(pickle_file.parent)
    page = Path(__file__).parents[2] / "docs/hw_nas_bench.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    for block in blocks:
        exec(compile(block, str(page), "exec"), {})
    out = capsys.readouterr().out
    # Printed by the README of HW-NAS-Bench for No.0 on CIFAR-10.
    for line in (
        "edgegpu_latency: 5.807418537139893 (ms)",
        "edgegpu_energy: 24.226614330768584 (mJ)",
        "raspi4_latency: 10.481976820010459 (ms)",
        "edgetpu_latency: 0.9571811309997429 (ms)",
        "pixel3_latency: 3.6058499999999998 (ms)",
        "eyeriss_latency: 3.645620000000001 (ms)",
        "eyeriss_energy: 0.6872827644999999 (mJ)",
        "fpga_latency: 2.57296 (ms)",
        "fpga_energy: 18.01072 (mJ)",
        f"{{'name': 'infer.tiny', 'C': 16, 'N': 5, 'arch_str': '{ARCH_STR}', 'num_classes': 10}}",
        "(type: <class 'dict'>) for No.0 @ cifar10: {'edgegpu_latency': 5.807418537139893, ",
    ):
        assert line in out


def test_published_names_of_argument_and_costs(hw, pickle_file):
    named = HWNASBench(file_path_or_dict=pickle_file)
    costs = named.HW_metrics["nasbench201"]["cifar10"]
    assert costs["pixel3_latency"][11] == hw.query_by_index(11, "cifar10")["pixel3_latency"]
    assert costs["config"][11] == hw.get_net_config(11, "cifar10")
    lookup = HWNASBench(file_path_or_dict=pickle_file, search_space="fbnet")
    assert lookup.HW_metrics["fbnet"] == lookup.get_op_lookup_tables()
    with pytest.raises(InvalidArgumentError, match="not both"):
        HWNASBench(pickle_file, file_path_or_dict=pickle_file)
