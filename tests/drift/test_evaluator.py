import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from analognas.core import InvalidArgumentError, PhysicalRangeError, ResumeError
from analognas.drift import DAY, MONTH, DriftEvaluator, Examples
from analognas.drift.journal import fingerprint
from analognas.nn import AnalogConfig, analog_layers, at_time, calibrate, program, to_analog
from analognas.physics import Ideal, ReRAMWan2022

TIMES = (1.0, DAY, MONTH)


@pytest.fixture(scope="module")
def result(analog, problem):
    return DriftEvaluator(TIMES, chips=6).evaluate(analog, problem)


def test_a_chip_is_what_program_and_at_time_make(analog, problem, result):
    """Chip 2, by hand: same generator, same order of times and batches, same scores."""
    from analognas.core import RandomStreams

    model = copy.deepcopy(analog)
    program(model, generator=RandomStreams(0).torch("chip", 2))
    for j, t in enumerate(TIMES):
        at_time(model, t)
        right = Examples(problem).scores(model)
        assert result.chip_scores[2, j] == right.mean()


def test_chips_do_not_depend_on_how_many_there_are(analog, problem, result):
    few = DriftEvaluator(TIMES, chips=3).evaluate(analog, problem)
    np.testing.assert_array_equal(few.chip_scores, result.chip_scores[:3])


def test_seeds_are_other_chips(analog, problem, result):
    other = DriftEvaluator(TIMES, chips=3, seed=1).evaluate(analog, problem)
    assert (other.chip_scores != result.chip_scores[:3]).any()


def test_times_are_sorted_and_may_be_given_in_any_order(analog, problem, result):
    mixed = DriftEvaluator((MONTH, 1, DAY), chips=6).evaluate(analog, problem)
    assert mixed.times == TIMES
    np.testing.assert_array_equal(mixed.chip_scores, result.chip_scores)


def test_drift_costs_accuracy_and_the_digital_network_is_the_digital_network(
    analog, digital, problem, result
):
    inputs, targets = problem
    right = (digital(inputs).argmax(-1) == targets).double().mean()
    assert result.digital == pytest.approx(100.0 * float(right), abs=1e-9)
    assert result.reference == result.digital
    assert result.at(1.0).low > result.at(MONTH).value


def test_perfect_devices_lose_only_what_converters_take(digital, problem):
    config = AnalogConfig(device=Ideal(), out_noise=0.0)
    model = calibrate(to_analog(digital, config), [problem[0]])
    result = DriftEvaluator((1.0, DAY), chips=3).evaluate(model, problem)
    assert np.ptp(result.chip_scores) == 0.0
    assert result.at(DAY).half_width == 0.0
    # 8-bit steps move at most the examples near a decision.
    assert abs(result.at(DAY).value - result.digital) <= 2.0


def test_the_model_is_left_as_it_was(analog, problem):
    model = copy.deepcopy(analog).train()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    DriftEvaluator((1.0,), chips=2).evaluate(model, problem, reference=model)
    assert model.training
    assert all(layer.mode == "train" and layer.n_chips is None for _, layer in analog_layers(model))
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0.0, atol=0.0)


@pytest.mark.parametrize("tolerance", [None, 0.5])
def test_an_interrupted_evaluation_goes_on_to_the_same_result(analog, problem, tmp_path, tolerance):
    path = tmp_path / "journal.safetensors"

    class StopError(Exception):
        pass

    def stop(progress):
        if progress.chips == 3:
            raise StopError

    def evaluator(**more):
        return DriftEvaluator(TIMES, chips=6, tolerance=tolerance, max_chips=8, **more)

    whole = evaluator().evaluate(analog, problem)
    with pytest.raises(StopError):
        evaluator(on_progress=stop).evaluate(analog, problem, journal=path)
    seen = []
    found = evaluator(on_progress=seen.append).evaluate(analog, problem, journal=path)
    assert seen[0].chips == 4
    np.testing.assert_array_equal(found.chip_scores, whole.chip_scores)
    np.testing.assert_array_equal(found.example_covariance, whole.example_covariance)
    assert found.n_scored == whole.n_scored


