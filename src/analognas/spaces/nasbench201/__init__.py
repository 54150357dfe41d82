"""NAS-Bench-201: notations, canonical forms, costs and networks of its 15,625 cells."""

from .costs import DATASETS, count_macs, count_params
from .graph_features import graph_feature_names, graph_features
from .operation_counts import operation_count_names, operation_counts
from .operations import EDGES, OPERATIONS
from .space import NASBench201Space

__all__ = [
    "DATASETS",
    "EDGES",
    "OPERATIONS",
    "NASBench201Space",
    "count_macs",
    "count_params",
    "graph_feature_names",
    "graph_features",
    "operation_count_names",
    "operation_counts",
]
