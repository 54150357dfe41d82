"""Log-mel spectrograms and mel-frequency cepstral coefficients, in torch.

Sources: mel scale: D. O'Shaughnessy, "Speech Communication", 1987; triangular filters and cepstral
coefficients: Davis & Mermelstein, "Comparison of Parametric Representations for Monosyllabic Word
    Recognition", IEEE TASSP 28, 1980.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ..core import InvalidArgumentError, check_float, check_int

_CLIPS_AT_ONCE = 64


def hz_to_mel(frequency: Tensor) -> Tensor:
    r"""Return the mel scale, :math:`2595 \log_{10}(1 + f / 700)`; ``frequency`` in Hz, any shape.

    Example:
        >>> hz_to_mel(torch.tensor([0.0, 700.0]))
        tensor([  0.0000, 781.1729])
    """
    return 2595 * torch.log10(1 + frequency / 700)


def mel_filters(n_mels: int, n_fft: int, sample_rate: int, low: float, high: float) -> Tensor:
    """Return triangular filters of height 1, equally spaced on the mel scale.

    Adjacent filters overlap by half, so they sum to 1 between the first and the last centre.

    Args:
        n_mels: Number of filters.
        n_fft: Length of the Fourier transform.
        sample_rate: Samples per second.
        low: Lower end of the first filter, Hz.
        high: Upper end of the last filter, Hz.

    Returns:
        Weights, shape ``(n_fft // 2 + 1, n_mels)``, ``float64``.

    Raises:
        InvalidArgumentError: If a filter contains no frequency of the transform.
    """
    frequencies = torch.arange(n_fft // 2 + 1, dtype=torch.float64) * sample_rate / n_fft
    ends = hz_to_mel(torch.tensor([low, high], dtype=torch.float64))
    edges = torch.linspace(float(ends[0]), float(ends[1]), n_mels + 2, dtype=torch.float64)
    step = edges[1] - edges[0]
    distance = (hz_to_mel(frequencies).unsqueeze(1) - edges[1:-1]).abs() / step
    filters = (1 - distance).clamp(min=0)
    if bool((filters.sum(0) == 0).any()):
        raise InvalidArgumentError(
            f"`n_mels` must be small enough for {n_fft} points at {sample_rate} Hz, but with {n_mels} "
            "some filters contain no frequency."
        )
    return filters


def dct_matrix(n_out: int, n_in: int) -> Tensor:
    r"""Return the orthonormal discrete cosine transform of type 2, shape ``(n_in, n_out)``, ``float64``.

    .. math:: D_{mk} = s_k \cos(\pi k (m + 1/2) / n_{in}), \quad s_0 = \sqrt{1/n_{in}}, s_k = \sqrt{2/n_{in}}
    """
    m = torch.arange(n_in, dtype=torch.float64).unsqueeze(1)
    k = torch.arange(n_out, dtype=torch.float64)
    matrix = torch.cos(math.pi * k * (m + 0.5) / n_in) * math.sqrt(2 / n_in)
    matrix[:, 0] /= math.sqrt(2)
    return matrix


@dataclass(frozen=True)
class AudioFeatures:
    r"""Conversion of samples to log-mel energies, or their cepstral coefficients.

    Frames are multiplied by a periodic Hann window and padded to the next power of two; the energies are
    :math:`\log(\max(\sum_k F_{km} |X_k|^2, \epsilon))`, with :math:`\epsilon` = 1e-6 for samples in [-1, 1].

    Args:
        sample_rate: Samples per second.
        window: Length of a frame, s.
        hop: Distance of frames, s.
        n_mels: Number of mel filters.
        n_mfcc: Number of cepstral coefficients; None: log-mel energies.
        low: Lower end of the filters, Hz.
        high: Upper end of the filters, Hz; None: half the sample rate.

    Raises:
        InvalidArgumentError: If a number is out of range.

    Example:
        >>> AudioFeatures(16000)(torch.zeros(2, 16000)).shape
        torch.Size([2, 1, 98, 40])
    """

    sample_rate: int
    window: float = 0.025
    hop: float = 0.010
    n_mels: int = 40
    n_mfcc: int | None = None
    low: float = 20.0
    high: float | None = None

    def __post_init__(self) -> None:
        check_int("sample_rate", self.sample_rate, minimum=1)
        check_int("n_mels", self.n_mels, minimum=1)
        if self.n_mfcc is not None:
            check_int("n_mfcc", self.n_mfcc, minimum=1, maximum=self.n_mels)
        for name in ("window", "hop"):
            check_float(name, getattr(self, name), minimum=1 / self.sample_rate, unit="s")
        check_float("high", self._high, minimum=0.0, maximum=self.sample_rate / 2, unit="Hz")
        check_float("low", self.low, minimum=0.0, maximum=self._high, unit="Hz")

    @property
    def _high(self) -> float:
        return self.sample_rate / 2 if self.high is None else self.high

    @property
    def frame_samples(self) -> int:
        """Length of a frame, samples."""
        return round(self.window * self.sample_rate)

    @property
    def hop_samples(self) -> int:
        """Distance of frames, samples."""
        return round(self.hop * self.sample_rate)

    @property
    def n_fft(self) -> int:
        """Length of the Fourier transform: the frame length, rounded up to a power of two."""
        return int(2 ** math.ceil(math.log2(self.frame_samples)))

    @cached_property
    def _matrices(self) -> tuple[Tensor, Tensor, Tensor | None]:
        filters = mel_filters(self.n_mels, self.n_fft, self.sample_rate, self.low, self._high)
        cosines = None if self.n_mfcc is None else dct_matrix(self.n_mfcc, self.n_mels).float()
        return torch.hann_window(self.frame_samples), filters.float(), cosines

    def __call__(self, samples: Tensor) -> Tensor:
        """Map clips ``(n, samples)``, ``int16`` or floats in [-1, 1], to ``(n, 1, frames, features)``.

        Raises:
            InvalidArgumentError: If clips are shorter than one frame.
        """
        if samples.ndim != 2 or samples.shape[1] < self.frame_samples:
            raise InvalidArgumentError(
                f"Clips must be (n, samples) of at least {self.frame_samples} samples, but got "
                f"{tuple(samples.shape)}."
            )
        blocks = [self._of_block(block) for block in torch.split(samples, _CLIPS_AT_ONCE)]
        return torch.cat(blocks).unsqueeze(1)

    def _of_block(self, samples: Tensor) -> Tensor:
        window, filters, cosines = self._matrices
        scaled = samples.float() / 2**15 if samples.dtype == torch.int16 else samples.float()
        frames = scaled.unfold(1, self.frame_samples, self.hop_samples) * window
        power = torch.view_as_real(torch.fft.rfft(frames, self.n_fft)).square_().sum(-1)
        features = (power @ filters).clamp_(min=1e-6).log_()
        return features if cosines is None else features @ cosines
