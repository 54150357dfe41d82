"""Roles of genes: width, depth, or other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ..core import check_choice
from ..spaces import Space

ROLES = ("width", "depth", "other")
"""Roles of a gene."""

# In AnalogNAS's space M is the number of main blocks, and R1 to R5 are the residual blocks of each.
_DEPTH = re.compile(r"depth|layers|blocks|^M$|^R\d+$")
_WIDTH = re.compile(r"width|widen|channel|hidden|expansion")


def gene_roles(
    space: Space, named: Mapping[str, Sequence[str]] | None = None
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of the genes of each role, shape ``(n_genes,)`` each; every gene has one role.

    Roles follow from the names of hyperparameters: *depth*, *layers*, *blocks*, ``M`` and ``R1`` are depth;
        *width*,
    *widen*, *channel*, *hidden* and *expansion* are width. All others are other.

    Args:
        space: The space.
        named: Names of hyperparameters by role, where the names do not show it.

    Raises:
        UnknownNameError: If a role or hyperparameter is unknown.

    Example:
        >>> from analognas.spaces import ResNetSpace
        >>> {role: int(genes.sum()) for role, genes in gene_roles(ResNetSpace()).items()}
        {'width': 6, 'depth': 6, 'other': 10}
    """
    names = [parameter.name for parameter in space.parameters()]
    roles = [
        "depth" if _DEPTH.search(name) else "width" if _WIDTH.search(name) else "other"
        for name in names
    ]
    for role, members in (named or {}).items():
        for name in members:
            gene = names.index(check_choice("hyperparameter", name, names))
            roles[gene] = check_choice("role", role, ROLES)
    return {role: np.array([entry == role for entry in roles]) for role in ROLES}
