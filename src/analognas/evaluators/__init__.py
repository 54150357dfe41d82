"""Evaluators: one base, vectorised over a population, whatever the numbers come from."""

from .base import Evaluation, Evaluator
from .graph_ensemble import GraphEnsemble
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .noisy_table import NoisyTableEvaluator
from .problem import Problem
from .stochastic import StochasticEvaluator, normal_draws, reading_seeds
from .surrogate import Surrogate, distinct_rows
from .table import TableEvaluator
from .xgboost_evaluator import XGBoostEvaluator

__all__ = [
    "Evaluation",
    "Evaluator",
    "GraphEnsemble",
    "GraphEnsembleEvaluator",
    "NoisyTableEvaluator",
    "Problem",
    "StochasticEvaluator",
    "Surrogate",
    "TableEvaluator",
    "XGBoostEvaluator",
    "distinct_rows",
    "normal_draws",
    "reading_seeds",
]
