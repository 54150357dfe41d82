"""Every value of the shipped table against the source package, read by an independent path."""

import pickle
import sys
import types

import numpy as np
import pytest

from analognas.core import DRIFT_TIMES, TableIntegrityError
from analognas.tables import read_table
from analognas.tables.analognasbench import SHIPPED_CHECKSUM, SHIPPED_TABLE
from analognas.tables.import_analognasbench import convert, installed_source, main, read_source


@pytest.fixture(scope="module")
def source():
    try:
        return installed_source()
    except TableIntegrityError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def original(source):
    """The source's own objects, by plain unpickling into empty classes."""
    package, module = types.ModuleType("analognasbench"), types.ModuleType("analognasbench.data")
    module.Architecture = type("Architecture", (), {})
    module.DriftMeasurement = type("DriftMeasurement", (), {})
    sys.modules.update({"analognasbench": package, "analognasbench.data": module})
    try:
        return pickle.loads(source.read_bytes())
    finally:
        del sys.modules["analognasbench"], sys.modules["analognasbench.data"]


def test_every_value_equals_the_source(bench, original):
    assert list(bench) == sorted(original)
    for cell, record in original.items():
        for kind in ("baseline", "ptq", "qat", "noisy", "analog"):
            name = f"{kind}_accuracy"
            assert bench.query_metric(cell, name) == getattr(record, name)
        for time in DRIFT_TIMES:
            for ours, theirs in (("noisy", "baseline"), ("analog", "analog")):
                reading = bench.query_metric(cell, f"{ours}_drift_{time}")
                measured = getattr(record, f"{theirs}_drift_{time}")
                assert (float(reading), reading.std) == (measured.value, measured.uncertainty)
        assert bench.query_metric(cell, "architecture") == record.architecture == cell


def test_no_source_column_is_left_out(original):
    attributes = {
        name.replace("baseline_drift", "noisy_drift")
        for name in vars(next(iter(original.values())))
    }
    columns = set(read_table(SHIPPED_TABLE).columns)
    assert attributes - {"architecture"} <= columns


def test_identities_in_the_file_agree_with_the_space(space, every_cell):
    columns = read_table(SHIPPED_TABLE).columns
    np.testing.assert_array_equal(columns["architecture_code"], np.arange(15_625))
    np.testing.assert_array_equal(columns["nasbench201_index"], space.indices(every_cell))
    assert columns["arch_str"].tolist() == [space.arch_str(row) for row in every_cell]


def test_converter_makes_the_shipped_table(source, tmp_path, capsys):
    out = tmp_path / "table.parquet"
    assert main([str(source), str(out)]) == 0
    assert SHIPPED_CHECKSUM in capsys.readouterr().out
    assert read_table(out, checksum=SHIPPED_CHECKSUM).metadata == read_table(SHIPPED_TABLE).metadata


def test_metadata():
    metadata = read_table(SHIPPED_TABLE).metadata
    assert {"name", "space", "licence", "provenance", "columns", "checksum"} <= set(metadata)
    assert metadata["columns"]["analog_drift_60_std"]["unit"] == "pp"
    assert set(metadata["columns"]) == set(metadata["checksum"]["columns"])


def test_bad_source(tmp_path, capsys):
    other = tmp_path / "other.anb"
    other.write_bytes(pickle.dumps({(0, 0, 0, 0, 0, 0): 1}))
    with pytest.raises(TableIntegrityError, match="does not hold one record for each of the 15625"):
        read_source(other)
    other.write_bytes(pickle.dumps(dict.fromkeys(np.ndindex((5,) * 6), 1)))
    with pytest.raises(TableIntegrityError, match="another layout"):
        convert(other, tmp_path / "out.parquet")
    assert not (tmp_path / "out.parquet").exists()
    assert main([str(tmp_path / "missing")]) == 2
    assert "error: Cannot read" in capsys.readouterr().err
