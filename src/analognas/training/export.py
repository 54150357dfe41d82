"""Trained networks for other tools: ONNX, and folders as Hugging Face's ``save_pretrained`` writes them."""

from __future__ import annotations

import copy
import json
import os
import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..core import InvalidArgumentError, TableIntegrityError, atomic_write, write_text
from ..core.folders import make_folder
from ..core.limits import parse_json, shown
from ..core.optional_packages import import_optional
from ..core.text_files import read_text
from ..nn import to_digital
from ..nn.layers.loading import load_weights
from .model_files import MODEL_FILE, ModelRecord

__all__ = ["export_onnx", "from_pretrained", "save_pretrained"]

_CONFIG_FILE = "config.json"
_KIND = "analognas"
"""``model_type`` in ``config.json``."""


def export_onnx(
    model: nn.Module, path: str | os.PathLike[str], *, example: Tensor, opset: int = 18
) -> Path:
    """Write the digital network as an ONNX file: analog layers become digital layers with the same weights.

    ONNX has no noise and no drift, so the file computes what the network computes without analog effects. The
    size of the batch is left open.

    Args:
        model: A network, digital or with analog layers; it is not changed.
        path: The file, which ends in ``.onnx``.
        example: A batch of at least two inputs, shape ``(n, ...)``.
        opset: Version of ONNX's operators.

    Returns:
        The file.

    Raises:
        InvalidArgumentError: If the name has another ending, a package is missing, or torch cannot export the
            network.

    Example:
        >>> from analognas.nn import to_analog
        >>> model = to_analog(nn.Sequential(nn.Linear(4, 2)))
        >>> export_onnx(model, "net.onnx", example=torch.zeros(2, 4)).name  # doctest: +SKIP
        'net.onnx'
    """
    file = Path(path)
    if file.suffix != ".onnx":
        raise InvalidArgumentError(f"An ONNX file ends in .onnx, but got {str(file)!r}.")
    import_optional("onnx", "export_onnx()")
    import_optional("onnxscript", "export_onnx()")
    digital = _digital(model)
    batch = torch.export.Dim("batch")
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                digital,
                (example,),
                dynamo=True,
                opset_version=opset,
                dynamic_shapes=({0: batch},),
                verbose=False,
            )
    except Exception as error:  # torch raises many kinds
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InvalidArgumentError(f"torch cannot export this network: {shown(first)}.") from None
    assert program is not None
    with atomic_write(file) as out:
        out.write(program.model_proto.SerializeToString())
    return file


def save_pretrained(
    model: nn.Module, folder: str | os.PathLike[str], record: ModelRecord | None = None
) -> Path:
    """Write the digital weights and a description as Hugging Face's tools expect them.

    ``model.safetensors`` holds the weights by their names, ``config.json`` the description; any reader of
    safetensors loads them. Simulated hardware is not stored: use :func:`.save_model` for that.

    Args:
        model: A network, digital or with analog layers; it is not changed.
        folder: Its folder; it is made if necessary.
        record: Its description, such as that of a training; None: an empty one.

    Returns:
        The folder.

    Raises:
        OutputFolderError: If it cannot be written to.

    Example:
        >>> folder = save_pretrained(nn.Linear(4, 2), "to-share")
        >>> sorted(file.name for file in folder.iterdir())
        ['config.json', 'model.safetensors']
    """
    target = make_folder(Path(folder))
    digital = _digital(model)
    weights = {
        name: value.detach().cpu().contiguous().clone()
        for name, value in digital.state_dict().items()
    }
    record = ModelRecord() if record is None else record
    config = {
        "model_type": _KIND,
        "architectures": [type(digital).__name__],
        _KIND: record.replace(analog=None, quantization=None).to_dict(),
    }
    write_text(target / _CONFIG_FILE, json.dumps(config, indent=2) + "\n")
    with atomic_write(target / MODEL_FILE) as file:
        file.write(save(weights, metadata={"format": "pt"}))
    return target


def from_pretrained(
    folder: str | os.PathLike[str], *, model: nn.Module | None = None
) -> tuple[nn.Module, ModelRecord]:
    """Read what :func:`save_pretrained` wrote, in evaluation mode.

    Args:
        folder: The folder.
        model: The network of a description without a name; it is not changed. None: it is built by its name.

    Returns:
        The digital network and its description.

    Raises:
        InvalidArgumentError: If there is no such folder, or its network has no name and none was given.
        TableIntegrityError: If a file is damaged or was written by something else.
        CheckpointMismatchError: If the weights belong to another network; names what differs.

    Example:
        >>> import torch
        >>> net = nn.Linear(4, 2)
        >>> folder = save_pretrained(net, "to-share")
        >>> again, record = from_pretrained(folder, model=nn.Linear(4, 2))
        >>> torch.equal(again.weight, net.weight)
        True
    """
    from ..models import build_model

    source = Path(folder)
    try:
        text = read_text(source / _CONFIG_FILE)
    except OSError as error:
        raise InvalidArgumentError(
            f"There is no saved network in {str(folder)!r}: {error.strerror or error}."
        ) from None
    config: Any = parse_json(text, where=str(source / _CONFIG_FILE))
    if not isinstance(config, dict) or config.get("model_type") != _KIND or _KIND not in config:
        raise TableIntegrityError(
            f"{str(source / _CONFIG_FILE)!r} was not written by analognas.training.save_pretrained."
        )
    record = ModelRecord.from_dict(config[_KIND])
    try:
        weights = load_file(source / MODEL_FILE)
    except (OSError, SafetensorError) as error:
        raise TableIntegrityError(
            f"{str(source / MODEL_FILE)!r} cannot be read: {shown(error)}."
        ) from None
    if model is None and record.model is None:
        raise InvalidArgumentError(
            f"analognas cannot build the network in {str(source)!r}: pass it as `model`."
        )
    network = (
        copy.deepcopy(model)
        if model is not None
        else build_model(
            str(record.model),
            input_shape=record.input_shape,
            n_classes=record.n_classes,
            **record.model_options,
        )
    )
    load_weights(network, weights, str(source / MODEL_FILE))
    return network.eval(), record


def _digital(model: nn.Module) -> nn.Module:
    return to_digital(model).eval()
