"""The region of measured networks that a search with a surrogate keeps to."""

from __future__ import annotations

from ..core import InvalidArgumentError
from ..evaluators import EXTRAPOLATION, Evaluator
from .settings import SearchSettings

__all__ = ["keep_within"]

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
