"""HW-NAS-Bench's pickle, written in its published layout from the published values."""

import json
import pickle

import numpy as np
import pytest

from analognas.spaces import NASBench201Space
from analognas.tables import CellCosts, HWNASBench


@pytest.fixture(scope="session")
def cell_values(shared):
    with np.load(shared / "data/hwnas_nb201.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="session")
def layer_values(shared):
    with np.load(shared / "data/hwnas_fbnet_lut.npz", allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def layout(values, metrics, datasets, keys, costs, cost_metrics):
    """The published layout; what is missing is -1, as EdgeTPU's failed compilations are."""
    space = NASBench201Space()
    content = {"nasbench201": {}, "fbnet": {}}
    for i, dataset in enumerate(datasets):
        classes = {"cifar10": 10, "cifar100": 100, "ImageNet16-120": 120}[dataset]
        configs = [
            {"name": "infer.tiny", "C": 16, "N": 5, "arch_str": space.arch_str(n), "num_classes": classes}
            for n in range(space.size)
        ]  # fmt: skip
        part = np.nan_to_num(values[:, i], nan=-1.0)
        content["nasbench201"][dataset] = {
            **{metric: part[:, j].tolist() for j, metric in enumerate(metrics)},
            "config": configs,
        }
    for j, metric in enumerate(cost_metrics):
        content["fbnet"][metric] = dict(zip(keys, costs[:, j].tolist(), strict=True))
    return content


@pytest.fixture(scope="session")
def content(cell_values, layer_values):
    return layout(
        cell_values["values"],
        cell_values["metrics"].tolist(),
        cell_values["datasets"].tolist(),
        layer_values["keys"].tolist(),
        layer_values["values"],
        layer_values["metrics"].tolist(),
    )


@pytest.fixture(scope="session")
def pickle_file(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("hw") / "HW-NAS-Bench-v1_0.pickle"
    path.write_bytes(pickle.dumps(content, protocol=2))
    return path


@pytest.fixture(scope="session")
def hw(pickle_file):
    return HWNASBench(pickle_file)


@pytest.fixture(scope="session")
def fbnet(pickle_file):
    return HWNASBench(pickle_file, search_space="fbnet")


@pytest.fixture(scope="session")
def partial_table(cell_values):
    """The values and provenance that are publicly known."""
    return CellCosts(cell_values["values"], cell_values["provenance"])


@pytest.fixture(scope="session")
def notebook(cell_values, layer_values):
    """What the published example notebook prints, by network and data set."""
    return [json.loads(str(values["notebook_sample"])) for values in (cell_values, layer_values)]
