import math
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.hardware import (
    Calibration,
    MeasuredPoint,
    MVMUnit,
    calibrate,
    find_chip,
    mvm_cost,
)
from analognas.hardware.mvm_coefficients import coefficients
from analognas.hardware.mvm_model import ENERGY_TERMS, TIME_TERMS, nominal_supply

HERMES = {
    "device": "PCM", "node": 14.0, "rows": 256, "columns": 256, "outputs": 256, "input_coding": "pulse width",
}  # fmt: skip
UNITS = st.fixed_dictionaries(
    {
        "device": st.sampled_from(["ReRAM", "PCM", "MRAM", "Flash", "SRAM", "eDRAM"]),
        "mode": st.sampled_from([None, "current", "charge"]),
        "node": st.sampled_from([7.0, 14.0, 40.0, 130.0]),
        "supply": st.floats(0.4, 4.0),
        "rows": st.integers(1, 2048),
        "columns": st.integers(1, 2048),
        "outputs": st.integers(1, 2048),
        "input_bits": st.integers(1, 8),
        "input_coding": st.sampled_from(["serial", "pulse width", "pulses"]),
        "weight_bits": st.integers(1, 8),
        "adc_bits": st.integers(1, 10),
        "adc_type": st.sampled_from(["converter", "comparator"]),
        "phases": st.integers(1, 4),
        "integration_time": st.one_of(st.none(), st.floats(0.5, 1e4)),
    }
)
CALIBRATIONS = st.one_of(
    st.none(),
    st.builds(
        Calibration,
        energy=st.floats(-3, 3),
        energy_supply=st.floats(-0.4, 0.1),
        energy_terms=st.tuples(*[st.floats(-2, 2)] * len(ENERGY_TERMS)),
        time=st.floats(-3, 3),
        time_supply=st.floats(-1.0, 0.6),
        time_terms=st.tuples(*[st.floats(-2, 2)] * len(TIME_TERMS)),
    ),
)


@given(
    UNITS,
    CALIBRATIONS,
    st.sampled_from(["input_bits", "weight_bits", "adc_bits", "phases", "outputs", "rows"]),
)
@settings(max_examples=200)
def test_more_bits_phases_rows_and_outputs_never_cost_less(entries, calibration, name):
    unit = MVMUnit(**entries, calibration=calibration)
    if name == "phases" and unit.input_coding == "pulses":
        return  # more digits of fewer pulses each take less time
    more = unit.replace(**{name: entries[name] + 1})
    before, after = mvm_cost(unit), mvm_cost(more)
    tolerance = 1 - 1e-9
    assert after.energy >= before.energy * tolerance
    assert after.latency >= before.latency * tolerance
    assert after.area >= before.area * tolerance


@given(UNITS, CALIBRATIONS, st.floats(0.3, 1.0))
@settings(max_examples=200)
def test_a_lower_supply_never_costs_more_energy_nor_less_time(entries, calibration, share):
    unit = MVMUnit(**entries, calibration=calibration)
    lower = mvm_cost(unit.replace(supply=entries["supply"] * share))
    assert lower.energy <= mvm_cost(unit).energy * (1 + 1e-9)
    assert lower.latency >= mvm_cost(unit).latency * (1 - 1e-9)


@given(UNITS)
def test_components_add_up_and_are_never_negative(entries):
    cost = mvm_cost(MVMUnit(**entries))
    assert all(part >= 0 for part in cost.components.values())
    assert sum(cost.components.values()) == pytest.approx(cost.energy)


