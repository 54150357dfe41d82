"""``python -m analognas`` and the command ``analognas``."""

from __future__ import annotations

import signal
import sys
from types import FrameType

from .quick_start import without_collection


def run() -> int:
    """Run the command line; Ctrl-C while it is still being imported ends it quietly too."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with without_collection():
            from .cli import main
        return main()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def _terminate(number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, with what the shell expects: temporary files go, the log is closed."""
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(run())
