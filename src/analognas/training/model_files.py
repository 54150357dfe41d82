"""Saved models: one file with the weights and everything that rebuilds the network."""

from __future__ import annotations

import copy
import os
import platform
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from ..core import InvalidArgumentError, TableIntegrityError
from ..core.settings import Options, Settings
from ..nn import (
    AnalogLayer,
    StaysDigitalWarning,
    config_from_dict,
    config_to_dict,
    network_config,
    to_analog,
)
from ..nn.layers.loading import load_weights
from ..nn.quantize.integer_layers import quantize, quantized_layers
from ..nn.quantize.quantizers import Quantization
from ..version import __version__
from .tensor_files import read_tensors, write_tensors

MODEL_FILE = "model.safetensors"
"""Name of a run's model in its folder."""

_FORMAT = "analognas model 1"


def file_versions() -> dict[str, str]:
    """Return the versions that files state."""
    return {
        "analognas": __version__,
        "python": platform.python_version(),
        "torch": version("torch"),
    }


class ModelRecord(Settings):
    """Description of a saved model, besides its weights: plain values only.

    Example:
        >>> from analognas.training import load_model
        >>> model, record = load_model("my-training")
        >>> record.model, record.recipe["kind"], record.input_shape
        ('cnn-4', 'hwa', (1, 8, 8))
    """

    settings_name = "model record"

    model: str | None = Field(
        default=None, description="Name for build_model; null for a custom network."
    )
    model_options: Options = Field(default_factory=dict, description="Options of the network.")
    input_shape: tuple[int, ...] = Field(default=(), description="Shape of one example.")
    n_classes: int = Field(default=0, ge=0, description="Number of classes, or of words.")
    task: str = Field(default="classification", description="Name of the task.")
    data: Options = Field(
        default_factory=dict, description="Name, folder and options of the data set."
    )
    recipe: Options = Field(
        default_factory=dict, description="The recipe; its `kind` says how the model was trained."
    )
    analog: Options | None = Field(
        default=None, description="Analog configuration; null for a model that is not analog."
    )
    quantization: Options | None = Field(
        default=None, description="Quantisation; null for a model that is not quantised."
    )
    metrics: dict[str, float] = Field(
        default_factory=dict, description="Metrics measured on the model, by name."
    )
    seed: int = Field(default=0, ge=0, description="Seed of the training.")
    versions: dict[str, str] = Field(
        default_factory=file_versions,
        description="Versions of analognas, Python and torch that wrote the file.",
    )


def save_model(path: str | os.PathLike[str], model: nn.Module, record: ModelRecord) -> None:
    """Write a model to one safetensors file, atomically.

    The layers say whether the model is analog or quantised, and how.

    Args:
        path: The file; its folder must exist.
        model: The model.
        record: Its description.

    Raises:
        OutputFolderError: If it cannot be written.
        InvalidArgumentError: If its analog layers have different configurations.

    Example:
        >>> import tempfile, torch
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_model(f"{folder}/net.safetensors", nn.Linear(4, 2), ModelRecord(seed=3))
        ...     net, record = load_model(f"{folder}/net.safetensors", model=nn.Linear(4, 2))
        >>> record.seed
        3
    """
    described = described_model(model, record)
    write_tensors(path, model.state_dict(), {"format": _FORMAT, "record": described.to_dict()})


def described_model(model: nn.Module, record: ModelRecord) -> ModelRecord:
    """Return a record with the analog configuration or the quantisation of the model's layers.

    Raises:
        InvalidArgumentError: If its analog layers have different configurations.
    """
    configs = [layer.config for layer in model.modules() if isinstance(layer, AnalogLayer)]
    shared = network_config(model) if configs else None
    alike = (shared, shared.of_doubled()) if shared is not None and shared.doubled else (shared,)
    if any(config not in alike for config in configs):
        raise InvalidArgumentError(
            "All analog layers of a saved model must have the same configuration, but they differ."
        )
    quantized = [layer.settings for _, layer in quantized_layers(model)]
    return record.replace(
        analog=None if shared is None else config_to_dict(shared),
        quantization=quantized[0].to_dict() if quantized else None,
    )


def load_model(
    path: str | os.PathLike[str], *, model: nn.Module | None = None
) -> tuple[nn.Module, ModelRecord]:
    """Read a saved model, in evaluation mode.

    Args:
        path: The file, or the folder of a run.
        model: The digital network of a custom model; it is not changed. None: it is built by its name.

    Returns:
        The model, with analog or quantised layers as it was saved, and its description.

    Raises:
        InvalidArgumentError: If there is no such file, or its network has no name and none was given.
        TableIntegrityError: If the file is damaged or not a saved model.
        CheckpointMismatchError: If the weights belong to another network; names what differs.

    Example:
        >>> model, record = load_model("my-training")
        >>> record.metrics["test_accuracy"] > 0
        True
    """
    file, tensors, record = _read(path)
    network = _digital(record, file) if model is None else copy.deepcopy(model)
    if record.analog is not None:
        network = _quietly(to_analog, network, config_from_dict(record.analog))
    if record.quantization is not None:
        network = _quietly(quantize, network, Quantization.from_dict(record.quantization))
    load_weights(network, tensors, str(file))
    return network.eval(), record


def read_record(path: str | os.PathLike[str]) -> ModelRecord:
    """Read the description of a saved model; its network is not built.

    Args:
        path: The file, or the folder of a run.

    Raises:
        InvalidArgumentError: If there is no such file.
        TableIntegrityError: If the file is damaged or not a saved model.
    """
    return _read(path)[2]


def _read(path: str | os.PathLike[str]) -> tuple[Path, dict[str, Tensor], ModelRecord]:
    file = Path(path) / MODEL_FILE if Path(path).is_dir() else Path(path)
    tensors, values = read_tensors(file)
    if values.get("format") != _FORMAT:
        raise TableIntegrityError(
            f"{str(file)!r} is not a saved model ({values.get('format', 'unknown format')}); a run's model is "
            f"its {MODEL_FILE}."
        )
    return file, tensors, ModelRecord.from_dict(values["record"])


def _quietly(convert: Callable[..., nn.Module], *arguments: Any) -> nn.Module:
    """Convert without the warning about digital layers, which was given when the model was trained."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StaysDigitalWarning)
        return convert(*arguments)


def _digital(record: ModelRecord, file: Path) -> nn.Module:
    from ..models import build_model

    if record.model is None:
        raise InvalidArgumentError(
            f"analognas cannot build the network in {str(file)!r}: pass it as `model`."
        )
    return build_model(
        record.model,
        input_shape=record.input_shape,
        n_classes=record.n_classes,
        **record.model_options,
    )
