"""A training that is interrupted anywhere ends as one that is not, bit for bit."""

import random
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from analognas.core import CheckpointMismatchError, OutputFolderError, TableIntegrityError
from analognas.nn import AnalogConfig, InputRange, WeightModifier
from analognas.training import (
    CHECKPOINT_FILE,
    DigitalRecipe,
    EarlyAbort,
    HWARecipe,
    OptimizerSettings,
    PTQRecipe,
    QATRecipe,
    Quantization,
    Saving,
    Trainer,
)
from analognas.training.tensor_files import read_tensors, write_tensors

EVERY_STEP = Saving(every_steps=1, every_seconds=0.0)
NOISY = AnalogConfig(
    input_range=InputRange(init_batches=5), modifier=WeightModifier(std=0.1, drop_connect=0.1)
)
ADAMW = OptimizerSettings(kind="adamw", lr=1e-3)
RECIPES = {
    "digital": DigitalRecipe(epochs=2, batch_size=64, saving=EVERY_STEP, clip_norm=1.0),
    "digital, average, best": DigitalRecipe(
        epochs=2, batch_size=64, saving=EVERY_STEP, ema=0.9, keep="best", optimizer=ADAMW
    ),
    "ptq": PTQRecipe(batch_size=64),
    "qat": QATRecipe(epochs=2, batch_size=64, saving=EVERY_STEP),
    "qat, moving": QATRecipe(
        epochs=2,
        batch_size=64,
        saving=EVERY_STEP,
        quantization=Quantization(ranges="moving_average"),
    ),
    "hwa": HWARecipe(epochs=2, batch_size=64, saving=EVERY_STEP, analog=NOISY, ema=0.9, ramp=1.5),
    "hwa, bank": HWARecipe(
        epochs=2,
        batch_size=64,
        saving=EVERY_STEP,
        analog=NOISY.replace(noise_source="bank"),
        calibration_batches=0,
    ),
}
FILES = ("model.safetensors", "epochs.jsonl", "result.json")


class StoppedError(Exception):
    pass


def stops_after(n):
    """Return a listener that ends the training after n steps."""
    steps = iter(range(n))

    def listen(progress):
        if progress.row is None and next(steps, None) is None:
            raise StoppedError

    return listen


