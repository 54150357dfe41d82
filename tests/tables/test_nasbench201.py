"""NAS-Bench-201's accuracies, from files in the published layouts."""

import bz2
import os
import pickle
from collections import OrderedDict
from functools import partial

import numpy as np
import pytest
import torch

from analognas.cli.main import main
from analognas.core import (
    METRICS,
    DataNotFoundError,
    OutOfSpaceError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.core.limits import bunzip
from analognas.tables import Accuracies, HWNASBench, NASBench201, nats_archive

EVALUATED = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
SEEDS = {
    "cifar10-valid": [777, 888, 999],
    "cifar10": [777],
    "cifar100": [777, 999],
    "ImageNet16-120": [777],
}


def accuracy(index, dataset, seed, images, epoch):
    """A made accuracy that differs for everything that it may be mistaken for."""
    place = list(EVALUATED).index(dataset)
    return 10 + place * 10 + index / 1000 + seed / 1e4 + len(images) / 10 + epoch / 100


def trial(index, arch_str, dataset, seed, epochs):
    """What ``ResultsCount.state_dict()`` holds; some numbers are numpy's, some containers ordered."""
    keys = [(images, epoch) for images in EVALUATED[dataset] for epoch in range(epochs)]
    return {
        "name": "infer.tiny",
        "net_state_dict": None,
        "train_acc1es": OrderedDict((epoch, 50.0) for epoch in range(epochs)),
        "train_acc5es": None,
        "train_losses": OrderedDict((epoch, np.float64(1.5)) for epoch in range(epochs)),
        "train_times": OrderedDict((epoch, 9.0) for epoch in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch_str, "class_num": 10},
        "params": 0.5,
        "flop": 80.1,
        "seed": seed,
        "epochs": epochs,
        "latency": [0.014],
        "eval_names": list(EVALUATED[dataset]),
        "eval_acc1es": {f"{i}@{e}": accuracy(index, dataset, seed, i, e) for i, e in keys},
        "eval_times": {f"{i}@{e}": 1.0 for i, e in keys},
        "eval_losses": {f"{i}@{e}": 0.9 for i, e in keys},
    }


def of_one(index, arch_str):
    """What ``ArchResults.state_dict()`` holds, for each schedule."""
    return {
        f"{epochs}": {
            "arch_index": index,
            "arch_str": arch_str,
            "all_results": {
                (dataset, seed): trial(index, arch_str, dataset, seed, epochs)
                for dataset, seeds in SEEDS.items()
                for seed in seeds
                if epochs == 200 or dataset == "cifar10-valid"
            },
            "dataset_seed": {
                dataset: seeds
                for dataset, seeds in SEEDS.items()
                if epochs == 200 or dataset == "cifar10-valid"
            },
            "clear_net_done": True,
        }
        for epochs in (12, 200)
    }


def write(path, content):
    path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4)))


@pytest.fixture(scope="module")
def names(space):
    return [space.arch_str(row) for row in space.from_indices(np.arange(space.size))]


