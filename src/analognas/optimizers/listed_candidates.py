"""Features of all architectures of a small space, computed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..evaluators import distinct_rows
from ..evaluators.gp.class_model import standardised
from ..spaces import Space, encode_features

__all__ = ["ListedCandidates"]


@dataclass(frozen=True)
class ListedCandidates:
    """Features of every architecture of a space, by its code.

    Attributes:
        features: Shape ``(n_genotypes, d)``; zeros where a code is no architecture.
        classes: Class of equal features of each code, -1 where it is no architecture, shape ``(n_genotypes,)``.
        points: Standardised features of each class, shape ``(m, d)``.
    """

    features: NDArray[np.float32]
    classes: NDArray[np.int64]
    points: NDArray[np.float64]

    @classmethod
    def of(cls, space: Space, encoding: str) -> ListedCandidates:
        """List a space with the features of an encoding."""
        valid = space.is_architecture()
        codes = np.flatnonzero(valid)
        known = encode_features(space, space.from_codes(codes), encoding)
        distinct, of_known = distinct_rows(known)
        features = np.zeros((len(valid), known.shape[1]), dtype=np.float32)
        classes = np.full(len(valid), -1, dtype=np.int64)
        features[codes], classes[codes] = known, of_known
        return cls(features, classes, standardised(distinct))
