"""analognas: neural networks that stay accurate on analog in-memory computing (AIMC) chips."""

__version__ = "0.1.0"