@pytest.fixture(scope="module")
def archive(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("nats") / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    meta = {"meta_archs": names, "total_archs": len(names), "arch2infos": None}
    write(folder / "meta.pickle.pbz2", meta)
    for index in (0, 11, 284):
        write(folder / f"{index:06d}.pickle.pbz2", of_one(index, names[index]))
    return folder


@pytest.fixture
def data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "nas-bench-201"


@pytest.mark.parametrize(
    ("dataset", "metric", "images", "epoch"),
    [
        ("cifar10-valid", "valid_accuracy_12", "x-valid", 11),
        ("cifar10-valid", "valid_accuracy_200", "x-valid", 199),
        ("cifar10-valid", "test_accuracy_200", "ori-test", 199),
        ("cifar10", "test_accuracy_200", "ori-test", 199),
        ("cifar100", "valid_accuracy_200", "x-valid", 199),
        ("cifar100", "test_accuracy_200", "x-test", 199),
        ("cifar100", "valid_and_test_accuracy_200", "ori-test", 199),
        ("ImageNet16-120", "test_accuracy_200", "x-test", 199),
    ],
)
def test_the_archive(archive, dataset, metric, images, epoch):
    bench = NASBench201(archive)
    found = bench.query([11, 284, 5], [metric, f"{metric}_std", f"{metric}_trials"], dataset)
    trials = [[accuracy(i, dataset, s, images, epoch) for s in SEEDS[dataset]] for i in (11, 284)]
    expected = [np.mean(values) for values in trials]
    np.testing.assert_allclose(found[metric][:2], expected, rtol=1e-15)
    assert np.isnan(found[metric][2])
    assert found[f"{metric}_trials"].tolist() == [len(SEEDS[dataset])] * 2 + [0]
    if len(SEEDS[dataset]) > 1:
        spreads = [np.std(values, ddof=1) for values in trials]
        np.testing.assert_allclose(found[f"{metric}_std"][:2], spreads, rtol=1e-12)
    else:
        assert np.isnan(found[f"{metric}_std"]).all()
    assert METRICS[metric].higher_is_better


def test_what_was_not_trained_is_not_there(archive):
    bench = NASBench201(archive)
    assert bench.datasets == tuple(EVALUATED)
    with pytest.raises(UnknownNameError, match="Unknown metric 'test_accuracy_12'"):
        bench.query([0], "test_accuracy_12", "cifar100")
    with pytest.raises(UnknownNameError, match="Ask for the data set 'cifar10-valid'"):
        bench.query([0], "valid_accuracy_200", "cifar10")
    with pytest.raises(UnknownNameError, match="Did you mean 'cifar10-valid'"):
        bench.query([0], "valid_accuracy_200", "cifar10valid")
    with pytest.raises(OutOfSpaceError):
        bench.query([-1], "test_accuracy_200", "cifar10")


def test_add_and_find_again_beside_costs(archive, data_folder, partial_table, capsys):
    hardware = HWNASBench(partial_table)
    with pytest.raises(
        DataNotFoundError, match=r"NAS-Bench-201 is not installed.*D-X-Y/NATS-Bench"
    ):
        hardware.query([0], ["pixel3_latency", "test_accuracy_200"], "cifar10")
    assert main(["data", "add", "nas-bench-201", str(archive)]) == 0
    assert capsys.readouterr().out.split() == [str(data_folder / "accuracies.parquet")]
    assert [path.name for path in data_folder.iterdir()] == ["accuracies.parquet"]
    cells = [0, 11, 284, 7]
    wanted = ["test_accuracy_200", "pixel3_latency", "test_accuracy_200_trials"]
    table = hardware.query(cells, wanted, "cifar10")
    assert list(table) == wanted
    alone = NASBench201(archive).query(cells, "test_accuracy_200", "cifar10")
    np.testing.assert_array_equal(table["test_accuracy_200"], alone["test_accuracy_200"])
    np.testing.assert_array_equal(
        table["pixel3_latency"],
        hardware.query(cells, "pixel3_latency", "cifar10")["pixel3_latency"],
    )
    given = HWNASBench(partial_table, accuracies=NASBench201(archive))
    assert repr(given.accuracies).startswith("NASBench201(cifar10-valid, cifar10")


def test_csv(tmp_path, names, data_folder, shared):
    with np.load(shared / "data/nb201_core.npz", allow_pickle=False) as file:
        accuracies = file["test_acc_nats"][:, 0]
    lines = ["architecture,cifar10/test_accuracy_200,cifar10-valid/valid_accuracy_12"]
    lines += [f"{name},{value!r}," for name, value in zip(names, accuracies.tolist(), strict=True)]
    lines[1] = f'"0",{float(accuracies[0])!r},77.5'
    path = tmp_path / "accuracies.csv"
    path.write_text("\n".join(lines))
    assert main(["data", "add", "nas-bench-201", str(path)]) == 0
    bench = NASBench201()
    every = bench.space.from_indices(np.arange(15_625))
    found = bench.query(every, "test_accuracy_200", "cifar10")["test_accuracy_200"]
    np.testing.assert_array_equal(found, accuracies)
    valid = bench.query([0, 1], "valid_accuracy_12", "cifar10-valid")["valid_accuracy_12"]
    assert valid[0] == 77.5
    assert np.isnan(valid[1])
    assert bench.datasets == ("cifar10-valid", "cifar10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must name different columns, the first of them 'architecture'"),
        ("index,a\n0,1", "the first of them 'architecture', but got 'index,a'"),
        ("architecture,cifar10/test_accuracy_200\n", "holds no architecture"),
        ("architecture,cifar10/test_accuracy_200\n15625,3", "Line 2 of .*15624"),
        ("architecture,cifar10/test_accuracy_200\n0,3\n1,x", "Line 3 of .* 'x' is not a number"),
        ("architecture,cifar10/test_accuracy_200\n0,inf", "'inf' is not a finite number"),
        ("architecture,cifar10/test_accuracy_200\n0,3,4", "Line 2 of .* it has 3 cells, but the first line 2"),
        ("architecture,cifar10/test_accuracy_200\n0,101", "'cifar10/test_accuracy_200' in .*bad.csv' must be percentages .* got 101 in line 2"),
        ("architecture,cifar10/test_accuracy_200\n0,1\n0,2", "has No.0 more than once"),
    ],
)  # fmt: skip
def test_bad_csv(tmp_path, data_folder, text, message):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(TableIntegrityError, match=message):
        NASBench201(path)
    assert main(["data", "add", "nas-bench-201", str(path)]) == 2
    assert not data_folder.exists()


