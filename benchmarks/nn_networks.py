"""The three networks of the layer benchmarks, and their inputs."""

from __future__ import annotations

from torch import Tensor, nn

from analognas.models import WideResNet


def wide_resnet(depth: int = 16, widen: int = 4, n_classes: int = 10) -> nn.Module:
    """WideResNet for 32 x 32 images."""
    return WideResNet(depth, widen, n_classes=n_classes)


class EncoderLayer(nn.Module):
    """Post-norm transformer layer as in BERT."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        parts = [
            f(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for f in (self.query, self.key, self.value)
        ]
        mixed = nn.functional.scaled_dot_product_attention(*parts).transpose(1, 2).flatten(2)
        x = self.norm1(x + self.out(mixed))
        return self.norm2(x + self.down(nn.functional.gelu(self.up(x))))


def bert_like(width: int = 256, n_layers: int = 4, n_classes: int = 2) -> nn.Module:
    """Encoder on embedded tokens with a classifier of the first one."""

    class First(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x[:, 0]

    layers = [EncoderLayer(width, 4) for _ in range(n_layers)]
    return nn.Sequential(*layers, First(), nn.Linear(width, n_classes))


def mlp() -> nn.Module:
    """784-512-512-10."""
    return nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )


NETWORKS = {
    "mlp": (mlp, (128, 784), 10),
    "bert": (bert_like, (16, 64, 256), 2),
    "wrn": (wide_resnet, (32, 3, 32, 32), 10),
}
"""Maker, shape of a batch, classes."""
