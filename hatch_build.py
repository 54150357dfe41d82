"""Build hook: writes the commit of the source into the package, as ``analognas --version`` shows it."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = Path("src", "analognas")


class CommitHook(BuildHookInterface):  # type: ignore[misc]
    """Adds ``commit.txt`` to wheels and source distributions that are built from a checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a build; a source distribution already has the file."""
        package = Path(self.root) / _PACKAGE
        spec = importlib.util.spec_from_file_location("version", package / "version.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        known = module.commit()
        if known is None or (package / module.COMMIT_FILE).exists() or version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        written = Path(self._folder.name) / module.COMMIT_FILE
        written.write_text(f"{known}\n", encoding="utf-8")
        target = _PACKAGE if self.target_name == "sdist" else Path("analognas")
        build_data["force_include"][str(written)] = str(target / module.COMMIT_FILE)

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called after a build."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()