def test_unknown_columns(tmp_path):
    path = tmp_path / "bad.csv"
    path.write_text("architecture,cifar10/accuracy_200\n0,3")
    with pytest.raises(UnknownNameError, match="Did you mean 'cifar10/test_accuracy_200'"):
        NASBench201(path)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def copied(archive, tmp_path):
    folder = tmp_path / "archive"
    folder.mkdir()
    for path in archive.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("name", ["meta", "000011"])
def test_no_code_of_a_file_runs(archive, tmp_path, data_folder, name):
    folder, target = copied(archive, tmp_path), tmp_path / "made"
    write(folder / f"{name}.pickle.pbz2", {"200": Hostile(str(target))})
    with pytest.raises(TableIntegrityError, match=r"refused: it names (posix|nt)\.mkdir"):
        NASBench201(folder)
    assert main(["data", "add", "nas-bench-201", str(folder)]) == 2
    assert not target.exists()
    assert not data_folder.exists()


def test_damaged_files(archive, tmp_path, names, monkeypatch):
    folder = copied(archive, tmp_path)
    path = folder / "000011.pickle.pbz2"
    whole = path.read_bytes()
    for share in (0.0, 0.5, 0.99):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(TableIntegrityError, match=r"000011.*truncated"):
            NASBench201(folder)
    path.write_bytes(b"no bzip2 at all")
    with pytest.raises(TableIntegrityError, match=r"000011.*damaged"):
        NASBench201(folder)
    write(path, of_one(12, names[12]))
    with pytest.raises(TableIntegrityError, match=r"the file of No\.11 is about No\.12"):
        NASBench201(folder)
    write(path, {"200": {}})
    with pytest.raises(TableIntegrityError, match=r"000011.*not laid out as NATS-Bench's archive"):
        NASBench201(folder)
    path.write_bytes(whole)
    monkeypatch.setattr(nats_archive, "bunzip", partial(bunzip, limit=1000))
    with pytest.raises(
        TableIntegrityError, match="meta.* unpacks to more; the limit is 1000 bytes"
    ):
        NASBench201(folder)


def test_a_bomb_is_not_unpacked(archive, tmp_path, monkeypatch):
    folder = copied(archive, tmp_path)
    monkeypatch.setattr(nats_archive, "bunzip", partial(bunzip, limit=1 << 21))
    (folder / "000011.pickle.pbz2").write_bytes(bz2.compress(bytes(1 << 24)))
    with pytest.raises(TableIntegrityError, match="000011.* unpacks to more; the limit is 2 MiB"):
        NASBench201(folder)


