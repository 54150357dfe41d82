"""Batch norm of digital layers, with ReLU, by compiled CPU passes."""
