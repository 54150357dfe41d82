import pytest

from analognas.core import InvalidArgumentError, UnknownNameError
from analognas.physics import DEVICES, MODELS, PCM, Device, Hermes, get_device, register_device


def test_every_model_has_a_preset_a_source_and_a_fitted_range():
    shown = {type(DEVICES.get(name)).__name__ for name in DEVICES}
    assert set(MODELS.names()) - shown == {
        "CustomDrift",  # these need the user's table
        "FittedPowerLaw",
        "FittedRelaxation",
    }
    for name in MODELS:
        model = MODELS.get(name)
        assert issubclass(model, Device)
        assert model.source
        assert model.fitted_range


def test_names():
    assert get_device("PCM") == PCM()
    assert get_device("Hermes-1") == Hermes(n_devices=1)
    with pytest.raises(UnknownNameError, match=r"Unknown device 'pcm'\. .*Choices: PCM, Hermes"):
        get_device("pcm")


def test_registering_is_checked():
    with pytest.raises(InvalidArgumentError, match="device 'PCM' is already registered"):
        register_device("PCM", PCM())
    with pytest.raises(
        InvalidArgumentError, match="must be an instance of a Device, but got ModelMetaclass"
    ):
        register_device("mine", PCM)
    impostor = type("PCM", (PCM,), {})
    with pytest.raises(InvalidArgumentError, match="device model 'PCM' is already registered"):
        register_device("mine", impostor())
    assert "mine" not in DEVICES
