"""The result of a verification."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["VerifyReport"]


@dataclass(frozen=True)
class VerifyReport:
    """Result of a verification.

    Attributes:
        checks: Checks that passed, as text.
        problems: Problems that were found, as text; empty if there are none.
    """

    checks: tuple[str, ...]
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            [f"ok: {text}" for text in self.checks] + [f"WRONG: {text}" for text in self.problems]
        )
