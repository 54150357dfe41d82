"""Analog versions of torch layers."""
