"""A Ray cluster of several nodes on this machine, of which some end and others join during a search."""

import os
import sys
import threading
import warnings

import pytest

from analognas.search import RayBackend


@pytest.mark.slow
@pytest.mark.network  # Ray finds the address of this machine by a connection
@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("pending", [None, 4])
def test_nodes_end_and_join_during_a_search(fragile, tmp_path, monkeypatch, pending):
    """Evaluations of lost nodes are made again elsewhere; the result equals that of one process."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    path = os.pathsep.join([os.path.dirname(fragile.__file__), *sys.path])
    monkeypatch.setenv("PYTHONPATH", path)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    changed = threading.Event()

    def change(view):
        if view.n_trials > 8 and not changed.is_set():
            changed.set()
            cluster.add_node(num_cpus=1)
            # In the middle of the next evaluations.
            threading.Timer(0.05, cluster.remove_node, [nodes[0], False]).start()

    try:
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        backend = RayBackend(n_workers=3, start_seconds=120)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = fragile.worker(
                tmp_path / "a",
                evaluator=fragile.Fragile(0.1),
                backend=backend,
                callbacks=[change],
                pending=pending,
            ).search()
        alive = sum(node["Alive"] for node in ray.nodes())
        assert changed.is_set()
        assert len(ray.nodes()) == 4
        assert alive == 3
    finally:
        ray.shutdown()
        cluster.shutdown()
    if pending is None:
        assert result.to_json() == fragile.worker().search().to_json()
        return
    # The order of results is that of the log.
    before = (tmp_path / "a" / "best.json").read_bytes()
    fragile.worker(tmp_path / "a", pending=pending, resume=True).search()
    assert (tmp_path / "a" / "best.json").read_bytes() == before
