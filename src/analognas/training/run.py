"""Training runs: settings in, a folder out, and resuming what a folder holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..core import (
    CheckpointMismatchError,
    InvalidArgumentError,
    RandomStreams,
    ResumeError,
    hold_folder,
)
from ..core.interrupts import resumable
from ..core.limits import shown
from ..data import DataSet
from ..data.fingerprint import data_fingerprint
from ..data.settings import DataSettings
from .checkpoint import CHECKPOINT_FILE
from .loop import steps_of_epoch
from .model_files import ModelRecord, load_model
from .recipes import Recipe, TrainingRecipe, adapted
from .result import Listener, TrainingResult
from .run_config import DEFAULT_MODELS, RunConfig
from .run_folder import START_FILE, RunFolder
from .trainer import Trainer

CONFIG_FILE = "config.yaml"
"""Settings of a run, in its folder."""
DIGITAL_FOLDER = "digital"

StageListener = Callable[[str, Path], Listener | None]
"""Called when a stage begins, with the recipe's kind and the folder; returns the listener of its progress."""


def train_run(
    config: RunConfig,
    out: Path,
    *,
    data: DataSet | None = None,
    resume: bool = False,
    listen: StageListener = lambda stage, folder: None,
    say: Callable[[str], None] = lambda line: None,
) -> list[TrainingResult]:
    """Do a run, or continue the one in the folder.

    The folder gets ``config.yaml``, the files of :class:`~analognas.training.run_folder.RunFolder`, and where a
    digital network is trained first, a folder ``digital`` with the files of that training.

    Args:
        config: Settings of the run.
        out: Its folder.
        data: The data set, in place of the one that the settings name. A folder stores only its name and a
            fingerprint, so it must be given again to resume.
        resume: Continue what is there; see also :func:`resume_run`.
        listen: Called at the beginning of each stage.
        say: Called with lines about the data, the augmentation and the number of steps, before the training.

    Returns:
        The results of the stages; the last is that of the recipe.

    Raises:
        AnalogNASError: If anything is wrong with the data, the network, the recipe or the folder; one line.

    Example:
        >>> config = RunConfig(
        ...     model="cnn-4",
        ...     data_options={"size": 8},
        ...     subset={"train": 40, "validation": 20, "test": 20},
        ...     recipe={"kind": "digital", "epochs": 1},
        ... )
        >>> Path("my-run").mkdir()
        >>> train_run(config, Path("my-run"))[-1].status
        'finished'
    """
    config, data, network = _prepared(config, data, out if resume else None)
    results = []
    call = f"resume_run(Path({str(out)!r}){', data=data' if config.data_fingerprint else ''})"
    with hold_folder(out, make=True), resumable(call, lambda: _has_progress(out)):
        RunFolder(out).begin(resume)
        config.save(out / CONFIG_FILE)
        options = resume, listen, say
        if config.digital is not None:
            digital = out / DIGITAL_FOLDER
            results.append(_stage(config, config.digital, network, data, digital, *options))
            network = results[0].model
        results.append(_stage(config, config.recipe, network, data, out, *options))
    return results


def check_run(config: RunConfig) -> None:
    """Check that a run can begin: read its data and make its network.

    Args:
        config: Settings of the run.

    Raises:
        AnalogNASError: If the data are missing or do not suit the network or the recipe; one line.

    Example:
        >>> check_run(RunConfig(data="digits"))
    """
    _prepared(config, None, None)


def _prepared(
    config: RunConfig, data: DataSet | None, resumed: Path | None
) -> tuple[RunConfig, DataSet, nn.Module]:
    """Return complete settings, the examples and the network at its start.

    Args:
        config: The settings.
        data: The data set, if it was given.
        resumed: The folder of the run, if it is resumed.
    """
    loaded = None
    if config.start is not None and not (resumed is not None and (resumed / START_FILE).exists()):
        loaded = load_model(config.start)
    if data is None:
        config = _with_data_name(config, None if loaded is None else loaded[1])
    config, data = _with_data(config, data, resumed)
    config = _resolved(config, data, None if loaded is None else loaded[1])
    return config, data, _network(config, data, loaded)


def _has_progress(folder: Path) -> bool:
    """Whether a folder has something to continue from."""
    return any(any(folder.rglob(name)) for name in (CHECKPOINT_FILE, "result.json"))


