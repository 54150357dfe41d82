"""Owners of leases: processes that can be identified after their end."""

from __future__ import annotations

import os
import re
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import ResumeError
from ..core.limits import shown

__all__ = ["Owner"]

_PROCESS = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True)
class Owner:
    """A process that works on a build.

    Attributes:
        host: Name of the machine, with the id of its boot if known.
        process: Process id.
        started: Start time in units of the system; distinguishes processes with the same id.
        token: Distinguishes several owners in one process.
    """

    host: str
    process: int
    started: str
    token: str = ""

    @classmethod
    def here(cls) -> Owner:
        """Return a new owner in this process."""
        process = os.getpid()
        return cls(_host(), process, _start_of(process), secrets.token_hex(4))

    @classmethod
    def read(cls, text: Any) -> Owner:
        """Inverse of :attr:`text`.

        Raises:
            ResumeError: If the text does not describe an owner.
        """
        parts = text.rsplit("|", 3) if isinstance(text, str) else []
        if len(parts) != 4 or _PROCESS.fullmatch(parts[1]) is None:
            raise ResumeError(f"it has the owner {shown(repr(text), 60)}")
        host, process, started, token = parts
        return cls(host, int(process), started, token)

    @property
    def text(self) -> str:
        """The owner on one line."""
        return f"{self.host}|{self.process}|{self.started}|{self.token}"

    def is_dead_here(self) -> bool:
        """Whether it is an ended process of this machine; False if unknown."""
        if self.host != _host():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except OSError:
            return False
        return self.started != _start_of(self.process)


def _host() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


def _start_of(process: int) -> str:
    """Start time of a process in clock ticks since boot (Linux), empty elsewhere."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    # Field 22, counted after the name, which may contain blanks and brackets.
    return stat.rpartition(")")[2].split()[19]
