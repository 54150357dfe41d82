"""What a hardware-aware training framework claims to model, each claim with its opposite.

A claim is a function that asserts a behaviour. It must hold, and it must fail once the behaviour is taken
out of the code by a patch: so none of these tests could pass without what it names.
"""

import copy
import math

import pytest
import torch
from torch import nn

from analognas.nn import (
    ADC,
    DAC,
    AnalogConfig,
    AnalogLinear,
    Clip,
    DriftCompensation,
    InputRange,
    TileSize,
    WeightModifier,
    WeightScaling,
    analog_layers,
    at_time,
    calibrate,
    clip_and_remap,
    program,
    run_chips,
    to_analog,
)
from analognas.nn.hwa.autograd import ForwardOptions
from analognas.nn.hwa.noise import no_noise
from analognas.nn.kernels.passes import digitize as digitize_kernel
from analognas.nn.tile.chips import LayerChips
from analognas.nn.tile.tiling import TileGrid
from analognas.physics import PCM, DifferentialPair, Ideal, PowerLaw, ProgrammedDevices
from analognas.training import Distillation, HWARecipe, get_task
from analognas.training.methods import HardwareAwareMethod

N = 20_000
FIVE_SIGMA = 5.0 / math.sqrt(2 * N)  # of a standard deviation from N normal numbers, relative
YEAR = 31536000.0
CLEAN = AnalogConfig(
    device=Ideal(),
    dac=DAC(bits=None),
    adc=ADC(bits=None, bound=None),
    out_noise=0.0,
    modifier=WeightModifier(kind="none"),
    clip=Clip(kind="none"),
    input_range=InputRange(kind="fixed", init=4.0),
    compensation=DriftCompensation(kind="none"),
)
CLAIMS = {}


def claim(*patches):
    """Register a claim with what takes its behaviour away: pairs of a target and what takes its place."""

    def register(function):
        CLAIMS[function.__name__] = (function, patches)
        return function

    return register


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def near(value, expected, relative):
    assert abs(float(value) - expected) <= relative * abs(expected), (float(value), expected)


