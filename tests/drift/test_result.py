import json
import math

import numpy as np
import pytest
from scipy import stats

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.drift import DAY, MONTH, DriftResult, Estimate
from analognas.training import get_task


def made(scores, **changes):
    scores = np.array(scores, dtype=float)
    n_times = scores.shape[1]
    values = {
        "times": (1.0, DAY, MONTH)[:n_times],
        "chip_scores": scores,
        "digital_score": 0.92,
        "reference_score": 0.92,
        "example_covariance": 0.08 * np.ones((n_times + 1, n_times + 1)),
        "sampling_variance": np.zeros(n_times),
        "n_examples": 2000,
        "chance_score": 0.1,
        "task": get_task("classification"),
        "confidence": 0.95,
        "tolerance": None,
        "n_scored": 1,
    }
    return DriftResult(**{**values, **changes})


SCORES = [[0.91, 0.90, 0.88], [0.90, 0.885, 0.87], [0.92, 0.91, 0.885], [0.905, 0.89, 0.86]]


def test_intervals_of_this_test_set_are_those_of_the_chips():
    found = made(SCORES).at(DAY)
    column = 100.0 * np.array(SCORES)[:, 1]
    low, high = stats.t.interval(0.95, 3, loc=column.mean(), scale=stats.sem(column))
    assert (found.value, found.low, found.high) == pytest.approx(
        (column.mean(), low, high), rel=1e-9
    )


def test_the_population_adds_the_examples():
    result = made(SCORES)
    here, wide = result.at(DAY), result.at(DAY, "population")
    assert wide.sem == pytest.approx(math.hypot(here.sem, 100.0 * math.sqrt(0.08 / 2000)), rel=1e-6)
    assert wide.low < here.low


def test_differences_are_paired():
    result = made(SCORES)
    found = result.difference(1.0, MONTH)
    pairs = 100.0 * (np.array(SCORES)[:, 0] - np.array(SCORES)[:, 2])
    low, high = stats.t.interval(0.95, 3, loc=pairs.mean(), scale=stats.sem(pairs))
    assert (found.value, found.low, found.high) == pytest.approx(
        (pairs.mean(), low, high), rel=1e-7
    )
    assert found.sem < math.hypot(result.at(1.0).sem, result.at(MONTH).sem)
    assert result.avm() == found
    # Examples whose effects are the same at all times add nothing to a difference.
    assert result.difference(1.0, MONTH, "population").sem == pytest.approx(found.sem, rel=1e-6)


def test_normalised_accuracy_by_hand():
    result = made(SCORES)
    found = result.normalised(MONTH)
    assert found.value == pytest.approx((0.87375 - 0.1) / (0.92 - 0.1), rel=1e-9)
    assert found.sem == pytest.approx(result.at(MONTH).sem / 82.0, rel=1e-6)


def test_the_reference_s_examples_are_the_same_examples():
    """A network that answers like the reference is 100 % of it, whatever the examples."""
    result = made([[0.92, 0.92], [0.92, 0.92]])
    found = result.normalised(DAY, "population")
    assert found.value == pytest.approx(1.0)
    assert found.sem == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ([0.919, 0.920, 0.9195], "yes"),
        ([0.88, 0.881, 0.8805], "no"),
        ([0.90, 0.925, 0.91], "undecided"),
    ],
)
def test_verdicts(scores, verdict):
    assert made([[x] for x in scores]).iso_accuracy(1.0) == verdict


def test_one_chip_is_no_verdict():
    result = made([[0.91]])
    assert result.at(1.0).value == pytest.approx(91.0)
    assert math.isnan(result.at(1.0).low)
    assert result.iso_accuracy(1.0) == "undecided"
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["summary"][0]["sem"] is None


def test_one_chip_says_that_it_has_no_interval(tmp_path):
    result = made([[0.91, 0.90, 0.88]])
    text = str(result)
    assert "nan" not in text
    assert "91.00  one chip: no interval" in text
    assert result.at(DAY).interval == "one chip: no interval"
    for suffix in ("csv", "json"):
        result.write(tmp_path / f"a.{suffix}")
        assert "NaN" not in (tmp_path / f"a.{suffix}").read_text()


PERPLEXITY = {
    "task": get_task("language_model"),
    "digital_score": math.log(330.0),
    "reference_score": math.log(330.0),
    "chance_score": math.log(33278.0),
    "example_covariance": np.zeros((2, 2)),
}


