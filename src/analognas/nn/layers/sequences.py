"""Batches of sequences in one shape: samples first, padded, with a mask of the valid steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence


@dataclass(frozen=True)
class Sequences:
    """Sequences as recurrent layers take them.

    Attributes:
        data: Shape ``(n, steps, features)``; shorter sequences are padded with zeros.
        valid: Where there is data, ``(n, steps)``; None: everywhere.
        source: What they were made of.
        batch_first: Whether ``source``, if it is a tensor, has its samples first.
    """

    data: Tensor
    valid: Tensor | None
    source: Tensor | PackedSequence
    batch_first: bool

    @classmethod
    def read(cls, source: Tensor | PackedSequence, *, batch_first: bool) -> Sequences:
        """Read ``(steps, n, features)``, ``(n, steps, features)``, ``(steps, features)`` or packed."""
        if isinstance(source, PackedSequence):
            data, lengths = pad_packed_sequence(source, batch_first=True)
            steps = torch.arange(data.shape[1], device=data.device)
            return cls(data, steps < lengths.to(data.device)[:, None], source, batch_first)
        if source.ndim == 2:
            return cls(source.unsqueeze(0), None, source, batch_first)
        return cls(source if batch_first else source.transpose(0, 1), None, source, batch_first)

    @property
    def batched(self) -> bool:
        """Whether the source has a dimension of samples."""
        return isinstance(self.source, PackedSequence) or self.source.ndim == 3

    def shape_like_source(self, data: Tensor) -> Tensor | PackedSequence:
        """Shape outputs ``(n, steps, features)`` as the source is shaped."""
        source = self.source
        if isinstance(source, PackedSequence):
            assert self.valid is not None
            valid, order = self.valid, source.sorted_indices
            if order is not None:
                data, valid = data[order], valid[order]
            packed = data.transpose(0, 1)[valid.t()]
            return PackedSequence(packed, source.batch_sizes, order, source.unsorted_indices)
        if source.ndim == 2:
            return data.squeeze(0)
        return data if self.batch_first else data.transpose(0, 1)