def resume_run(
    folder: Path,
    *,
    root: str | None = None,
    data: DataSet | None = None,
    listen: StageListener = lambda stage, folder: None,
    say: Callable[[str], None] = lambda line: None,
) -> list[TrainingResult]:
    """Continue the run in a folder, with the settings that are there; the result is that of an unbroken run.

    Args:
        folder: The folder of the run.
        root: Folder or file of the data, where they were moved.
        data: The data set, where the run was given one.
        listen: Called at the beginning of each stage.
        say: Called with lines about the data and the number of steps.

    Returns:
        The results of the stages; the last is that of the recipe.

    Raises:
        ResumeError: If there is no run in the folder.
        AnalogNASError: If anything else is wrong; one line.

    Example:
        >>> results = resume_run(Path("my-training"))
        >>> [result.status for result in results]
        ['finished', 'finished']
    """
    config = run_settings(folder, root=root)
    return train_run(config, folder, data=data, resume=True, listen=listen, say=say)


def run_settings(folder: Path, *, root: str | None = None) -> RunConfig:
    """Return the settings of the run in a folder.

    Args:
        folder: The folder of the run.
        root: Folder or file of the data, where they were moved.

    Raises:
        ResumeError: If there is no run in the folder.

    Example:
        >>> run_settings(Path("my-training")).recipe.epochs
        1
    """
    if not (folder / CONFIG_FILE).is_file():
        raise ResumeError(
            f"There is no training in {str(folder)!r}: it has no {CONFIG_FILE}. Give the folder of a run."
        )
    config = RunConfig.load(folder / CONFIG_FILE)
    return config if root is None else config.replace(root=root)


def _with_data_name(config: RunConfig, start: ModelRecord | None) -> RunConfig:
    """Return settings that name a data set: without one, that of the network to start from, or the default.

    Args:
        config: The settings.
        start: The description of the network to start from, if there is one.

    Raises:
        InvalidArgumentError: If that network was trained on a data set that was given in Python.
    """
    if config.data is not None:
        return config
    if start is None or "name" not in start.data:
        used = config.data_settings
        return config.replace(data=used.name, data_options=used.options)
    used = DataSettings.from_dict(start.data)
    if used.fingerprint is not None:
        raise InvalidArgumentError(
            f"{config.start!r} was trained on the data set {shown(used.name)!r}, which was given in Python: "
            "give it again (data=), or name another (--data)."
        )
    return config.replace(
        data=used.name,
        root=used.root if config.root is None else config.root,
        data_options=used.options | config.data_options,
        subset=used.subset.to_dict() | config.subset.to_dict(),
    )


def _with_data(
    config: RunConfig, given: DataSet | None, resumed: Path | None
) -> tuple[RunConfig, DataSet]:
    """Return the settings and the examples of a run.

    Args:
        config: The settings.
        given: The data set, if it was given.
        resumed: The folder of the run, if it is resumed.

    Raises:
        ResumeError: If a data set must be given, must not be given, or is not that of the run.
    """
    known = config.data_fingerprint
    if given is None:
        if known is not None:
            where = "These settings are of a training"
            if resumed is not None:
                where = f"The training in {str(resumed)!r} is"
            raise ResumeError(
                f"{where} on the data set {shown(config.data)!r}, which was given in Python and is not in the "
                f"folder; give it again: {_CALLS[resumed is not None]}."
            )
    else:
        if not isinstance(given, DataSet):
            raise InvalidArgumentError(
                f"`data` must be a DataSet, but got {type(given).__name__}; make one with "
                "analognas.data.image_data or DataSet."
            )
        config = _described_data(config, given, known, resumed)
    return config, config.data_settings.load_data(given)


_CALLS = ("train_run(config, folder, data=...)", "resume_run(folder, data=...)")


def _described_data(
    config: RunConfig, given: DataSet, known: str | None, resumed: Path | None
) -> RunConfig:
    """Return the settings of a run whose data set was given."""
    if config.root is not None or config.data_options:
        raise InvalidArgumentError(
            "`root` and `data_options` are for data sets that are read by name; omit them where `data` is a "
            "DataSet."
        )
    if resumed is not None and known is None:
        raise ResumeError(
            f"The training in {str(resumed)!r} reads the data set {config.data!r} by its name; omit `data`."
        )
    found = data_fingerprint(given)
    if known not in (None, found):
        raise ResumeError(
            f"The run was trained on another data set: {shown(config.data)!r} has the fingerprint {known}, but "
            f"the given {shown(given.name)!r} has {found}."
        )
    return config.replace(data=given.name, data_fingerprint=found)