def test_a_journal_of_another_evaluation_is_refused(analog, problem, tmp_path):
    path = tmp_path / "journal.safetensors"
    DriftEvaluator((1.0,), chips=2).evaluate(analog, problem, journal=path)
    with pytest.raises(ResumeError, match=r"another evaluation; what differs: times, seed"):
        DriftEvaluator((2.0,), chips=2, seed=1).evaluate(analog, problem, journal=path)
    other = copy.deepcopy(analog)
    with torch.no_grad():
        other[0].weight[0, 0] += 1.0
    with pytest.raises(ResumeError, match="model"):
        DriftEvaluator((1.0,), chips=2).evaluate(other, problem, journal=path)
    with pytest.raises(ResumeError, match="at least the 2 chips of the journal"):
        DriftEvaluator((1.0,), chips=1).evaluate(analog, problem, journal=path)
    more = DriftEvaluator((1.0,), chips=3).evaluate(analog, problem, journal=path)
    assert more.n_chips == 3


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("width", "n", "kept"),
    [
        # Twenty chips more, with two devices of 4 bytes for each of 1024 x 1024 weights.
        pytest.param(1024, 8, 20 * 8.0, marks=pytest.mark.slow),
        # Their scores at three times, 8 bytes for each example.
        (4, 200_000, 20 * 3 * 1.6),
    ],
)
def test_memory_does_not_grow_with_chips_times_times(width, n, kept):
    """Highest memory of a process, MB, beside what keeping something of each chip would take."""
    code = (
        "import re, pathlib, torch\n"
        "from analognas.drift import DriftEvaluator\n"
        "from analognas.nn import AnalogConfig, calibrate, to_analog\n"
        "torch.set_num_threads(1)\n"
        f"x, y = torch.randn({n}, {width}), torch.zeros({n}, dtype=torch.long)\n"
        f"net = torch.nn.Linear({width}, {width}, bias=False)\n"
        "net = calibrate(to_analog(net, AnalogConfig()), [x[:64]])\n"
        "def peak(chips):\n"
        "    DriftEvaluator((1.0, 60.0, 3600.0), chips, batch_size=20_000).evaluate(net, (x, y))\n"
        # Not getrusage: that begins with the highest memory of the parent.
        "    status = pathlib.Path('/proc/self/status').read_text()\n"
        "    return int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) / 1024\n"
        "peak(2)  # what the allocator keeps at first\n"
        "few, many = peak(2), peak(22)\n"
        f"held = torch.ones(int({kept} * 2**20 / 4))\n"
        "print(many - few, peak(1) - many)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    growth, growth_if_kept = (float(text) for text in done.stdout.split())
    assert growth < kept / 3.0 < growth_if_kept


def test_adaptive_reaches_the_tolerance_with_fewer_forwards(analog, problem):
    found = DriftEvaluator((1.0, DAY), tolerance=0.5).evaluate(analog, problem)
    assert all(found.at(t).half_width <= 0.5 + 1e-9 for t in found.times)
    full = DriftEvaluator((1.0, DAY), chips=25).evaluate(analog, problem)
    for t in found.times:
        few, many = found.at(t), full.at(t)
        assert few.low <= many.high
        assert many.low <= few.high
    assert found.n_scored < full.n_scored


def test_adaptive_chips_are_the_same_chips(analog, problem):
    """Where all examples are asked, the estimate of a chip is its score."""
    inputs, targets = problem
    few = inputs[:60], targets[:60]  # the first chips are asked all of so few
    adaptive = DriftEvaluator((1.0,), tolerance=100.0).evaluate(analog, few)
    plain = DriftEvaluator((1.0,), chips=2).evaluate(analog, few)
    np.testing.assert_allclose(adaptive.chip_scores[:2], plain.chip_scores, atol=1e-12)


@pytest.mark.slow
def test_adaptive_intervals_of_real_chips_cover(analog, problem):
    """A pool of 150 simulated chips is the whole truth; 200 evaluations draw chips from it."""
    from analognas.drift.adaptive import AdaptiveSampler, half_widths
    from analognas.drift.chips import ChipSimulator

    bench, examples = ChipSimulator(analog, 7), Examples(problem)
    digital, margins = bench.digital(examples)
    chips = np.array([bench.measure(k, examples, TIMES) for k in range(150)])
    truth, hits = chips.mean((0, 1)), np.zeros(len(TIMES))
    for seed in range(200):
        rng = np.random.default_rng(seed)
        sampler = AdaptiveSampler(digital, margins, digital, len(TIMES), confidence=0.95)
        while step := sampler.next(np.full(len(TIMES), 0.005), rng):
            scores = chips[rng.integers(len(chips))][step.sample.indices].copy()
            scores[:, ~step.times] = np.nan
            sampler.add(step, scores)
            if sampler.n_chips == 200:
                break
        hits += np.abs(np.nanmean(sampler.means, 0) - truth) <= half_widths(sampler.means, 0.95)
    assert ((hits / 200 >= 0.92) & (hits / 200 <= 0.98)).all()


def test_progress_is_told(analog, problem):
    told = []
    DriftEvaluator((1.0, DAY), chips=3, on_progress=told.append).evaluate(analog, problem)
    assert [(p.chips, p.n_chips) for p in told] == [(1, 3), (2, 3), (3, 3)]
    assert np.isnan(told[0].half_width)
    assert told[2].half_width > 0.0


def test_recurrent_language_models_are_scored_by_perplexity(monkeypatch):
    from analognas.data import DataSet, Split
    from analognas.models import build_model, digital_parts

    tokens = torch.arange(24 * 9).view(24, 9) % 7
    part = Split(tokens[:, :-1], tokens[:, 1:])
    data = DataSet("count", "language_model", part, None, part, (8,), 7)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build_model("lstm", input_shape=(8,), n_classes=7, width=8).eval()
    model = to_analog(net, AnalogConfig(), exclude=digital_parts(net))
    calibrate(model, [part.inputs.long()])
    for tolerance in (None, 10.0):
        found = DriftEvaluator((1.0, MONTH), chips=6, tolerance=tolerance, batch_size=8).evaluate(
            model, data
        )
        here = found.at(MONTH)
        # Geometric mean of the chips' perplexities; all sequences were run, whatever the mode.
        geometric = np.exp(np.log(found.chips_at(MONTH)).mean())
        assert here.value == pytest.approx(geometric, rel=1e-9)
        assert found.n_scored % 24 == 0
        assert found.iso_accuracy(MONTH) in {"yes", "no", "undecided"}
        # Perplexity that falls is a gain, so a loss is counted positive.
        assert found.avm().value == pytest.approx(here.value - found.at(1.0).value, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"times": ()}, InvalidArgumentError, "`times` must be a sequence"),
        ({"times": 5.0}, InvalidArgumentError, "`times` must be a sequence"),
        ({"times": (1.0, 1.0)}, InvalidArgumentError, "must differ from each other"),
        ({"times": (-1.0,)}, InvalidArgumentError, "at least 0.0 s"),
        ({"chips": 0}, InvalidArgumentError, "`chips` must be an integer of at least 1"),
        ({"tolerance": -1.0}, InvalidArgumentError, "`tolerance` must be a finite number"),
        ({"confidence": 1.0}, InvalidArgumentError, "`confidence`"),
    ],
)
def test_bad_arguments(analog, problem, arguments, error, message):
    with pytest.raises(error, match=message):
        DriftEvaluator(**arguments).evaluate(analog, problem)


