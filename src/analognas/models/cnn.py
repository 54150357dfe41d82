"""A small convolutional network for small images."""

from __future__ import annotations

from torch import Tensor, nn

from ..core import check_int
from .shapes import check_image_shape, start_convolutions


class CNN(nn.Module):
    """Three 3 x 3 convolutions with batch norm, ReLU and pooling between, average pooling, linear classifier.

    Args:
        width: Channels of the first convolution; the others have two and four times as many.
        in_channels: Channels of the images.
        n_classes: Number of classes.

    Raises:
        InvalidArgumentError: If ``width`` is not positive.

    Example:
        >>> import torch
        >>> CNN(in_channels=1, n_classes=10)(torch.zeros(2, 1, 16, 16)).shape
        torch.Size([2, 10])
    """

    def __init__(self, width: int = 32, *, in_channels: int = 1, n_classes: int = 10) -> None:
        super().__init__()
        check_int("width", width, minimum=1)
        layers: list[nn.Module] = []
        channels = in_channels
        for stage in range(3):
            wider = width * 2**stage
            if stage:
                layers.append(nn.MaxPool2d(2))
            layers += [
                nn.Conv2d(channels, wider, 3, padding=1, bias=False),
                nn.BatchNorm2d(wider),
                nn.ReLU(),
            ]
            channels = wider
        self.features = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(channels, n_classes)
        start_convolutions(self)

    def forward(self, x: Tensor) -> Tensor:
        """Map images ``(batch, in_channels, height, width)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.features(x))
        return logits


def cnn(width: int = 32, *, input_shape: tuple[int, ...], n_classes: int) -> CNN:
    """Build :class:`CNN` for images of at least 4 x 4.

    Raises:
        InvalidArgumentError: If the width or shape is invalid.
    """
    channels, _, _ = check_image_shape("cnn", input_shape, smallest=(4, 4))
    return CNN(width, in_channels=channels, n_classes=n_classes)