def test_one_mvm_by_hand():
    unit = MVMUnit(**HERMES, supply=0.8, adc_bits=8, weight_bits=4, integration_time=130.0)
    k = coefficients().energy
    n, m, b, c, bits, scale = 256, 256, 8, 4, 8, 0.8**2 * 14
    expected = {
        "cells": n * m * scale * (k[0] + k[1] * b * c) + k[2] * n * m * 130 * 0.8**2,
        "adc": m * scale * (k[3] * bits + k[4] * 4**bits),
        "drivers": k[5] * n * b * 256 * scale,
        "control": k[6] * (n * b + m * bits) * scale,
        "accumulation": 0.03 / 8 / (45 * 0.81) * m * bits * scale,
    }
    cost = mvm_cost(unit)
    assert cost.components == pytest.approx(expected)
    assert cost.latency == 130.0
    assert not cost.latency_guessed
    # Khaddam-Aljameh et al. 2022: 12,480 pJ; within the stated interval.
    assert abs(math.log(cost.energy / 12480)) < math.log(cost.energy_factor)


def test_what_is_assumed_is_marked():
    cost = mvm_cost(MVMUnit(**HERMES))
    assert cost.latency_guessed
    assert cost.supply_assumed
    assert "a guess" in str(cost)
    errors = coefficients().errors
    assert cost.energy_factor == errors["NVM energy, time guessed"].factor
    assert cost.latency_factor == errors["NVM time"].factor
    given = mvm_cost(MVMUnit(**HERMES, supply=0.8, integration_time=130))
    assert (given.energy_factor, given.latency_factor) == (errors["NVM energy"].factor, 1.0)
    assert "a guess" not in str(given)
    sram = mvm_cost(
        MVMUnit(**{**HERMES, "device": "SRAM", "input_coding": "serial"}, integration_time=5)
    )
    assert sram.energy_factor == errors["SRAM energy"].factor


def test_a_calibration_meets_its_points_and_carries_its_error():
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=130.0)
    points = [
        MeasuredPoint(energy=12480.0, area=0.634),
        MeasuredPoint(changes={"supply": 0.7}, energy=10000.0),
    ]
    known = calibrate(unit, points)
    cost = mvm_cost(known)
    # The points differ from the model's slope by less than the spread of a measurement, 10 %.
    assert cost.energy == pytest.approx(12480.0, rel=0.05)
    assert cost.area == pytest.approx(0.634)
    assert mvm_cost(known.replace(supply=0.7)).energy == pytest.approx(10000.0, rel=0.05)
    assert cost.energy_factor == coefficients().errors["calibrated energy, more points"].factor
    assert cost.energy_factor < mvm_cost(unit).energy_factor
    assert known.calibration.n_energies == 2
    assert mvm_cost(known.replace(phases=4)).energy == pytest.approx(4 * cost.energy)


ERRORS = coefficients().errors
CONDITIONS = [
    ("input_bits", 16.0),
    ("supply", 0.4),
    ("rows", 1024),
    ("adc_bits", 12.0),
    ("node", 28.0),
]


def test_a_calibrated_time_is_no_longer_any_guess():
    unit = MVMUnit(**HERMES, supply=0.8)
    known = calibrate(unit, [MeasuredPoint(latency=260.0)])
    cost = mvm_cost(known)
    assert mvm_cost(unit).latency_guessed
    assert not cost.latency_guessed
    assert "a guess" not in str(cost)
    assert cost.latency == pytest.approx(260.0, rel=0.03)
    assert cost.latency_factor == pytest.approx(1.0, abs=0.01)  # measured
    other = mvm_cost(known.replace(input_bits=4))
    assert not other.latency_guessed
    assert other.latency_factor == ERRORS["calibrated time, one point"].factor
    twice = calibrate(
        unit,
        [MeasuredPoint(latency=260.0), MeasuredPoint(changes={"supply": 0.7}, latency=300.0)],
    )
    found = mvm_cost(twice.replace(input_bits=4)).latency_factor
    assert found == ERRORS["calibrated time, more points"].factor < other.latency_factor


