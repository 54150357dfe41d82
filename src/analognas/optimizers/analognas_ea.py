"""AnalogNAS's evolutionary algorithm: width, depth and other mutations, with limits of size and drift.

Benmeziane et al., "AnalogNAS: A Neural Network Design Framework for Accurate Inference with Analog In-Memory
Computing", IEEE EDGE 2023, section IV.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice, check_float, check_int
from ..evaluators import Evaluation, Evaluator
from ..spaces import Population, Space
from .base import Optimizer

OBJECTIVE = "analog_drift_86400"
"""Default objective: accuracy one day after programming."""

ROLES = ("width", "depth", "other")
"""Roles of a gene."""

# In AnalogNAS's space M is the number of main blocks, and R1 to R5 are the residual blocks of each.
_DEPTH = re.compile(r"depth|layers|blocks|^M$|^R\d+$")
_WIDTH = re.compile(r"width|widen|channel|hidden|expansion")

_MILLION = 1e6
_TOURNAMENT = 2
_OVERDRAW = 1.5


class EAOptimizer(Optimizer):
    """Evolution with a surrogate: the best of the parents and of the children of tournament winners survive.

    Each child gets a width mutation with probability ``mutation_prob_width`` (one width gene changes), and
    depth and other mutations likewise. A child without any mutation gets one, drawn in proportion to the
    probabilities, so that it differs from its parent; roles of probability 0 never change. :func:`.gene_roles`
    assigns the genes to roles. Selection is feasibility first: an architecture that meets all constraints beats
    one that does not; of two feasible ones the better objective wins, of two infeasible ones the smaller
    violation (Deb, "An efficient constraint handling method for genetic algorithms", 2000).

    The constraints of ``max_nb_param`` and ``T_AVM`` always apply, in addition to those of the search. The
    optimizer also sets the default evaluator, objective (``analog_drift_86400``) and budget of the search.

    Args:
        evaluator: A fitted evaluator; None: evaluator, objective and budget are those of the search.
        population_size: Size of the population, and number of children of an iteration.
        nb_iter: Iterations after the initial random population.
        max_nb_param: Largest number of parameters, millions; None: no limit.
        T_AVM: Largest accuracy variation over a month, percentage points; None: no limit.
        mutation_prob_width: Probability of a width mutation.
        mutation_prob_depth: Probability of a depth mutation.
        mutation_prob_other: Probability of another mutation.
        roles: Names of hyperparameters by role (``"width"``, ``"depth"``, ``"other"``), where the names do not
            show it.
        batch_size: Architectures of a batch; None: ``population_size``. Survivors are chosen after every batch.
        surrogate: AnalogNAS's name of ``evaluator``.

    Raises:
        InvalidArgumentError: If a size or limit is out of range, all probabilities are 0, or ``evaluator`` is
            not an evaluator; from :meth:`reset`, if the space has no gene of the mutating roles.

    Example:
        >>> from analognas import Worker, XGBoostEvaluator
        >>> optimizer = EAOptimizer(XGBoostEvaluator(), population_size=20, nb_iter=10)
        >>> worker = Worker("nasbench201", optimizer=optimizer, runs=1)
        >>> worker.search().runs[0].n_distinct
        220
    """

    name = "analognas_ea"
    any_order = True
    _mutable: list[NDArray[np.bool_]]
    _rows: Population
    _scores: NDArray[np.float64]
    _violation: NDArray[np.float64]

    def __init__(
        self,
        evaluator: Evaluator | None = None,
        population_size: int = 50,
        nb_iter: int = 200,
        *,
        max_nb_param: float | None = 1.0,
        T_AVM: float | None = 10.0,  # noqa: N803
        mutation_prob_width: float = 0.8,
        mutation_prob_depth: float = 0.8,
        mutation_prob_other: float = 0.6,
        roles: Mapping[str, Sequence[str]] | None = None,
        batch_size: int | None = None,
        surrogate: Evaluator | None = None,
    ) -> None:
        evaluator = surrogate if evaluator is None else evaluator
        size = check_int("population_size", population_size, minimum=2)
        super().__init__(batch_size=size if batch_size is None else batch_size)
        self.population_size = size
        if evaluator is not None and not isinstance(evaluator, Evaluator):
            raise InvalidArgumentError(
                f"`evaluator` must be an Evaluator such as XGBoostEvaluator(), but got {evaluator!r}."
            )
        self.evaluator = evaluator
        self.nb_iter = check_int("nb_iter", nb_iter, minimum=1)
        self.max_nb_param = _limit("max_nb_param", max_nb_param)
        self.T_AVM = _limit("T_AVM", T_AVM)
        self.mutation_probabilities = {
            role: check_float(f"mutation_prob_{role}", probability, minimum=0.0, maximum=1.0)
            for role, probability in zip(
                ROLES, (mutation_prob_width, mutation_prob_depth, mutation_prob_other), strict=True
            )
        }
        if not any(self.mutation_probabilities.values()):
            raise InvalidArgumentError(
                "One of `mutation_prob_width`, `mutation_prob_depth` and `mutation_prob_other` must be "
                "positive, but got 0 for all of them."
            )
        self.roles = {role: list(names) for role, names in (roles or {}).items()}

    def hyperparameters(self) -> dict[str, Any]:
        """The constructor's arguments without the evaluator, which a trial log describes separately."""
        probabilities = {
            f"mutation_prob_{role}": value for role, value in self.mutation_probabilities.items()
        }
        return {
            "population_size": self.population_size,
            "nb_iter": self.nb_iter,
            "max_nb_param": self.max_nb_param,
            "T_AVM": self.T_AVM,
            **probabilities,
            "roles": self.roles,
            "batch_size": self.batch_size,
        }

    def search_defaults(self) -> dict[str, Any]:
        """The constraints; with an evaluator also the evaluator, objective and budget of AnalogNAS's search."""
        constraints = []
        if self.max_nb_param is not None:
            constraints.append(f"params<={self.max_nb_param * _MILLION!r}")
        if self.T_AVM is not None:
            constraints.append(f"avm<={self.T_AVM!r}")
        if self.evaluator is None:
            return {"constraints": constraints}
        return {
            "evaluator": self.evaluator,
            "objectives": OBJECTIVE,
            "constraints": constraints,
            "budget": self.population_size * (self.nb_iter + 1),
        }

    def start_from(self, population: Population) -> None:
        """Take architectures in place of random initial ones."""
        super().start_from(population)
        self._proposed += len(population)

    def ask(self) -> Population:
        """Propose random architectures, then children."""
        if self._proposed < self.population_size:
            first = min(self.batch_size, self.population_size - self._proposed)
            self._proposed += first
            return self._unseen(first)
        if not len(self._rows):
            return self._unseen(self.batch_size)
        return self._offspring(self.batch_size, self._brood)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Keep the best of parents and children."""
        rows = np.concatenate([self._rows, population])
        scores = np.append(self._scores, self.problem.scores(evaluation)[:, 0])
        violation = np.append(self._violation, self.problem.violation(evaluation))
        # In this order, the position of an architecture is its rank.
        order = np.lexsort((-scores, violation))[: self.population_size]
        self._rows, self._scores, self._violation = rows[order], scores[order], violation[order]

    def mutate(self, population: Population) -> Population:
        """Return mutants of a population, shape ``(n, n_genes)``, each with at least one mutation.

        Called with tournament winners. Roles without genes in the space are ignored.
        """
        n, probabilities = len(population), self._probabilities
        applied = self.generator.random((n, len(self._mutable))) < probabilities
        none = ~applied.any(axis=1)
        share = probabilities / probabilities.sum()
        applied[none, self.generator.choice(len(share), n, p=share)[none]] = True
        children = population.copy()
        for role, genes in enumerate(self._mutable):
            rows = np.flatnonzero(applied[:, role])
            children[rows] = self.space.mutate(
                children[rows], generator=self.generator, genes=genes
            )
        return children

    def _brood(self, n: int) -> Population:
        """Return mutants of the winners of tournaments of two."""
        contestants = self.generator.integers(
            len(self._rows), size=(int(n * _OVERDRAW) + 1, _TOURNAMENT)
        )
        return self.mutate(self._rows[contestants.min(axis=1)])

    def _start(self) -> None:
        self._rows = np.empty((0, self.space.n_genes), dtype=self.space.dtype)
        self._scores = np.empty(0)
        self._violation = np.empty(0)
        self._proposed = 0
        roles = gene_roles(self.space, self.roles)
        present = [role for role in ROLES if (roles[role] & (self.space.n_choices > 1)).any()]
        mutating = [role for role in present if self.mutation_probabilities[role]]
        if not mutating:
            raise InvalidArgumentError(
                f"The space {self.space.name!r} has only genes of {' and '.join(present)}, whose mutations "
                f"have probability 0; raise it, or assign the genes with `roles`."
            )
        self._mutable = [roles[role] for role in mutating]
        self._probabilities = np.array([self.mutation_probabilities[role] for role in mutating])


def _limit(name: str, value: float | None) -> float | None:
    return None if value is None else check_float(name, value, minimum=0.0)


def gene_roles(
    space: Space, named: Mapping[str, Sequence[str]] | None = None
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of the genes of each role, shape ``(n_genes,)`` each; every gene has one role.

    Roles follow from the names of hyperparameters: *depth*, *layers*, *blocks*, ``M`` and ``R1`` are
    depth; *width*, *widen*, *channel*, *hidden* and *expansion* are width; all others are other.

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
