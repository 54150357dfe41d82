"""Journal of an evaluation: the sums after the last complete chip, in one file, to continue from."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..core import ResumeError
from ..data.fingerprint import tensor_bytes
from ..nn import AnalogLayer
from ..training.tensor_files import read_tensors, write_tensors
from .variance_components import Array


class DriftJournal:
    """A file with the state of one evaluation, written atomically after chips.

    Args:
        path: The file; its folder must exist.
        every_seconds: Shortest time between two writes, s; 0: each state is written.

    Raises:
        InvalidArgumentError: If the file exists and cannot be read.
        TableIntegrityError: If it is damaged.
    """

    def __init__(self, path: str | os.PathLike[str], *, every_seconds: float = 0.0) -> None:
        self.path = Path(path)
        self._every_seconds = every_seconds
        self._last_saved = time.monotonic()
        self._held = read_tensors(self.path) if self.path.exists() else None

    def load(self, identity: dict[str, Any]) -> tuple[dict[str, Array], dict[str, int]] | None:
        """Return the last state and counts, or None if there are none.

        Raises:
            ResumeError: If they belong to another evaluation; names the differences.
        """
        if self._held is None:
            return None
        tensors, values = self._held
        known = values.get("identity", {})
        differing = [key for key, value in identity.items() if known.get(key) != value]
        if differing:
            raise ResumeError(
                f"{str(self.path)!r} belongs to another evaluation; what differs: {', '.join(differing)}. "
                "Choose another folder, or the former settings."
            )
        return {name: x.numpy() for name, x in tensors.items()}, values["counts"]

    def save(
        self, identity: dict[str, Any], state: dict[str, Array], counts: dict[str, int]
    ) -> None:
        """Write a state in place of the last one, if that was long enough ago.

        Raises:
            OutputFolderError: If it cannot be written.
        """
        if time.monotonic() - self._last_saved < self._every_seconds:
            return
        tensors = {name: torch.from_numpy(np.ascontiguousarray(x)) for name, x in state.items()}
        write_tensors(self.path, tensors, {"identity": identity, "counts": counts})
        self._last_saved = time.monotonic()


def fingerprint(model: nn.Module, *arrays: Array) -> str:
    """Return a checksum of a network's state and of arrays."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor_bytes(tensor))
    for module in model.modules():
        if isinstance(module, AnalogLayer):
            # Checksums of earlier versions contain the former name of one entry, and not two others.
            known = repr(module.config).replace("weight_mapping=", "pair=")
            known = known.replace("stuck_devices=0.0, ", "")
            digest.update(known.replace("doubled=(), ", "").encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
