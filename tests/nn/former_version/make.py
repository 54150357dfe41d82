"""How the files of this folder were written, by analognas 0.1 before its settings had one base."""

import json
import warnings
from pathlib import Path

import torch
from torch import nn

from analognas.hardware import chip_from_dict, network_cost, save_chip
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
    at_time,
    calibrate,
    program,
    run_chips,
    save_config,
    set_mode,
    to_analog,
)
from analognas.nn.quantize.integer_layers import calibrate_quantization, quantize
from analognas.nn.quantize.quantizers import Quantization
from analognas.physics import Chip, CustomDrift, Hermes, MultiPair, save_device
from analognas.training import ModelRecord, save_model

FOLDER = Path(__file__).parent


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def main() -> None:
    warnings.simplefilter("ignore")
    x = torch.linspace(-2.0, 2.0, 64).reshape(4, 1, 4, 4)
    config = AnalogConfig(
        device=Hermes(n_devices=1),
        pair=MultiPair(significance=(1.0, 0.5)),
        tile=TileSize(rows=8, columns=4),
        dac=DAC(bits=7, noise=0.01),
        adc=ADC(bits=9, bound=12.0),
        input_range=InputRange(init_batches=2, init_std=2.5),
        read_noise=ReadNoise(std=0.01),
        ir_drop=0.5,
        modifier=WeightModifier(kind="programming", std=2.0, drop_connect=0.01),
        clip=Clip(kind="fixed", value=0.9),
        scaling=WeightScaling(per="column", learned=True),
        compensation=DriftCompensation(kind="column", n_repeats=2),
        noise_source="bank",
    )
    analog = calibrate(to_analog(network(), config), [x])
    record = ModelRecord(seed=3, input_shape=(1, 4, 4), n_classes=3, metrics={"accuracy": 50.0})
    save_model(FOLDER / "analog.safetensors", analog, record)
    settings = Quantization(
        weight_bits=6,
        activation_bits=7,
        calibration="percentile",
        percentile=99.0,
        ranges="learned",
        digital=("0",),
    )
    quantized = calibrate_quantization(quantize(network(), settings), [x])
    record = ModelRecord(seed=4, input_shape=(1, 4, 4), n_classes=3)
    save_model(FOLDER / "quantized.safetensors", quantized, record)
    save_config(config, FOLDER / "config.yaml")
    save_config(config, FOLDER / "config.json")
    device = CustomDrift(
        g_points=(0.0, 10.0, 25.0),
        nu_means=(0.1, 0.06, 0.05),
        nu_stds=(0.04, 0.02, 0.01),
        t_read=1e-6,
    )
    save_device(device, FOLDER / "device.yaml")
    changes = {"name": "mine", "n_tiles": None, "digital_energy": 1.5}
    changes |= {"digital_throughput": 64.0, "activation_bits": 4}
    chip = chip_from_dict({"base": "hermes", **changes})
    save_chip(chip, FOLDER / "chip.yaml")
    values = {"ideal": set_mode(analog.eval(), "ideal")(x).tolist()}
    torch.manual_seed(1)
    values["hardware aware"] = set_mode(analog, "train")(x).tolist()
    program(analog, generator=torch.Generator().manual_seed(2), chips=2)
    values["after a day"] = run_chips(at_time(analog, 86400.0), x).tolist()
    values["quantized"] = quantized.eval()(x).tolist()
    g_target = torch.linspace(0.0, 25.0, 5)
    programmed = Chip.program(device, g_target, generator=torch.Generator().manual_seed(4))
    reading = programmed.read(3600.0, generator=torch.Generator().manual_seed(5))
    values["conductances"] = reading.tolist()
    values["cost"] = network_cost(network(), chip, input_shape=(1, 4, 4)).metrics
    (FOLDER / "outputs.json").write_text(json.dumps(values, indent=1) + "\n")


if __name__ == "__main__":
    main()
