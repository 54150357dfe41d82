"""The residual networks for CIFAR: ResNet-20, 32, 44, 56, 110.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2: a 3 x 3 stem, three
stages of (depth - 2) / 6 blocks with 16, 32 and 64 channels, shortcuts without parameters (option A).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..core import InvalidArgumentError, check_int
from ..nn import rectified
from .shapes import check_image_shape, start_convolutions


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm and a shortcut, ReLU after the sum.

    If the shape changes, the shortcut uses every second pixel, and new channels are zero.

    Args:
        n_in: Channels of the input.
        n_out: Channels of the output, at least as many.
        stride: Stride of the first convolution.
    """

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(n_out)
        self.conv2 = nn.Conv2d(n_out, n_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(n_out)
        self.stride = stride
        self.new_channels = n_out - n_in

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, n_in, h, w)`` to ``(batch, n_out, ceil(h / stride), ceil(w / stride))``."""
        residual = self.bn2(self.conv2(rectified(self.bn1, self.conv1(x))))
        shortcut = x[:, :, :: self.stride, :: self.stride]
        if self.new_channels:
            shortcut = functional.pad(shortcut, (0, 0, 0, 0, 0, self.new_channels))
        return torch.relu(residual + shortcut)


class ResNet(nn.Module):
    """The whole network.

    Args:
        depth: Number of layers with weights on the longest path: 6 n + 2.
        in_channels: Channels of the images.
        n_classes: Number of classes.
        channels: Channels of the first stage.

    Raises:
        InvalidArgumentError: If ``depth`` is not 6 n + 2, or a number is out of range.

    Example:
        >>> import torch
        >>> from analognas.models import build_model
        >>> type(build_model("resnet-20", input_shape=(3, 32, 32), n_classes=10)).__name__
        'ResNet'
    """

    def __init__(
        self, depth: int, *, in_channels: int = 3, n_classes: int = 10, channels: int = 16
    ) -> None:
        super().__init__()
        n_blocks, rest = divmod(check_int("depth", depth, minimum=8) - 2, 6)
        if rest:
            raise InvalidArgumentError(
                f"`depth` of a ResNet must be 6 n + 2, such as 20, 32, 44 or 56, but got {depth}."
            )
        check_int("channels", channels, minimum=1)
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, 1, 1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        blocks: list[nn.Module] = []
        width = channels
        for stage in range(3):
            for block in range(n_blocks):
                wider = channels * 2**stage
                blocks.append(BasicBlock(width, wider, 2 if stage and not block else 1))
                width = wider
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, n_classes)
        start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.head(self.blocks(self.stem(x))))
        return logits


def resnet(
    depth: int, *, input_shape: tuple[int, ...], n_classes: int, channels: int = 16
) -> ResNet:
    """Build :class:`ResNet` for images of at least 4 x 4.

    Raises:
        InvalidArgumentError: If a size or the shape is invalid.
    """
    in_channels, _, _ = check_image_shape("resnet", input_shape, smallest=(4, 4))
    return ResNet(depth, in_channels=in_channels, n_classes=n_classes, channels=channels)