def contents(folder):
    return {name: (folder / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("name", RECIPES)
def test_stopped_at_any_step_it_ends_the_same(name, toy, make_net, tmp_path):
    recipe = RECIPES[name]
    Trainer(make_net(), toy, recipe, out=tmp_path / "whole", seed=3).fit()
    expected = contents(tmp_path / "whole")
    for stop in (0, 1, 4):
        out = tmp_path / f"stopped-{stop}"
        trainer = Trainer(make_net(), toy, recipe, out=out, seed=3, on_progress=stops_after(stop))
        if recipe.kind == "ptq":
            trainer.fit()
        else:
            with pytest.raises(StoppedError):
                trainer.fit()
            torch.randn(stop + 1)  # what else the process draws does not matter
            # Whatever network is given: its weights come from the folder.
            Trainer(make_net(seed=9), toy, recipe, out=out, seed=3).fit(resume=True)
        assert contents(out) == expected
        assert sorted(path.name for path in out.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("kind", ["digital", "hwa"])
def test_language_models_go_on_with_their_state(kind, text, make_lstm, tmp_path):
    if kind == "digital":
        recipe = DigitalRecipe(epochs=2, batch_size=20, saving=EVERY_STEP, optimizer=ADAMW)
    else:
        recipe = HWARecipe(
            epochs=1,
            batch_size=20,
            saving=EVERY_STEP,
            analog=NOISY.replace(digital=("embedding",)),
            optimizer=ADAMW,
        )
    Trainer(make_lstm(), text, recipe, out=tmp_path / "whole").fit()
    for stop in (1, 3):
        out = tmp_path / f"stopped-{stop}"
        trainer = Trainer(make_lstm(), text, recipe, out=out, on_progress=stops_after(stop))
        with pytest.raises(StoppedError):
            trainer.fit()
        Trainer(make_lstm(), text, recipe, out=out).fit(resume=True)
        assert contents(out) == contents(tmp_path / "whole")


CHILD = """
import importlib.util
spec = importlib.util.spec_from_file_location("fixtures", {conftest!r})
fixtures = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fixtures)
spec = importlib.util.spec_from_file_location("recipes", {module!r})
recipes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(recipes)
import torch
from analognas.data import DataSet
from analognas.training import Trainer
torch.set_num_threads(1)
parts = [fixtures.split_of(n, k) for n, k in ((192, 1), (64, 2), (64, 3))]
data = DataSet("toy", "classification", *parts, (1, 6, 6), 4)
recipe = recipes.RECIPES["hwa"].replace(epochs=8)
def tell(progress):
    print(progress.epoch, progress.step, flush=True)
def train(out):
    torch.manual_seed(0)
    Trainer(fixtures.Net(), data, recipe, out=out, on_progress=tell).fit(resume=True)
if __name__ == "__main__":
    train({out!r})
"""


def child_code(out):
    here = Path(__file__)
    conftest = str(here.with_name("conftest.py"))
    return CHILD.format(conftest=conftest, module=str(here), out=str(out))


@contextmanager
def child_of(out):
    code = child_code(out)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        yield child


@pytest.fixture
def one_thread():
    n = torch.get_num_threads()
    yield torch.set_num_threads(1)
    torch.set_num_threads(n)


def test_killed_at_random_moments_it_ends_the_same(tmp_path, one_thread, capsys):
    """SIGKILL from outside, so it also falls into the writing of checkpoints."""
    here = {"__name__": "child"}
    exec(child_code(""), here)
    here["train"](str(tmp_path / "whole"))
    n_steps = len(capsys.readouterr().out.splitlines())
    moments, out = random.Random(1), tmp_path / "killed"
    for _ in range(2):
        with child_of(out) as child:
            for _ in range(moments.randrange(3, n_steps // 4)):
                child.stdout.readline()
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        assert not (out / "result.json").exists()
    here["train"](str(out))
    rest = len(capsys.readouterr().out.splitlines())
    assert rest < n_steps  # it did go on, not begin anew
    assert contents(out) == contents(tmp_path / "whole")


@pytest.fixture
def stopped(toy, make_net, tmp_path):
    """A folder with the checkpoint of an interrupted training."""
    recipe = RECIPES["hwa"]
    with pytest.raises(StoppedError):
        Trainer(make_net(), toy, recipe, out=tmp_path, on_progress=stops_after(2)).fit()
    return tmp_path


@pytest.mark.parametrize("where", ["start", "middle", "end", "cut", "empty", "other"])
def test_a_damaged_checkpoint_is_noticed(where, stopped, toy, make_net):
    file = stopped / CHECKPOINT_FILE
    content = bytearray(file.read_bytes())
    if where == "cut":
        content = content[: len(content) // 2]
    elif where == "empty":
        content = bytearray()
    elif where == "other":
        content = bytearray(b"PK" + bytes(200))
    else:
        place = {"start": 3, "middle": len(content) // 2, "end": len(content) - 1}[where]
        content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(TableIntegrityError, match="damaged"):
        Trainer(make_net(), toy, RECIPES["hwa"], out=stopped).fit(resume=True)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "seed", "text"),
    [
        ({"epochs": 3}, 0, "recipe.epochs was 2 and is 3"),
        ({"ramp": 0.5}, 0, "recipe.ramp was 1.5 and is 0.5"),
        ({"analog": AnalogConfig()}, 0, "recipe.analog.input_range.init_batches was 5 and is 50"),
        ({}, 1, "seed was 0 and is 1"),
    ],
)
def test_another_training_cannot_go_on(changes, seed, text, stopped, toy, make_net):
    recipe = RECIPES["hwa"].replace(**changes)
    with pytest.raises(CheckpointMismatchError, match=text):
        Trainer(make_net(), toy, recipe, out=stopped, seed=seed).fit(resume=True)
    Trainer(make_net(), toy, RECIPES["hwa"], out=stopped).fit(resume=True)


def test_another_data_set_cannot_go_on(stopped, toy, make_net):
    with pytest.raises(CheckpointMismatchError, match="data.train was 192 and is 100"):
        Trainer(make_net(), toy.subset(train=100), RECIPES["hwa"], out=stopped).fit(resume=True)


def test_another_network_is_named(toy, make_net, tmp_path):
    recipe = RECIPES["digital"]
    with pytest.raises(StoppedError):
        Trainer(make_net(), toy, recipe, out=tmp_path, on_progress=stops_after(2)).fit()
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 4))
    with pytest.raises(
        CheckpointMismatchError, match=r"missing: 1.weight, 1.bias; not in this model: conv"
    ):
        Trainer(other, toy, recipe, out=tmp_path).fit(resume=True)


def test_how_often_it_is_saved_may_change(stopped, toy, make_net, tmp_path):
    recipe = RECIPES["hwa"].replace(saving=Saving(every_steps=0))
    result = Trainer(make_net(), toy, recipe, out=stopped).fit(resume=True)
    whole = Trainer(make_net(), toy, RECIPES["hwa"]).fit()
    assert result.history == whole.history


def test_a_finished_training_is_read_not_repeated(toy, make_net, tmp_path):
    recipe = RECIPES["qat"]
    first = Trainer(make_net(), toy, recipe, out=tmp_path).fit()
    before = contents(tmp_path)
    told = []
    again = Trainer(make_net(), toy, recipe, out=tmp_path, on_progress=told.append).fit(resume=True)
    assert told == []
    assert (again.history, again.metrics) == (first.history, first.metrics)
    assert contents(tmp_path) == before
    with pytest.raises(CheckpointMismatchError, match="has ended, and had another recipe or seed"):
        Trainer(make_net(), toy, recipe, out=tmp_path, seed=5).fit(resume=True)
    with pytest.raises(OutputFolderError, match="holds a training"):
        Trainer(make_net(), toy, recipe, out=tmp_path).fit()


def test_an_aborted_training_stays_aborted(toy, make_net, tmp_path, monkeypatch):
    recipe = DigitalRecipe(epochs=3, batch_size=64, abort=EarlyAbort(curve=(101.0,)))
    monkeypatch.setattr(Trainer, "_finish", lambda *_: (_ for _ in ()).throw(StoppedError))
    with pytest.raises(StoppedError):
        Trainer(make_net(), toy, recipe, out=tmp_path).fit()
    monkeypatch.undo()
    result = Trainer(make_net(), toy, recipe, out=tmp_path).fit(resume=True)
    assert (result.status, len(result.history)) == ("aborted", 1)
    assert "below the curve's 101" in result.reason


DAMAGE = {
    "no position": lambda tensors, values: values.pop("position"),
    "negative step": lambda tensors, values: values["position"].update(step=-1),
    "text as epoch": lambda tensors, values: values["position"].update(epoch="x"),
    "unknown entry": lambda tensors, values: values["position"].update(EPOCH=1),
    "no history": lambda tensors, values: values.update(history=None),
    "optimizer is a list": lambda tensors, values: values.update(optimizer=[1]),
    "identity is a number": lambda tensors, values: values.update(identity=3),
    "no generator": lambda tensors, values: tensors.pop("random/cpu"),
    "another generator": lambda tensors, values: tensors.update({"random/cpu": torch.zeros(3)}),
    "no sums": lambda tensors, values: tensors.update({"position/sums": torch.zeros(0)}),
    "momentum of another shape": lambda tensors, values: tensors.update(
        {
            name: torch.cat([x, x])
            for name, x in tensors.items()
            if name.startswith("optimizer/") and x.ndim
        }
    ),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_checkpoint_with_a_checksum_and_wrong_content(what, stopped, toy, make_net):
    """As another program may write it: its checksum is right, and its content is not the state of a training."""
    file = stopped / CHECKPOINT_FILE
    tensors, values = read_tensors(file)
    DAMAGE[what](tensors, values)
    write_tensors(file, tensors, values)
    before = torch.get_rng_state()
    with pytest.raises((TableIntegrityError, CheckpointMismatchError)):
        Trainer(make_net(), toy, RECIPES["hwa"], out=stopped).fit(resume=True)
    assert torch.equal(torch.get_rng_state(), before)
