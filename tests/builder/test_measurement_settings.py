import pytest

from analognas.builder import MeasurementSettings
from analognas.core import AnalogNASError, InvalidArgumentError, UnknownNameError

from .conftest import quick_settings


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": "cifar11"}, ["cifar11", "cifar10"]),
        ({"conditions": []}, ["`conditions`"]),
        ({"conditions": ["hva"]}, ["`conditions[0]`", "'hwa'"]),
        ({"conditions": ["hwa", "hwa"]}, ["conditions", "differ"]),
        ({"digital": {"epoch": 3}}, ["digital recipe", "'epochs'"]),
        ({"digital": {"epochs": 0}}, ["epochs", "at least 1"]),
        ({"digital": {"kind": "hwa"}}, ["digital", "'kind'"]),
        ({"hwa": {"optimizer": {"lr": "fast"}}}, ["optimizer.lr", "'fast'"]),
        ({"analog": "analognasbensch"}, ["analognasbench"]),
        ({"analog": {"tile": {"row": 4}}}, ["'rows'"]),
        ({"chips": {"times": [60, 60]}}, ["`chips`", "times"]),
        ({"chips": {"times": [0, 60]}}, ["`chips`", "times", "positive"]),
        ({"chips": {"times": [60.5]}}, ["`chips.times[0]`", "integer"]),
        ({"chips": {"n": 0}}, ["`chips.n`"]),
        ({"data_options": {"validation": 0.1}}, ["data_options", "examples.validation"]),
        ({"split": "validation"}, ["split", "examples.validation"]),
        ({"digital": {"keep": "best"}}, ["digital", "examples.validation"]),
        ({"qat": {"abort": {"after": 2}}}, ["qat", "examples.validation"]),
        ({"image_size": [8, 8, 8]}, ["image_size"]),
        ({"image_size": 2}, ["image_size"]),
    ],
)
def test_wrong_settings_are_one_error(changes, words):
    with pytest.raises(AnalogNASError) as caught:
        quick_settings(**changes)
    text = str(caught.value)
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_unused_recipes_are_checked_too():
    with pytest.raises(UnknownNameError, match="qat recipe"):
        quick_settings(conditions=["digital"], qat={"epoch": 3})


def test_files_and_back(tmp_path):
    settings = quick_settings(image_size=[8, 12])
    settings.save(tmp_path / "a.yaml")
    assert MeasurementSettings.load(tmp_path / "a.yaml") == settings
    assert settings.image_size == (8, 12)


def test_hardware_without_noise_trains_with_that_of_the_recipe():
    plain = quick_settings(analog={"modifier": {"kind": "none"}})
    assert plain.analog_config.modifier.kind == "none"
    assert plain.recipe("hwa").analog.modifier.std == 0.06
    own = quick_settings(analog="rasch2023")
    assert own.recipe("hwa").analog == own.analog_config


def test_identity_is_what_numbers_follow_from():
    settings = quick_settings()
    assert quick_settings(root="/elsewhere").identity() == settings.identity()
    assert quick_settings(hwa={"epochs": 9}).identity("digital") == settings.identity("digital")
    assert quick_settings(hwa={"epochs": 9}).identity("hwa") != settings.identity("hwa")
    saving = {**settings.digital, "saving": {"every_steps": 1}}
    assert quick_settings(digital=saving).identity() == settings.identity()
    assert quick_settings(augment=False).identity("digital") != settings.identity("digital")
    assert quick_settings(chips={"n": 9}).identity("qat") == settings.identity("qat")


def test_fidelity_scales_epochs():
    settings = quick_settings(digital={"epochs": 6}, hwa={"epochs": 3})
    half = settings.at_fidelity(0.5)
    assert [half.recipe(name).epochs for name in ("digital", "qat", "hwa")] == [3, 1, 2]
    assert settings.at_fidelity(0.01).recipe("digital").epochs == 1
    for scale in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InvalidArgumentError, match="scale"):
            settings.at_fidelity(scale)
