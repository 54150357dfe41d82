import numpy as np
import pytest

from analognas.core import (
    InvalidArgumentError,
    OutOfSpaceError,
    TableIntegrityError,
    UnknownNameError,
)
from analognas.tables import AnalogNASBench, DriftReading
from analognas.tables.analognasbench import SHIPPED_TABLE

CELL = (0, 0, 0, 4, 3, 2)


def test_known_values(bench):
    # AnalogNAS-Bench 0.1.3, architecture (0, 0, 0, 4, 3, 2).
    assert bench.query_metric(CELL, "analog_accuracy") == pytest.approx(87.9268, abs=1e-10)
    assert bench.query_metric(CELL, "baseline_drift_3600") == 54.04
    assert bench.query_metric(CELL, "noisy_drift_3600").std == 3.28
    # PEERS: best cell of every analog metric.
    for name in (
        "analog_drift_60",
        "analog_drift_86400",
        "analog_drift_2592000",
        "analog_accuracy",
    ):
        assert bench.find_best(name)[0] == (2, 2, 0, 4, 2, 1)
    assert bench.find_best("analog_drift_2592000")[1] == 90.0
    assert bench.find_best("baseline_accuracy")[0] == (2, 2, 0, 2, 3, 2)


def test_types(bench):
    assert type(bench.query_metric(CELL, "analog_accuracy")) is float
    assert type(bench.query_metric(CELL, "params")) is int
    assert isinstance(bench.query_metric(CELL, "noisy_drift_60"), DriftReading)
    assert type(bench.query_metric(CELL, "noisy_drift_60_std")) is float
    assert bench.query_metric(list(CELL), "architecture") == CELL


@pytest.mark.parametrize(
    "form", [list(CELL), np.array(CELL), np.array(CELL, dtype=np.int8), "0,0,0,4,3,2"]
)
def test_every_form_of_architecture(bench, form):
    index = bench.query_index_by_arch(form)
    for other in (form, index, bench.space.arch_str(form), tuple(np.int32(v) for v in CELL)):
        assert bench.query_metric(other, "qat_accuracy") == bench.query_metric(CELL, "qat_accuracy")
        assert other in bench


def test_vectorised_query_equals_single_queries(bench):
    population = bench.space.sample(300, generator=np.random.default_rng(0))
    columns = bench.query(population, bench.metrics)
    for position, row in enumerate(population):
        for name in bench.metrics:
            assert columns[name][position] == bench.query_metric(bench.space.decode(row), name)
    assert list(bench.query([CELL, 1835], "baseline_drift_60")) == ["baseline_drift_60"]


def test_results_are_copies(bench):
    before = bench.query_metric(CELL, "avm")
    bench.query([CELL], "avm")["avm"][:] = 0
    assert bench.query_metric(CELL, "avm") == before


def test_derived_metrics(bench):
    expected = bench.query_metric(CELL, "analog_drift_60") - bench.query_metric(
        CELL, "analog_drift_2592000"
    )
    assert bench.query_metric(CELL, "avm") == expected > 0
    assert bench.query_metric(CELL, "params") == 73_306 + 28_000 + 243_040


def test_container(bench):
    assert len(bench) == 15_625
    cells = bench.list_available_architectures()
    assert cells == list(bench)
    assert len(set(cells)) == 15_625
    assert (0, 0, 0, 0, 0, 5) not in bench
    assert "nonsense" not in bench
    first = bench.random(generator=np.random.default_rng(3))
    assert first == bench.random(generator=np.random.default_rng(3))
    assert bench.random() in bench


