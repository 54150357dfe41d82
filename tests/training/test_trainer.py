import copy
import dataclasses
import errno
import json
import os
import subprocess
import sys
import warnings

import pytest
import torch
from torch import nn

from analognas.core import (
    CheckpointMismatchError,
    DivergedError,
    InvalidArgumentError,
    OutputFolderError,
    TableIntegrityError,
)
from analognas.core.text_files import read_json
from analognas.data import DataSet, Split
from analognas.nn import (
    AnalogConfig,
    InputRange,
    StaysDigitalWarning,
    WeightModifier,
    analog_layers,
)
from analognas.training import (
    CHECKPOINT_FILE,
    DigitalRecipe,
    EarlyAbort,
    HWARecipe,
    ModelRecord,
    OptimizerSettings,
    PTQRecipe,
    QATRecipe,
    Saving,
    Schedule,
    Trainer,
    get_task,
    load_model,
    quantized_layers,
    save_model,
)
from analognas.training.average import WeightAverage
from analognas.training.tensor_files import read_tensors, write_tensors

BRIEF = {"epochs": 3, "batch_size": 32}
HWA = HWARecipe(
    **BRIEF,
    analog=AnalogConfig(input_range=InputRange(init_batches=4), modifier=WeightModifier(std=0.05)),
)


@pytest.fixture(scope="module")
def digital(toy):
    """A trained digital network; copy it."""
    from importlib import util
    from pathlib import Path

    spec = util.spec_from_file_location("nets", Path(__file__).with_name("conftest.py"))
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = module.Net()
    Trainer(net, toy, DigitalRecipe(epochs=6, batch_size=32)).fit()
    return net


@pytest.mark.parametrize(
    "recipe", [PTQRecipe(batch_size=32), QATRecipe(**BRIEF), HWA], ids=lambda r: r.kind
)
def test_every_recipe_keeps_what_the_digital_network_knows(recipe, toy, digital, tmp_path):
    result = Trainer(copy.deepcopy(digital), toy, recipe, out=tmp_path).fit()
    # 64 examples: two standard errors of a proportion near 0.97.
    assert result.metrics["test_accuracy"] > 90.0
    assert result.record.recipe["kind"] == recipe.kind
    kinds = {type(layer).__name__ for _, layer in quantized_layers(result.model)}
    assert kinds == (set() if recipe.kind == "hwa" else {"QuantizedConv2d", "QuantizedLinear"})
    loaded, record = load_model(tmp_path, model=digital)
    assert record == result.record
    x = next(toy.batches("test", 64))[0]
    outputs = []
    for model in (loaded, result.model):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            outputs.append(model(x))
    assert torch.equal(*outputs)


def test_training_learns_and_says_so(toy, make_net):
    rows = []
    recipe = DigitalRecipe(epochs=6, batch_size=32)
    result = Trainer(
        make_net(), toy, recipe, on_progress=lambda p: rows.append(p) if p.row else None
    ).fit()
    assert [progress.row for progress in rows] == list(result.history)
    assert result.history[0]["train_loss"] > 2 * result.history[-1]["train_loss"]
    assert result.history[-1]["validation_accuracy"] > 90.0
    assert result.history[-1]["step"] == 36


def test_the_seed_decides_everything_and_nothing_else_does(toy, make_net):
    def weights(seed, draws=0):
        torch.manual_seed(draws)
        torch.randn(draws)
        state = torch.get_rng_state()
        model = Trainer(make_net(), toy, HWA, seed=seed).fit().model
        assert torch.equal(torch.get_rng_state(), state)  # the caller's generator is untouched
        return model.head.weight

    assert torch.equal(weights(0), weights(0, draws=7))
    assert not torch.equal(weights(0), weights(1))


def test_how_it_is_evaluated_changes_no_training(toy, make_net):
    without = dataclasses.replace(toy, validation=None)
    one, other = (Trainer(make_net(), data, HWA).fit().model for data in (toy, without))
    assert torch.equal(one.head.weight, other.head.weight)