def test_other_folders(tmp_path, archive, names):
    with pytest.raises(DataNotFoundError, match="unpack NATS-tss-v1_0-3ffb9-simple.tar"):
        NASBench201(tmp_path)
    with pytest.raises(DataNotFoundError, match="There are no accuracies"):
        NASBench201(tmp_path / "none")
    write(tmp_path / "meta.pickle.pbz2", {"meta_archs": names[::-1]})
    with pytest.raises(TableIntegrityError, match="does not list the 15625 architectures"):
        NASBench201(tmp_path)
    write(tmp_path / "meta.pickle.pbz2", {"meta_archs": names})
    with pytest.raises(TableIntegrityError, match="holds no results of any architecture"):
        NASBench201(tmp_path)


def test_parquet_round_trip(archive, tmp_path, partial_table):
    table = NASBench201(archive)
    source = Accuracies.load(_saved(archive, tmp_path))
    again = NASBench201(source)
    every = table.space.every()
    for dataset in table.datasets:
        for name in table.metrics(dataset):
            old, new = (b.query(every, name, dataset)[name] for b in (table, again))
            np.testing.assert_array_equal(old, new)
    partial_table.save(tmp_path / "cells.parquet")
    with pytest.raises(TableIntegrityError, match="holds no accuracies"):
        NASBench201(tmp_path / "cells.parquet")


def _saved(archive, tmp_path):
    from analognas.tables.nasbench201 import _from_trials

    path = tmp_path / "accuracies.parquet"
    _from_trials(archive).save(path)
    return path


@pytest.fixture(scope="module", params=[True, False], ids=["zip", "former"])
def pth_file(request, tmp_path_factory, names):
    """NAS-Bench-201's own file of three architectures, in both formats of torch.save."""
    infos = {}
    for index in (0, 11, 284):
        results = of_one(index, names[index])
        infos[index] = {"less": results["12"], "full": results["200"]}
    content = {"meta_archs": names, "arch2infos": infos, "evaluated_indexes": {0, 11, 284}}
    path = tmp_path_factory.mktemp("pth") / "NAS-Bench-201-v1_1-096897.pth"
    torch.save(content, path, _use_new_zipfile_serialization=request.param)
    return path


def test_the_published_file_has_the_values_of_the_archive(pth_file, archive):
    own, other = NASBench201(pth_file), NASBench201(archive)
    assert own.datasets == other.datasets
    for dataset in own.datasets:
        assert own.metrics(dataset) == other.metrics(dataset)
        found = own.query([0, 11, 284, 7], own.metrics(dataset), dataset)
        for name, values in other.query([0, 11, 284, 7], own.metrics(dataset), dataset).items():
            np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda names: {"meta_archs": names, "arch2infos": {0: {"less": os.getcwd}}}, "names "),
        (lambda names: {"meta_archs": names[1:], "arch2infos": {}}, "does not list the 15625"),
        (lambda names: {"meta_archs": names, "arch2infos": {}}, "no 'arch2infos'"),
        (lambda names: {"meta_archs": names, "arch2infos": {-1: {}}}, "architecture '-1'"),
        (lambda names: {"meta_archs": names, "arch2infos": {0: {"full": {}}}}, "not laid out"),
        (lambda names: [names], "does not list"),
    ],
)
@pytest.mark.parametrize("as_zip", [True, False])
def test_other_files_of_torch_are_refused(content, message, as_zip, names, tmp_path):
    path = tmp_path / "bad.pth"
    torch.save(content(names), path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(TableIntegrityError, match=rf"bad\.pth.*{message}"):
        NASBench201(path)


def test_a_cut_file_is_refused(pth_file, tmp_path):
    path = tmp_path / "cut.pth"
    path.write_bytes(pth_file.read_bytes()[:-30_000])
    with pytest.raises(TableIntegrityError, match=r"cut\.pth"):
        NASBench201(path)
    path.write_bytes(b"")
    with pytest.raises(TableIntegrityError, match=r"cut\.pth"):
        NASBench201(path)
