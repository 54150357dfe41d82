"""Quality of searches that pages state is that of the results they cite."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SEARCHES = ROOT / "experiments" / "search"


def figure(entry, at):
    return f"{entry['mean'][at]:.2f} ± {entry['standard_error'][at]:.2f}"


def test_true_values():
    found = json.loads((SEARCHES / "true_value.json").read_text())["optimizers"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")
    for name in ("bayesian", "random_search"):
        assert figure(found[name]["by_estimate"], -1) in readme
    rows = {
        "bayesian": "BayesianOptimizer",
        "regularized_evolution": "RegularizedEvolution",
        "random_search": "RandomSearch",
    }
    for name, title in rows.items():
        for key in ("by_estimate", "by_reading"):
            cells = " | ".join(figure(found[name][key], at) for at in range(3))
            line = f"| `{title}`, best {key[3:]} | {cells} | {found[name]['splits']} |"
            assert line in page


@pytest.mark.parametrize("prior", ["none", "analog_drift_86400", "shuffled"])
def test_priors(prior):
    found = json.loads((SEARCHES / "prior.json").read_text())
    at = [found["queries"].index(n) for n in (20, 30, 50, 100, 200)]
    entry = found["priors"][prior]["best_reading"]
    page = (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")
    assert " | ".join(figure(entry, place) for place in at) in page