def test_hardware_aware_training_follows_its_parts(toy, make_net, monkeypatch):
    """Ramp, clipping with remapping, and the teacher are there at each step."""
    from analognas.training import methods

    factors, remaps, taught = [], [], []
    original, clip = methods.set_modifier_factor, methods.clip_and_remap
    monkeypatch.setattr(
        methods, "set_modifier_factor", lambda m, f: (factors.append(f), original(m, f))
    )
    monkeypatch.setattr(methods, "clip_and_remap", lambda m: (remaps.append(1), clip(m)))
    task = get_task("classification")
    distil = type(task).distillation_loss
    monkeypatch.setattr(
        type(task), "distillation_loss", lambda *a: (taught.append(a[3]), distil(*a))[1]
    )
    result = Trainer(make_net(), toy, HWA.replace(ramp=0.5)).fit()
    assert factors == pytest.approx([0.0, 1 / 3, 2 / 3, 1.0])
    assert len(remaps) == len(taught) == 18
    assert set(taught) == {4.0}
    for _, layer in analog_layers(result.model):
        assert layer.weight_scale.max() == layer.weight.abs().max()
        assert layer.weight.abs().max() < 3.5 * layer.weight.std()


def test_schedule_and_clipping_reach_the_optimizer(toy, make_net, monkeypatch):
    norms, rates = [], []
    clip = nn.utils.clip_grad_norm_
    monkeypatch.setattr(
        nn.utils,
        "clip_grad_norm_",
        lambda parameters, norm: (norms.append(norm), clip(parameters, norm))[1],
    )
    step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD,
        "step",
        lambda self, *a: (rates.append(self.param_groups[0]["lr"]), step(self, *a))[1],
    )
    schedule = Schedule(kind="step", warmup=0.5, milestones=(0.5,), gamma=0.1)
    recipe = DigitalRecipe(epochs=2, batch_size=32, clip_norm=0.5, schedule=schedule)
    Trainer(make_net(), toy, recipe).fit()
    expected = [0.05 * schedule.factor(k, 6, 12) for k in range(12)]
    assert rates == pytest.approx(expected)
    assert rates[-1] == pytest.approx(0.005)
    assert norms == [0.5] * 12


def test_the_average_is_what_is_evaluated_and_kept(toy, make_net):
    model = make_net()
    average = WeightAverage(model, 0.5)
    with torch.no_grad():
        before = model.head.weight.clone()
        model.head.weight.add_(1.0)
    average.update(10**6)
    torch.testing.assert_close(average.values["head.weight"], before + 0.5)
    seen = []
    with average.swapped_in(lambda m: seen.append(m.head.weight.clone())):
        torch.testing.assert_close(model.head.weight, before + 0.5)
    torch.testing.assert_close(model.head.weight, before + 1.0)
    assert len(seen) == 2
    plain, averaged = (
        Trainer(make_net(), toy, DigitalRecipe(**BRIEF, ema=ema)).fit() for ema in (0.0, 0.9)
    )
    assert not torch.equal(plain.model.head.weight, averaged.model.head.weight)
    # The last epoch's validation was of the weights that are kept.
    assert averaged.history[-1]["validation_loss"] == averaged.metrics["validation_loss"]
    assert averaged.history[-1]["train_loss"] == plain.history[-1]["train_loss"]


@pytest.mark.parametrize("written", [True, False])
def test_the_best_weights_are_kept(written, toy, make_net, tmp_path):
    labels = torch.randint(4, (64,), generator=torch.Generator().manual_seed(0))
    noise = Split(torch.randn(64, 1, 6, 6, generator=torch.Generator().manual_seed(1)), labels)
    data = dataclasses.replace(toy, train=noise, validation=noise)
    lively = OptimizerSettings(lr=0.5)
    recipe = DigitalRecipe(
        epochs=5, batch_size=32, keep="best", optimizer=lively, schedule=Schedule(kind="constant")
    )
    result = Trainer(make_net(), data, recipe, out=tmp_path if written else None).fit()
    values = [row["validation_accuracy"] for row in result.history]
    assert values[-1] < max(values)
    assert result.metrics["validation_accuracy"] == max(values)


