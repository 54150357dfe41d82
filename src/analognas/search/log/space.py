"""The space of a search, from what its log says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core import AnalogNASError
from ...spaces import SPACES, ConfigSpace, Space
from .schema import SPACE_DEFINITION


def logged_space(settings: Mapping[str, Any]) -> Space | None:
    """Return the space of a log, or None where neither its name nor a definition says what it is.

    Args:
        settings: What the log says of the search.
    """
    name = settings.get("space")
    if name in SPACES.names():
        space = SPACES.get(name)()
        if settings.get("space_fingerprint") == space.fingerprint():
            return space
    definition = settings.get(SPACE_DEFINITION)
    if not isinstance(definition, dict):
        return None
    # Settings are those of a derived class, which is not known here; names and values are all there.
    entries = {key: value for key, value in definition.items() if key != "settings"}
    try:
        return ConfigSpace.from_definition(entries)
    except AnalogNASError:
        return None
