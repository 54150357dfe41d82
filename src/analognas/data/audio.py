"""Common parts of audio data sets: WAV files, features, normalisation, augmentation."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core import TableIntegrityError, check_choice
from ..core.limits import read_bytes, shown
from .audio_features import AudioFeatures
from .augmentation import Compose, RandomCrop, SpectrogramMasks
from .dataset import DataSet, Split
from .preparation import Standardise

FEATURES = ("log-mel", "mfcc")
"""Types of features per frame: 40 log-mel energies, or 10 cepstral coefficients of them."""
_N_MFCC = 10
_SHIFT = 10
_MASKED_FRAMES, _MASKED_PART = 20, 8


def read_wav(path: Path) -> tuple[int, np.ndarray[Any, Any]]:
    """Return sample rate and ``int16`` samples of a WAV file with one channel.

    Raises:
        TableIntegrityError: If the file is damaged, truncated, or does not have 16-bit samples in one channel.

    Example:
        >>> import wave
        >>> with wave.open("clap.wav", "wb") as file:
        ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
        ...     file.writeframes(bytes(16000))
        >>> rate, samples = read_wav(Path("clap.wav"))
        >>> rate, samples.shape
        (8000, (8000,))
    """
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            # scipy warns if a file ends too early, and if it skips chunks without samples.
            warnings.simplefilter("error", wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", "Chunk", wavfile.WavFileWarning)
            rate, samples = wavfile.read(io.BytesIO(read_bytes(path)))
    except TableIntegrityError:
        raise
    except Exception as error:
        # scipy raises errors of many types for damaged files, some of them of its own code.
        why = shown(error) if isinstance(error, ValueError | OSError) else "its header is damaged"
        raise TableIntegrityError(f"{str(path)!r} is not a readable WAV file: {why}.") from None
    if samples.dtype != np.int16 or samples.ndim != 1 or not len(samples):
        raise TableIntegrityError(
            f"{str(path)!r} must have 16-bit samples in one channel, but has {samples.dtype} of shape "
            f"{samples.shape}."
        )
    return int(rate), samples


def make_features(kind: str, sample_rate: int) -> AudioFeatures:
    """Return the features with the given name.

    Raises:
        UnknownNameError: If it is not in :data:`FEATURES`.
    """
    check_choice("features", kind, FEATURES)
    return AudioFeatures(sample_rate, n_mfcc=_N_MFCC if kind == "mfcc" else None)


def audio_split(samples: Tensor, targets: Tensor, features: AudioFeatures) -> Split:
    """Return a split of features, stored in half precision (0.1 %) to save memory.

    Example:
        >>> clips, labels = torch.randn(10, 8000), torch.arange(10) % 2
        >>> part = audio_split(clips, labels, AudioFeatures(8000))
        >>> part.inputs.shape, part.inputs.dtype
        (torch.Size([10, 1, 98, 40]), torch.float16)
    """
    return Split(features(samples).half(), targets)


def audio_data(
    name: str,
    train: Split,
    validation: Split | None,
    test: Split,
    *,
    classes: Sequence[str],
    augment: bool = False,
    note: str | None = None,
) -> DataSet:
    """Return a data set of features, standardised by the training split; ``augment`` adds shifts and masks.

    Example:
        >>> features = AudioFeatures(8000)
        >>> def part(n):
        ...     return audio_split(torch.randn(n, 8000), torch.arange(n) % 2, features)
        >>> data = audio_data("claps", part(20), None, part(10), classes=["clap", "other"])
        >>> data.input_shape, data.n_classes
        ((1, 98, 40), 2)
    """
    standardise = Standardise.fitted(train.inputs)
    _, frames, bands = shape = tuple(train.inputs.shape[1:])
    masks = SpectrogramMasks(
        min(_MASKED_FRAMES, frames // 4), bands // _MASKED_PART, fill=standardise.mean
    )
    shift = RandomCrop(min(_SHIFT, frames // 8), 0, fill=standardise.mean)
    return DataSet(
        name=name,
        task="classification",
        train=train,
        validation=validation,
        test=test,
        input_shape=shape,
        n_classes=len(classes),
        classes=tuple(classes),
        augmentation=Compose((shift, masks)) if augment else None,
        preparation=standardise,
        note=note,
    )


def fitted_length(samples: np.ndarray[Any, Any], length: int) -> np.ndarray[Any, Any]:
    """Return ``samples`` cut or padded with zeros to ``length``."""
    return np.pad(samples[:length], (0, max(0, length - len(samples))))


def stacked(clips: Sequence[np.ndarray[Any, Any]]) -> Tensor:
    """Return clips of equal length as one tensor ``(n, samples)``."""
    return torch.from_numpy(np.stack(clips))
