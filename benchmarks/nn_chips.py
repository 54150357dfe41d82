"""Several chips at once against one after the other: which is faster, layer by layer.

Process CPU time, medians of interleaved calls on 8 chips in batches of 32. "together" is one batched product
(linear) or one grouped convolution for all chips. The last column says what the package chooses for
convolutions; linear layers are always batched.

Run: python benchmarks/nn_chips.py [--threads 2] [--chips 8]
"""

from __future__ import annotations

import argparse
import os
from unittest import mock

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from timing import cpu_seconds, interleaved

from analognas.nn.tile.products import ConvProduct, LinearProduct

CONVOLUTIONS = [
    # channels, outputs, kernel, image, groups
    (3, 16, 3, 8, 1),
    (8, 8, 3, 8, 1),
    (16, 16, 1, 8, 1),
    (16, 16, 3, 8, 1),
    (16, 16, 3, 32, 1),
    (32, 32, 3, 16, 1),
    (64, 64, 3, 32, 1),
    (128, 128, 3, 16, 1),
    (256, 256, 3, 8, 1),
    (64, 64, 3, 16, 64),
    (256, 256, 3, 8, 256),
    (64, 64, 3, 16, 4),
]


def main() -> None:
    """Print both costs of every layer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--chips", type=int, default=8)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    chips, n = arguments.chips, arguments.batch
    with torch.no_grad():
        for width in (16, 64, 256, 1024):
            x, matrix = torch.randn(chips, n, width), torch.randn(chips, width, width)
            product = LinearProduct()
            calls = [
                lambda p=product, x=x, m=matrix: p.multiply(x, m),
                lambda p=product, x=x, m=matrix: [
                    p.multiply(a, b) for a, b in zip(x, m, strict=True)
                ],
            ]
            show(f"linear {width}", calls, arguments.repeats, "")
        for channels, outputs, kernel, image, groups in CONVOLUTIONS:
            product = ConvProduct((kernel,) * 2, (1, 1), (kernel // 2,) * 2, (1, 1), groups)
            x = torch.randn(chips, n, channels, image, image)
            matrix = torch.randn(chips, outputs, channels // groups * kernel**2)

            def call(grouped: bool, p=product, x=x, m=matrix) -> None:
                with mock.patch.object(ConvProduct, "_grouped_is_faster", return_value=grouped):
                    p.multiply(x, m)

            choice = "together" if product._grouped_is_faster(x, matrix) else "in turn"
            name = f"conv {channels}-{outputs} k{kernel} {image}x{image} groups {groups}"
            show(name, [lambda c=call: c(True), lambda c=call: c(False)], arguments.repeats, choice)


def show(name: str, calls: list, repeats: int, choice: str) -> None:
    """Print one line."""
    for call in calls:
        call()
    together, in_turn = interleaved([lambda f=f: cpu_seconds(f) for f in calls], repeats)
    print(
        f"{name:<34} together {1e3 * together:8.2f} ms  in turn {1e3 * in_turn:8.2f} ms  {choice}"
    )


if __name__ == "__main__":
    main()
