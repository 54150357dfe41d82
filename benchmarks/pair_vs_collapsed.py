"""What it changes to keep a weight as two devices instead of one number, on a 256 x 128 layer.

Kept: both devices of a differential pair are programmed, drift and are read as devices of their
own; their difference is taken last. Collapsed: the difference is taken after programming and then
put back on one device, with the exponent drawn for it, its partner being empty; so the partner
neither drifts nor is read.

Columns: gain (least-squares factor from the target weights to what is read), error (RMS of what the
gain does not explain, relative to gain times RMS weight), both with read noise; difference (RMS
between the two weights of the same chip without read noise, same scale). Means over the chips.

Run: python benchmarks/pair_vs_collapsed.py
"""

from __future__ import annotations

import argparse

import torch

from analognas.core import RandomStreams
from analognas.physics import PCM, DifferentialPair, ProgrammedDevices, normalize_weights

TIMES = {"0 s": 0.0, "1 s": 1.0, "1 h": 3600.0, "1 day": 86400.0, "1 month": 2592000.0}
TIMES["1 year"] = 31536000.0


def collapse(chip: ProgrammedDevices) -> ProgrammedDevices:
    """Return the chip whose pairs are collapsed after programming and split again."""
    w = chip.g_prog.select(-3, 0) - chip.g_prog.select(-3, 1)
    g_prog = torch.stack([w.clamp(min=0.0), (-w).clamp(min=0.0)], dim=-3)
    return ProgrammedDevices(chip.device, g_prog, chip.nu, chip.n_chips)


def gain(w: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Least-squares factor from the target weights to ``w``, one for each chip."""
    return (w * target).sum((-2, -1)) / target.square().sum()


def residual(w: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """RMS of what a common factor does not explain, relative to that factor and the RMS weight."""
    factor = gain(w, target)
    rest = w - factor[:, None, None] * target
    return rest.square().mean((-2, -1)).sqrt() / (factor * target.square().mean().sqrt())


def measure(n_chips: int, seed: int) -> list[tuple[str, list[float]]]:
    """Return one row a time: gains, residuals and the paired difference, means over chips."""
    streams = RandomStreams(seed)
    weight = torch.randn(128, 256, generator=streams.torch("weights"), dtype=torch.float64)
    target, _ = normalize_weights(weight)
    device, mapping = PCM(), DifferentialPair()
    g_target = mapping.to_conductances(target, device)
    kept = ProgrammedDevices.program(
        device, g_target, n_chips=n_chips, generator=streams.torch("program")
    )
    collapsed = collapse(kept)
    rows = []
    for name, t in TIMES.items():
        read = [
            mapping.to_weights(chip.read(t, generator=streams.torch("read", name)), device)
            for chip in (kept, collapsed)
        ]
        quiet = [mapping.to_weights(chip.drift(t), device) for chip in (kept, collapsed)]
        scale = gain(quiet[0], target)[:, None, None] * target.square().mean().sqrt()
        difference = ((quiet[0] - quiet[1]) / scale).square().mean((-2, -1)).sqrt()
        values = [gain(read[0], target), gain(read[1], target)]
        values += [residual(read[0], target), residual(read[1], target), difference]
        rows.append((name, [float(value.mean()) for value in values]))
    return rows


def main() -> None:
    """Print the table of docs/devices.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=int, default=25)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print("| time | gain kept | gain collapsed | error kept | error collapsed | difference |")
    print("|---|---|---|---|---|---|")
    for name, row in measure(arguments.chips, arguments.seed):
        gains = " | ".join(f"{value:.4f}" for value in row[:2])
        print(f"| {name} | {gains} | " + " | ".join(f"{100 * v:.2f} %" for v in row[2:]) + " |")


if __name__ == "__main__":
    main()
