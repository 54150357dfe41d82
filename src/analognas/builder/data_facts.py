"""What identifies the examples that networks are measured on."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ..data import DataSet

__all__ = ["data_facts"]


def data_facts(data: DataSet) -> dict[str, Any]:
    """Return name, note and digest of the examples, as JSON types.

    The digest is the SHA-256 over inputs and targets of training and test split, as networks get them.

    Example:
        >>> from analognas.data import load_data
        >>> facts = data_facts(load_data("digits", validation=0))
        >>> facts["name"], len(facts["sha256"])
        ('digits', 64)
    """
    found = hashlib.sha256()
    for part in (data.train, data.test):
        for values in (part.inputs, part.targets):
            array = np.ascontiguousarray(values.numpy())
            found.update(f"{array.dtype} {array.shape}".encode())
            found.update(array.data)
    return {"name": data.name, "note": data.note or "", "sha256": found.hexdigest()}
