import csv
import math
import os
from pathlib import Path

import numpy as np
import pytest

from analognas.core import DataNotFoundError, TableIntegrityError
from analognas.hardware.mvm_coefficients import COEFFICIENTS_FILE, Coefficients, coefficients
from analognas.hardware.silicon.errors import REFERENCES, calibrated_errors, held_out_errors
from analognas.hardware.silicon.facts import FACTS_FILE, read_facts
from analognas.hardware.silicon.fit import fit_coefficients, held_out_error
from analognas.hardware.silicon.fit_coefficients import main, rounded
from analognas.hardware.silicon.points import operating_points

SHARED = Path(os.environ.get("ANALOGNAS_SHARED", "none")) / "data" / "aimc_silicon.csv"


@pytest.fixture(scope="module")
def points():
    return operating_points()


def test_every_fact_has_a_source():
    facts = read_facts()
    assert len(facts) == 445
    assert len({fact.chip for fact in facts}) == 78
    assert all(fact.source and fact.kind and math.isfinite(fact.value) for fact in facts)


@pytest.mark.skipif(not SHARED.exists(), reason="the collected facts are not here")
def test_shipped_facts_are_those_that_were_collected():
    with SHARED.open() as file:
        collected = {
            tuple(v for k, v in row.items() if k not in ("source", "note"))
            for row in csv.DictReader(file)
        }
    with FACTS_FILE.open() as file:
        shipped = {
            tuple(v for k, v in row.items() if k not in ("source", "note"))
            for row in csv.DictReader(file)
        }
    assert shipped <= collected


def _changed(tmp_path, change):
    lines = FACTS_FILE.read_text().splitlines()
    path = tmp_path / "facts.csv"
    path.write_text("\n".join(change(lines)) + "\n")
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: ["chip,value", *lines[1:]], "must name the columns chip, operating_point"),
        (lambda lines: [], "but got none"),
        (lambda lines: [lines[0], lines[1] + ",more"], "Line 2 of .* must have 25 cells"),
        (lambda lines: [lines[0], "Mine,1 V"], "Line 2 of .* must have 25 cells"),
        (
            lambda lines: [lines[0], lines[1].replace(",3.6,", ",fast,")],
            "Line 2 of .*`value`: 'fast' is not a number",
        ),
        (
            lambda lines: [lines[0], lines[1].replace(",3.6,", ",inf,")],
            "`value`: 'inf' is not a finite number",
        ),
        (
            lambda lines: [lines[0], lines[1].replace(",3.6,", ",,")],
            "must have a `value`, but it is empty",
        ),
    ],
)  # fmt: skip
def test_files_of_facts_that_do_not_fit(tmp_path, change, message):
    with pytest.raises(TableIntegrityError, match=message) as caught:
        read_facts(_changed(tmp_path, change))
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_facts(tmp_path):
    with pytest.raises(DataNotFoundError, match="There is no file"):
        read_facts(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TableIntegrityError, match="not UTF-8"):
        read_facts(tmp_path / "bytes.csv")


def test_operating_points_follow_from_the_published_figures(points):
    by_name = {(point.chip, point.name): point for point in points}
    core = by_name["HERMES core", "0.8 V, 8b in x 4b weight, 256 rows"]
    assert core.energy == pytest.approx(2 * 256 * 256 * 32 / 336)
    assert core.area == pytest.approx(2 * 256 * 256 * 32 / 130 / 1e3 / 50.88)
    four = by_name["HERMES 64-core", "four-phase read"]
    assert (four.energy, four.time, four.unit.phases) == (3.38e6 / 64, 130.0, 4)
    assert four.area == pytest.approx(2 * 256 * 256 / 520 / 1e3 / 0.4, rel=0.005)
    neurram = by_name["NeuRRAM", "4b in, 6b out, one-phase"]
    assert neurram.energy == pytest.approx(2 * 128 * 256 / 15.95409517)
    assert neurram.time == pytest.approx(48 * 2 * 128 * 256 / 0.7438677864 / 1e3)
    assert not neurram.unit.adds_currents
    # the survey's rows that are known to be wrong give way to the papers
    assert by_name["Jia 2020", "0.85 V, 1b x 1b"].time == pytest.approx(1350, rel=0.001)
    assert not any(point.chip in ("ISAAC-CE", "PUMA") for point in points)


