import math
import socket

import pytest

from analognas.core import InvalidArgumentError
from analognas.core.ray_cluster import check_answers, n_places
from analognas.search import RayBackend


@pytest.fixture
def port():
    """A port that somebody listens at until the test closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_who_does_not_answer_is_told_at_once(port, scheme):
    number = port.getsockname()[1]
    check_answers(f"{scheme}127.0.0.1:{number}")
    port.close()
    with pytest.raises(OSError, match="refused"):
        check_answers(f"{scheme}127.0.0.1:{number}")


@pytest.mark.parametrize("address", [None, "", "auto", "local", "other://host:1"])
def test_names_are_left_to_ray(address):
    check_answers(address)


def test_a_port_is_a_number():
    with pytest.raises(ValueError, match="the port must be a number, but is 'x'"):
        check_answers("127.0.0.1:x")


@pytest.mark.parametrize(
    ("machines", "wanted", "expected"),
    [
        ([{"CPU": 2.0}], {"CPU": 1.0, "GPU": 0.0}, 2),
        ([{"CPU": 2.0}], {"CPU": 1.0, "GPU": 1.0}, 0),
        ([{"CPU": 1.0}, {"CPU": 1.0}], {"CPU": 2.0}, 0),
        ([{"CPU": 8.0, "GPU": 4.0}], {"CPU": 0.5, "GPU": 0.3}, 12),
        ([{"CPU": 1.0}], {"CPU": 0.1}, 10),
        ([], {"CPU": 1.0}, 0),
        ([], {"CPU": 0.0}, math.inf),
    ],
)
def test_room(machines, wanted, expected):
    assert n_places(machines, wanted) == expected


def test_shares_that_cannot_be_given():
    with pytest.raises(
        InvalidArgumentError, match="`gpus_per_worker` must be at most 1, or a whole"
    ):
        RayBackend(gpus_per_worker=1.5)
