"""Reading and converting HW-NAS-Bench's pickle."""

import copy
import os
import pickle

import numpy as np
import pytest

from analognas.benchmarks import CellCosts, HWNASBench, LayerCosts, add_hw_nas_bench
from analognas.cli.main import main
from analognas.core import OutputFolderError, TableIntegrityError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "hw-nas-bench"


def test_add_converts_once_and_is_found_by_itself(folder, pickle_file, hw, fbnet, capsys):
    assert main(["data", "add", "hw-nas-bench", str(pickle_file)]) == 0
    assert capsys.readouterr().out.split() == [
        str(folder / "nasbench201.parquet"),
        str(folder / "fbnet.parquet"),
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "fbnet.parquet",
        "nasbench201.parquet",
    ]
    added = HWNASBench()
    population = hw.space.from_indices(np.arange(15_625))
    for dataset in hw.datasets:
        new, old = (b.query(population, b.metrics, dataset) for b in (added, hw))
        assert {name: column.tobytes() for name, column in new.items()} == {
            name: column.tobytes() for name, column in old.items()
        }
    assert added.metadata["source_sha256"] == hw.metadata["source_sha256"]
    again = HWNASBench(search_space="fbnet")
    assert again.get_op_lookup_tables() == fbnet.get_op_lookup_tables()


def test_tables_round_trip(tmp_path, partial_table, fbnet):
    partial_table.save(tmp_path / "cells.parquet")
    loaded = CellCosts.load(tmp_path / "cells.parquet")
    np.testing.assert_array_equal(loaded.values, partial_table.values)
    np.testing.assert_array_equal(loaded.provenance, partial_table.provenance)
    # A loaded table can be saved again.
    assert loaded.save(tmp_path / "again.parquet") == loaded.save(tmp_path / "third.parquet")
    tables = LayerCosts(fbnet.get_op_lookup_tables())
    tables.save(tmp_path / "layers.parquet")
    assert LayerCosts.load(tmp_path / "layers.parquet").tables == tables.tables


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("protocol", [2, 4])
def test_no_code_of_a_pickle_runs(tmp_path, folder, protocol, capsys):
    target = tmp_path / "made-by-the-pickle"
    path = tmp_path / "HW-NAS-Bench-v1_0.pickle"
    path.write_bytes(pickle.dumps({"nasbench201": Hostile(str(target))}, protocol=protocol))
    for use in (HWNASBench, add_hw_nas_bench):
        with pytest.raises(TableIntegrityError, match=r"refused: it names (posix|nt)\.mkdir"):
            use(path)
    assert main(["data", "add", "hw-nas-bench", str(path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not target.exists()
    assert not folder.exists()


def test_truncated_pickles(tmp_path, pickle_file, folder):
    whole = pickle_file.read_bytes()
    short = tmp_path / "short.pickle"
    for share in (0.0, 0.01, 0.5, 0.999):
        short.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(TableIntegrityError, match="no readable pickle or is damaged"):
            add_hw_nas_bench(short)
    assert not folder.exists()


def changed(content, change):
    # Deep only where it is changed: the configurations are many.
    part = {**content["nasbench201"]["cifar10"]}
    mine = {
        "nasbench201": {**content["nasbench201"], "cifar10": part},
        "fbnet": {name: dict(table) for name, table in content["fbnet"].items()},
    }
    change(mine, part)
    return mine


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda all, part: all.pop("fbnet"), "not laid out as .* 'fbnet'"),
        (lambda all, part: part.pop("pixel3_latency"), "not laid out as .* 'pixel3_latency'"),
        (lambda all, part: part.update(config=part["config"][::-1]), "not the 15625 .* in their order"),
        (lambda all, part: part.update(fpga_energy=[1.0]), r"'fpga_energy' of 'cifar10' has the shape \(1,\)"),
        (lambda all, part: part.update(fpga_energy=[-2.0] * 15_625), r"is -2\.0 for No\.0; costs are"),
        (lambda all, part: part.update(fpga_energy=["x"] * 15_625), "not laid out as"),
        (lambda all, part: all["fbnet"]["fpga_energy"].update(a=-1), "of an FBNet layer is -1"),
        (lambda all, part: all["fbnet"]["fpga_energy"].popitem(), "list different layers"),
    ],
)  # fmt: skip
def test_other_layouts(content, tmp_path, change, message):
    path = tmp_path / "other.pickle"
    path.write_bytes(pickle.dumps(changed(content, change)))
    with pytest.raises(TableIntegrityError, match=message):
        HWNASBench(path)


def test_values_may_be_numpy_arrays_or_none(content, tmp_path, hw):
    def change(all, part):
        part["raspi4_latency"] = np.array(part["raspi4_latency"])
        part["pixel3_latency"] = [np.float64(value) for value in part["pixel3_latency"]]
        part["edgetpu_latency"] = [None if v < 0 else v for v in part["edgetpu_latency"]]

    path = tmp_path / "arrays.pickle"
    path.write_bytes(pickle.dumps(changed(content, change)))
    bench = HWNASBench(path)
    population = hw.space.from_indices(np.arange(15_625))
    for metric in ("raspi4_latency", "pixel3_latency", "edgetpu_latency"):
        found, expected = (b.query(population, metric, "cifar10")[metric] for b in (bench, hw))
        np.testing.assert_array_equal(found, expected)


def test_a_failed_conversion_leaves_what_was_there(folder, pickle_file, content, tmp_path):
    add_hw_nas_bench(pickle_file)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    bad = copy.copy(content)
    bad["fbnet"] = {}
    (tmp_path / "bad.pickle").write_bytes(pickle.dumps(bad))
    with pytest.raises(TableIntegrityError):
        add_hw_nas_bench(tmp_path / "bad.pickle")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, pickle_file):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path / "file"))
    with pytest.raises(OutputFolderError, match="Set ANALOGNAS_DATA"):
        add_hw_nas_bench(pickle_file)


def test_unknown_tables(capsys):
    assert main(["data", "add", "hw-nas", "x.pickle"]) == 2
    assert "Did you mean 'hw-nas-bench'" in capsys.readouterr().err
    assert main(["data"]) == 0
    assert "add" in capsys.readouterr().out