def test_bf16_and_compile(toy, make_net, monkeypatch):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda m: compiled.append(m) or m)
    recipe = DigitalRecipe(**BRIEF, precision="bf16", compile=True)
    result = Trainer(make_net(), toy, recipe).fit()
    assert compiled == [result.model]
    assert result.model.head.weight.dtype == torch.float32
    plain = Trainer(make_net(), toy, DigitalRecipe(**BRIEF)).fit()
    difference = abs(result.history[-1]["train_loss"] - plain.history[-1]["train_loss"])
    assert 0 < difference < 0.1


def test_hopeless_runs_end_early_and_say_why(toy, make_net):
    labels = torch.randint(4, (192,), generator=torch.Generator().manual_seed(0))
    noise = dataclasses.replace(toy, train=Split(torch.zeros_like(toy.train.inputs), labels))
    recipe = DigitalRecipe(epochs=5, batch_size=32, abort=EarlyAbort(after=2, min_skill=0.5))
    result = Trainer(make_net(), noise, recipe).fit()
    assert (result.status, len(result.history)) == ("aborted", 2)
    assert "too close to chance" in result.reason
    assert result.to_json()["reason"] == result.reason
    assert Trainer(make_net(), toy, recipe).fit().status == "finished"


@pytest.mark.parametrize("changes", [{"keep": "best"}, {"abort": EarlyAbort(after=1)}])
def test_what_needs_validation_says_so(changes, toy, make_net):
    data = dataclasses.replace(toy, validation=None)
    with pytest.raises(InvalidArgumentError, match="validation split"):
        Trainer(make_net(), data, DigitalRecipe(**changes))


def test_a_loss_that_is_no_number_stops_and_the_checkpoint_stays(toy, make_net, tmp_path):
    kept = []

    def listen(progress):
        if (progress.epoch, progress.step) == (2, 2) and progress.row is None:
            kept.append((tmp_path / CHECKPOINT_FILE).read_bytes())
            with torch.no_grad():
                model.head.weight[0, 0] = float("nan")

    model = make_net()
    recipe = DigitalRecipe(**BRIEF, saving=Saving(every_steps=2))
    with pytest.raises(
        DivergedError, match=r"epoch 2, step 3 of 6.*lr is 0.05.*last good checkpoint"
    ):
        Trainer(model, toy, recipe, out=tmp_path, on_progress=listen).fit()
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() != b""
    state, _ = read_tensors(tmp_path / CHECKPOINT_FILE)
    assert torch.isfinite(state["model/head.weight"]).all()
    result = Trainer(make_net(), toy, recipe, out=tmp_path).fit(resume=True)
    assert result.metrics["test_accuracy"] > 80.0


def test_weights_that_are_no_numbers_are_never_saved(toy, make_net, tmp_path):
    model = make_net()

    def listen(progress):
        if (
            progress.row is None and progress.step == 6
        ):  # the last of the epoch: no later loss tells
            with torch.no_grad():
                model.norm.running_mean.fill_(float("inf"))

    data = dataclasses.replace(toy, validation=None)
    with pytest.raises(DivergedError, match="A weight is NaN or infinite"):
        Trainer(model, data, DigitalRecipe(**BRIEF), out=tmp_path, on_progress=listen).fit()
    state, _ = read_tensors(tmp_path / CHECKPOINT_FILE)
    assert all(torch.isfinite(x).all() for x in state.values() if x.is_floating_point())


