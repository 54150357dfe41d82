import math

import pytest

from analognas.core import InvalidArgumentError
from analognas.hardware import (
    CHIPS,
    AIMCChip,
    Programming,
    chip_from_dict,
    find_chip,
    load_chip,
    noise_scale,
    programming_cost,
    recalibration_cost,
    save_chip,
)
from analognas.hardware.cost import cost_of_layers
from analognas.physics import PCM, Hermes, Ideal
from analognas.spaces import Layers, NamedLayers

HOW = Programming(
    devices=2.0,
    preparation_time=100.0,
    preparation_energy=7.0,
    iterations=4.0,
    pulse_time=10.0,
    pulse_energy=3.0,
    verify_time=40.0,
    verify_energy=1.0,
    writers=8.0,
)
CHIP = AIMCChip(name="c", rows=64, columns=32, mvm_latency=100.0, mvm_energy=2.0, programming=HOW)


def cost_of(chip=CHIP, *shapes):
    layers = [Layers(*shape, 1, 3) for shape in shapes or [(64, 32)]]
    return cost_of_layers([NamedLayers(str(i), "Linear", x) for i, x in enumerate(layers)], chip)


def test_time_and_energy_are_those_of_the_equation():
    found = programming_cost(cost_of())
    assert found.weights == 64 * 32
    assert found.time == pytest.approx(2048 / 8 * (100 + 2 * 4 * 50) * 1e-6)
    assert found.energy == pytest.approx(2048 * (7 + 2 * 4 * 4) * 1e-9)
    assert found.time.low == found.time.high == found.time
    # Crossbars are written at once: two full ones take as long as one, and twice the energy.
    two = programming_cost(cost_of(CHIP, (64, 32), (64, 32)))
    assert (two.time, two.energy) == (found.time, pytest.approx(2 * found.energy))
    one_by_one = CHIP.replace(programming=HOW.replace(parallel_tiles=1.0))
    assert programming_cost(cost_of(one_by_one, (64, 32), (64, 32))).time == pytest.approx(
        2 * found.time
    )
    # Copies are written, too.
    copies = CHIP.replace(n_tiles=2, replicate=True)
    assert programming_cost(cost_of(copies)).energy == pytest.approx(2 * found.energy)


def test_bounds_follow_from_those_of_the_figures():
    how = HOW.replace(
        writers=(4.0, 8.0, 16.0), iterations=(2.0, 4.0, 8.0), pulse_energy=(1.0, 3.0, 9.0)
    )
    found = programming_cost(cost_of(CHIP.replace(programming=how)))
    plain = programming_cost(cost_of())
    assert (found.time, found.energy) == (plain.time, plain.energy)
    assert found.time.low == pytest.approx(2048 / 16 * (100 + 2 * 2 * 50) * 1e-6)
    assert found.time.high == pytest.approx(2048 / 4 * (100 + 2 * 8 * 50) * 1e-6)
    assert found.energy.low == pytest.approx(2048 * (7 + 2 * 2 * 2) * 1e-9)
    assert found.energy.high == pytest.approx(2048 * (7 + 2 * 8 * 10) * 1e-9)


@pytest.mark.parametrize("name", ["hermes", "neurram", "jia2021"])
def test_more_iterations_never_cost_less(name):
    cost = cost_of(find_chip(name))
    limits = [1, 2, 3, 5, 8, 13, 30, 100]
    found = [programming_cost(cost, iterations=n) for n in limits] + [programming_cost(cost)]
    for end in ("low", "high"):
        times = [getattr(one.time, end) for one in found]
        assert times == sorted(times)
    if name != "neurram":
        energies = [float(one.energy) for one in found]
        assert energies == sorted(energies)
    assert float(found[-2].time) == pytest.approx(float(found[-1].time), rel=1e-4)


def test_fewer_iterations_are_noisier():
    how = find_chip("hermes").programming
    scales = [noise_scale(how, Hermes(), n) for n in (1, 3, 10, 30, 1000)]
    assert scales == sorted(scales, reverse=True)
    assert scales[-1] == pytest.approx(1.0)
    # No iteration at all would leave any conductance of the range.
    single = noise_scale(Programming(pulse_time=1.0, iterations=1e15), PCM(), 1)
    sigma = PCM().programming_std
    import torch

    mean = float(sigma(torch.linspace(0.0, 25.0, 1001)).square().mean())
    assert single == pytest.approx(25.0 / math.sqrt(12.0 * mean), rel=1e-4)
    with pytest.raises(InvalidArgumentError, match="has no programming noise"):
        noise_scale(how, Ideal(), 3)
    with pytest.raises(InvalidArgumentError, match="`iterations` must be"):
        noise_scale(how, PCM(), 0.5)


