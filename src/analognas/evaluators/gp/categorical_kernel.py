r"""A kernel of architectures: the sum of a kernel of graph features and one of categorical genes.

With standardised graph features :math:`x`, one-hot columns :math:`o` of the genes, and weights,

.. math::
    k(a, b) = (1 - c)\, m\!\Big(\sqrt{\tfrac{1}{d} \textstyle\sum_k w_k (x_{ak} - x_{bk})^2}\Big)
              + c \exp\!\Big(-\tfrac12 \textstyle\sum_j v_j \|o_{aj} - o_{bj}\|^2\Big),

where :math:`m(r) = (1 + \sqrt5 r + \tfrac53 r^2) e^{-\sqrt5 r}` is Matérn's kernel of smoothness 5/2. A
gene that differs adds :math:`v_j` to the distance: a weighted Hamming distance. The genes distinguish
architectures of equal features, such as the members of an isomorphism class.

Source: Ru et al., "Bayesian Optimisation over Multiple Continuous and Categorical Inputs", ICML 2020, for the
sum of a continuous and a categorical kernel; Rasmussen and Williams, Gaussian Processes for Machine Learning,
2006, sections 4.2 (Matérn) and 5.1 (a weight a feature).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_algebra import Floats, pairwise_squares

_ROOT_5 = 5**0.5


@dataclass(frozen=True)
class Points:
    """Inputs of the kernel.

    Attributes:
        graph: Standardised features, shape ``(n, d)``.
        genes: One-hot genes, shape ``(n, c)``.
        gene_of: Gene that each one-hot column belongs to, shape ``(c,)``.
    """

    graph: Floats
    genes: Floats
    gene_of: NDArray[np.int64]

    def take(self, rows: Any) -> Points:
        """Return some rows."""
        return Points(self.graph[rows], self.genes[rows], self.gene_of)

    @property
    def n_genes(self) -> int:
        """Number of genes."""
        return int(self.gene_of.max(initial=-1)) + 1

    def __len__(self) -> int:
        return len(self.graph)


@dataclass(frozen=True)
class CategoricalKernel:
    """The kernel with its weights; it is 1 at equal points.

    Attributes:
        graph_weights: Weight :math:`w` of each feature, shape ``(d,)``.
        gene_weights: Weight :math:`v` of each gene, shape ``(n_genes,)``.
        share: Share :math:`c` of the categorical part, from 0 to 1.
    """

    graph_weights: Floats
    gene_weights: Floats
    share: float

    @classmethod
    def from_logs(cls, logs: Floats, n_features: int) -> CategoricalKernel:
        """Return the kernel of unconstrained parameters, in the order of :class:`KernelGradient`."""
        odds = float(np.exp(logs[-1]))
        return cls(np.exp(logs[:n_features]), np.exp(logs[n_features:-1]), odds / (1 + odds))

    def __call__(self, one: Points, other: Points) -> Floats:
        """Return covariances of all pairs, shape ``(len(one), len(other))``."""
        by_graph, _ = _matern(self._graph_squares(one, other))
        by_graph *= 1 - self.share
        by_graph += self.share * self._by_genes(one, other)
        return by_graph

    def with_gradient(self, points: Points) -> tuple[Floats, KernelGradient]:
        """Return covariances of all pairs, and a function for the gradient by the kernel's parameters."""
        by_graph, slope = _matern(self._graph_squares(points, points))
        by_genes = self._by_genes(points, points)
        covariances = (1 - self.share) * by_graph + self.share * by_genes
        return covariances, KernelGradient(self, points, by_graph, slope, by_genes)

    def _graph_squares(self, one: Points, other: Points) -> Floats:
        return _squares(one.graph, other.graph, self.graph_weights / max(one.graph.shape[1], 1))

    def _by_genes(self, one: Points, other: Points) -> Floats:
        squares = _squares(one.genes, other.genes, 0.5 * self.gene_weights[one.gene_of])
        return np.exp(np.negative(squares, out=squares), out=squares)


@dataclass(frozen=True)
class KernelGradient:
    """Derivatives of the kernel, stored when its matrix is computed.

    Attributes:
        kernel: The kernel.
        points: The points.
        by_graph: Matérn part, shape ``(n, n)``.
        slope: Derivative of the Matérn part by the squared distance, shape ``(n, n)``.
        by_genes: Categorical part, shape ``(n, n)``.
    """

    kernel: CategoricalKernel
    points: Points
    by_graph: Floats
    slope: Floats
    by_genes: Floats

    def __call__(self, gradient: Floats) -> Floats:
        """Return the gradient by log feature weights, log gene weights and log odds of the share.

        Args:
            gradient: Gradient by the covariances, symmetric, shape ``(n, n)``.
        """
        kernel, points = self.kernel, self.points
        by_column = _by_column_weight((1 - kernel.share) * gradient * self.slope, points.graph)
        graph = kernel.graph_weights * by_column / max(points.graph.shape[1], 1)
        by_column = -0.5 * _by_column_weight(kernel.share * gradient * self.by_genes, points.genes)
        genes = np.bincount(points.gene_of, by_column, minlength=points.n_genes)
        by_share = float(np.vdot(gradient, self.by_genes - self.by_graph))
        odds = kernel.share * (1 - kernel.share) * by_share
        return np.concatenate([graph, kernel.gene_weights * genes, [odds]])


def _squares(one: Floats, other: Floats, weights: Floats) -> Floats:
    """Return weighted squared distances of all pairs of rows."""
    roots = np.sqrt(weights)
    one, other = one * roots, other * roots
    return pairwise_squares(one, other)


def _by_column_weight(gradient: Floats, columns: Floats) -> Floats:
    """Return the sum of gradient times squared difference over all pairs, for each column."""
    squares = (columns**2).T @ gradient.sum(axis=1)
    return np.asarray(2 * (squares - np.einsum("ij,ij->j", columns, gradient @ columns)))


def _matern(squares: Floats) -> tuple[Floats, Floats]:
    """Return Matérn's kernel of squared distances, and its derivative by them."""
    scaled = _ROOT_5 * np.sqrt(squares)
    decay = np.exp(-scaled)
    return (1 + scaled + scaled**2 / 3) * decay, -5 / 6 * (1 + scaled) * decay
