"""Operations and edges of a NAS-Bench-201 cell, in the numbering of AnalogNAS-Bench.

A cell has four nodes: node 0 is its input, node 3 its output. Each of the six edges has one of five operations
 (Dong & Yang, ICLR 2020).
"""

from __future__ import annotations

OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
"""Names of the operations; the position is the number used in genotypes and six-tuples."""

SKIP, NONE, CONV_3X3, CONV_1X1, AVG_POOL = range(5)

EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""(source, target) of each gene."""

N_NODES = 4

STRING_ORDER = (0, 1, 3, 2, 4, 5)
"""Gene of each operation in the order of ``arch_str`` (by target, then source)."""

PUBLISHED_OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The operations in the order of NAS-Bench-201."""
