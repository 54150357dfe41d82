"""Evaluators: one base, vectorised over a population, whatever the numbers come from."""

from .base import Evaluation, Evaluator
from .problem import Problem
from .table import TableEvaluator

__all__ = ["Evaluation", "Evaluator", "Problem", "TableEvaluator"]