def test_divergence_by_a_large_rate(toy, make_net):
    recipe = DigitalRecipe(**BRIEF, optimizer=OptimizerSettings(lr=1e20))
    with pytest.raises(DivergedError, match="smaller learning rate"):
        Trainer(make_net(), toy, recipe).fit()


class FullDisk:
    """A file that takes some bytes and then none."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def write(self, content):
        if len(content) > self.room:
            self.file.write(content[: self.room])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return self.file.write(content)

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *reason):
        self.file.close()


def test_a_full_disk_leaves_the_last_checkpoint(toy, make_net, tmp_path, monkeypatch):
    out, recipe, opened = tmp_path / "run", DigitalRecipe(**BRIEF, saving=Saving(every_steps=2)), []
    original = os.fdopen

    def fdopen(handle, *mode):
        opened.append(handle)
        file = original(handle, *mode)
        return FullDisk(file, 300) if len(opened) > 3 else file

    monkeypatch.setattr(os, "fdopen", fdopen)
    with pytest.raises(OutputFolderError, match="No space left on device"):
        Trainer(make_net(), toy, recipe, out=out).fit()
    monkeypatch.undo()
    assert os.listdir(out) == [CHECKPOINT_FILE]
    whole = Trainer(make_net(), toy, recipe, out=tmp_path / "whole").fit()
    result = Trainer(make_net(), toy, recipe, out=out).fit(resume=True)
    assert result.history == whole.history


def test_the_files_are_whole_where_the_process_may_write_little(tmp_path):
    """A real limit of the operating system on the size of files."""
    code = (
        "import resource, torch, signal, sys\n"
        "from analognas.training.tensor_files import write_tensors\n"
        "from analognas.core import OutputFolderError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"path = {str(tmp_path / 'a.safetensors')!r}\n"
        "write_tensors(path, {'x': torch.zeros(10)}, {})\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "try:\n"
        "    write_tensors(path, {'x': torch.zeros(100000)}, {})\n"
        "except OutputFolderError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "File too large. Nothing was changed." in done.stdout
    assert read_tensors(tmp_path / "a.safetensors")[0]["x"].shape == (10,)
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_data_with_a_missing_class_or_labels_out_of_range_are_refused(toy):
    inputs = torch.zeros(6, 1, 6, 6)
    for targets, text in (
        ([0, 1, 2, 0, 1, 2], "none of 3"),
        ([0, 1, 2, 3, 4, 0], "4"),
        ([0, 1, 2, 3, -1, 0], "-1"),
    ):
        part = Split(inputs, torch.tensor(targets))
        with pytest.raises(InvalidArgumentError, match=text):
            DataSet("broken", "classification", part, None, toy.test, (1, 6, 6), 4)


def test_shared_weights_are_stored_once_and_stay_shared(tmp_path, make_lstm):
    model = make_lstm(tied=True)
    save_model(tmp_path / "m.safetensors", model, ModelRecord())
    separate = make_lstm()
    save_model(tmp_path / "n.safetensors", separate, ModelRecord())
    sizes = [(tmp_path / name).stat().st_size for name in ("m.safetensors", "n.safetensors")]
    assert sizes[0] < sizes[1] - 4 * model.embedding.weight.numel() + 200
    loaded, _ = load_model(tmp_path / "m.safetensors", model=model)
    assert torch.equal(loaded.decoder.weight, model.embedding.weight)
    assert loaded.decoder.weight is loaded.embedding.weight


def test_saved_models_are_built_by_name_with_their_hardware(tmp_path):
    from analognas.models import build_model
    from analognas.nn import to_analog

    record = ModelRecord(model="cnn-4", input_shape=(1, 8, 8), n_classes=3, metrics={"a": 0.1})
    config = AnalogConfig(out_noise=0.02)
    net = to_analog(build_model("cnn-4", input_shape=(1, 8, 8), n_classes=3), config).eval()
    save_model(tmp_path / "m.safetensors", net, record)
    loaded, found = load_model(tmp_path / "m.safetensors")
    assert next(iter(analog_layers(loaded)))[1].config == config
    assert found.metrics == {"a": 0.1}
    assert found.versions["torch"] == torch.__version__.split("+")[0] or torch.__version__
    assert torch.equal(loaded.classifier.weight, net.classifier.weight)


def test_what_is_no_saved_model_is_refused(tmp_path, make_net):
    file = tmp_path / "m.safetensors"
    with pytest.raises(InvalidArgumentError, match="No such file"):
        load_model(file)
    write_tensors(file, {"x": torch.zeros(1)}, {"format": "other"})
    with pytest.raises(TableIntegrityError, match="not a saved model"):
        load_model(file)
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, file)
    with pytest.raises(TableIntegrityError, match="not written by analognas"):
        load_model(file)
    save_model(file, make_net(), ModelRecord())
    with pytest.raises(InvalidArgumentError, match="pass it as `model`"):
        load_model(file)
    with pytest.raises(
        CheckpointMismatchError, match=r"shapes: head.weight is \(4, 216\) there and \(5, 216\)"
    ):
        load_model(file, model=make_net(n_classes=5))


def test_results_are_plain_and_without_times(toy, make_net, tmp_path):
    result = Trainer(make_net(), toy, DigitalRecipe(**BRIEF), out=tmp_path).fit()
    payload = read_json(tmp_path / "result.json", sealed=True)
    assert payload == json.loads(json.dumps(result.to_json()))
    lines = (tmp_path / "epochs.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == payload["history"]


def test_language_models_learn(text, make_lstm):
    recipe = DigitalRecipe(
        epochs=6, batch_size=6, optimizer=OptimizerSettings(kind="adamw", lr=2e-2)
    )
    result = Trainer(make_lstm(), text, recipe).fit()
    assert (
        result.metrics["test_perplexity"]
        < 6.0
        < 9.0
        < result.history[0]["validation_perplexity"] + 4
    )
    assert "train_perplexity" not in result.history[0]


@pytest.mark.parametrize(
    "recipe",
    [
        PTQRecipe(batch_size=10),
        HWA.replace(epochs=1, analog=HWA.analog.replace(digital=("embedding",))),
    ],
    ids=lambda r: r.kind,
)
def test_language_models_on_integers_and_on_tiles(recipe, text, make_lstm):
    result = Trainer(make_lstm(), text, recipe).fit()
    assert result.metrics["test_perplexity"] < 13.0  # ten tokens: guessing gives 10


def test_texts_are_classified_by_every_recipe():
    """Texts of one of two words, padded; embeddings and attention's own product stay digital."""
    from analognas.models import build_model

    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(96) % 2
    words = torch.randint(3, 8, (96, 6), generator=generator)
    words[torch.arange(96), torch.randint(0, 4, (96,), generator=generator)] = targets + 1
    words[::3, 4:] = 0
    part = Split(words, targets)
    data = DataSet("words", "text_classification", part, part, part, (6,), 2, pad_id=0)
    sizes = {"vocabulary_size": 8, "width": 16, "layers": 1, "heads": 2, "dropout": 0.0}
    net = build_model(
        "text-classifier", input_shape=(6,), n_classes=2, generator=generator, **sizes
    )
    adamw = OptimizerSettings(kind="adamw", lr=1e-2)
    common = {"batch_size": 32, "optimizer": adamw, "clip_norm": 1.0}
    assert (
        Trainer(net, data, DigitalRecipe(epochs=8, **common)).fit().metrics["test_accuracy"] > 95.0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaysDigitalWarning)
        for recipe in (PTQRecipe(), QATRecipe(epochs=1, **common), HWARecipe(epochs=2, **common)):
            result = Trainer(copy.deepcopy(net), data, recipe).fit()
            # 96 examples: 80 is 6 standard errors from guessing.
            assert result.metrics["test_accuracy"] > 80.0