def test_find_best_with_constraints(bench):
    cell, value = bench.find_best("analog_drift_2592000", ["params<=3e5", "baseline_accuracy>=90"])
    every = bench.query(list(bench), ["analog_drift_2592000", "params", "baseline_accuracy"])
    allowed = (every["params"] <= 3e5) & (every["baseline_accuracy"] >= 90)
    assert value == every["analog_drift_2592000"][allowed].max()
    assert bench.query_metric(cell, "params") <= 3e5
    smallest = bench.find_best("avm", "analog_drift_60>=80")
    assert (
        smallest[1]
        == bench.query(list(bench), "avm")["avm"][
            bench.query(list(bench), "analog_drift_60")["analog_drift_60"] >= 80
        ].min()
    )
    with pytest.raises(
        InvalidArgumentError, match=r"No architecture meets params<=5; the nearest .* params 73306"
    ):
        bench.find_best("avm", "params<=5")


def test_details_name_every_metric(bench, capsys):
    text = bench.get_architecture_details(CELL)
    for name in bench.metrics:
        assert name in text or name.endswith("_std")
    assert "noisy_drift_3600      54.04 ± 3.28 %" in text
    bench.show(bench.query_index_by_arch(CELL))
    assert capsys.readouterr().out.strip() == text.strip()


def test_to_pandas(bench):
    pandas = pytest.importorskip("pandas")
    frame = bench.to_pandas()
    assert frame.shape == (15_625, 2 + len(bench.metrics))
    assert frame.index[5] == (0, 0, 0, 0, 1, 0)
    assert frame.loc[[CELL]]["noisy_drift_3600"].item() == 54.04
    assert not frame.isna().any().any()
    assert isinstance(frame, pandas.DataFrame)


@pytest.mark.parametrize(
    ("architecture", "error"),
    [
        (np.array(5), "An architecture is six operations"),
        ((0, 0, 0, 4, 3, 7), "Unknown operation 7"),
        ((0, 0, 0, 4, 3, 2.0), "integers"),
        (20_000, "20000"),
        (True, "True"),
    ],
)
def test_bad_architectures(bench, architecture, error):
    with pytest.raises(OutOfSpaceError, match=error):
        bench.query_metric(architecture, "avm")
    with pytest.raises(OutOfSpaceError, match=error):
        bench.query([architecture], "avm")


@pytest.mark.parametrize("metric", ["analog_acuracy", "", None, 3, "arch_str", ["avm"]])
def test_bad_metrics(bench, metric):
    with pytest.raises(UnknownNameError, match="Unknown metric .* Choices: baseline_accuracy"):
        bench.query_metric(CELL, metric)


def test_damaged_table(tmp_path):
    whole = SHIPPED_TABLE.read_bytes()
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(whole)
    assert AnalogNASBench(copy).checksum == AnalogNASBench().checksum
    copy.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TableIntegrityError, match="damaged or truncated"):
        AnalogNASBench(copy)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1
    copy.write_bytes(damaged)
    with pytest.raises(TableIntegrityError, match="damaged"):
        AnalogNASBench(copy)


def test_every_byte_of_the_table_is_checked(tmp_path):
    whole = SHIPPED_TABLE.read_bytes()
    generator = np.random.default_rng(0)
    copy = tmp_path / "copy.parquet"
    noticed = 0
    for position in generator.integers(len(whole), size=60).tolist():
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(generator.integers(8))
        copy.write_bytes(damaged)
        try:
            table = AnalogNASBench(copy)
        except TableIntegrityError:
            noticed += 1
        else:
            # Only bytes that carry no content (statistics, encodings of equal meaning) may pass.
            assert table.checksum == AnalogNASBench().checksum
    assert noticed > 55


def test_a_bare_cell_is_no_population(bench):
    for cell in (CELL, list(CELL), np.array(CELL)):
        with pytest.raises(OutOfSpaceError, match="put a single architecture into a list"):
            bench.query(cell, "avm")
    assert len(bench.query([5, 6, 7], "avm")["avm"]) == 3  # indices


def test_isomorphic(bench):
    members = bench.isomorphic((2, 2, 0, 4, 2, 1))
    assert (2, 2, 0, 4, 2, 1) in set(map(tuple, members.tolist()))
    forms = {bench.space.canonical_form(row) for row in members}
    assert len(forms) == 1