def layer(config=CLEAN, inputs=16, outputs=8, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AnalogLinear(inputs, outputs, config=config, **options)


DEVICE = "analognas.physics.device.Device."
LAYER = "analognas.nn.layers.base.AnalogLayer."


CUT = TileGrid.cut
WHOLE = staticmethod(lambda tile, **sizes: CUT(TileSize(rows=None, columns=None), **sizes))


def through_noise(x, weight, bias, input_range, scale, step):
    """Noisy weights as torch differentiates them: the gradient is not that of the clean ones."""
    return nn.functional.linear(x, weight * (1.0 + 0.5 * torch.randn_like(weight)))


def exact_program(self, rows, g_target, generators):
    rows.copy_(g_target.expand_as(rows))


def without_noise(out, mean, std, scale, generator):
    return out.copy_(mean) if isinstance(mean, torch.Tensor) else out.fill_(mean)


@claim((DEVICE + "_program_into", exact_program))
def programming_noise_follows_the_polynomial():
    """sigma = 0.26348 + 1.9650 r - 1.1731 r^2 at g_max 25; away from 0, where nothing is clamped."""
    for g in (5.0, 12.0, 25.0):
        r = g / 25.0
        chip = PCM().program(torch.full((N,), g), generator=rng())
        near(chip.std(), 0.26348 + 1.9650 * r - 1.1731 * r * r, FIVE_SIGMA)


@claim(("analognas.physics.pcm.PCM.programming_std", lambda self, g: torch.full_like(g, 0.5)))
def programming_noise_depends_on_the_state():
    low, high = (PCM().program(torch.full((N,), g), generator=rng()).std() for g in (4.0, 20.0))
    assert high > 1.5 * low


@claim(("torch.Tensor.clamp_", lambda self, **_: self))
def conductances_are_never_negative():
    assert PCM().program(torch.zeros(N), generator=rng()).min() == 0.0


@claim(("analognas.physics.power_law.PowerLawDevice.drifted", lambda self, g, nu, t: g.clone()))
def drift_is_a_power_law():
    device, g = PowerLaw(nu=0.06, t_0=20.0), torch.tensor([5.0, 25.0])
    for t in (1.0, 3600.0, YEAR):
        expected = g * ((t + 20.0) / 20.0) ** -0.06
        torch.testing.assert_close(device.drift(g, torch.full_like(g, 0.06), t), expected)


@claim(
    ("analognas.physics.pcm.PCM.nu_moments", lambda self, g: (torch.full_like(g, 0.05), 0.0 * g))
)
def drift_exponents_depend_on_the_state():
    low, high = (PCM().draw_nu(torch.full((N,), g), generator=rng()).mean() for g in (0.1, 25.0))
    near(low, 0.1, 0.02)
    near(high, 0.049, 0.02)


@claim(("analognas.physics.device._scatter", without_noise))
def drift_exponents_differ_between_devices():
    nu = PCM().draw_nu(torch.full((N,), 1.0), generator=rng())
    near(nu.std(), -0.0125 * math.log(1 / 25) - 0.0059, 0.06)


@claim((DEVICE + "_read_growth", lambda self, t: 0.0))
def read_noise_is_there_and_grows_with_time():
    chip = ProgrammedDevices(PCM(), torch.full((N,), 20.0), torch.zeros(N))
    spreads = [chip.read(t, generator=rng()).std() for t in (0.0, 3600.0, YEAR)]
    q = 0.0088 / 0.8**0.65
    near(spreads[0], 20.0 * q * math.sqrt(math.log((20.0 + 250e-9) / 500e-9)), FIVE_SIGMA)
    assert spreads[0] < spreads[1] < spreads[2]


def keep_noise(self, outs, g_prog, nu, times, generator):
    for out, t in zip(outs, times, strict=True):
        out.copy_(self.drifted(g_prog, nu, t) * 1.01)


@claim((DEVICE + "_read_into", keep_noise))
def read_noise_is_drawn_anew_and_programming_is_not():
    source = rng()
    chip = ProgrammedDevices.program(PCM(), torch.full((100,), 20.0), generator=source)
    before = chip.g_prog.clone()
    one, other = (chip.read(60.0, generator=source) for _ in range(2))
    assert not torch.equal(one, other)
    assert torch.equal(chip.g_prog, before)


def same_for_all(self, rows, g_target, generators):
    for row in rows:
        row.copy_(g_target)


@claim((DEVICE + "_program_into", same_for_all))
def every_chip_is_a_draw_of_its_own():
    chips = ProgrammedDevices.program(
        PCM(), torch.full((50,), 20.0), generator=rng(), n_chips=3
    ).g_prog
    assert not torch.equal(chips[0], chips[1])
    again = ProgrammedDevices.program(
        PCM(), torch.full((50,), 20.0), generator=rng(), n_chips=3
    ).g_prog
    assert torch.equal(chips, again)


def forgetful(self, out, g_prog, nu, t):
    out.copy_(self.program(torch.full_like(out, 20.0), generator=rng(int(t))))


@claim((DEVICE + "_drift_into", forgetful))
def one_chip_is_followed_through_time():
    """The spread between devices at one time explains that at another: they are the same devices."""
    chip = ProgrammedDevices.program(PCM(), torch.full((1000,), 20.0), generator=rng())
    early, late = chip.drift([1.0, 3600.0])
    assert torch.corrcoef(torch.stack([early, late]))[0, 1] > 0.7  # 0.79; of other devices 0
    assert torch.equal(chip.drift(0.0), chip.g_prog)


def positive_only(self, w_rel, device):
    g = w_rel.clamp(min=0.0) * device.g_max
    return torch.stack([g, torch.zeros_like(g)])


@claim(("analognas.physics.mapping.DifferentialPair.to_conductances", positive_only))
def weights_are_pairs_of_conductances():
    weights = torch.tensor([[1.0, -1.0, 0.25, -0.5]])
    g = DifferentialPair().to_conductances(weights, PCM())
    torch.testing.assert_close(DifferentialPair().to_weights(g, PCM()), weights)
    assert g.max() == 25.0
    assert (g >= 0.0).all()


@claim((LAYER + "remap", lambda self: None))
def the_largest_weight_is_the_largest_conductance():
    made = layer()
    with torch.no_grad():
        made.weight.mul_(3.0)
    made.program(generator=rng())
    assert made.chips.devices.g_prog.max() == 25.0


def trained_chip(kind, t):
    """Return the gain of a layer's outputs at a time, against those of its weights."""
    made = layer(
        CLEAN.replace(device=PCM(), compensation=DriftCompensation(kind=kind)), 256, 64, bias=False
    )
    model, x = nn.Sequential(made).eval(), torch.randn(50, 256, generator=rng())
    program(model, generator=rng(1), chips=4)
    at_time(model, t)
    with torch.no_grad():
        expected = nn.functional.linear(x, made.weight)
    y = run_chips(model, x)
    return float((y * expected).sum() / (4 * expected.square().sum()))


@claim(("analognas.nn.tile.chips.drift_compensation", lambda reference, now: torch.ones_like(now)))
def compensation_undoes_the_mean_drift():
    assert trained_chip("none", YEAR) < 0.6
    near(trained_chip("global", YEAR), 1.0, 0.06)


def known(reference, now):
    """What is not a measurement: the factor that the mean exponent predicts."""
    return torch.full_like(now, ((YEAR + 20.0) / 20.0) ** 0.06)


@claim(("analognas.nn.tile.chips.drift_compensation", known))
def compensation_is_measured_on_each_chip():
    model = nn.Sequential(layer(AnalogConfig(), 64, 32)).eval()
    with pytest.warns(UserWarning, match="not set from data"):
        program(model, generator=rng(), chips=5)
    at_time(model, YEAR)
    assert model[0].chips.alpha[:, 0, 0].unique().numel() == 5


FIRST = {}


def from_first_weights(tiled, matrix, *rest, **options):
    return LayerChips(tiled, FIRST.setdefault("matrix", matrix.clone()), *rest, **options)


@claim(("analognas.nn.layers.base.LayerChips", from_first_weights))
def programming_again_takes_the_present_weights():
    made = layer().eval()
    x = torch.randn(4, 16, generator=rng()).clamp(-4, 4)
    for factor in (1.0, -2.0):
        with torch.no_grad():
            made.weight.mul_(factor)
        made.program(generator=rng())
        torch.testing.assert_close(
            made(x), nn.functional.linear(x, made.weight, made.bias), rtol=1e-4, atol=1e-5
        )
        made.set_mode("chip")


def only_clip(x, input_range, tiled, noise, out):
    steps = tiled.input_steps
    return torch.clamp(x * (steps / input_range), -steps, steps), True


@claim(("analognas.nn.hwa.autograd.quantize_inputs", only_clip))
def inputs_are_rounded_to_the_converters_levels():
    made = layer(
        CLEAN.replace(dac=DAC(bits=4), input_range=InputRange(kind="fixed", init=1.0)), 1, 1
    )
    with torch.no_grad():
        made.weight.fill_(1.0)
        made.bias.zero_()
    y = made.eval()(torch.linspace(-1, 1, 1001)[:, None])
    levels = y.unique()
    torch.testing.assert_close(levels * 7, torch.arange(-7.0, 8.0))


def no_clip(x, input_range, tiled, noise, out):
    return (x * (tiled.input_steps / input_range)).round(), True


@claim(("analognas.nn.hwa.autograd.quantize_inputs", no_clip))
def inputs_are_clipped_at_their_range():
    made = layer(CLEAN, 1, 1, bias=False).eval()
    y = made(torch.tensor([[4.0], [400.0]]))
    torch.testing.assert_close(y[0], y[1])


def digitize_without_rounding(*arguments):
    *before, _, factor = arguments
    return digitize_kernel(*before, False, factor)


@claim(("analognas.nn.tile.adc.kernels.digitize", digitize_without_rounding))
def outputs_are_rounded_to_the_converters_levels():
    made = layer(CLEAN.replace(adc=ADC(bits=5, bound=2.0)), bias=False).eval()
    scale, r = float(made.weight_scale.max()), 4.0
    steps = made(torch.randn(200, 16, generator=rng())) / (scale * r * 2.0 / 15)
    torch.testing.assert_close(steps, steps.round(), rtol=0.0, atol=1e-4)


@claim(("analognas.nn.tile.tiled_layer.TiledLayer.output_limit", None))
def outputs_are_clipped_at_their_bound():
    made = layer(CLEAN.replace(adc=ADC(bits=None, bound=0.5)), bias=False).eval()
    y = made(4 * torch.sign(made.weight.detach())).detach()
    near(y.max(), 0.5 * 4.0 * float(made.weight_scale.max()), 1e-5)


@claim(("analognas.nn.hwa.noise.ExactNoise.blocks", lambda self, y, std: [no_noise(y.numel())]))
def outputs_are_noisy_in_evaluation_too():
    made = layer(CLEAN.replace(out_noise=0.04), bias=False).eval()
    torch.manual_seed(0)
    y = made(torch.zeros(N, 16)).detach()
    near(y[:, 0].std(), 0.04 * 4.0 * float(made.weight_scale.max()), FIVE_SIGMA)


@claim(("analognas.nn.layers.base.TileGrid.cut", WHOLE))
def large_layers_are_split_over_tiles():
    made = layer(CLEAN.replace(tile=TileSize(rows=8, columns=4)))
    assert (made.tiled.grid.n_row_tiles, made.tiled.grid.n_tiles) == (2, 4)


@claim(("analognas.nn.hwa.autograd.modified", lambda weight, *_: weight))
def weights_are_noisy_in_training_only():
    made = layer(CLEAN.replace(modifier=WeightModifier(std=0.1)), bias=False)
    x = torch.eye(16).repeat(400, 1)
    torch.manual_seed(0)
    with torch.no_grad():
        noise = torch.stack([made(torch.eye(16)).T - made.weight for _ in range(160)])
        n = noise.numel()
        near(noise.std(), 0.1 * float(made.weight_scale.max()), 5.0 / math.sqrt(2 * n))
        torch.testing.assert_close(made.eval()(x)[:16].T, made.weight.detach())


@claim(("analognas.nn.layers.base.HWAFunction.apply", through_noise))
def gradients_go_to_the_clean_weights():
    made = layer(CLEAN.replace(modifier=WeightModifier(std=0.5)), bias=False)
    x = torch.randn(4, 16, generator=rng())
    made(x).sum().backward()
    torch.testing.assert_close(made.weight.grad, x.sum(0).expand(8, 16), rtol=1e-5, atol=1e-6)


@claim(("analognas.training.methods.set_modifier_factor", lambda model, factor: None))
def noise_rises_over_the_first_epochs():
    part = HWARecipe(analog=CLEAN.replace(modifier=WeightModifier(std=0.2)), ramp=2.0)
    method = HardwareAwareMethod(part, get_task("classification"))
    model = method.convert(nn.Sequential(nn.Linear(16, 64)))
    spreads = []
    for epochs in (0.0, 1.0, 2.0, 5.0):
        method.before_step(model, epochs)
        torch.manual_seed(0)
        with torch.no_grad():
            spreads.append(float((model(torch.eye(16)) - model[0].bias - model[0].weight.T).std()))
    assert spreads[0] < 1e-6
    near(spreads[1], 0.5 * spreads[2], 1e-3)
    near(spreads[2], spreads[3], 1e-6)


@claim(("torch.Tensor.bernoulli_", lambda self, p, **_: self.fill_(1.0)))
def connections_are_dropped():
    made = layer(
        CLEAN.replace(modifier=WeightModifier(kind="none", drop_connect=0.2)), 200, 100, bias=False
    )
    torch.manual_seed(0)
    with torch.no_grad():
        share = float((made(torch.eye(200)) == 0.0).float().mean())
    assert abs(share - 0.2) < 5 * math.sqrt(0.2 * 0.8 / N)


@claim((LAYER + "clip", lambda self: None))
def weights_are_clipped_after_each_step():
    model = nn.Sequential(layer(CLEAN.replace(clip=Clip(kind="gaussian", sigma=2.0)), 100, 100))
    with torch.no_grad():
        model[0].weight.normal_(generator=rng())
    clip_and_remap(model)
    near(model[0].weight.detach().max(), 2.0, 0.03)


@claim((LAYER + "remap", lambda self: self.weight.div_(self.weight.abs().amax(1, keepdim=True))))
def remapping_keeps_the_function():
    model = nn.Sequential(layer(CLEAN.replace(scaling=WeightScaling(per="column"))))
    x = torch.randn(5, 16, generator=rng()).clamp(-4, 4)
    with torch.no_grad():
        model[0].weight.mul_(torch.linspace(0.2, 2.0, 8)[:, None])
        before = nn.functional.linear(x, model[0].weight.clone(), model[0].bias)
        clip_and_remap(model)
        torch.testing.assert_close(model.eval()(x), before, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(model[0].weight_scale[0], model[0].weight.abs().amax(1))


@claim((LAYER + "remap", lambda self: None))
def remapping_follows_the_weights():
    model = nn.Sequential(layer(CLEAN))
    with torch.no_grad():
        model[0].weight.mul_(7.0)
    clip_and_remap(model)
    assert model[0].weight_scale.max() == model[0].weight.abs().max()


@claim(("analognas.training.tasks.Task.distillation_loss", lambda self, *_: torch.zeros(())))
def the_digital_network_teaches():
    """With the whole weight on the teacher the targets do not matter, and the loss is its formula."""
    part = HWARecipe(analog=CLEAN, distillation=Distillation(weight=1.0, temperature=4.0))
    method = HardwareAwareMethod(part, get_task("classification"))
    net = nn.Sequential(nn.Linear(16, 5))
    model, x = method.convert(copy.deepcopy(net)), torch.randn(6, 16, generator=rng())
    with torch.no_grad():
        model[0].weight.mul_(0.3)
    outputs = model(x)
    losses = [method.loss(outputs, x, torch.full((6,), k), {}) for k in (0, 1)]
    assert losses[0] == losses[1]
    p, q = (torch.softmax(z / 4.0, -1) for z in (net(x), outputs))
    torch.testing.assert_close(losses[0], 16.0 * (p * (p / q).log()).sum(-1).mean())
    assert losses[0] > 0.0


@claim(
    (
        "analognas.training.methods.to_analog",
        lambda digital, config: to_analog(nn.Sequential(nn.Linear(16, 5)), config),
    )
)
def training_starts_from_the_digital_weights():
    net = nn.Sequential(nn.Linear(16, 5))
    method = HardwareAwareMethod(HWARecipe(analog=CLEAN), get_task("classification"))
    model, x = method.convert(copy.deepcopy(net)).eval(), torch.randn(3, 16, generator=rng())
    torch.testing.assert_close(model(x.clamp(-4, 4)), net(x.clamp(-4, 4)), rtol=1e-5, atol=1e-5)


@claim((LAYER + "observe", lambda self, x: self.input_range_batches.add_(1)))
def input_ranges_come_from_the_data():
    config = CLEAN.replace(input_range=InputRange(init=50.0, init_std=3.0))
    model = nn.Sequential(layer(config))
    calibrate(model, [torch.randn(5000, 16, generator=rng()) * 2.0])
    near(model[0].input_range.detach(), 6.0, 5.0 / math.sqrt(2 * 80_000))


@claim(
    (
        "analognas.nn.layers.base.ForwardOptions",
        lambda *entries: ForwardOptions(*entries[:4], False),
    )
)
def input_ranges_are_learned():
    config = CLEAN.replace(
        dac=DAC(bits=8), input_range=InputRange(init=0.5, init_batches=0, decay=0.01)
    )
    made = layer(config, bias=False)
    x = torch.randn(256, 16, generator=rng())
    optimizer = torch.optim.SGD([made.input_range], lr=0.02)
    wanted = nn.functional.linear(x, made.weight.detach())
    for _ in range(60):
        optimizer.zero_grad()
        (made(x) - wanted).square().mean().backward()
        optimizer.step()
    assert made.input_range > 0.6  # it opens where clipping hurts


@claim(("analognas.training.methods.clip_and_remap", lambda model: None))
def hardware_aware_steps_clip_and_remap():
    method = HardwareAwareMethod(HWARecipe(), get_task("classification"))
    model = method.convert(nn.Sequential(nn.Linear(64, 64)))
    with torch.no_grad():
        model[0].weight[0, 0] = 50.0
    method.after_step(model)
    (_, made), *_ = analog_layers(model)
    assert made.weight.max() < 15.0
    assert made.weight_scale.max() == made.weight.abs().max()


def test_there_are_enough():
    assert len(CLAIMS) >= 28


@pytest.mark.parametrize("name", CLAIMS)
def test_the_claim_holds(name):
    with torch.random.fork_rng():
        CLAIMS[name][0]()


@pytest.mark.parametrize("name", CLAIMS)
def test_the_claim_fails_without_the_behaviour(name, monkeypatch):
    function, patches = CLAIMS[name]
    with torch.random.fork_rng():
        for target, replacement in patches:
            monkeypatch.setattr(target, replacement)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            function()
