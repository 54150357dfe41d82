"""Text encoders of transformers, from what is already on this machine."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

from torch import nn

from ..core import DataNotFoundError, InvalidArgumentError


def load_encoder(source: Any, *, vocabulary_size: int | None = None) -> tuple[nn.Module, int]:
    """Return a text encoder and the length of its token vectors.

    Args:
        source: A folder with ``config.json`` and weights as safetensors; the name of an installed package with
            such a folder inside; a configuration of transformers, for random weights; or a module.
        vocabulary_size: Token ids that will be used, checked against the encoder's.

    Raises:
        DataNotFoundError: If there is no such folder or package.
        InvalidArgumentError: If transformers is not installed, or the vocabulary is larger than the encoder's.
    """
    encoder = source if isinstance(source, nn.Module) else _made(source)
    config = getattr(encoder, "config", None)
    width = getattr(config, "hidden_size", None) or getattr(encoder, "width", None)
    if not isinstance(width, int):
        raise InvalidArgumentError(
            "`encoder` must say the length of its token vectors as `config.hidden_size` or `width`, but "
            f"{type(encoder).__name__} has neither."
        )
    known = getattr(config, "vocab_size", None)
    if vocabulary_size is not None and known is not None and vocabulary_size > known:
        raise InvalidArgumentError(
            f"`vocabulary_size` must be at most the {known} of the encoder, but got {vocabulary_size}; "
            "load the data with the encoder's own tokenizer."
        )
    return encoder, width


def encoder_folder(source: str | os.PathLike[str]) -> Path:
    """Return the folder with ``config.json`` of a folder or an installed package; the package is not run.

    Raises:
        DataNotFoundError: If there is none.
    """
    folder = Path(source)
    if folder.is_dir():
        candidates = [folder]
    else:
        name = os.fspath(source).replace("-", "_")
        spec = importlib.util.find_spec(name) if name.isidentifier() else None
        candidates = [Path(place) for place in (spec and spec.submodule_search_locations) or ()]
    for candidate in candidates:
        # Pooling modules beside a sentence encoder have a config.json of their own, in folders further down.
        found = sorted(candidate.rglob("config.json"), key=lambda path: (len(path.parts), path))
        if found:
            return found[0].parent
    raise DataNotFoundError(
        f"No encoder in {os.fspath(source)!r}: neither a folder with config.json nor an installed "
        "package with one."
    )


def _made(source: Any) -> nn.Module:
    folder = encoder_folder(source) if isinstance(source, str | os.PathLike) else None
    try:
        import transformers
    except ImportError:
        raise InvalidArgumentError(
            "`encoder` needs transformers, which is not installed: pip install 'analognas[hf]'."
        ) from None
    encoder: nn.Module
    if folder is None:
        encoder = transformers.AutoModel.from_config(source)
    else:
        encoder = transformers.AutoModel.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    return encoder
