"""Evaluators: one base, vectorised over a population, whatever the numbers come from."""

from .base import Evaluation, Evaluator
from .cost_predictor import CostPredictor
from .cost_validation import CrossValidation
from .graph_ensemble import GraphEnsemble
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .problem import Problem
from .surrogate import Surrogate, distinct_rows
from .table import TableEvaluator
from .xgboost_evaluator import XGBoostEvaluator

__all__ = [
    "CostPredictor",
    "CrossValidation",
    "Evaluation",
    "Evaluator",
    "GraphEnsemble",
    "GraphEnsembleEvaluator",
    "Problem",
    "Surrogate",
    "TableEvaluator",
    "XGBoostEvaluator",
    "distinct_rows",
]
