"""The region of measured networks that a search with a surrogate keeps to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core import InvalidArgumentError
from ..evaluators import EXTRAPOLATION, Evaluator
from .settings import SearchSettings

__all__ = ["keep_within", "remarks_on"]

_REMARK = (
    "The search keeps to the region of the measured networks (extrapolation<=0); "
    "--extrapolate lifts this."
)


def keep_within(
    settings: SearchSettings, evaluator: Evaluator
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the constraint that keeps a search to the measured region of a surrogate, and a remark on it.

    Both are empty if the evaluator has no region, or the settings lift the bound.

    Raises:
        InvalidArgumentError: If ``extrapolate`` is set, but the constraints contain the bound: a search that
            was started within the region continues within it.
    """
    if EXTRAPOLATION not in evaluator.metric_definitions:
        return (), ()
    bound = f"{EXTRAPOLATION.name}<=0"
    if not settings.extrapolate:
        return (bound,), (_REMARK,)
    if bound in settings.constraints:
        raise InvalidArgumentError(
            f"`extrapolate` lifts the bound {bound!r}, but `constraints` contains it; start another search."
        )
    return (), ()


def remarks_on(winners: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return a remark if some of the best architectures lie outside of the measured region; else nothing.

    Args:
        winners: As :class:`.SearchResult` has them.
    """
    n = sum(bool(cell.get("extrapolated")) for cell in winners)
    if not n:
        return ()
    return (
        f"{n} of the best {len(winners)} lie outside of the region of the measured networks: their values are "
        "extrapolated.",
    )
