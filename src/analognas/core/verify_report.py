"""The result of a verification."""

from __future__ import annotations

from dataclasses import dataclass

from .text_tables import wrapped

__all__ = ["VerifyReport"]


@dataclass(frozen=True)
class VerifyReport:
    """Result of a verification.

    Attributes:
        checks: Checks that passed, as text.
        problems: Problems that were found, as text; empty if there are none.

    Example:
        >>> print(VerifyReport(("12 rows are complete",), ("row 3 has another checksum",)))
        ok: 12 rows are complete
        WRONG: row 3 has another checksum
    """

    checks: tuple[str, ...]
    problems: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join(
            [wrapped(f"ok: {text}") for text in self.checks]
            + [wrapped(f"WRONG: {text}") for text in self.problems]
        )