def _stage(
    config: RunConfig,
    recipe: Recipe,
    network: nn.Module,
    data: DataSet,
    out: Path,
    resume: bool,
    listen: StageListener,
    say: Callable[[str], None],
) -> TrainingResult:
    """Train one recipe."""
    assert config.model is not None
    described = ModelRecord(
        model=config.model,
        model_options=config.model_options,
        data=config.data_settings.to_dict(),
    )
    trainer = Trainer(
        network,
        data,
        recipe,
        seed=config.seed,
        out=out,
        record=described,
        on_progress=listen(recipe.kind, out),
    )
    # The first stage describes the data and the steps of the whole run.
    if recipe is (config.digital or config.recipe):
        augment = isinstance(recipe, TrainingRecipe) and recipe.augment
        say(f"data {data.summary(augment=augment)}")
        if data.note:
            say(f"note: {data.note}")
        stages = [stage for stage in (config.digital, config.recipe) if stage is not None]
        say(f"plan {steps_text(stages, data)}")
    return trainer.fit(resume=resume)


def _resolved(config: RunConfig, data: DataSet, saved: ModelRecord | None) -> RunConfig:
    """Return the settings with everything filled in that follows from the data and the saved network."""
    changes: dict[str, Any] = {"recipe": adapted(config.recipe, data.task, len(data.train))}
    if config.digital is not None:
        changes["digital"] = adapted(config.digital, data.task, len(data.train))
    model = config.model
    options = dict(config.model_options)
    if saved is not None:
        if saved.analog is not None or saved.quantization is not None:
            raise InvalidArgumentError(
                f"`start` must be a digital network, but {config.start!r} was trained by the recipe "
                f"{saved.recipe.get('kind')!r}."
            )
        if model is not None and model != saved.model:
            raise CheckpointMismatchError(
                f"{config.start!r} holds the network {saved.model!r}, but `model` is {model!r}; omit it to "
                "take the saved one."
            )
        if (saved.n_classes, saved.input_shape) != (data.n_classes, tuple(data.input_shape)):
            raise CheckpointMismatchError(
                f"{config.start!r} is for inputs {saved.input_shape} and {saved.n_classes} classes, but "
                f"{config.data!r} has {tuple(data.input_shape)} and {data.n_classes}."
            )
        model, options = saved.model, dict(saved.model_options) | options
    if data.task == "text_classification" and saved is None:
        if data.vocabulary is not None:
            options.setdefault("vocabulary_size", len(data.vocabulary))
        if data.pad_id is not None:
            options.setdefault("pad_id", data.pad_id)
    return config.replace(
        **changes, model=model or DEFAULT_MODELS[data.task], model_options=options
    )


def _network(
    config: RunConfig, data: DataSet, loaded: tuple[nn.Module, ModelRecord] | None
) -> nn.Module:
    from ..models import build_model

    assert config.model is not None
    network = None if loaded is None else loaded[0]
    if network is None:
        network = build_model(
            config.model,
            input_shape=data.input_shape,
            n_classes=data.n_classes,
            generator=RandomStreams(config.seed).torch("model"),
            **config.model_options,
        )
    try:
        return network.to(torch.device(config.device))
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise InvalidArgumentError(f"Cannot train on {config.device!r}: {reason}") from None


def steps_text(stages: Sequence[Recipe], data: DataSet) -> str:
    """Return how many steps the stages of a run have, on one line.

    Args:
        stages: Their recipes, in order.
        data: The data.

    Example:
        >>> from analognas.data import load_data
        >>> from analognas.training import DigitalRecipe, HWARecipe
        >>> steps_text([DigitalRecipe(epochs=2), HWARecipe(epochs=1)], load_data("digits"))
        'digital 2 epochs of 10 steps, then hwa 1 epoch of 10 steps: 30 steps'
    """
    parts, total = [], 0
    for recipe in stages:
        if not isinstance(recipe, TrainingRecipe):
            parts.append(f"{recipe.kind} without training")
            continue
        steps = steps_of_epoch(data, recipe.batch_size)
        parts.append(f"{recipe.kind} {_count(recipe.epochs, 'epoch')} of {_count(steps, 'step')}")
        total += recipe.epochs * steps
    return f"{', then '.join(parts)}: {_count(total, 'step')}"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
