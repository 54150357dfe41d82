"""Fingerprints of data sets, so that a resumed training notices other data."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import torch
from torch import Tensor

from .dataset import SPLITS, DataSet

__all__ = ["data_fingerprint", "tensor_bytes"]


def data_fingerprint(data: DataSet) -> str:
    """Return a digest of a data set, 16 hexadecimal digits: examples, labels, preparation and augmentation.

    The name does not count. A preparation that is not a dataclass is recognised by its results on one example.

    Args:
        data: The data set.

    Example:
        >>> from analognas.data import Split
        >>> part = Split(torch.arange(8).view(8, 1), torch.tensor([0, 1] * 4))
        >>> data_fingerprint(DataSet("parity", "classification", part, None, part, (1,), 2))
        '83b63f44f0c5431e'
    """
    digest = hashlib.sha256()
    described = (
        data.task,
        tuple(data.input_shape),
        data.n_classes,
        data.classes,
        data.vocabulary,
        data.pad_id,
        _described(data.augmentation),
        _described(data.preparation),
    )
    digest.update(repr(described).encode())
    if data.preparation is not None and not dataclasses.is_dataclass(data.preparation):
        prepared = data.prepare(data.train.inputs[:1]).to(torch.float64)
        # Rounded, as the last digits depend on the machine.
        digest.update(f"{prepared.mean():.3g} {prepared.std(unbiased=False):.3g}".encode())
    for name in SPLITS:
        part = getattr(data, name)
        for tensor in () if part is None else (part.inputs, part.targets):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor_bytes(tensor))
    return digest.hexdigest()[:16]


def tensor_bytes(tensor: Tensor) -> bytes:
    """Return the values of a tensor as bytes, in the order of its elements."""
    flat = tensor.detach().cpu().contiguous().flatten()
    return bytes(flat.view(torch.uint8).numpy().tobytes())


def _described(part: Any) -> str:
    if part is None or dataclasses.is_dataclass(part):
        return repr(part)
    return type(part).__qualname__
