"""Augmentation of batches: random crop, flip, cutout, and masks of time and frequency.

Augmentations work on raw or prepared batches of any number type, without loops over examples, and use only the
given generator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ..core import check_float, check_int


class Augmentation(Protocol):
    """A random change of a batch that keeps shape and type.

    Example:
        >>> import torch
        >>> from analognas.data import RandomFlip
        >>> augment: Augmentation = RandomFlip()
        >>> augment(torch.ones(2, 1, 4, 4), generator=torch.Generator().manual_seed(0)).shape
        torch.Size([2, 1, 4, 4])
    """

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Return changed ``inputs``, shape ``(n, *)``; all randomness is from ``generator``."""
        ...


@dataclass(frozen=True)
class Compose:
    """Several augmentations in sequence.

    Args:
        parts: The augmentations, in order.

    Example:
        >>> augment = Compose((RandomCrop(4), RandomFlip()))
        >>> generator = torch.Generator().manual_seed(0)
        >>> augment(torch.ones(2, 3, 32, 32), generator=generator).shape
        torch.Size([2, 3, 32, 32])
    """

    parts: tuple[Augmentation, ...]

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Apply all augmentations, shape ``(n, *)``."""
        for part in self.parts:
            inputs = part(inputs, generator=generator)
        return inputs

    def __str__(self) -> str:
        return ", ".join(map(augmentation_text, self.parts))


@dataclass(frozen=True)
class RandomCrop:
    """Shift each image by up to ``padding`` pixels, and fill the border with ``fill``.

    This equals a crop of the original size from the padded image. All shifts are equally likely.

    Args:
        padding: Largest shift along height and width, pixels.
        horizontal: Largest shift along the width, if different.
        fill: Value outside the image.

    Raises:
        InvalidArgumentError: If a shift is negative.

    Example:
        >>> RandomCrop(4)
        RandomCrop(padding=4, horizontal=None, fill=0.0)
    """

    padding: int
    horizontal: int | None = None
    fill: float = 0.0

    def __post_init__(self) -> None:
        check_int("padding", self.padding, minimum=0)
        if self.horizontal is not None:
            check_int("horizontal", self.horizontal, minimum=0)

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change images ``(n, c, h, w)``."""
        n, _, height, width = inputs.shape
        down = self.padding
        across = down if self.horizontal is None else self.horizontal
        padded = functional.pad(inputs, (across, across, down, down), value=self.fill)
        # A view of all crops, from which indexing copies one for each image.
        crops = padded.unfold(2, height, 1).unfold(3, width, 1)
        top = _integers(n, 2 * down + 1, generator, inputs)
        left = _integers(n, 2 * across + 1, generator, inputs)
        return crops[torch.arange(n, device=inputs.device), :, top, left]

    def __str__(self) -> str:
        if self.horizontal is None:
            return f"shifts by up to {self.padding} pixels"
        across = f" and {self.horizontal} columns" if self.horizontal else ""
        return f"shifts by up to {self.padding} rows{across}"


@dataclass(frozen=True)
class RandomFlip:
    """Flip images horizontally.

    Args:
        probability: Probability of a flip.

    Raises:
        InvalidArgumentError: If it is outside [0, 1].

    Example:
        >>> RandomFlip()
        RandomFlip(probability=0.5)
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        check_float("probability", self.probability, minimum=0.0, maximum=1.0)

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change images ``(n, c, h, w)``."""
        draws = torch.rand(len(inputs), generator=generator, device=generator.device)
        chosen = (draws < self.probability).to(inputs.device)
        return torch.where(chosen.view(-1, 1, 1, 1), inputs.flip(-1), inputs)

    def __str__(self) -> str:
        return "mirror images"


