"""What makes the networks of a table robust."""

from ..core.interval import Interval
from .analyze import ANALYSIS_FILE, analyze, read_analysis, run_analysis
from .comparison import HAND_MADE, ComparedNetwork
from .effects import Networks
from .ranks import Agreement, rank_agreement, tau_b
from .result import LevelEffect, Prediction, RobustnessAnalysis, Slope
from .settings import AnalysisSettings
from .traits import TRAITS, Trait

__all__ = [
    "ANALYSIS_FILE",
    "HAND_MADE",
    "TRAITS",
    "Agreement",
    "AnalysisSettings",
    "ComparedNetwork",
    "Interval",
    "LevelEffect",
    "Networks",
    "Prediction",
    "RobustnessAnalysis",
    "Slope",
    "Trait",
    "analyze",
    "rank_agreement",
    "read_analysis",
    "run_analysis",
    "tau_b",
]
