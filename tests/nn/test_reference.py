"""The forward and hardware-aware training against results of aihwkit 1.2.0 (development data)."""

import numpy as np
import pytest
import torch

from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogLinear,
    Clip,
    DriftCompensation,
    InputRange,
    ReadNoise,
    WeightModifier,
    WeightScaling,
)
from analognas.nn.hwa.modifiers import modified
from analognas.nn.hwa.noise import EXACT
from analognas.physics import Ideal

Z = 5.0
N_REFERENCE = 400
QUIET = AnalogConfig(
    device=Ideal(),
    out_noise=0.0,
    compensation=DriftCompensation(kind="none"),
    input_range=InputRange(kind="fixed", init=3.0),
    modifier=WeightModifier(kind="none"),
)
ABSMAX = InputRange(kind="absmax")
FORWARDS = {
    "quant8_fixed_range3": QUIET,
    "quant8_nm_absmax": QUIET.replace(input_range=ABSMAX),
    "quant8_fixed_range3_outbound1_clipped": QUIET.replace(adc=ADC(bound=1.0)),
    "quant8_fixed_range3_irdrop1": QUIET.replace(ir_drop=1.0),
    "quant8_columnwise": QUIET.replace(scaling=WeightScaling(per="column")),
}
MANAGED = QUIET.replace(input_range=ABSMAX, adc=ADC(bound=1.0, bound_management=True))


def load(shared, name):
    path = shared / "reference" / name
    if not path.exists():
        pytest.skip(f"no reference results at {path}")
    with np.load(path, allow_pickle=False) as data:
        return {key: torch.tensor(data[key]) for key in data.files if data[key].dtype.kind == "f"}


@pytest.fixture(scope="module")
def forwards(shared):
    return load(shared, "forward_golden.npz")


@pytest.fixture(scope="module")
def training(shared):
    return load(shared, "hwa_golden.npz")


def layer_of(reference, config):
    layer = AnalogLinear(256, 128, bias=False, config=config)
    with torch.no_grad():
        layer.weight.copy_(reference["weights"])
    layer.remap()
    return layer


def close(y, reference):
    """Equal to 1e-5, relative to the largest output: a step of the ADC is 800 times that."""
    return bool(((y - reference).abs() <= 1e-5 * reference.abs().max()).all())


@pytest.mark.parametrize("engine", ["rpucuda", "torch"])
@pytest.mark.parametrize("name", FORWARDS)
@pytest.mark.parametrize("mode", ["train", "chip"])
def test_quantised_forward(name, mode, engine, forwards):
    key = f"{engine}/{name}"
    if key not in forwards:
        pytest.skip("this engine has no such reference")
    layer = layer_of(forwards, FORWARDS[name])
    if mode == "chip":
        layer.program(generator=torch.Generator().manual_seed(0))
    assert close(layer(forwards["inputs"]), forwards[key])


def test_bound_management_halves_each_sample_by_itself(forwards):
    layer = layer_of(forwards, MANAGED)
    layer.program(generator=torch.Generator().manual_seed(0))
    y = layer(forwards["inputs"])
    assert close(y, forwards["rpucuda/quant8_nm_absmax_bm_iterative_outbound1"])
    one_by_one = torch.cat([layer(x) for x in forwards["inputs"].split(1)])
    assert torch.equal(y, one_by_one)


@pytest.mark.parametrize(
    "wrong", [{"dac": DAC(bits=7)}, {"adc": ADC(bits=7)}, {"adc": ADC(bound=9.9)}]
)
def test_a_wrong_converter_is_noticed(wrong, forwards):
    layer = layer_of(forwards, QUIET.replace(**wrong))
    assert not close(layer(forwards["inputs"]), forwards["rpucuda/quant8_fixed_range3"])


@pytest.mark.parametrize(("kind", "name"), [("pcm", "pcm_read"), ("constant", "additive_const")])
def test_read_noise_moments(kind, name, forwards):
    """5 standard errors of the difference; a spread that is off by 5 % would be noticed.

    The reference's generators draw from pools of numbers whose own spread is off by up to 0.7 %: that, and
    not the 0.3 % of 5 standard errors over all outputs, limits the comparison of the spreads.
    """
    config = QUIET.replace(
        dac=DAC(bits=None),
        adc=ADC(bits=None, bound=None),
        read_noise=ReadNoise(std=0.0175, kind=kind),
    )
    layer = layer_of(forwards, config)
    layer.program(generator=torch.Generator().manual_seed(0))
    mean, std = forwards[f"rpucuda/wnoise_{name}_mean"], forwards[f"rpucuda/wnoise_{name}_std"]
    n = 200
    ys = torch.stack([layer(forwards["inputs"]) for _ in range(n)]).double()
    assert (z_of_means(ys, mean, std) < Z).all()
    assert (z_of_stds(ys, std) < Z).all()
    ratio = float((ys.std(0) / std).mean())
    tolerance = 0.007 + Z * np.sqrt((1 / (2 * n) + 1 / (2 * N_REFERENCE)) / std.numel())
    assert abs(ratio - 1) < tolerance < 0.02
    assert min(abs(1.05 * ratio - 1), abs(0.95 * ratio - 1)) > tolerance


