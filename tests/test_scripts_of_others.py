"""Scripts for the older packages: written for these tests with the same calls; only import lines differ."""

import random

import pytest
import torch


def test_evolution_on_analognasbench_as_its_example_does(capsys):
    # analognasbench/examples/evolutionary_algorithm.py: tournaments, crossover, and mutation to 0 ... 5.
    from analognas.tables.analognasbench_names import AnalogNASBench, DriftMeasurement

    benchmark, asked = AnalogNASBench(), []

    def fitness(arch):
        asked.append(arch)
        result = benchmark.query_metric(arch, "analog_drift_86400")
        if isinstance(result, str) and result == "architecture not found":
            return float("-inf")
        return result.value if isinstance(result, DriftMeasurement) else float(result)

    random.seed(42)
    population = random.sample(benchmark.list_available_architectures(), 20)
    scores = {arch: fitness(arch) for arch in population}
    for _ in range(5):
        children = []
        while len(children) < 20:
            one, two = (max(random.sample(population, 3), key=scores.get) for _ in range(2))
            cut = random.randint(1, 5)
            child = list(one[:cut] + two[cut:])
            if random.random() < 0.5:
                child[random.randint(0, 5)] = random.randint(0, 5)
            children.append(tuple(child))
        scores |= {child: fitness(child) for child in children if child not in scores}
        population = children
    best = max(scores, key=scores.get)
    print("Best:", best, benchmark.get_architecture_details(best))
    assert any(5 in arch for arch in asked), "an architecture outside the space was proposed"
    assert scores[best] > 85
    assert "±" in capsys.readouterr().out


def test_random_and_brute_force_search_on_analognasbench():
    from analognas.tables.analognasbench_names import AnalogNASBench

    benchmark = AnalogNASBench()
    every = benchmark.list_available_architectures()
    random.seed(0)
    sampled = max(
        random.sample(every, 50),
        key=lambda a: benchmark.query_metric(a, "analog_drift_2592000").value,
    )
    best = max(every[::50], key=lambda a: benchmark.query_metric(a, "analog_drift_2592000").value)
    for arch in (sampled, best):
        assert benchmark.query_metric(arch, "analog_accuracy") > 80


@pytest.mark.parametrize("with_network", [False, True])
def test_the_search_demo_of_analognas(with_network, tmp_path, monkeypatch, capsys):
    # nas_search_demo.py and the README: the main branch passes the network's class first.
    monkeypatch.chdir(tmp_path)
    from analognas import ConfigSpace, EAOptimizer, Worker, XGBoostEvaluator
    from analognas.spaces.analognas_names import Network

    CS = ConfigSpace("resnet-like", "CIFAR-10")  # noqa: N806
    surrogate = XGBoostEvaluator(model_type="XGBRanker", load_weight=True)
    optimizer = EAOptimizer(surrogate, population_size=12, nb_iter=2)
    worker = (
        Worker(Network, CS, optimizer=optimizer, runs=2)
        if with_network
        else Worker(CS, optimizer=optimizer, runs=2)
    )
    worker.search()
    worker.result_summary()
    best_config, best_model = worker.best_config, worker.best_arch
    assert "M" in best_config
    assert best_model.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    assert worker.best_acc > 0
    assert worker.std_err >= 0


def test_training_of_a_configuration_as_train_py_does():
    # train.py: digital epochs, conversion, analog epochs, then drift; with small data and one epoch of each.
    from analognas.nn import AnalogConfig, at_time, clip_and_remap, program, to_analog
    from analognas.spaces.analognas_names import Network

    config = {"out_channel0": 8, "M": 1, "R1": 0, "convblock1": 1, "widenfact1": 0.8, "B1": 1}
    torch.manual_seed(0)
    batches = [(torch.randn(8, 3, 16, 16), torch.randint(10, (8,))) for _ in range(2)]

    def train(model, optimizer):
        model.train()
        for inputs, targets in batches:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
        return loss.item()

    model = Network(config)
    train(model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9))
    rpu_config = AnalogConfig(tile={"rows": 256, "columns": 255}, input_range={"init_batches": 1})
    analog = to_analog(model, rpu_config)
    assert train(analog, torch.optim.SGD(analog.parameters(), lr=0.01)) > 0
    clip_and_remap(analog)
    program(analog.eval(), generator=torch.Generator().manual_seed(0))
    at_time(analog, 86_400.0)
    assert analog(batches[0][0]).shape == (8, 10)
