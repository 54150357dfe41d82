"""NAS-Bench-201: notations, canonical forms, costs and networks of its 15,625 cells."""

from .costs import DATASETS, count_macs, count_params
from .operations import EDGES, OPERATIONS
from .space import NASBench201Space

__all__ = ["DATASETS", "EDGES", "OPERATIONS", "NASBench201Space", "count_macs", "count_params"]
