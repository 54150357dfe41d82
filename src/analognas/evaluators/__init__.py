"""Evaluators: from a population of architectures to arrays of metrics (tables, surrogates, training, costs)."""

from .base import COUNTED, Evaluation, Evaluator
from .combined import CombinedEvaluator, StochasticCombinedEvaluator
from .cost_predictor import CostPredictor
from .cost_validation import CrossValidation
from .costs import ChipCostEvaluator, CountEvaluator, DeviceCostEvaluator
from .defaults import default_evaluator
from .definitions import EVALUATORS, definition_of, evaluator_from_definition
from .fidelity import FIDELITY, Fidelity, check_fidelities
from .function import FunctionEvaluator, evaluator_from
from .graph_ensemble import GraphEnsemble
from .graph_ensemble_evaluator import GraphEnsembleEvaluator
from .measured_region import EXTRAPOLATION, MeasuredRegion
from .mlp_evaluator import MLPEvaluator
from .noisy_table import NoisyTableEvaluator
from .pareto import REFERENCE, Scale, hypervolume, igd_plus, non_dominated, quality_curve
from .pooling import pooled, pooled_evaluation
from .problem import KnownBounds, Problem
from .provenance import Provenance
from .stochastic import StochasticEvaluator, normal_draws, reading_seeds
from .surrogate import Surrogate
from .table import TableEvaluator
from .trained import TrainedEvaluator
from .training_data import distinct_rows
from .xgboost_evaluator import XGBoostEvaluator
from .zero_cost import ZeroCostEvaluator

__all__ = [
    "COUNTED",
    "EVALUATORS",
    "EXTRAPOLATION",
    "FIDELITY",
    "REFERENCE",
    "ChipCostEvaluator",
    "CombinedEvaluator",
    "CostPredictor",
    "CountEvaluator",
    "CrossValidation",
    "DeviceCostEvaluator",
    "Evaluation",
    "Evaluator",
    "Fidelity",
    "FunctionEvaluator",
    "GraphEnsemble",
    "GraphEnsembleEvaluator",
    "KnownBounds",
    "MLPEvaluator",
    "MeasuredRegion",
    "NoisyTableEvaluator",
    "Problem",
    "Provenance",
    "Scale",
    "StochasticCombinedEvaluator",
    "StochasticEvaluator",
    "Surrogate",
    "TableEvaluator",
    "TrainedEvaluator",
    "XGBoostEvaluator",
    "ZeroCostEvaluator",
    "check_fidelities",
    "default_evaluator",
    "definition_of",
    "distinct_rows",
    "evaluator_from",
    "evaluator_from_definition",
    "hypervolume",
    "igd_plus",
    "non_dominated",
    "normal_draws",
    "pooled",
    "pooled_evaluation",
    "quality_curve",
    "reading_seeds",
]
