from types import SimpleNamespace as Of

import pytest

from analognas.core import InvalidArgumentError
from analognas.nn import AnalogConfig
from analognas.physics import PCM


class PCMLikeNoiseModel:
    def __init__(self, **values):
        self.__dict__.update(values)


class GlobalDriftCompensation:
    pass


def rpu(**parts):
    """A configuration with the defaults of an inference network: 7-bit input, 9-bit output."""
    forward = {"inp_res": 1 / 126, "out_res": 1 / 510, "out_bound": 12.0, "out_noise": 0.06}
    made = {"forward": Of(**{**forward, **parts.pop("forward", {})})}
    return Of(**made, **parts)


def config_of(**parts):
    return AnalogConfig.from_aihwkit(rpu(**parts))


def test_converters_and_noise():
    config = config_of(forward={"inp_noise": 0.01, "ir_drop": 1.0, "bound_management": "ITERATIVE"})
    assert (config.dac.bits, config.dac.noise) == (7, 0.01)
    assert (config.adc.bits, config.adc.bound, config.adc.bound_management) == (9, 12.0, True)
    assert (config.out_noise, config.ir_drop) == (0.06, 1.0)


@pytest.mark.parametrize(("resolution", "bits"), [(1 / 254, 8), (254, 8), (-1, None), (0, None)])
def test_resolutions(resolution, bits):
    assert config_of(forward={"inp_res": resolution}).dac.bits == bits


def test_a_perfect_forward():
    config = config_of(forward={"is_perfect": True})
    assert (config.dac.bits, config.adc.bits, config.adc.bound, config.out_noise) == (
        None,
        None,
        None,
        0.0,
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("NONE", (0.0, "pcm")),
        ("PCM_READ", (0.0175, "pcm")),
        ("AdditiveConstant", (0.0175, "constant")),
    ],
)
def test_read_noise(theirs, ours):
    noise = config_of(forward={"w_noise": 0.0175, "w_noise_type": theirs}).read_noise
    assert (noise.std, noise.kind) == ours


def test_mapping_modifier_clip_and_ranges():
    config = config_of(
        mapping=Of(
            max_input_size=256,
            max_output_size=0,
            weight_scaling_omega=1.0,
            weight_scaling_columnwise=True,
            learn_out_scaling=True,
        ),
        modifier=Of(type="ADD_NORMAL", std_dev=0.1, pdrop=0.05),
        clip=Of(type="LAYER_GAUSSIAN", sigma=2.0),
        remap=Of(type="LAYERWISE_SYMMETRIC"),
        pre_post=Of(input_range=Of(enable=True, init_from_data=10, decay=0.01)),
    )
    assert (config.tile.rows, config.tile.columns) == (256, None)
    assert (config.scaling.per, config.scaling.learned, config.scaling.remap) == (
        "column",
        True,
        True,
    )
    assert (config.modifier.kind, config.modifier.std, config.modifier.drop_connect) == (
        "additive",
        0.1,
        0.05,
    )
    assert (config.clip.kind, config.clip.sigma) == ("gaussian", 2.0)
    assert (config.input_range.kind, config.input_range.init_batches) == ("learned", 10)
    assert config.input_range.min_unclipped == 0.95


def test_a_polynomial_keeps_its_coefficients():
    modifier = Of(type="POLY", std_dev=1.0, coeffs=[0.01, 0.08, -0.05])
    assert config_of(modifier=modifier).modifier.coeffs == (0.01, 0.08, -0.05)


def test_ranges_without_learning():
    assert config_of(forward={"noise_management": "ABS_MAX"}).input_range.kind == "absmax"
    fixed = config_of(forward={"noise_management": "NONE"}).input_range
    assert (fixed.kind, fixed.init) == ("fixed", 1.0)


def test_device_and_compensation():
    noise = PCMLikeNoiseModel(g_max=20.0, t_0=20.0, prog_noise_scale=0.5, prog_coeff=None)
    config = config_of(noise_model=noise, drift_compensation=GlobalDriftCompensation())
    assert config.device == PCM(g_max=20.0, prog_noise_scale=0.5)
    assert config.compensation.kind == "global"
    assert config_of(drift_compensation=None).compensation.kind == "none"


def test_coefficients_refer_to_the_largest_conductance_of_their_fit():
    noise = PCMLikeNoiseModel(
        g_max=50.0, prog_coeff=[0.5, 2.0, -1.0], prog_coeff_g_max_reference=50.0
    )
    assert config_of(noise_model=noise).device.prog_coeffs == (0.25, 1.0, -0.5)


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"forward": {"v_offset_std": 0.1}}, "forward.v_offset_std"),
        ({"forward": {"w_read_asymmetry_dtod": 0.1}}, "forward.w_read_asymmetry_dtod"),
        ({"forward": {"out_nonlinearity": 0.1}}, "forward.out_nonlinearity"),
        ({"forward": {"mv_type": "BitWise"}}, "forward.mv_type"),
        ({"forward": {"bound_management": "Shift"}}, "forward.bound_management"),
        ({"forward": {"ir_drop": 1.0, "ir_drop_g_ratio": 1e5}}, "forward.ir_drop_g_ratio"),
        ({"mapping": Of(digital_bias=False, weight_scaling_omega=1.0)}, "mapping.digital_bias"),
        ({"clip": Of(type="LAYER_GAUSSIAN", fixed_value=1.0)}, "clip.fixed_value"),
        (
            {
                "forward": {"noise_management": "ABS_MAX"},
                "pre_post": Of(input_range=Of(enable=True)),
            },
            "forward.noise_management",
        ),
        ({"forward": {"inp_sto_round": True}}, "forward.inp_sto_round"),
        ({"forward": {"inp_res": 0.3}}, "forward.inp_res"),
        ({"forward": {"out_bound": 0.0}}, "forward.out_res"),
        ({"forward": {"noise_management": "MAX"}}, "forward.noise_management"),
        ({"mapping": Of(weight_scaling_omega=0.6)}, "mapping.weight_scaling_omega"),
        ({"modifier": Of(type="DOREFA")}, "modifier.type"),
        (
            {"modifier": Of(type="ADD_NORMAL", rel_to_actual_wmax=False)},
            "modifier.rel_to_actual_wmax",
        ),
        ({"clip": Of(type="AVERAGE_CHANNEL_MAX")}, "clip.type"),
        ({"noise_model": object()}, "noise_model"),
        ({"drift_compensation": object()}, "drift_compensation"),
    ],
)
def test_fields_without_a_counterpart_are_named(parts, field):
    with pytest.raises(InvalidArgumentError, match=f"`{field}`"):
        config_of(**parts)


def test_something_else_is_not_a_configuration():
    with pytest.raises(InvalidArgumentError, match="pass an InferenceRPUConfig"):
        AnalogConfig.from_aihwkit({"forward": 1})
