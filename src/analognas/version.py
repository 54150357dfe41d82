"""Version of the package, with the commit where it is known."""

from __future__ import annotations

from pathlib import Path

__all__ = ["__version__", "commit", "version_text"]

__version__ = "0.1.0"

COMMIT_FILE = "commit.txt"
"""File beside this one that a build writes (``hatch_build.py``)."""

_PACKAGE = Path(__file__).parent


def commit() -> str | None:
    """Return the commit that the running code was built or checked out from; None if it is not known.

    It is that of the wheel, of the Git address that pip installed from, or of the checkout, where ``-dirty``
    means changed files.
    """
    built = _PACKAGE / COMMIT_FILE
    if built.is_file():
        return built.read_text(encoding="utf-8").strip() or None
    root = _PACKAGE.parents[1]
    if (root / "pyproject.toml").is_file():
        return _checked_out(root)
    import json
    from importlib import metadata

    try:
        text = metadata.distribution("analognas").read_text("direct_url.json")
        found = json.loads(text or "{}").get("vcs_info", {}).get("commit_id")
    except (metadata.PackageNotFoundError, ValueError, AttributeError):
        return None
    return found[:12] if isinstance(found, str) else None


def version_text() -> str:
    """Return the version, with the commit in parentheses where it is known.

    Example:
        >>> version_text().startswith(__version__)
        True
    """
    known = commit()
    return __version__ if known is None else f"{__version__} (commit {known})"


def _checked_out(root: Path) -> str | None:
    if not (root / ".git").exists():
        return None
    # For the fixed command below.
    import subprocess  # nosec B404

    words = [
        "git",
        "-C",
        str(root),
        "describe",
        "--always",
        "--dirty",
        "--exclude=*",
        "--abbrev=12",
    ]
    try:
        # A fixed command without a shell; its only variable is the folder of the package.
        done = subprocess.run(words, capture_output=True, text=True, timeout=5, check=False)  # nosec B603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
