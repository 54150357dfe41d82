"""Reading and converting HW-NAS-Bench's pickle."""

import copy
import os
import pickle

import numpy as np
import pytest

from analognas.cli.main import main
from analognas.core import OutputFolderError, TableIntegrityError
from analognas.spaces import FBNetSpace
from analognas.tables import CellCosts, HWNASBench, LayerCosts, Provenance, add_hw_nas_bench

LAYER = "FC_Cin1504_Cout100"


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


@pytest.mark.parametrize(("cost", "shown"), [(-1.0, r"-1\.0"), (0.0, r"0\.0"), (np.inf, "inf")])
def test_own_cells_are_checked(cell_values, cost, shown):
    values, provenance = cell_values["values"].copy(), cell_values["provenance"].copy()
    values[7, 1, 2], provenance[7, 1, 2] = cost, 1
    with pytest.raises(TableIntegrityError, match=f"of 'cifar100' is {shown} for No.7; costs are"):
        CellCosts(values, provenance)
    provenance[7, 1, 2] = 3
    with pytest.raises(TableIntegrityError, match="2 DERIVED, but got 3"):
        CellCosts(values, provenance)


def test_own_layers_are_checked():
    for cost in (-1.0, np.inf, "1.5", None, True, -(10**30)):
        with pytest.raises(TableIntegrityError, match=f"'{LAYER}' is .*; costs are numbers"):
            LayerCosts({"raspi4_latency": {LAYER: cost}})
    with pytest.raises(TableIntegrityError, match="a float can hold"):
        LayerCosts({"raspi4_latency": {LAYER: 10**400}})
    with pytest.raises(TableIntegrityError, match="no metric 'edgetpu_latency'; they have edgegpu"):
        LayerCosts({"edgetpu_latency": {LAYER: 1.0}})


def test_partial_layers(fbnet, tmp_path):
    whole = fbnet.get_op_lookup_tables()["raspi4_latency"]
    first, other = FBNetSpace().cost_keys([0] * 22)[1], FBNetSpace().cost_keys([8] * 22)[1]
    partial = {key: cost for key, cost in whole.items() if key not in (first, other)}
    partial[other] = np.nan
    path = tmp_path / "partial.parquet"
    LayerCosts({"raspi4_latency": partial}).save(path)
    bench = HWNASBench(path, "fbnet")
    networks = [[0] * 22, [8] * 22, [7] * 22]
    names = ["raspi4_latency", "fpga_energy", "average_hw_metric"]
    found, origins = (ask(networks, names, "cifar100") for ask in (bench.query, bench.provenance))
    expected = fbnet.query(networks, "raspi4_latency", "cifar100")["raspi4_latency"]
    np.testing.assert_array_equal(found["raspi4_latency"], [np.nan, np.nan, expected[2]])
    assert origins["raspi4_latency"].tolist() == [Provenance.MISSING] * 2 + [Provenance.DERIVED]
    for name in names[1:]:
        assert np.isnan(found[name]).all()
        assert origins[name].tolist() == [Provenance.MISSING] * 3
    one = bench.query_by_index([0] * 22, "cifar100")["raspi4_latency"]
    assert np.isnan(one)
    assert one.provenance is Provenance.MISSING


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
        (lambda all, part: part.update(fpga_energy=["x"] * 15_625), "holds more than numbers"),
        (lambda all, part: part.update(fpga_energy=["1.5"] * 15_625), "'fpga_energy' of 'cifar10' holds more"),
        (lambda all, part: part.update(fpga_energy=3), "not laid out as"),
        (lambda all, part: all["fbnet"]["fpga_energy"].update(a=-1), "of the FBNet layer 'a' is -1"),
        (lambda all, part: all["fbnet"]["fpga_energy"].update(a="1.5"), "'a' is '1.5'; costs are numbers"),
        (lambda all, part: all["fbnet"]["fpga_energy"].pop(LAYER), "'fpga_energy' lacks 1 of 224 layers"),
        (
            lambda all, part: [table.pop(LAYER) for table in all["fbnet"].values()],
            f"lacks 1 of 224 layers of FBNet, the first of them '{LAYER}'",
        ),
        (lambda all, part: all["fbnet"]["fpga_energy"].update({LAYER: np.nan}), "lacks 1 of 224"),
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
    with pytest.raises(OutputFolderError, match="set ANALOGNAS_DATA"):
        add_hw_nas_bench(pickle_file)


def test_unknown_tables(capsys):
    assert main(["data", "add", "hw-nas", "x.pickle"]) == 2
    assert "Did you mean 'hw-nas-bench'" in capsys.readouterr().err
    assert main(["data"]) == 0
    assert "add" in capsys.readouterr().out