def test_no_two_points_of_a_chip_have_equal_conditions_and_figures(points):
    seen = set()
    for point in points:
        plain = point.unit.replace(capacity=None, processor=False)
        key = (point.chip, plain, point.series, str(point.energy), str(point.time))
        assert key not in seen, (point.chip, point.name)
        seen.add(key)


def test_shipped_coefficients_are_those_of_the_fit(points):
    fitted = fit_coefficients(points)
    shipped = coefficients()
    for name in ("energy", "time", "area"):
        np.testing.assert_allclose(getattr(shipped, name), getattr(fitted, name), rtol=0.02)
        assert getattr(shipped, name) == rounded(getattr(shipped, name))


def test_stated_errors_are_recomputed_from_the_facts(points):
    errors = held_out_errors(points)
    stated = coefficients().errors
    assert list(errors) == list(stated)
    for name, error in errors.items():
        found = (error.factor, error.low, error.high)
        assert found == pytest.approx((stated[name].factor, stated[name].low, stated[name].high), rel=0.02)  # fmt: skip
        assert (error.within, error.bias) == pytest.approx((stated[name].within, stated[name].bias), abs=0.06)  # fmt: skip
        assert error.wide == pytest.approx(stated[name].wide, rel=0.05)
        assert (error.chips, error.points) == (stated[name].chips, stated[name].points)
    assert set(REFERENCES) <= set(errors)
    # goals met: NVM energy and time of chips held out, calibrated time
    assert errors["NVM energy"].factor <= 1.9
    assert errors["NVM time"].factor <= 3.0
    assert errors["calibrated time"].factor <= 1.5


def test_the_share_within_the_factor_is_measured():
    by_chip = {str(i): np.array([value]) for i, value in enumerate((0.1, -0.1, 0.2, 2.0))}
    error = held_out_error(by_chip)
    assert error.factor == pytest.approx(math.exp(0.6), abs=1e-3)
    assert error.within == 0.75
    assert error.bias == pytest.approx(math.exp(2.2 / 4), abs=1e-3)
    assert error.wide == pytest.approx(math.exp(np.quantile([0.1, 0.1, 0.2, 2.0], 0.9)), abs=1e-3)


def test_more_points_calibrate_better(points):
    stated = coefficients().errors
    for name in ("energy", "time"):
        one, more = (stated[f"calibrated {name}, {n}"] for n in ("one point", "more points"))
        assert more.factor < stated[f"calibrated {name}"].factor < one.factor
        assert one.points + more.points == stated[f"calibrated {name}"].points


def test_an_error_would_notice_a_wrong_coefficient(points):
    chips = ["HERMES 64-core", "HERMES core"]
    few = [point for point in points if point.chip in chips]
    fitted = fit_coefficients(points)
    wrong = fitted.replace(energy=tuple(3 * value for value in fitted.energy))
    from analognas.hardware.silicon.fit import log_errors

    right = held_out_error({"all": log_errors("energy", few, fitted)}).factor
    assert held_out_error({"all": log_errors("energy", few, wrong)}).factor > 1.3 * right


def test_a_calibration_never_sees_the_point_that_it_predicts(points):
    chip = [point for point in points if point.chip == "HERMES 64-core"]
    rest = [point for point in points if point.chip != "HERMES 64-core"]
    from dataclasses import replace

    changed = [replace(chip[0], energy=10 * chip[0].energy), chip[1]]
    before = calibrated_errors([*rest, *chip])["energy"]["HERMES 64-core"]
    after = calibrated_errors([*rest, *changed])["energy"]["HERMES 64-core"]
    # only the measured value of the changed point moves, and what calibrates the other
    assert after[0] == pytest.approx(before[0] - math.log(10), abs=0.01)


def test_bootstrap_intervals_hold_the_factor():
    rng = np.random.default_rng(0)
    by_chip = {str(i): rng.normal(size=3) for i in range(20)}
    error = held_out_error(by_chip)
    assert error.low < error.factor < error.high
    assert error == held_out_error(by_chip)
    wider = held_out_error({key: by_chip[key] for key in list(by_chip)[:5]})
    assert wider.high / wider.low > error.high / error.low


def test_the_command_writes_what_is_shipped(tmp_path, monkeypatch, capsys, points):
    import analognas.hardware.silicon.fit_coefficients as command

    monkeypatch.setattr(command, "held_out_errors", lambda points: coefficients().errors)
    main(tmp_path / "coefficients.json")
    assert Coefficients.load(tmp_path / "coefficients.json").errors == coefficients().errors
    assert "NVM energy" in capsys.readouterr().out
    assert COEFFICIENTS_FILE.exists()
