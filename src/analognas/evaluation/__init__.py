"""Accuracy over drift time on many simulated chips, with confidence intervals."""
