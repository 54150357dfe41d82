"""One network of a space: built, trained for a step, converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from ..spaces import Space

_BATCH = 2


def check_network(
    space: Space,
    arch: Any,
    input_shape: tuple[int, int, int],
    n_classes: int,
    generator: np.random.Generator,
) -> None:
    """Fail unless the network runs forward and backward, and again after conversion to analog layers.

    Args:
        space: The space.
        arch: The architecture.
        input_shape: Channels, height and width.
        n_classes: Number of classes.
        generator: Source of the inputs; weights are drawn by torch.
    """
    import torch

    from ..nn import to_analog

    draws = generator.standard_normal((_BATCH, *input_shape))
    inputs = torch.from_numpy(draws).to(torch.get_default_dtype())
    network = space.build(arch, input_shape=input_shape, n_classes=n_classes)
    for model in (network, to_analog(network)):
        model.train()
        model.zero_grad()
        logits = model(inputs)
        assert logits.shape == (_BATCH, n_classes), f"{arch!r} gave logits of shape {logits.shape}"
        assert bool(torch.isfinite(logits).all()), f"{arch!r} gave logits that are not finite"
        logits.square().sum().backward()
        gradients = [p.grad for p in model.parameters() if p.requires_grad and p.grad is not None]
        assert gradients, f"{arch!r} has no gradient at all"
        assert all(bool(torch.isfinite(one).all()) for one in gradients), f"{arch!r}: bad gradients"