def test_presets_state_what_their_sources_do():
    hermes = find_chip("hermes").programming
    assert (hermes.pulse_time, hermes.verify_time, hermes.writers) == (125.0, 512.0 + 256.0, 32.0)
    assert hermes.iterations[0] == 1.0
    assert hermes.iterations[2] == 30.0
    full = programming_cost(cost_of(find_chip("hermes"), (256, 256)))
    # 2,048 groups of 32 weights, at most 30 iterations of 893 ns for two devices.
    assert full.time.high == pytest.approx(2048 * (1000 + 2 * 30 * 893) * 1e-6)
    neurram = find_chip("neurram").programming
    assert neurram.iterations[0] == 8.52
    # The authors' estimate of 56 us for a cell.
    assert neurram.iterations[1] * (1000 + neurram.verify_time[1]) == pytest.approx(56e3, rel=0.001)
    assert find_chip("jia2020").programming.devices == 4.0
    stated = {name for name in CHIPS if CHIPS.get(name).programming is not None}
    assert {"hermes", "hermes-system", "neurram-8b-two-phase", "jia2021"} <= stated
    assert not {"isaac", "puma", "ambrogio2023", "hermes-core"} & stated


def test_what_is_not_published_is_said():
    isaac = programming_cost(cost_of(find_chip("isaac")))
    assert math.isnan(isaac.time)
    assert math.isnan(isaac.energy)
    assert str(isaac).startswith(
        "programming: time and energy of programming 'isaac' are not published; give"
    )
    # One command with all that it asks for is enough.
    asked = [word for word in str(isaac).split() if word.startswith("programming.")]
    assert asked == ["programming.pulse_time=100", "programming.pulse_energy=100"]
    assert programming_cost(cost_of(find_chip("isaac").with_settings(asked))).missing == ""
    neurram = programming_cost(cost_of(find_chip("neurram")))
    assert neurram.time > 0
    assert "energy of programming 'neurram' is not published" in str(neurram)
    asked = [word for word in str(neurram).split() if word.startswith("programming.")]
    assert asked == ["programming.pulse_energy=100", "programming.verify_energy=100"]
    given = find_chip("neurram").with_settings(asked)
    assert programming_cost(cost_of(given)).energy > 0
    # An energy of a weight replaces those of pulses.
    own = programming_cost(cost_of(CHIP.replace(program_energy=2.0)))
    assert own.energy == pytest.approx(2048 * 2.0 * 1e-6)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"pulse_tim": 3}, "Did you mean 'programming' entry|Did you mean 'pulse_time'"),
        ({}, r"`programming.pulse_time` must be given"),
        ({"pulse_time": -1}, r"`programming.pulse_time` must be a finite number"),
        (
            {"pulse_time": 1, "iterations": [3, 2, 1]},
            "a lower bound, an expected value and an upper bound",
        ),
        ({"pulse_time": 1, "iterations": 0.5}, r"`programming.iterations` must be"),
        ({"pulse_time": 1, "writers": [1, 2]}, r"`programming.writers` must be"),
    ],
)
def test_bad_programming(entries, message):
    with pytest.raises(ValueError, match=message) as caught:
        chip_from_dict({"base": "hermes", "programming": entries})
    assert "\n" not in str(caught.value)


def test_files_hold_the_programming(tmp_path):
    save_chip(CHIP, tmp_path / "c.yaml")
    assert load_chip(tmp_path / "c.yaml") == CHIP


def test_recalibration():
    cost = cost_of(CHIP, (64, 32), (64, 32))
    found = recalibration_cost(cost)
    assert found.reference_mvms == 64
    assert found.time == pytest.approx(64 * 100e-6)
    assert found.energy == pytest.approx(64 * 2 * 2.0e-6)
    assert recalibration_cost(cost, reference_mvms=1).energy == pytest.approx(found.energy / 64)
    assert found.per_inference(86400.0, 0.1) == pytest.approx(found.energy / 8640)
    shared = recalibration_cost(cost_of(CHIP.replace(fixed_share=0.0), (32, 32)))
    assert shared.energy == pytest.approx(64 * 2.0e-6 / 2)
    factor = recalibration_cost(cost_of(CHIP.replace(energy_factor=2.0)))
    assert factor.energy.high == pytest.approx(2 * factor.energy)
    conversions = recalibration_cost(
        cost_of(CHIP.replace(dac_energy=3.0, adc_energy=5.0), (64, 32))
    )
    beside = 64 * (CHIP.rows * 3.0 + CHIP.columns * 5.0) * 1e-9
    assert conversions.energy == pytest.approx(64 * 2.0e-6 + beside)
    assert "not known" in str(recalibration_cost(cost_of(CHIP.replace(mvm_energy=None))))
    with pytest.raises(InvalidArgumentError, match="`reference_mvms` must be"):
        recalibration_cost(cost, reference_mvms=0)


def test_packed_matrices_may_fill_a_crossbar():
    """Two matrices of half a crossbar each lie on one: it takes as long to write as a full one."""
    halves = [(64, 16), (64, 16)]
    naive, packed = (
        cost_of(CHIP.replace(mapping=mapping), *halves) for mapping in ("naive", "packed")
    )
    assert (naive.tiles, packed.tiles) == (2, 1)
    assert programming_cost(packed).time == pytest.approx(2 * float(programming_cost(naive).time))
    assert programming_cost(packed).energy == pytest.approx(float(programming_cost(naive).energy))