@dataclass(frozen=True)
class Cutout:
    """Fill a square at a random position of each image; it may extend beyond the image.

    The centre is uniform over all pixels.

    Args:
        size: Side of the square, pixels.
        fill: Value of the square, for all channels or for each; after normalisation, 0 is the mean.

    Raises:
        InvalidArgumentError: If ``size`` is not positive.

    Source: DeVries & Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.

    Example:
        >>> Cutout(8).size
        8
    """

    size: int
    fill: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        check_int("size", self.size, minimum=1)

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change images ``(n, c, h, w)``."""
        n, _, height, width = inputs.shape
        rows = self._band(n, height, generator, inputs)
        columns = self._band(n, width, generator, inputs)
        inside = (rows.unsqueeze(2) & columns.unsqueeze(1)).unsqueeze(1)
        fill = torch.tensor(self.fill, dtype=inputs.dtype, device=inputs.device)
        return torch.where(inside, fill.view(-1, 1, 1), inputs)

    def __str__(self) -> str:
        return f"squares of {self.size} pixels filled"

    def _band(self, n: int, length: int, generator: torch.Generator, inputs: Tensor) -> Tensor:
        first = _integers(n, length, generator, inputs) - self.size // 2
        return _between(first, self.size, length)


@dataclass(frozen=True)
class SpectrogramMasks:
    """Fill random bands of frames and of frequencies.

    The width of each mask is uniform in ``[0, max]``, its position uniform over all possible ones.

    Args:
        frames: Largest width in time, frames.
        bands: Largest width in frequency, bands.
        n_time: Number of masks in time.
        n_frequency: Number of masks in frequency.
        fill: Value of masked bands.

    Raises:
        InvalidArgumentError: If a number is negative.

    Source: Park et al., "SpecAugment", Interspeech 2019, section 2, without time warping.

    Example:
        >>> masks = SpectrogramMasks(frames=10, bands=5)
        >>> features = torch.ones(4, 1, 98, 40)
        >>> masked = masks(features, generator=torch.Generator().manual_seed(0))
        >>> bool((masked == 0).any())
        True
    """

    frames: int
    bands: int
    n_time: int = 1
    n_frequency: int = 1
    fill: float = 0.0

    def __post_init__(self) -> None:
        for name in ("frames", "bands", "n_time", "n_frequency"):
            check_int(name, getattr(self, name), minimum=0)

    def __call__(self, inputs: Tensor, *, generator: torch.Generator) -> Tensor:
        """Change features ``(n, c, frames, bands)``."""
        n, _, frames, bands = inputs.shape
        masked = torch.zeros(n, 1, frames, bands, dtype=torch.bool, device=inputs.device)
        for _ in range(self.n_time):
            masked |= _mask(n, frames, self.frames, generator, inputs).view(n, 1, frames, 1)
        for _ in range(self.n_frequency):
            masked |= _mask(n, bands, self.bands, generator, inputs).view(n, 1, 1, bands)
        return inputs.masked_fill(masked, self.fill)

    def __str__(self) -> str:
        return f"masks of up to {self.frames} frames and {self.bands} bands"


def augmentation_text(augmentation: Augmentation | None) -> str:
    """Return a description of an augmentation.

    Example:
        >>> augmentation_text(Compose((RandomCrop(4), RandomFlip()))), augmentation_text(None)
        ('shifts by up to 4 pixels, mirror images', 'none')
    """
    if augmentation is None:
        return "none"
    own = type(augmentation).__str__ is not object.__str__
    return (
        str(augmentation) if own else getattr(augmentation, "__name__", type(augmentation).__name__)
    )


def _mask(n: int, length: int, widest: int, generator: torch.Generator, like: Tensor) -> Tensor:
    width = _integers(n, min(widest, length) + 1, generator, like)
    places = length - width + 1
    draws = torch.rand(n, generator=generator, device=generator.device).to(like.device)
    # rand is below 1, but its product with an integer may be rounded up to that integer.
    first = torch.minimum((draws * places).to(torch.int64), places - 1)
    return _between(first, width, length)


def _between(first: Tensor, size: Tensor | int, length: int) -> Tensor:
    """Return which of ``length`` positions are in ``[first, first + size)``, shape ``(n, length)``."""
    places = torch.arange(length, device=first.device)
    first = first.unsqueeze(1)
    end = first + (size.unsqueeze(1) if isinstance(size, Tensor) else size)
    return (places >= first) & (places < end)


def _integers(n: int, high: int, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return ``n`` uniform integers in ``[0, high)`` on the device of ``like``."""
    return torch.randint(high, (n,), generator=generator, device=generator.device).to(like.device)