@pytest.mark.parametrize(("name", "value"), CONDITIONS)
@pytest.mark.parametrize(
    "points", [[MeasuredPoint(energy=12480.0)], [MeasuredPoint(energy=12480.0, latency=130.0)]]
)
def test_a_measured_time_holds_for_its_own_conditions_alone(points, name, value):
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=130.0)
    known = calibrate(unit, points)
    base = mvm_cost(known)
    assert base.latency == pytest.approx(130.0, rel=0.03)
    assert (base.latency_factor, base.latency_guessed) == (pytest.approx(1.0, abs=0.01), False)
    # As calibrated without the integration time: it is the same statement.
    same = calibrate(unit.replace(integration_time=None), [points[0].replace(latency=130.0)])
    changed = mvm_cost(known.replace(**{name: value}))
    assert changed.latency == mvm_cost(same.replace(**{name: value})).latency
    assert changed.latency_factor == ERRORS["calibrated time, one point"].factor
    ratio = mvm_cost(unit.replace(integration_time=None, **{name: value})).latency
    ratio /= mvm_cost(unit.replace(integration_time=None)).latency
    assert changed.latency == pytest.approx(130.0 * ratio, rel=0.05)


def test_energy_points_under_other_conditions_take_the_time_of_these():
    """The integration time of one supply is not that of another, which the energy of currents would follow."""
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=130.0)
    points = [MeasuredPoint(energy=12480.0), MeasuredPoint(changes={"supply": 0.4}, energy=4000.0)]
    with_times = [
        points[0].replace(latency=130.0),
        points[1].replace(
            latency=mvm_cost(calibrate(unit, points[:1]).replace(supply=0.4)).latency
        ),
    ]
    found, expected = (calibrate(unit, p).calibration for p in (points, with_times))
    assert found.energy == pytest.approx(expected.energy, abs=1e-3)
    assert found.energy_terms == pytest.approx(expected.energy_terms, abs=1e-3)


def test_a_chosen_integration_time_is_no_second_measurement():
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=130.0)
    longer = MeasuredPoint(changes={"integration_time": 260.0}, energy=20000.0)
    known = calibrate(unit, [MeasuredPoint(energy=12480.0), longer])
    assert (known.calibration.n_times, known.calibration.n_energies) == (1, 2)
    chosen = mvm_cost(known.replace(integration_time=260.0))
    assert (chosen.latency, chosen.latency_factor) == (260.0, 1.0)
    assert chosen.energy == pytest.approx(20000.0, rel=0.05)
    assert mvm_cost(known).latency == pytest.approx(130.0, rel=0.03)


def test_a_guessed_time_widens_a_calibrated_energy():
    unit = MVMUnit(**HERMES, supply=0.8)
    guessed = mvm_cost(calibrate(unit, [MeasuredPoint(energy=12480.0)]).replace(supply=0.7))
    timed = calibrate(unit, [MeasuredPoint(energy=12480.0, latency=130.0)])
    predicted, given = mvm_cost(timed.replace(supply=0.7)), mvm_cost(timed)
    assert guessed.energy_factor == ERRORS["calibrated energy, time guessed"].factor
    assert predicted.energy_factor == ERRORS["calibrated energy, time predicted"].factor
    assert given.energy_factor == ERRORS["calibrated energy, one point"].factor
    assert given.energy_factor < min(guessed.energy_factor, predicted.energy_factor)
    # The energy of charges does not follow the time.
    charge = calibrate(unit.replace(mode="charge"), [MeasuredPoint(energy=12480.0)])
    assert mvm_cost(charge).energy_factor == given.energy_factor


def test_a_measured_area_is_certain_for_the_measured_array_alone():
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=130.0)
    known = calibrate(unit, [MeasuredPoint(area=0.634)])
    whole = ERRORS["NVM area"].factor
    assert mvm_cost(known).area_factor == 1.0
    assert mvm_cost(known.replace(supply=0.7)).area_factor == 1.0
    factors = [mvm_cost(known.replace(rows=rows)).area_factor for rows in (256, 300, 1024, 2**20)]
    assert factors == sorted(factors)
    assert 1.0 < factors[1] < factors[2] < whole
    assert factors[3] == pytest.approx(whole, rel=0.01)
    smaller = mvm_cost(known.replace(outputs=8, columns=8)).area_factor
    assert 1.0 < smaller < whole