def z_of_means(samples, mean, std):
    both = ((samples.var(0) + std**2) / 2).sqrt()
    error = both * np.sqrt(1 / len(samples) + 1 / N_REFERENCE)
    return (samples.mean(0) - mean).abs() / (error + 1e-6)  # reference moments are float32


def z_of_stds(samples, std):
    both = ((samples.var(0) + std**2) / 2).sqrt()
    error = both * np.sqrt(1 / (2 * len(samples)) + 1 / (2 * N_REFERENCE))
    return (samples.std(0) - std).abs() / error


MODIFIERS = {
    "add_normal_0.06": WeightModifier(kind="additive", std=0.06),
    "mult_normal_0.06": WeightModifier(kind="multiplicative", std=0.06),
    "prog_noise_1.0": WeightModifier(kind="programming", std=1.0),
    # The reference's polynomial has the older coefficients of that simulator.
    "poly_1.0": WeightModifier(
        kind="polynomial", std=1.0, coeffs=(0.26348 / 25.0, 0.0768, -0.0465)
    ),
}


@pytest.mark.parametrize("name", MODIFIERS)
def test_modifier_moments(name, training):
    torch.manual_seed(1)
    weight, modifier = training["weights"], MODIFIERS[name]
    mean, std = training[f"modifier/{name}_mean"], training[f"modifier/{name}_std"]
    scale = float(weight.abs().max())
    n = 400
    samples = torch.stack([modified(weight, scale, modifier, EXACT, 1.0) for _ in range(n)])
    seen = std > 0
    assert (z_of_means(samples, mean, std)[seen] < Z).all()
    assert (z_of_stds(samples, std)[seen] < Z).all()
    tolerance = Z * np.sqrt((1 / (2 * n) + 1 / (2 * N_REFERENCE)) / int(seen.sum()))
    ratio = float((samples.std(0)[seen] / std[seen]).log().mean().exp())
    assert abs(ratio - 1) < tolerance < 0.003
    assert abs(1.05 * ratio - 1) > tolerance


@pytest.mark.parametrize("engine", ["rpucuda", "torch"])
def test_clip_and_remap(engine, training):
    layer = layer_of(training, QUIET.replace(clip=Clip(kind="gaussian", sigma=2.0)))
    before = layer.weight.detach() / layer.weight_scale[0, 0]
    torch.testing.assert_close(before, training[f"{engine}/tile_w_before"], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(
        layer.weight_scale[0], training[f"{engine}/scales_before"], rtol=1e-5, atol=0
    )
    layer.clip()
    layer.remap()
    after = layer.weight.detach() / layer.weight_scale[0, 0]
    torch.testing.assert_close(
        after, training[f"{engine}/tile_w_after_clip_remap"], rtol=1e-5, atol=1e-7
    )
    scales = training[f"{engine}/scales_after_clip_remap"]
    torch.testing.assert_close(layer.weight_scale[0], scales, rtol=1e-5, atol=0)


@pytest.mark.parametrize("r", [1, 2, 3, 5])
def test_input_range_gradient(r, training):
    """The reference's backward does not mask clipped outputs, of which there are some at range 1."""
    config = QUIET.replace(
        input_range=InputRange(init=float(r), init_batches=0), adc=ADC(bits=None, bound=None)
    )
    layer = layer_of(training, config)
    (layer(training["inputs"]) * training["loss_coeff"]).sum().backward()
    reference = training[f"rpucuda/input_range_grad_{r}"].squeeze()
    torch.testing.assert_close(layer.input_range.grad, reference.reshape(1), rtol=1e-5, atol=0)


def test_input_range_gradient_where_outputs_are_clipped(training):
    """With the reference's ADC our gradients of clipped outputs are zero: a known difference of 3e-4."""
    config = QUIET.replace(input_range=InputRange(init=1.0, init_batches=0))
    layer = layer_of(training, config)
    (layer(training["inputs"]) * training["loss_coeff"]).sum().backward()
    reference = float(training["rpucuda/input_range_grad_1"])
    assert float(layer.input_range.grad) == pytest.approx(reference, rel=5e-4)
    assert float(layer.input_range.grad) != pytest.approx(reference, rel=1e-4)
