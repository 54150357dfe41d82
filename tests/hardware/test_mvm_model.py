import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.hardware import Calibration, MeasuredPoint, MVMUnit, calibrate, mvm_cost
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
        energy_supply=st.floats(-0.4, 0.5),
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
    assert cost.energy == pytest.approx(12480.0, rel=0.03)
    assert cost.area == pytest.approx(0.634)
    assert mvm_cost(known.replace(supply=0.7)).energy == pytest.approx(10000.0, rel=0.03)
    assert cost.energy_factor == coefficients().errors["calibrated energy"].factor
    assert cost.energy_factor < mvm_cost(unit).energy_factor
    assert known.calibration.n_energies == 2
    assert mvm_cost(known.replace(phases=4)).energy == pytest.approx(4 * cost.energy)


def test_a_calibrated_time_is_no_longer_any_guess():
    unit = MVMUnit(**HERMES, supply=0.8)
    known = calibrate(unit, [MeasuredPoint(latency=260.0)])
    cost = mvm_cost(known)
    assert cost.latency == pytest.approx(260.0, rel=0.03)
    assert cost.latency_factor == coefficients().errors["calibrated time"].factor


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        ([], InvalidArgumentError, "`points` must be one or more MeasuredPoint, but got \\[\\]"),
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
        calibrate(MVMUnit(**HERMES), points)


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
