"""Hardware-aware training steps and evaluation on chips, as multiples of plain FP32.

Process CPU time with two threads, medians of interleaved calls after warm-up. A step is forward,
backward, SGD with momentum and, for analog networks, clipping and remapping. Configuration: additive
normal weight noise 0.06, learned input ranges, 254-level converters, output bound 10, output noise
0.04, clipping at 2.5 standard deviations. aihwkit-lightning takes part where it is installed.

Run: python benchmarks/nn_speed.py [--networks mlp bert wrn] [--repeats 15]
"""

from __future__ import annotations

import argparse
import copy
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

# Threads that wait for each other would be charged for waiting, the more the busier the machine is.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from nn_networks import NETWORKS
from timing import cpu_seconds, interleaved
from torch import nn

from analognas.core.memory import keep_freed_memory
from analognas.nn import (
    AnalogConfig,
    InputRange,
    TileSize,
    at_time,
    attach,
    calibrate,
    get_config,
    program,
    to_analog,
)

WARM = AnalogConfig(tile=TileSize(rows=None, columns=None), input_range=InputRange(init_batches=3))


def variants() -> dict[str, AnalogConfig | None]:
    """Return the networks that are trained, by name; None is FP32."""
    tiled = WARM.replace(tile=TileSize(rows=512, columns=512))
    return {
        "FP32": None,
        "exact": WARM,
        "bank": WARM.replace(noise_source="bank"),
        "exact, tile 512": tiled,
        "bank, tile 512": tiled.replace(noise_source="bank"),
    }


def training_step(model: nn.Module, shape: tuple[int, ...], n_classes: int) -> Callable[[], None]:
    """Return a function that trains ``model`` for one step."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    if any(hasattr(layer, "plan") for layer in model.modules()):
        attach(model, optimizer)
    x, target = torch.randn(shape), torch.randint(n_classes, shape[:1])
    criterion = nn.CrossEntropyLoss()

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x), target).backward()
        optimizer.step()

    return step


def lightning_step(
    model: nn.Module, shape: tuple[int, ...], n_classes: int, tile: int
) -> Callable[[], None] | None:
    """Return the same for aihwkit-lightning; None where it is not installed."""
    try:
        from aihwkit_lightning.nn.conversion import convert_to_analog
        from aihwkit_lightning.optim import AnalogOptimizer
        from aihwkit_lightning.simulator.configs import (
            TorchInferenceRPUConfig,
            WeightClipType,
            WeightModifierType,
        )
    except ImportError:
        return None
    config = TorchInferenceRPUConfig()
    config.forward.inp_res = config.forward.out_res = 254
    config.forward.out_bound, config.forward.out_noise = 10.0, 0.04
    config.clip.type, config.clip.sigma = WeightClipType.LAYER_GAUSSIAN, 2.5
    config.modifier.type, config.modifier.std_dev = WeightModifierType.ADD_NORMAL, 0.06
    config.pre_post.input_range.enable = True
    config.pre_post.input_range.learn_input_range = True
    config.pre_post.input_range.init_from_data = 3
    config.mapping.max_input_size = tile
    model = convert_to_analog(model, config)
    model.train()
    optimizer = AnalogOptimizer(
        torch.optim.SGD, model.analog_layers, model.parameters(), lr=0.01, momentum=0.9
    )
    x, target = torch.randn(shape), torch.randint(n_classes, shape[:1])

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), target).backward()
        optimizer.step()

    return step


def training(name: str, repeats: int) -> None:
    """Print the cost of training steps."""
    make, shape, n_classes = NETWORKS[name]
    torch.manual_seed(0)
    base = make()
    steps = {}
    for label, config in variants().items():
        model = copy.deepcopy(base) if config is None else to_analog(base, config)
        steps[label] = training_step(model, shape, n_classes)
    for tile in (0, 512):
        step = lightning_step(copy.deepcopy(base), shape, n_classes, tile)
        if step is not None:
            steps[f"lightning, tile {tile or 'none'}"] = step
    for step in steps.values():
        for _ in range(4):
            step()
    seconds = interleaved([lambda f=f: cpu_seconds(f) for f in steps.values()], repeats)
    for label, value in zip(steps, seconds, strict=True):
        print(f"{name:<5} train  {label:<22} {1e3 * value:9.1f} ms  {value / seconds[0]:6.2f}")


def evaluation(name: str, repeats: int) -> None:
    """Print the cost of evaluation on one programmed chip, of programming and of moving in time."""
    make, shape, _ = NETWORKS[name]
    torch.manual_seed(0)
    base = make().eval()
    x = torch.randn(shape)
    generator = torch.Generator().manual_seed(0)
    model = calibrate(to_analog(base, get_config("analognasbench")), [x])
    program(model, generator=generator)
    calls = {
        "FP32 forward": lambda: base(x),
        "chip forward, tile 512": lambda: model(x),
        "program": lambda: program(model, generator=generator),
        "at_time": lambda: at_time(model, 86400.0),
    }
    with torch.no_grad():
        for call in calls.values():
            call()
            call()
        seconds = interleaved([lambda f=f: cpu_seconds(f) for f in calls.values()], repeats)
    for label, value in zip(calls, seconds, strict=True):
        print(f"{name:<5} chip   {label:<22} {1e3 * value:9.1f} ms  {value / seconds[0]:6.2f}")


def high_water() -> int:
    """Return the most memory that this process ever had, KiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def peak_memory(name: str, label: str) -> None:
    """Print the peak that three training steps add to the process, MiB."""
    make, shape, n_classes = NETWORKS[name]
    config = variants()[label]
    base = make()
    start = high_water()
    step = training_step(base if config is None else to_analog(base, config), shape, n_classes)
    for _ in range(5):
        step()
    print((high_water() - start) / 1024)


def memory(name: str) -> None:
    """Print peak memory of fresh processes."""
    first = None
    for label in variants():
        command = [sys.executable, __file__, "--peak", name, label]
        value = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        first = first or value
        print(f"{name:<5} peak   {label:<22} {value:9.0f} MiB {value / first:6.2f}")


def main() -> None:
    """Print everything that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--parts", nargs="+", default=["train", "chip", "peak"])
    parser.add_argument("--give-back", action="store_true", help="freed memory goes to the system")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if not arguments.give_back:
        keep_freed_memory()
    if arguments.peak:
        peak_memory(*arguments.peak)
        return
    start = time.perf_counter()
    for name in arguments.networks:
        if "train" in arguments.parts:
            training(name, arguments.repeats)
        if "chip" in arguments.parts:
            evaluation(name, arguments.repeats)
        if "peak" in arguments.parts and name == "wrn":
            memory(name)
    print(
        f"{time.perf_counter() - start:.0f} s, torch {torch.__version__}, {arguments.threads} threads"
    )


if __name__ == "__main__":
    main()
