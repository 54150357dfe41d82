"""Checks of a Ray cluster before waiting for it: whether it answers, and how many workers have room."""

from __future__ import annotations

import math
import socket
from collections.abc import Mapping, Sequence

_ANSWER_SECONDS = 5.0
_SCHEME = "ray://"


def check_answers(address: str | None) -> None:
    """Check that an address answers; Ray itself would try indefinitely.

    Args:
        address: ``host:port`` or ``ray://host:port``; addresses without a port, such as ``"auto"``, are not
            checked.

    Raises:
        OSError: If nothing answers within five seconds.
        ValueError: If the port is not a number.
    """
    host, colon, port = (address or "").removeprefix(_SCHEME).rpartition(":")
    if not colon or "://" in host:
        return
    if not port.isdecimal():
        raise ValueError(f"the port must be a number, but is {port!r}")
    socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_SECONDS).close()


def n_places(machines: Sequence[Mapping[str, float]], wanted: Mapping[str, float]) -> float:
    """Return the number of workers that a cluster has room for; infinite if they need nothing.

    A worker uses one machine, and a share of a GPU or core is on one unit.

    Args:
        machines: Resources of each machine: amounts by name.
        wanted: Resources of a worker: amounts by name.

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
    """Return how often an amount fits; amounts below 1 must fit into single units."""
    # Shares such as 0.1 fit ten times, though 1 / 0.1 may be rounded down.
    if amount < 1:
        return math.floor(available) * math.floor(1.0 / amount + 1e-9)
    return math.floor(available / amount + 1e-9)
