"""The test suite has no network, in its own process and in those it starts."""

import socket
import subprocess
import sys
from contextlib import suppress

import pytest

import no_network

ELSEWHERE = "192.0.2.1"  # reserved for documentation, RFC 5737


@pytest.mark.parametrize("address", [(ELSEWHERE, 80), ("example.org", 443)])
def test_a_connection_raises_an_error(address):
    with pytest.raises(no_network.NetworkBlockedError, match="tests use no network"):
        socket.create_connection(address, timeout=1)


def test_names_and_packets_too():
    with pytest.raises(no_network.NetworkBlockedError):
        socket.gethostbyname("example.org")
    for family, host in ((socket.AF_INET, ELSEWHERE), (socket.AF_INET6, "2001:db8::1")):
        with socket.socket(family, socket.SOCK_DGRAM) as packets:
            with pytest.raises(no_network.NetworkBlockedError):
                packets.sendto(b"x", (host, 53))
            with pytest.raises(no_network.NetworkBlockedError):
                packets.connect((host, 53))


def test_a_process_that_a_test_starts():
    code = f"import socket; socket.create_connection(({ELSEWHERE!r}, 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1
    assert "NetworkBlockedError" in done.stderr


def test_this_machine_stays_reachable(tmp_path, monkeypatch):
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        monkeypatch.chdir(tmp_path)
        server.bind("s")
        server.listen()
        client.connect("s")


@pytest.mark.network
def test_marked_tests_may_connect():
    no_route = suppress(OSError)  # a machine without any network
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets, no_route:
        packets.connect((ELSEWHERE, 53))  # sends nothing