def test_the_area_of_a_processor_is_three_times_that_of_its_array():
    unit = MVMUnit(**HERMES)
    whole, array = mvm_cost(unit.replace(processor=True)), mvm_cost(unit)
    assert whole.area == pytest.approx(3 * array.area)


@pytest.mark.parametrize(
    ("name", "said"), [("energy", "energy"), ("latency", "time"), ("area", "area")]
)
def test_points_that_contradict_each_other_are_told(name, said):
    unit = MVMUnit(**HERMES, supply=0.8)
    with pytest.warns(UserWarning, match=f"misses a measured {said} by a factor of 3.2e\\+10"):
        known = calibrate(unit, [MeasuredPoint(**{name: value}) for value in (1e-9, 1e12)])
    cost = mvm_cost(known)
    assert getattr(cost, f"{name}_factor") == pytest.approx(10**10.5, rel=0.01)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        calibrate(unit, [MeasuredPoint(**{name: value}) for value in (100.0, 110.0)])


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        ([], InvalidArgumentError, "MeasuredPoint in a list, but got \\[\\]"),
        (MeasuredPoint(energy=1.0), InvalidArgumentError, "MeasuredPoint in a list, but got"),
        (
            [MeasuredPoint(latency=500.0)],
            InvalidArgumentError,
            "`points\\[0\\]` has a latency of 500 ns, but its `integration_time` of 130 ns makes 130 ns",
        ),
        (
            [MeasuredPoint(changes={"phases": 4, "integration_time": 130.0}, latency=130.0)],
            InvalidArgumentError,
            "makes 520 ns under the same conditions",
        ),
        ([{"energy": 1.0}], InvalidArgumentError, "`points` must be one or more MeasuredPoint"),
        ([MeasuredPoint()], InvalidArgumentError, "must hold a measured energy, latency or area"),
        (
            [MeasuredPoint(changes={"suply": 0.7}, energy=1.0)],
            UnknownNameError,
            "suply",
        ),
        (
            [MeasuredPoint(changes={"supply": -1.0}, energy=1.0)],
            InvalidArgumentError,
            "`supply` must be",
        ),
    ],
)
def test_points_that_do_not_fit(points, error, message):
    with pytest.raises(error, match=message):
        calibrate(MVMUnit(**HERMES, integration_time=130.0), points)


@pytest.mark.parametrize("unit", [find_chip("hermes"), "hermes", None])
@pytest.mark.parametrize(
    "call", [mvm_cost, lambda unit: calibrate(unit, [MeasuredPoint(energy=1.0)])]
)
def test_a_chip_is_no_unit(unit, call):
    with pytest.raises(InvalidArgumentError, match="`unit` must be an MVMUnit") as caught:
        call(unit)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"device": "ReRam"}, "device"),
        ({"rows": 0}, "`rows` must be"),
        ({"active_rows": 300.0}, "`active_rows` must be at most `rows`, 256, but got 300"),
        ({"supply": 0.0}, "`supply` must be"),
        ({"node": float("nan")}, "node"),
    ],
)
def test_units_that_do_not_fit(entries, message):
    with pytest.raises((InvalidArgumentError, UnknownNameError), match=message):
        MVMUnit(**{**HERMES, **entries})


def test_a_comparator_reads_the_array_for_every_threshold():
    unit = MVMUnit(**HERMES, supply=0.8, integration_time=5.0, adc_type="comparator", adc_bits=1)
    one, five = mvm_cost(unit), mvm_cost(unit.replace(adc_bits=5))
    assert five.latency == 31 * one.latency
    assert five.energy == pytest.approx(31 * one.energy)
    assert five.area == one.area


def test_usual_supplies():
    assert nominal_supply(14.0) == 0.8
    assert nominal_supply(20.0) == nominal_supply(22.0)