def test_bad_models_and_data(analog, digital, problem):
    inputs, targets = problem
    evaluate = DriftEvaluator((1.0,), chips=2).evaluate
    with pytest.raises(InvalidArgumentError, match="must have analog layers, but has none"):
        evaluate(digital, problem)
    with pytest.raises(InvalidArgumentError, match="same number of examples"):
        evaluate(analog, (inputs, targets[:5]))
    with pytest.raises(InvalidArgumentError, match="must be whole numbers"):
        evaluate(analog, (inputs, targets + 0.5))
    with pytest.raises(InvalidArgumentError, match="must be a DataSet or a pair"):
        evaluate(analog, inputs)
    loader = DataLoader(TensorDataset(inputs, targets), 64)
    with pytest.raises(InvalidArgumentError, match=r"zip\(\*loader\)"):
        evaluate(analog, loader)
    gathered = [torch.cat(part) for part in zip(*loader, strict=True)]
    assert evaluate(analog, gathered).rows() == evaluate(analog, problem).rows()
    arrays = (inputs.numpy(), targets.double().numpy())
    assert evaluate(analog, arrays).rows() == evaluate(analog, problem).rows()
    broken = copy.deepcopy(analog)
    with torch.no_grad():
        broken[2].bias.fill_(float("nan"))
    with pytest.raises(InvalidArgumentError, match="pair of tensors"):
        evaluate(broken, nn.Identity())
    model = calibrate(to_analog(digital, AnalogConfig(device=ReRAMWan2022())), [inputs])
    with pytest.raises(PhysicalRangeError):
        DriftEvaluator((MONTH,), chips=2).evaluate(model, problem)


def test_the_checksum_of_a_network_is_that_of_earlier_versions():
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.zero_()
    found = fingerprint(to_analog(nn.Sequential(layer)))
    assert found == "44002d45cedd9be681bb2eaebacbab3036d86cd12ac7689bd10d3606264f213b"
