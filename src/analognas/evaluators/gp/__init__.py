"""Gaussian processes: one on weighted features, one on features and categorical genes."""
