"""Files of tensors and plain values: one safetensors file, written atomically, with a checksum.

Plain values are JSON in the file's header, so that weights and their description stay together. The checksum is
SHA-256 over those values and every tensor's name, type, shape and bytes: it finds a flipped bit as well as a
truncated file. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..core import InvalidArgumentError, TableIntegrityError, atomic_write
from ..core.limits import parse_json, read_bytes, shown

_KEY = "analognas"
_FORMAT = "1"  # of the header's entry: format, checksum and JSON, blanks between


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, Tensor], values: Mapping[str, Any]
) -> None:
    """Write tensors and plain values to ``path``; the old file stays until the new one is complete.

    Tensors that share all their memory are stored once.

    Args:
        path: Where; the folder must exist.
        tensors: Tensors by name, on any device.
        values: Anything that JSON can hold; NaN and infinity raise ``ValueError``.

    Raises:
        OutputFolderError: If the folder does not exist or cannot be written to, or the disk is full.
    """
    stored: dict[str, Tensor] = {}
    aliases: dict[str, str] = {}
    owners: dict[tuple[Any, ...], str] = {}
    for name, tensor in tensors.items():
        place = (tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride(), tensor.device)
        owner = owners.setdefault(place, name) if tensor.numel() else name
        if owner == name:
            stored[name] = tensor.detach().cpu().contiguous().clone()
        else:
            aliases[name] = owner
    text = json.dumps({"values": values, "aliases": aliases}, allow_nan=False)
    # One entry: safetensors writes several in any order, and equal content must give equal files.
    header = {_KEY: f"{_FORMAT} {_checksum(stored, text)} {text}"}
    with atomic_write(path) as file:
        file.write(save(stored, metadata=header))


def read_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read and check a file of :func:`write_tensors`.

    Returns:
        Tensors on the CPU, and the plain values.

    Raises:
        InvalidArgumentError: If there is no such file, or it cannot be read.
        TableIntegrityError: If it is truncated, damaged or of another format.
    """
    name = str(path)
    content = read_bytes(path, error=InvalidArgumentError)
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        header = parse_json(content[8 : 8 + length], where="its header").get("__metadata__", {})
    except (SafetensorError, ValueError, AttributeError) as error:
        raise TableIntegrityError(
            f"{name!r} is damaged, truncated or not a safetensors file ({shown(error)}); use an earlier "
            "checkpoint, or make it again."
        ) from None
    if _KEY not in header:
        raise TableIntegrityError(
            f"{name!r} holds tensors, but was not written by analognas: they have no description."
        )
    version, _, rest = header[_KEY].partition(" ")
    if version != _FORMAT:
        raise TableIntegrityError(
            f"{name!r} was written by another version of analognas, in a format that this one does not read: "
            "read it with the version that wrote it, or write it again."
        )
    checksum, _, text = rest.partition(" ")
    if _checksum(tensors, text) != checksum:
        raise TableIntegrityError(
            f"{name!r} is damaged: its content does not match its checksum; use an earlier checkpoint, or "
            "make it again."
        )
    try:
        payload = parse_json(text, where="its header")
        tensors.update({alias: tensors[owner] for alias, owner in payload["aliases"].items()})
        values: dict[str, Any] = {**payload["values"]}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise TableIntegrityError(
            f"{name!r} has no readable description of its tensors: {shown(error)}."
        ) from None
    return tensors, values


def _checksum(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content: Any = tensor.reshape(-1).view(torch.uint8).numpy()
        digest.update(content)
    return digest.hexdigest()
