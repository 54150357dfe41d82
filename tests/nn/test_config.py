import dataclasses

import numpy as np
import pytest

from analognas.core import AnalogNASError, InvalidArgumentError, UnknownNameError
from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    Clip,
    DriftCompensation,
    InputRange,
    ReadNoise,
    TileSize,
    WeightModifier,
    WeightScaling,
)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: DAC(bits=1), "`dac.bits` must be an integer in [2, 24], but got 1."),
        (lambda: ADC(bits=1), "`adc.bits` must be an integer in [2, 24], but got 1."),
        (lambda: DAC(bits=8.0), "`dac.bits` must be an integer in [2, 24], but got 8.0."),
        (lambda: TileSize(rows=0), "`tile.rows` must be an integer of at least 1, but got 0."),
        (lambda: TileSize(columns=-3), "`tile.columns` must be an integer of at least 1, but got -3."),
        (lambda: ADC(bound=0.0), "`adc.bound` must be positive, but got 0.0."),
        (lambda: ADC(bound=None), "`adc.bound` must be a positive number where"),
        (lambda: ADC(bound_management=1), "`adc.bound_management` must be true or false, but got 1."),
        (lambda: InputRange(init=0.0), "`input_range.init` must be positive"),
        (lambda: InputRange(min_unclipped=1.5), "`input_range.min_unclipped` must be a finite number in [0.0, 1.0]"),
        (lambda: WeightModifier(std=float("nan")), "`modifier.std` must be a finite number of at least 0.0"),
        (lambda: WeightModifier(drop_connect=2.0), "`modifier.drop_connect` must be"),
        (lambda: WeightModifier(coeffs="ab"), "`modifier.coeffs` must be a list of numbers, but got 'ab'."),
        (lambda: WeightModifier(coeffs=(1.0, "b")), "`modifier.coeffs[1]` must be a finite number"),
        (lambda: Clip(sigma=-1.0), "`clip.sigma` must be a finite number of at least 0.0"),
        (lambda: DriftCompensation(n_repeats=0), "`compensation.n_repeats` must be an integer of at least 1"),
        (lambda: AnalogConfig(out_noise=-0.1), "`out_noise` must be a finite number of at least 0.0"),
        (lambda: AnalogConfig(ir_drop="x"), "`ir_drop` must be a finite number"),
        (lambda: AnalogConfig(tile=512), "`tile` must be an instance of TileSize, but got 512."),
        (lambda: AnalogConfig(device="PCM"), "`device` must be an instance of Device, but got 'PCM'."),
        (lambda: AnalogConfig(out_noise="0.1"), "`out_noise` must be a finite number of at least 0.0, but got '0.1'."),
        (lambda: AnalogConfig(digital=None), "`digital` must be a tuple of names, but got None."),
        (lambda: WeightModifier(coeffs=()), "`modifier.coeffs` must be a list of numbers, but got ()."),
        (lambda: AnalogConfig(digital="first"), "`digital` must be a tuple of names, but got 'first'."),
    ],
)  # fmt: skip
def test_wrong_values_are_refused_in_one_line(make, text):
    with pytest.raises(InvalidArgumentError) as caught:
        make()
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "kind", "near"),
    [
        (lambda: InputRange(kind="learnt"), "input_range.kind", "learned"),
        (lambda: ReadNoise(kind="pcm2"), "read_noise.kind", "pcm"),
        (lambda: WeightModifier(kind="addtive"), "modifier.kind", "additive"),
        (lambda: Clip(kind="gauss"), "clip.kind", "gaussian"),
        (lambda: WeightScaling(per="columns"), "scaling.per", "column"),
        (lambda: DriftCompensation(kind="globl"), "compensation.kind", "global"),
        (lambda: AnalogConfig(noise_source="banks"), "noise_source", "bank"),
        (lambda: AnalogConfig().replace(out_nois=0.0), "AnalogConfig argument", "out_noise"),
    ],
)
def test_unknown_choices_name_the_nearest(make, kind, near):
    with pytest.raises(UnknownNameError, match=f"Unknown {kind} .*Did you mean '{near}'"):
        make()


def test_a_configuration_is_frozen_hashable_and_equal_by_value():
    config = AnalogConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.out_noise = 0.0
    assert config == AnalogConfig()
    assert hash(config) == hash(AnalogConfig())
    assert config.replace(out_noise=0.0) != config


def test_levels_are_2_to_the_bits_minus_2():
    assert 2 * DAC(bits=8).steps == 254
    assert 2 * ADC(bits=2).steps == 2
    assert DAC(bits=None).steps is None
    assert ADC(bits=None, bound=None).steps is None


def test_numbers_of_numpy_become_plain_ones():
    config = AnalogConfig(
        out_noise=np.float64(0.25),
        tile=TileSize(rows=np.int64(64)),
        adc=ADC(bits=np.int8(6), bound=np.float32(4)),
        modifier=WeightModifier(coeffs=np.array([0.5, 1.0])),
        digital=["first"],
    )
    plain = AnalogConfig(
        out_noise=0.25,
        tile=TileSize(rows=64),
        adc=ADC(bits=6, bound=4.0),
        modifier=WeightModifier(coeffs=(0.5, 1.0)),
        digital=("first",),
    )
    assert repr(config) == repr(plain)
    assert hash(config) == hash(plain)


def test_every_error_is_ours():
    with pytest.raises(AnalogNASError):
        TileSize(rows="many")
