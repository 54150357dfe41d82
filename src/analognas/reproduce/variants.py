"""One variant of a task on chips: trained in another way, or on other hardware, and all else as its base."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ..core import write_json
from ..core.folders import make_folder
from ..core.text_files import read_json
from ..drift import DriftResult, DriftStudy, direct_mapping
from ..drift.devices import on_hardware
from ..nn import network_config
from ..training import load_model
from .settings import ExperimentSettings, TaskSettings, VariantSettings

__all__ = ["measure_variant"]

RESULT_FILE = "result.json"


def measure_variant(
    experiment: ExperimentSettings,
    task: TaskSettings,
    variant: VariantSettings,
    network: str,
    hwa: Path,
    digital: Path,
    folder: Path,
) -> DriftResult:
    """Measure a variant on the chips of its base, or read what the folder holds.

    Args:
        experiment: The experiment.
        task: The task, in the size of the experiment.
        variant: The variant.
        network: ``"hwa"`` or ``"direct"``.
        hwa: Folder of the hardware-aware network: that of the task, or of the variant's own training.
        digital: Folder of the digital network.
        folder: Folder of the variant's results.
    """
    file = folder / RESULT_FILE
    if file.is_file():
        return DriftResult.from_dict(read_json(file, sealed=True))
    make_folder(folder)
    study = DriftStudy(task.drift_settings(experiment, hwa, digital, variant.drift))
    chosen = _network(study, variant, network, hwa)
    found = study.measure(chosen, folder, "chips", only_known_times=True)
    write_json(file, found.to_dict(), sealed=True)
    return found


def _network(study: DriftStudy, variant: VariantSettings, network: str, hwa: Path) -> nn.Module:
    """Return the network on its hardware, with input ranges."""
    trained, _ = load_model(hwa)
    before = network_config(trained)
    config = variant.on_chips(before)
    if network == "direct":
        assert study.digital is not None  # the settings name it
        return direct_mapping(study.digital, study.dataset, config, examples=study.n_calibration)
    return trained if config == before else on_hardware(trained, config)
