"""What of a network stays digital by its nature."""

from __future__ import annotations

from torch import nn


def digital_parts(model: nn.Module) -> list[str]:
    """Return the names of tables that are looked up, not multiplied, for ``to_analog(model, exclude=...)``.

    Example:
        >>> from analognas.models import build_model
        >>> model = build_model("lstm", input_shape=(35,), n_classes=50, width=8)
        >>> digital_parts(model)
        ['embedding']
    """
    tables = (nn.Embedding, nn.EmbeddingBag)
    return [name for name, module in model.named_modules() if isinstance(module, tables)]
