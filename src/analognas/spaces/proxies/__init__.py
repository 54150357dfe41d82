"""Zero-cost proxies: scores of untrained networks."""

from .activations import naswot
from .counting import traced_macs, trainable_params
from .flow import log_synflow, synflow
from .noise import noise_sensitivity
from .scores import PROXIES, proxy_scores

__all__ = [
    "PROXIES",
    "log_synflow",
    "naswot",
    "noise_sensitivity",
    "proxy_scores",
    "synflow",
    "traced_macs",
    "trainable_params",
]