def test_a_doubled_perplexity_is_not_iso_accurate():
    """Normalised by itself, 659 of 330 would be 0.990 of a vocabulary of 33,278 words."""
    noise = np.array([[-1e-4], [0.0], [1e-4]])
    doubled = made(math.log(659.0) + noise, **PERPLEXITY)
    expected = (math.log(33278.0) - math.log(659.0)) / (math.log(33278.0) - math.log(330.0))
    assert doubled.normalised(1.0).value == pytest.approx(expected, rel=1e-12)
    assert expected == pytest.approx(0.850, abs=1e-3)
    assert doubled.iso_accuracy(1.0) == "no"
    assert made(math.log(331.0) + noise, **PERPLEXITY).iso_accuracy(1.0) == "yes"
    found = doubled.normalised(1.0)
    advantage = math.log(33278.0 / 330.0)
    assert found.sem == pytest.approx(1e-4 / math.sqrt(3.0) / advantage, rel=1e-9)


@pytest.mark.parametrize("reference", [0.1, 0.05])
def test_a_reference_that_only_guesses_normalises_nothing(reference):
    """Below chance the sign would turn, and worse chips would count as better."""
    result = made([[0.04], [0.05], [0.045]], reference_score=reference)
    assert math.isnan(result.normalised(1.0).value)
    assert str(result.normalised(1.0)) == "unknown"
    assert result.iso_accuracy(1.0) == "undecided"
    worse = {**PERPLEXITY, "reference_score": math.log(50_000.0)}
    result = made([[math.log(60_000.0)], [math.log(60_001.0)]], **worse)
    assert math.isnan(result.normalised(1.0).value)


def test_the_reference_that_is_printed_is_the_one_that_is_used():
    result = made(SCORES, digital_score=0.93, reference_score=0.87)
    found = result.normalised(1.0)
    assert found.value > 1.0
    assert "digital 87.00 %" in str(result)
    assert "without analog effects: 93.00 %" in str(result)
    shown = float(str(result).split("digital ")[1].split(" %")[0])
    assert (result.at(1.0).value - 10.0) / (shown - 10.0) == pytest.approx(found.value)
    assert "without analog effects" not in str(made(SCORES))


def test_chip_spread_without_what_asking_few_examples_added():
    scores = np.array(SCORES)
    assert made(SCORES).chip_std(DAY) == pytest.approx(100.0 * scores[:, 1].std(ddof=1), rel=1e-6)
    half = made(SCORES, sampling_variance=scores.var(axis=0, ddof=1) / 2.0)
    assert half.chip_std(DAY) == pytest.approx(
        100.0 * scores[:, 1].std(ddof=1) / math.sqrt(2.0), rel=1e-6
    )


def test_times_that_needed_fewer_chips():
    scores = np.array(SCORES)
    scores[2:, 0] = np.nan
    result = made(scores, tolerance=0.25)
    assert len(result.chips_at(1.0)) == 2
    assert result.at(1.0).value == pytest.approx(90.5)
    # Compared on the chips that have both.
    assert result.difference(1.0, DAY).value == pytest.approx(100.0 * (0.905 - 0.8925))
    assert len(result.rows()) == 10
    plain = made(SCORES)
    assert result.at(DAY).half_width == pytest.approx(math.sqrt(1.5) * plain.at(DAY).half_width)


def test_tables(tmp_path):
    result = made(SCORES)
    assert result.rows()[4] == {"chip": 1, "time": DAY, "accuracy": pytest.approx(88.5)}
    result.write(tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "chip,time,accuracy"
    assert len(lines) == 13
    pd = pytest.importorskip("pandas")
    result.write(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), result.to_pandas())
    with pytest.raises(InvalidArgumentError, match=r"written as \.csv or \.parquet"):
        result.write(tmp_path / "a.xls")


def test_json_goes_there_and_back(tmp_path):
    scores = np.array(SCORES)
    scores[3, 0] = np.nan
    result = made(scores, provenance={"seed": 3})
    result.write(tmp_path / "a.json")
    again = DriftResult.from_dict(json.loads((tmp_path / "a.json").read_text()))
    np.testing.assert_array_equal(again.chip_scores, result.chip_scores)
    assert again.summary() == result.summary()
    assert again.provenance == {"seed": 3}
    with pytest.raises(InvalidArgumentError, match="must come from"):
        DriftResult.from_dict({})


def test_bad_questions():
    result = made(SCORES)
    with pytest.raises(InvalidArgumentError, match="must be a measured time"):
        result.at(5.0)
    with pytest.raises(UnknownNameError, match="Choices: test_set, population"):
        result.at(1.0, "everything")
    with pytest.raises(InvalidArgumentError, match="both are 1 s"):
        result.difference(1.0, 1.0)
    with pytest.raises(InvalidArgumentError, match="must be a measured time"):
        made([[0.9], [0.8]]).avm()


def test_text():
    lines = str(made(SCORES)).splitlines()
    assert lines[1].split()[0] == "time"
    assert "% interval" in lines[1]
    assert any("  no " in line for line in lines[2:])
    assert repr(made(SCORES)).startswith("<DriftResult: accuracy: digital")
    assert "<table>" in made(SCORES)._repr_html_()
    assert str(Estimate(90.0, 0.1, 89.5, 90.5, 3.0)) == "90.00 [89.50, 90.50]"
