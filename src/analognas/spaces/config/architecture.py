"""The form in which a person sees an architecture of a configuration space."""

from __future__ import annotations

from typing import Any, NoReturn


class Architecture(dict[str, Any]):
    """A dictionary from names to values that can be hashed, and therefore not changed.

    Example:
        >>> arch = Architecture(width=8, depth=2)
        >>> arch["width"], arch == {"depth": 2, "width": 8}, len({arch, arch})
        (8, True, 1)
        >>> dict(arch, width=16)
        {'width': 16, 'depth': 2}
    """

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[Architecture], tuple[dict[str, Any]]]:
        # Copies are made whole, since items cannot be set one by one.
        return type(self), (dict(self),)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            "An architecture cannot be changed; write dict(arch, name=value) to get another."
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    update = pop = popitem = clear = setdefault = _refuse
