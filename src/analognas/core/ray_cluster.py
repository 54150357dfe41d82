"""What can be known of a Ray cluster before one waits for it: whether it answers, and what it has room for."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence

_ANSWER_SECONDS = 5.0
_SCHEME = "ray://"


def check_answers(address: str | None) -> None:
    """Make sure that something listens at an address; Ray itself would try for ever.

    Args:
        address: ``host:port`` or ``ray://host:port``; what names no port, such as ``"auto"``, is left to Ray.

    Raises:
        OSError: If nothing answers within five seconds.
        ValueError: If the port is no number.
    """
    host, colon, port = (address or "").removeprefix(_SCHEME).rpartition(":")
    if not colon or "://" in host:
        return
    if not port.isdecimal():
        raise ValueError(f"the port must be a number, but is {port!r}")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()


def n_places(machines: Sequence[Mapping[str, float]], wanted: Mapping[str, float]) -> float:
    """How many workers a cluster holds; infinite where they take nothing.

    A worker stays on one machine, and a part of a GPU or a core on one of them.

    Args:
        machines: What each machine has in all, amount by resource.
        wanted: What a worker takes, amount by resource.

    Example:
        >>> n_places([{"CPU": 8.0, "GPU": 2.0}, {"CPU": 64.0}], {"CPU": 1.0, "GPU": 0.3})
        6
    """
    taken = {name: amount for name, amount in wanted.items() if amount > 0}
    if not taken:
        return math.inf
    return sum(
        min(_fitting(machine.get(name, 0.0), amount) for name, amount in taken.items())
        for machine in machines
    )


def _fitting(available: float, amount: float) -> int:
    """How often an amount fits; below 1, within single units."""
    # Shares such as 0.1 fit ten times, though 1 / 0.1 may be rounded down.
    if amount < 1:
        return math.floor(available) * math.floor(1.0 / amount + 1e-9)
    return math.floor(available / amount + 1e-9)
