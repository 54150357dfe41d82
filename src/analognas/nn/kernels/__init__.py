"""Compiled CPU passes over float32 arrays."""
