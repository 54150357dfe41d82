"""Names of AnalogNAS around its ResNet-like networks, for its scripts: only their import lines change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scipy import stats

from .resnet import ResNetSpace

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Network", "get_nb_convs", "get_nb_params", "kendal_correlation", "spearman_correlation"]

_SIGNIFICANT = 0.05


def Network(  # noqa: N802 - AnalogNAS's name
    config: Mapping[str, Any], input_dim: tuple[int, int, int] = (3, 32, 32), classes: int = 10
) -> nn.Module:
    """Return the network of a configuration; see :meth:`.ResNetSpace.build`.

    Args:
        config: Values of the hyperparameters by name.
        input_dim: Channels, height and width of the input.
        classes: Number of classes.

    Example:
        >>> import numpy as np
        >>> config = ResNetSpace().sample_arch(generator=np.random.default_rng(0))
        >>> Network(config).classifier.out_features
        10
    """
    return ResNetSpace(input_shape=input_dim, n_classes=classes).build(config)


def get_nb_params(model: nn.Module) -> int:
    """Return the number of parameters of a network; :meth:`.Space.counts` needs no network.

    Example:
        >>> import torch
        >>> get_nb_params(torch.nn.Linear(3, 2))
        8
    """
    return sum(parameter.numel() for parameter in model.parameters())


def get_nb_convs(config: Mapping[str, Any]) -> int:
    """Return the number of convolutions in the branches of a configuration.

    AnalogNAS counts no convolutions for a block with ``R = 0``, although its networks have them there; they are
    counted here.

    Example:
        >>> get_nb_convs({"out_channel0": 8, "M": 1, "R1": 3, "convblock1": 2, "widenfact1": 0.5, "B1": 2})
        18
    """
    return sum(".branches." in layer.name for layer in ResNetSpace().named_layers(config))


def kendal_correlation(v1: Any, v2: Any) -> float:
    """Return Kendall's tau-b, or 0 if it is not significant at 5 %.

    Example:
        >>> kendal_correlation(range(9), range(9))
        1.0
    """
    return _significant(stats.kendalltau(v1, v2))


def spearman_correlation(v1: Any, v2: Any) -> float:
    """Return Spearman's rank correlation, or 0 if it is not significant at 5 %.

    Example:
        >>> spearman_correlation([1, 2], [1, 1.5]) in (0.0, 1.0)
        True
    """
    return _significant(stats.spearmanr(v1, v2))


def _significant(result: Any) -> float:
    return float(result.statistic) if result.pvalue <= _SIGNIFICANT else 0.0
