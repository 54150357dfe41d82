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
from analognas.physics import DifferentialPair, WeightMapping


@pytest.mark.parametrize(
    ("make", "entry", "value"),
    [
        (DAC, "bits", 1),
        (ADC, "bits", 25),
        (DAC, "bits", 8.0),
        (TileSize, "rows", 0),
        (TileSize, "columns", -3),
        (ADC, "bound", 0.0),
        (ADC, "bound_management", 1),
        (InputRange, "init", 0.0),
        (InputRange, "min_unclipped", 1.5),
        (WeightModifier, "std", float("nan")),
        (WeightModifier, "drop_connect", 2.0),
        (WeightModifier, "coeffs", "ab"),
        (WeightModifier, "coeffs", ()),
        (Clip, "sigma", -1.0),
        (DriftCompensation, "n_repeats", 0),
        (AnalogConfig, "out_noise", -0.1),
        (AnalogConfig, "out_noise", "0.1"),
        (AnalogConfig, "ir_drop", "x"),
        (AnalogConfig, "tile", 512),
        (AnalogConfig, "device", "PCM"),
        (AnalogConfig, "digital", None),
        (AnalogConfig, "digital", "first"),
    ],
)
def test_wrong_values_are_refused_in_one_line(make, entry, value):
    with pytest.raises(InvalidArgumentError) as caught:
        make(**{entry: value})
    assert caught.value.parameter == entry
    assert caught.value.value is value
    assert str(caught.value).startswith(f"`{entry}` must be ")
    assert "\n" not in str(caught.value)


def test_errors_of_parts_name_the_path_and_the_bounds():
    with pytest.raises(
        InvalidArgumentError, match=r"`modifier.coeffs\[1\]` must be a finite number"
    ):
        AnalogConfig.from_dict({"modifier": {"coeffs": [1.0, "b"]}})
    with pytest.raises(
        InvalidArgumentError,
        match=r"`dac.bits` must be an integer in \[2, 24\] or null, but got 1\.",
    ):
        AnalogConfig.from_dict({"dac": {"bits": 1}})


def test_rounding_and_bound_management_need_a_bound():
    for more in ({}, {"bits": None, "bound_management": True}):
        with pytest.raises(InvalidArgumentError, match="`bound` must be a positive number if"):
            ADC(bound=None, **more)


@pytest.mark.parametrize(
    ("make", "entry", "value", "near"),
    [
        (InputRange, "kind", "learnt", "learned"),
        (ReadNoise, "kind", "pcm2", "pcm"),
        (WeightModifier, "kind", "addtive", "additive"),
        (Clip, "kind", "gauss", "gaussian"),
        (WeightScaling, "per", "columns", "column"),
        (DriftCompensation, "kind", "globl", "global"),
        (AnalogConfig, "noise_source", "banks", "bank"),
    ],
)
def test_unknown_choices_name_the_nearest(make, entry, value, near):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{near}'") as caught:
        make(**{entry: value})
    assert caught.value.parameter == entry


def test_unknown_entries_name_the_nearest():
    with pytest.raises(UnknownNameError, match="configuration entry .*Did you mean 'out_noise'"):
        AnalogConfig().replace(out_nois=0.0)


def test_a_configuration_is_frozen_hashable_and_equal_by_value():
    config = AnalogConfig()
    with pytest.raises(ValueError, match="frozen"):
        config.out_noise = 0.0
    assert config == AnalogConfig()
    assert hash(config) == hash(AnalogConfig())
    assert config.replace(out_noise=0.0) != config
    assert config.with_settings(["adc.bits=6", "pair={model: SingleDevice}"]).adc.bits == 6


def test_the_former_name_of_the_weight_mapping():
    with pytest.warns(DeprecationWarning, match="weight_mapping"):
        assert AnalogConfig().pair == DifferentialPair()
    with pytest.warns(DeprecationWarning, match="WeightMapping"):
        from analognas.physics import Mapping
    assert Mapping is WeightMapping


def test_json_schema():
    schema = AnalogConfig.json_schema()
    assert schema["properties"]["out_noise"]["minimum"] == 0.0
    assert "pair" in schema["properties"]


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
