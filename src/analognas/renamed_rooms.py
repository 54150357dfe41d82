"""Old names of rooms and modules keep working for one release: `analognas.worker` is now `analognas.search`."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

RENAMED = {
    "analognas.worker": "analognas.search",
    "analognas.evaluation": "analognas.drift",
    "analognas.benchmarks": "analognas.tables",
    "analognas.hardware.intervals": "analognas.hardware.uncertain_value",
    "analognas.training.exchange": "analognas.training.export",
}
"""Old and new names of rooms and modules."""


class RenamedRoomFinder(MetaPathFinder, Loader):
    """Imports a room under its old name, with a ``DeprecationWarning``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return a spec for an old room name; None for all other names."""
        return ModuleSpec(fullname, self) if fullname in RENAMED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the room under its new name.

        The import system sets ``__spec__`` and ``__name__`` of what it is given, so it gets a module that holds
        the same objects.
        """
        new = RENAMED[spec.name]
        warnings.warn(
            f"`{spec.name}` was renamed; import `{new}` instead. The old name will be removed in version 0.3.",
            DeprecationWarning,
            stacklevel=2,  # frames of the import system do not count
        )
        module = ModuleType(spec.name)
        room = import_module(new)
        kept = {k: v for k, v in vars(room).items() if not k.startswith("__") or k == "__getattr__"}
        module.__dict__.update(kept)
        module.__doc__ = room.__doc__
        if hasattr(room, "__all__"):
            module.__dict__["__all__"] = room.__all__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module is complete."""


def install() -> None:
    """Make old room names importable."""
    if not any(isinstance(finder, RenamedRoomFinder) for finder in sys.meta_path):
        sys.meta_path.append(RenamedRoomFinder())
