"""Specifications: what they measure, what is wrong with them, and where their data are."""

import pytest

from analognas.builder import (
    Build,
    BuildSettings,
    MeasurementSettings,
    Repeats,
    SampleSettings,
    builtin_specifications,
    choose_architectures,
    find_specification,
)
from analognas.core import (
    AnalogNASError,
    DataNotFoundError,
    InvalidArgumentError,
    UnknownNameError,
)
from analognas.spaces import ConfigSpace

SPEC = """\
name: mine
space: resnet
sample:
  method: random
  n: 3
  constraints: [params<=1e5]
measurement:
  data: digits
  conditions: [digital]
  digital: {epochs: 2}
"""


def load(tmp_path, text):
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    return find_specification(str(path))


@pytest.mark.parametrize("name", builtin_specifications())
def test_specifications_of_the_package_are_sound(name):
    settings = find_specification(name)
    assert settings.name == name
    space = settings.make_space()
    n = settings.sample.n or 10
    assert BuildSettings.from_dict(settings.to_dict()) == settings
    assert settings.seeds_of(0, n)
    if name.startswith("analognasbench"):
        assert settings.measurement.units == ("digital", "ptq", "qat", "noisy", "hwa")
        assert len(choose_architectures(space, settings.sample)) == 15625
    else:
        rows = choose_architectures(space, settings.sample)
        assert len(rows) == settings.sample.n
        seeds = [len(settings.seeds_of(position, len(rows))) for position in range(len(rows))]
        assert sum(count == 3 for count in seeds) == settings.repeats.n


def test_the_pipeline_of_analognasbench_is_its_published_script():
    settings = find_specification("analognasbench-cifar10").measurement
    digital, qat, hwa = (settings.recipe(name) for name in ("digital", "qat", "hwa"))
    assert (digital.epochs, digital.batch_size, digital.optimizer.lr) == (200, 256, 0.1)
    assert (qat.epochs, qat.clip_norm, qat.optimizer.lr) == (20, 1.0, 0.001)
    assert (hwa.epochs, hwa.optimizer.lr, hwa.schedule.kind) == (200, 0.01, "constant")
    assert (hwa.analog.modifier.kind, hwa.analog.modifier.std) == ("additive", 0.06)
    assert (settings.chips.n, settings.chips.times) == (25, (60, 3600, 86400, 2592000))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("space: resnet", "spase: resnet"), ["spase", "space", "line 2"]),
        (("  n: 3", "  m: 3"), ["m", "line 5"]),
        (("epochs: 2", "epoch: 2"), ["epoch", "line 10"]),
        (("  n: 3", "  n: three"), ["sample.n", "integer", "'three'", "line 5"]),
        (("  n: 3", "  n: 0"), ["sample.n", "at least 1"]),
        (("method: random", "method: randm"), ["randm", "random", "line 4"]),
        (("space: resnet", "space: resnets"), ["resnets", "resnet", "line 2"]),
        (("data: digits", "data: digit"), ["digit", "digits"]),
        (("  data: digits", "  network: {cels: 3}\n  data: digits"), ["cels", "no options", "line 8"]),
        (("conditions: [digital]", "conditions: [digital, hva]"), ["hva", "hwa"]),
        (("constraints: [params<=1e5]", "constraints: [params=1e5]"), ["params=1e5"]),
        (("name: mine", "name: ../mine"), ["name"]),
        (("  n: 3", "  n: 3\n  n: 4"), ["n", "line 5"]),
        (("  n: 3", "  architectures: [1, 2]"), ["sample", "random"]),
        (("method: random", "method: quantiles"), ["table", "quantiles"]),
        (("measurement:", "retries: -1\nmeasurement:"), ["retries"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path, change, words):
    assert change[0] in SPEC
    with pytest.raises(AnalogNASError) as caught:
        load(tmp_path, SPEC.replace(*change)).make_space()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_what_does_not_exist_is_named(tmp_path):
    with pytest.raises(UnknownNameError, match="resnet-cifar10"):
        find_specification("resnet-cifar")
    with pytest.raises(InvalidArgumentError, match="absent.yaml"):
        find_specification(str(tmp_path / "absent.yaml"))


def test_data_that_are_missing_stop_a_build_before_there_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("ANALOGNAS_DATA", raising=False)
    settings = load(tmp_path, SPEC.replace("data: digits", "data: npz\n  root: images.npz"))
    with pytest.raises(DataNotFoundError, match="images.npz"):
        Build.start(settings, tmp_path / "b", root=tmp_path)
    assert not (tmp_path / "b").exists()


def test_data_are_looked_for_in_the_given_folder(tmp_path, monkeypatch):
    named = BuildSettings(
        name="x",
        space="resnet",
        sample=SampleSettings(n=2),
        measurement=MeasurementSettings(data="npz", root="images.npz", conditions=("digital",)),
    )
    (tmp_path / "images.npz").touch()
    (tmp_path / "other.npz").touch()
    inside = str(tmp_path / "images.npz")
    assert named.resolved(tmp_path).measurement.root == inside
    assert named.resolved(tmp_path / "other.npz").measurement.root == str(tmp_path / "other.npz")
    monkeypatch.setenv("ANALOGNAS_DATA", str(tmp_path))
    assert named.resolved().measurement.root == inside
    monkeypatch.delenv("ANALOGNAS_DATA")
    assert named.resolved().measurement.root == "images.npz"
    # An absolute path is looked for by its name, so that a folder can move to another machine.
    moved = named.replace(measurement=named.measurement.replace(root="/elsewhere/images.npz"))
    assert moved.resolved(tmp_path).measurement.root == inside


def test_where_data_lie_does_not_change_what_a_table_is():
    one = MeasurementSettings(data="npz", root="/a/x.npz", conditions=("digital",))
    settings = BuildSettings(name="x", space="resnet", sample=SampleSettings(n=2), measurement=one)
    other = settings.replace(measurement=one.replace(root="/b/x.npz"))
    assert settings.facts() == other.facts()
    third = settings.replace(measurement=one.replace(digital={"epochs": 3}))
    assert settings.facts() != third.facts()


def test_a_space_of_the_users_own_is_kept_with_the_build(tmp_path):
    space = ConfigSpace(name="mlp")
    space.add_hyperparameter("depth", "discrete", 1, 5)
    space.save(tmp_path / "mlp.yaml")
    settings = load(tmp_path, SPEC.replace("space: resnet", f"space: {tmp_path / 'mlp.yaml'}"))
    resolved = settings.resolved()
    assert isinstance(resolved.space, dict)
    assert resolved.make_space().fingerprint() == space.fingerprint()


def test_repeats_are_spread_over_the_build():
    settings = BuildSettings(
        name="x",
        sample=SampleSettings(n=10),
        measurement=MeasurementSettings(),
        repeats=Repeats(n=3, seeds=2),
        seed=5,
        seeds=2,
    )
    counts = [len(settings.seeds_of(position, 10)) for position in range(10)]
    assert counts == [4, 2, 2, 4, 2, 2, 4, 2, 2, 2]
    assert settings.seeds_of(0, 10) == (5, 6, 7, 8)
