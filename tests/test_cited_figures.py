"""Quality of searches that pages state is that of the results they cite."""

import importlib.util
import json
from pathlib import Path

import pytest

from analognas.core.interval import Interval

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


def interval(entry):
    return str(Interval(entry["value"], entry["low"], entry["high"]))


def ablation_rows():
    """Rows of the page: each base and variant of the stored experiment, at its first and last time."""
    file = ROOT / "experiments" / "ablations" / "result.json"
    (task,) = json.loads(file.read_text())["tasks"]
    names = {1.0: "1 s", 86400.0: "1 day", 31536000.0: "1 year"}
    for table in task["tables"]:
        times = task["networks"][table["base"]]["times"]
        first, last = interval(times[0]["value"]), interval(times[-1]["value"])
        yield f"| {table['title']} | {table['base_title']} (base) | {first} | {last} | |"
        for entry in table["variants"].values():
            times, apart = entry["times"], entry["difference"][-1]
            first, last = interval(times[0]["value"]), interval(times[-1]["value"])
            at = "" if apart["time"] == 31536000.0 else f" ({names[apart['time']]})"
            yield f"| | {entry['words']} | {first} | {last}{at} | {interval(apart)}{at} |"


def test_ablations():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    rows = list(ablation_rows())
    assert len(rows) >= 26
    for row in rows:
        assert row in page


def test_robustness():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    file = ROOT / "experiments" / "robustness" / "result.json"
    tasks = json.loads(file.read_text())["tasks"]
    assert [task["name"] for task in tasks] == ["images", "texts", "language"]
    for task in tasks:
        unit = "lower perplexity" if task["name"] == "language" else "points"
        percent = "" if task["name"] == "language" else " %"
        assert f"| {task['name']} | {interval(task['gain'])} {unit} |" in page
        digital = f"The digital network has {task['digital']:.2f}{percent} on these examples"
        assert f"{digital}, and {task['quantized']:.2f}{percent} with 8" in page
        assert len(task["networks"]) == 3
        for network in task["networks"].values():
            cells = [interval(entry["value"]) for entry in network["times"]]
            last = network["times"][-1]
            cells += [interval(network["loss"]), interval(last["normalised"]), last["iso_accuracy"]]
            assert f"| {network['words']} | {' | '.join(cells)} |" in page
        # Hardware-aware training gains more than chance on each task.
        assert task["gain"]["low"] > 0
    lost = tasks[1]["digital"] - tasks[1]["networks"]["hwa"]["times"][2]["value"]["value"]
    assert f"has lost {lost:.2f} points on texts" in page


def rasch_rows():
    """Rows of the page: networks and variants with their normalised metric after an hour and a year."""

    def cells(entry):
        hour, year = entry["times"][1], entry["times"][-1]
        texts = [f"{Interval(**at['normalised']):.3f}" for at in (hour, year)]
        return " | ".join([*texts, hour["iso_accuracy"], year["iso_accuracy"]])

    file = ROOT / "experiments" / "rasch2023" / "result.json"
    for task in json.loads(file.read_text())["tasks"]:
        hwa, direct = (task["networks"][name] for name in ("hwa", "direct"))
        yield f"| **{task['title']}** | hardware-aware training | {cells(hwa)} |"
        yield f"| | direct mapping | {cells(direct)} |"
        for table in task["tables"]:
            head = f" {table['title']}"
            for entry in table["variants"].values():
                yield f"|{head} | {entry['words']} | {cells(entry)} |"
                head = ""


def test_findings_of_rasch():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    rows = list(rasch_rows())
    assert len(rows) == 18
    for row in rows:
        assert row in page


def test_small_language_models():
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    file = ROOT / "experiments" / "language_models" / "result.json"
    for task in json.loads(file.read_text())["tasks"]:
        assert f"| **{task['title']}** | digital | {task['digital']:.2f} | | |" in page
        (table,) = task["tables"]
        named = {one["words"]: one for one in task["networks"].values()}
        named |= {f"hardware-aware, {one['words']}": one for one in table["variants"].values()}
        assert len(named) == 6
        for words, network in named.items():
            cells = [interval(network["times"][at]["value"]) for at in (0, 2, 4)]
            assert f"| | {words} | {' | '.join(cells)} |" in page
        assert interval(task["gain"]) in page
        for variant in table["variants"].values():
            assert interval(variant["difference"][-1]) in page


def test_winners_of_the_surrogate():
    path = ROOT / "benchmarks" / "surrogate_winners.py"
    spec = importlib.util.spec_from_file_location("surrogate_winners", path)
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    page = (ROOT / "docs" / "surrogates.md").read_text(encoding="utf-8")
    for metric in benchmark.METRICS:
        facts = benchmark.measured(metric)
        cells = [f"{facts['winners']:.2f} [{facts['low']:.2f}, {facts['high']:.2f}]"]
        cells += [f"{facts[n]:.2f}" for n in ("sample", "best tenth", "best tenth, estimated")]
        assert " | ".join(cells) in page
    assert facts["above"] == 9
    assert "Nine of the ten winners" in page


def test_named_networks():
    page = (ROOT / "docs" / "surrogates.md").read_text(encoding="utf-8")
    found = json.loads((ROOT / "experiments" / "named_networks.json").read_text())
    spec = importlib.util.spec_from_file_location(
        "named_networks", ROOT / "benchmarks" / "named_networks.py"
    )
    benchmark = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(benchmark)
    assert benchmark.measured("cifar10") == found["cifar10"]
    for row in found["cifar10"]["rows"]:
        cells = [f"{row['params']:,}"]
        cells += [str(Interval(*row[name])) for name in benchmark.METRICS]
        cells += [str(row["tiles"]), f"{row['energy_mj']:.3f}", f"{row['latency_ms']:.2f}"]
        name = f"`{row['name']}`" if row["name"].startswith("t") else row["name"]
        assert f"| {name} | {' | '.join(cells)} |" in page
