"""Blocks the network in a process of the tests: each connection beyond this machine raises an error.

An audit hook sees every socket of Python, whichever library opens it. Local sockets and the loopback interface stay
usable, because pools of processes, distributed training and servers of tests need them.
"""

import ipaddress
import os
import sys

ALLOW = "ANALOGNAS_TESTS_CONNECT"
"""Environment variable that allows connections in a process and its children."""

_NAMES = ("", "localhost", "localhost.localdomain", "ip6-localhost")
_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_RESOLVES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyname_ex")


class NetworkBlockedError(AssertionError):
    """A test opens a connection to another machine; an AssertionError, so that no handler of errors of files hides it."""


def is_local(host):
    """Whether a host is this machine."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in _NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _check(event, arguments):
    if event in _CONNECTS:
        address = arguments[1]
        # AF_UNIX has a path, other local families have numbers; AF_INET and AF_INET6 have (host, port, ...).
        host = address[0] if isinstance(address, tuple) and len(address) >= 2 else None
        host = host if isinstance(host, (str, bytes)) else None
    elif event in _RESOLVES:
        host = arguments[0]
    else:
        return
    if not is_local(host) and ALLOW not in os.environ:
        raise NetworkBlockedError(f"A test connects to {host!r} ({event}); tests use no network.")


sys.addaudithook(_check)
