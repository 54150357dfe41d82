"""A convolutional network for keyword spotting in log-mel features.

Source: Sainath & Parada, "Convolutional Neural Networks for Small-Footprint Keyword Spotting", Interspeech
2015, table 1, ``cnn-trad-fpool3``: 64 filters over 20 frames x 8 bands, pooling of 3 bands, 64 filters of
10 x 4, a linear layer of 32, a hidden layer of 128; 244.2 thousand weights for 32 frames x 40 bands, 4 classes.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..core import check_float
from .shapes import check_image_shape

_FILTERS = 64
_FIRST, _SECOND = (20, 8), (10, 4)
_BAND_POOL = 3
_LOW_RANK, _HIDDEN = 32, 128
_PAPER_FRAMES = 32


class KeywordCNN(nn.Module):
    """``cnn-trad-fpool3`` for any number of frames.

    If there are more than the paper's 32 frames, they are pooled in time too, after the first convolution, so
    that the linear layer keeps its size.

    Args:
        frames: Number of frames.
        bands: Number of mel bands or cepstral coefficients.
        in_channels: Channels of the features.
        n_classes: Number of classes.
        batch_norm: Whether to add batch norms after both convolutions; the paper has none.
        dropout: Dropout before the classifier.

    Raises:
        InvalidArgumentError: If a number is out of range.

    Example:
        >>> import torch
        >>> KeywordCNN(98, 40, n_classes=12)(torch.zeros(2, 1, 98, 40)).shape
        torch.Size([2, 12])
    """

    def __init__(
        self,
        frames: int,
        bands: int,
        *,
        in_channels: int = 1,
        n_classes: int = 12,
        batch_norm: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        check_float("dropout", dropout, minimum=0.0, maximum=1.0)
        pool = (max(1, round(frames / _PAPER_FRAMES)), _BAND_POOL)
        height = (frames - _FIRST[0] + 1) // pool[0] - _SECOND[0] + 1
        width = (bands - _FIRST[1] + 1) // pool[1] - _SECOND[1] + 1
        self.features = nn.Sequential(
            *_convolution(in_channels, _FIRST, batch_norm),
            nn.MaxPool2d(pool),
            *_convolution(_FILTERS, _SECOND, batch_norm),
            nn.Flatten(),
        )
        self.low_rank = nn.Linear(_FILTERS * height * width, _LOW_RANK)
        self.hidden = nn.Sequential(nn.Linear(_LOW_RANK, _HIDDEN), nn.ReLU(), nn.Dropout(dropout))
        self.classifier = nn.Linear(_HIDDEN, n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map features ``(batch, in_channels, frames, bands)`` to logits ``(batch, n_classes)``."""
        logits: Tensor = self.classifier(self.hidden(self.low_rank(self.features(x))))
        return logits


def _convolution(n_in: int, kernel: tuple[int, int], batch_norm: bool) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Conv2d(n_in, _FILTERS, kernel, bias=not batch_norm)]
    if batch_norm:
        layers.append(nn.BatchNorm2d(_FILTERS))
    return [*layers, nn.ReLU()]


def keyword_cnn(
    *,
    input_shape: tuple[int, ...],
    n_classes: int,
    batch_norm: bool = True,
    dropout: float = 0.0,
) -> KeywordCNN:
    """Build :class:`KeywordCNN` for features of at least 29 frames x 19 bands.

    Raises:
        InvalidArgumentError: If the shape or a number is invalid.
    """
    channels, frames, bands = check_image_shape("kws-cnn", input_shape, smallest=(29, 19))
    return KeywordCNN(
        frames,
        bands,
        in_channels=channels,
        n_classes=n_classes,
        batch_norm=batch_norm,
        dropout=dropout,
    )
