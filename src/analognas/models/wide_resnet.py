"""WideResNet for small images.

Source: Zagoruyko & Komodakis, "Wide Residual Networks", BMVC 2016, table 1: a 3 x 3 stem of 16 channels, three
stages of (depth - 4) / 6 blocks with 16 k, 32 k and 64 k channels, blocks of two 3 x 3 convolutions with batch
norm and ReLU before each, dropout between them.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..core import InvalidArgumentError, check_float, check_int
from ..nn import rectified
from .shapes import check_image_shape, start_convolutions

_STEM_CHANNELS = 16


class WideBlock(nn.Module):
    """Pre-activation block: batch norm, ReLU and convolution, twice, and a shortcut.

    If the shape changes, the shortcut is a 1 x 1 convolution of the activated input.

    Args:
        n_in: Channels of the input.
        n_out: Channels of the output.
        stride: Stride of the first convolution.
        dropout: Dropout probability between the convolutions.
    """

    def __init__(self, n_in: int, n_out: int, stride: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(n_in), nn.BatchNorm2d(n_out)
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        same = stride == 1 and n_in == n_out
        self.shortcut = None if same else nn.Conv2d(n_in, n_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, n_in, h, w)`` to ``(batch, n_out, ceil(h / stride), ceil(w / stride))``."""
        active = rectified(self.bn1, x)
        shortcut = x if self.shortcut is None else self.shortcut(active)
        inner = self.dropout(rectified(self.bn2, self.conv1(active)))
        out: Tensor = self.conv2(inner) + shortcut
        return out


class WideResNet(nn.Module):
    """The whole network, WRN-depth-widen.

    Args:
        depth: Number of convolutions on the longest path: 6 n + 4.
        widen: Factor k of the channels.
        in_channels: Channels of the images.
        n_classes: Number of classes.
        dropout: Dropout probability in blocks; the paper uses 0.3 on SVHN, and tries it on CIFAR.

    Raises:
        InvalidArgumentError: If ``depth`` is not 6 n + 4, or a number is out of range.

    Example:
        >>> from analognas.models import build_model
        >>> net = build_model("wrn-16-4", input_shape=(3, 32, 32), n_classes=10)
        >>> sum(p.numel() for p in net.parameters())
        2748890
    """

    def __init__(
        self,
        depth: int,
        widen: int,
        *,
        in_channels: int = 3,
        n_classes: int = 10,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        n_blocks, rest = divmod(check_int("depth", depth, minimum=10) - 4, 6)
        if rest:
            raise InvalidArgumentError(
                f"`depth` of a WideResNet must be 6 n + 4, such as 16, 22, 28 or 40, but got {depth}."
            )
        check_int("widen", widen, minimum=1)
        check_float("dropout", dropout, minimum=0.0, maximum=1.0)
        self.stem = nn.Conv2d(in_channels, _STEM_CHANNELS, 3, 1, 1, bias=False)
        blocks: list[nn.Module] = []
        width = _STEM_CHANNELS
        for stage in range(3):
            wider = _STEM_CHANNELS * widen * 2**stage
            for block in range(n_blocks):
                stride = 2 if stage and not block else 1
                blocks.append(WideBlock(width, wider, stride, dropout=dropout))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.classifier = nn.Linear(width, n_classes)
        start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.head(self.blocks(self.stem(x))))
        return logits


def wide_resnet(
    depth: int,
    widen: int,
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    dropout: float = 0.0,
) -> WideResNet:
    """Build :class:`WideResNet` for images of at least 4 x 4.

    Raises:
        InvalidArgumentError: If a size or the shape is invalid.
    """
    channels, _, _ = check_image_shape("wrn", input_shape, smallest=(4, 4))
    return WideResNet(depth, widen, in_channels=channels, n_classes=n_classes, dropout=dropout)
