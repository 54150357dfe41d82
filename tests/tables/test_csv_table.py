"""CSV files as people have them: separators, an index column, marks, fractions."""

import numpy as np
import pytest

from analognas.core import TableIntegrityError
from analognas.evaluators import CostPredictor
from analognas.spaces import NASBench201Space
from analognas.tables import read_csv_table

CELLS = NASBench201Space().sample(40, generator=np.random.default_rng(0))
COSTS = 2.0 + 0.5 * (CELLS == 2).sum(axis=1)


def rows(separator=",", costs=COSTS):
    head = separator.join(["architecture", "mine_latency"])
    cells = [",".join(map(str, row)) for row in CELLS.tolist()]
    quote = '"' if separator == "," else ""
    return [head, *(f"{quote}{c}{quote}{separator}{v}" for c, v in zip(cells, costs, strict=True))]


def read(tmp_path, lines):
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines))
    return read_csv_table(path, NASBench201Space())


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(tmp_path, separator):
    population, columns = read(tmp_path, rows(separator))
    np.testing.assert_array_equal(population, CELLS)
    np.testing.assert_array_equal(columns["mine_latency"], COSTS)


def test_an_index_column_is_named(tmp_path):
    for name in ("", "Unnamed: 0", "id"):
        lines = [f"{k - 1 if k else name},{line}" for k, line in enumerate(rows())]
        with pytest.raises(TableIntegrityError, match=rf"{name or 'no name'}.*index=False"):
            read(tmp_path, lines)


def test_decimal_commas_are_an_error_that_says_so(tmp_path):
    lines = rows(";", [str(cost).replace(".", ",") for cost in COSTS])
    with pytest.raises(
        TableIntegrityError, match=r"Line 2 of .* not a number\. Write a decimal point"
    ):
        read(tmp_path, lines)


def test_a_network_that_did_not_compile_is_missing(tmp_path):
    costs = COSTS.copy()
    costs[3] = -1
    population, columns = read(tmp_path, rows(costs=costs))
    assert np.isnan(columns["mine_latency"]).nonzero()[0].tolist() == [3]
    predictor = CostPredictor().fit(population, columns)
    assert predictor.formula("mine_latency") == "2 + 0.5 nor_conv_3x3"
    # The same from arrays, marks and all.
    assert CostPredictor().fit(CELLS, {"mine_latency": costs}).formula("mine_latency") == (
        "2 + 0.5 nor_conv_3x3"
    )


@pytest.mark.parametrize("cost", [-2, 0, "-1e-9"])
def test_what_cannot_be_a_latency_is_an_error(tmp_path, cost):
    lines = [*rows(), '"2,2,2,2,2,2",' + str(cost)]
    with pytest.raises(TableIntegrityError, match=r"positive numbers.* in line 42\."):
        read(tmp_path, lines)


def test_accuracies_as_fractions_are_an_error(tmp_path):
    lines = ["architecture,analog_accuracy", "0,0.91", "1,0.93"]
    with pytest.raises(TableIntegrityError, match="multiply them by 100"):
        read(tmp_path, lines)


def test_long_integers_are_no_traceback(tmp_path):
    with pytest.raises(TableIntegrityError, match="Line 2"):
        read(tmp_path, ["architecture,a_latency", "9" * 5000 + ",1"])


def test_empty_lines_do_not_count(tmp_path):
    population, columns = read(
        tmp_path, ["", "architecture;a_latency;b_energy", ";;", "3;1;", "5;;2", ""]
    )
    assert len(population) == 2
    np.testing.assert_array_equal(columns["b_energy"], [np.nan, 2.0])
