import pytest
import torch

from analognas.nn import AnalogConfig, get_config, program, to_analog
from analognas.physics import Ideal


def test_rasch2023_is_what_the_paper_says():
    config = get_config("rasch2023")
    assert (config.tile.rows, config.dac.bits, config.adc.bits, config.adc.bound) == (
        512,
        8,
        8,
        10.0,
    )
    assert (config.out_noise, config.read_noise.std, config.ir_drop) == (0.04, 0.0175, 1.0)
    assert config.read_noise.kind == "pcm"
    assert (config.scaling.per, config.scaling.learned, config.scaling.remap) == (
        "column",
        True,
        True,
    )
    assert (config.clip.kind, config.clip.value) == ("fixed", 1.0)
    assert config.modifier.drop_connect == 0.01


def test_analognasbench_is_what_its_table_was_made_with():
    config = get_config("analognasbench")
    assert (config.modifier.kind, config.modifier.std) == ("additive", 0.06)
    assert (config.clip.kind, config.clip.sigma) == ("gaussian", 2.0)
    assert (config.out_noise, config.adc.bound, config.dac.bits, config.adc.bits) == (
        0.04,
        10.0,
        8,
        8,
    )
    ranges = config.input_range
    assert (ranges.kind, ranges.init_std, ranges.init_batches) == ("learned", 3.0, 50)
    assert (ranges.decay, ranges.min_unclipped) == (0.01, 0.995)
    assert (config.scaling.per, config.scaling.remap) == ("layer", True)
    assert (config.compensation.kind, config.device.g_max) == ("global", 25.0)


def test_replication_has_one_exponent_and_constant_scales():
    for name, nu in (("replication", 0.06), ("replication-0.05", 0.05)):
        config = get_config(name)
        assert (config.device.nu, config.scaling.per) == (nu, "fan_in")
        assert config.device.programming_std(torch.tensor([25.0])).item() == pytest.approx(
            1.05538, rel=1e-5
        )
    layer = to_analog(torch.nn.Linear(12, 2), get_config("replication"))
    assert layer.weight_scale.flatten().tolist() == pytest.approx([0.5, 0.5])
    with torch.no_grad():
        layer.weight.fill_(2.0)
    layer.clip()
    assert layer.weight.unique().tolist() == [0.5]
    layer.remap()
    assert layer.weight_scale.flatten().tolist() == [0.5, 0.5]


def test_stuck_devices_are_those_of_the_configuration():
    config = AnalogConfig(device=Ideal(), input_range={"init_batches": 0}, stuck_devices=0.5)
    assert AnalogConfig.from_dict(config.to_dict()) == config
    assert "stuck_devices" not in AnalogConfig().to_dict()  # files stay as they were
    layer = to_analog(torch.nn.Linear(50, 20), config)
    program(layer, generator=torch.Generator().manual_seed(0))
    g = layer.chips.devices.g_prog
    with torch.no_grad():
        whole = to_analog(torch.nn.Linear(50, 20), config.replace(stuck_devices=0.0))
    program(whole, generator=torch.Generator().manual_seed(0))
    assert (whole.chips.devices.g_prog == 0).float().mean() == 0.5  # the idle device of each pair
    assert 0.2 < (g == 0).float().mean() < 0.3
