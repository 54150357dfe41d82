"""Gaussian processes: on weighted features, and of classes of equal features with pooled readings."""
