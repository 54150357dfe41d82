"""Locks on files and folders, which the operating system releases when a process ends in any way."""

from __future__ import annotations

import errno
import sys

__all__ = ["try_lock"]

# Errors of file systems without such locks, or without locks on folders.
_WITHOUT = frozenset(
    (
        errno.EBADF,
        errno.EINVAL,
        errno.ENOLCK,
        errno.ENOSYS,
        errno.ENOTSUP,
        errno.EOPNOTSUPP,
        errno.EPERM,
    )
)

if sys.platform == "win32":

    def try_lock(handle: int) -> bool | None:
        """Lock an open file or folder, without waiting; it stays locked until its handle is closed.

        Returns:
            True if it is locked now, False if somebody else has locked it, None where it cannot be locked.
        """
        return None

else:
    import fcntl

    def try_lock(handle: int) -> bool | None:
        """Lock an open file or folder, without waiting; it stays locked until its handle is closed.

        Returns:
            True if it is locked now, False if somebody else has locked it, None where it cannot be locked.
        """
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno in _WITHOUT:
                return None
            raise
        return True
