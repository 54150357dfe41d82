"""Evaluators: one base, vectorised over a population, whatever the numbers come from."""

from .base import Evaluation, Evaluator
from .combined import CombinedEvaluator, default_evaluator
from .costs import COUNTED, ChipCostEvaluator, CountEvaluator, DeviceCostEvaluator
from .graph_ensemble import GraphEnsemble
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .noisy_table import NoisyTableEvaluator
from .pareto import REFERENCE, Scale, hypervolume, igd_plus, non_dominated, quality_curve
from .problem import Problem
from .stochastic import StochasticEvaluator, normal_draws, reading_seeds
from .surrogate import Surrogate, distinct_rows
from .table import TableEvaluator
from .xgboost_evaluator import XGBoostEvaluator

__all__ = [
    "COUNTED",
    "REFERENCE",
    "ChipCostEvaluator",
    "CombinedEvaluator",
    "CountEvaluator",
    "DeviceCostEvaluator",
    "Evaluation",
    "Evaluator",
    "GraphEnsemble",
    "GraphEnsembleEvaluator",
    "NoisyTableEvaluator",
    "Problem",
    "Scale",
    "StochasticEvaluator",
    "Surrogate",
    "TableEvaluator",
    "XGBoostEvaluator",
    "default_evaluator",
    "distinct_rows",
    "hypervolume",
    "igd_plus",
    "non_dominated",
    "normal_draws",
    "quality_curve",
    "reading_seeds",
]
