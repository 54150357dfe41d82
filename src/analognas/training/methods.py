"""Methods: what each recipe does to the network, to the loss, and before and after a step."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..core import Registry
from ..data.labels import counted
from ..nn import analog_layers, calibrate, clip_and_remap, set_mode, set_modifier_factor, to_analog
from ..nn.quantize.integer_layers import calibrate_quantization, quantize
from .recipes import HWARecipe, QATRecipe, Recipe
from .tasks import Task


class Method(ABC):
    """What a recipe does to a network; one object for each training.

    Args:
        recipe: The recipe.
        task: The task.

    Attributes:
        ignores_labels: Whether some labels do not count; set before the first step.
    """

    ignores_labels = False

    def __init__(self, recipe: Any, task: Task) -> None:
        self.recipe = recipe
        self.task = task

    @property
    def n_calibration_batches(self) -> int:
        """Number of training batches that :meth:`calibrate` gets."""
        return 0

    @abstractmethod
    def convert(self, digital: nn.Module) -> nn.Module:
        """Return the network that is trained. Called once, first; it may change the digital network."""

    def calibrate(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """Set first values, such as input ranges, from data. Called once, not when a training is resumed."""
        return

    def before_step(self, model: nn.Module, epochs_done: float) -> None:
        """Prepare a step. Called before each step with the epochs done so far, a fraction."""
        return

    def loss(
        self, outputs: Any, inputs: Tensor, targets: Tensor, carried: dict[str, Any]
    ) -> Tensor:
        """Return the loss of a batch, a scalar.

        Args:
            outputs: Outputs of the model.
            inputs: The batch.
            targets: Its targets.
            carried: States that are carried to the next batch; the method may add its own.
        """
        return self.task.loss(outputs, targets, self.recipe.label_smoothing)

    def after_step(self, model: nn.Module) -> None:
        """Finish a step. Called after each step."""
        return

    def weights_exchanged(self, model: nn.Module) -> None:
        """Called when averaged weights replace the trained ones, and when the trained ones return."""
        return


class DigitalMethod(Method):
    """Floating point."""

    def convert(self, digital: nn.Module) -> nn.Module:
        """See :meth:`Method.convert`."""
        return digital


class QuantizedMethod(Method):
    """Calibrated integer layers, with or without training."""

    recipe: QATRecipe

    @property
    def n_calibration_batches(self) -> int:
        """See :attr:`Method.n_calibration_batches`."""
        return self.recipe.quantization.batches

    def convert(self, digital: nn.Module) -> nn.Module:
        """See :meth:`Method.convert`."""
        return quantize(digital, self.recipe.quantization)

    def calibrate(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """See :meth:`Method.calibrate`."""
        calibrate_quantization(model, batches)


class HardwareAwareMethod(Method):
    """Analog layers, trained with their noise, and a digital teacher."""

    recipe: HWARecipe
    teacher: nn.Module
    _factor: float | None = None

    @property
    def n_calibration_batches(self) -> int:
        """See :attr:`Method.n_calibration_batches`."""
        return self.recipe.calibration_batches

    def convert(self, digital: nn.Module) -> nn.Module:
        """See :meth:`Method.convert`; the teacher is a copy of the digital network."""
        self.teacher = copy.deepcopy(digital).eval().requires_grad_(False)
        return set_mode(to_analog(digital, self.recipe.analog), "train")

    def calibrate(self, model: nn.Module, batches: Sequence[Tensor]) -> None:
        """See :meth:`Method.calibrate`: input ranges.

        Where the configuration initialises them from more batches, the first training batches are used too.
        """
        if batches and self.recipe.analog.input_range.kind != "absmax":
            calibrate(model, batches)

    def before_step(self, model: nn.Module, epochs_done: float) -> None:
        """See :meth:`Method.before_step`: the noise ramp."""
        ramp = self.recipe.ramp
        factor = min(1.0, epochs_done / ramp) if ramp > 0.0 else 1.0
        if factor != self._factor:
            set_modifier_factor(model, factor)
            self._factor = factor

    def loss(
        self, outputs: Any, inputs: Tensor, targets: Tensor, carried: dict[str, Any]
    ) -> Tensor:
        """See :meth:`Method.loss`: with the loss against the teacher."""
        settings = self.recipe.distillation
        loss = self.task.loss(outputs, targets, self.recipe.label_smoothing)
        if settings.weight == 0.0:
            return loss
        with torch.no_grad():
            teacher_outputs, carried["teacher"] = self.task.run(
                self.teacher, inputs, carried.get("teacher")
            )
        mask = counted(targets) if self.ignores_labels else None
        distilled = self.task.distillation_loss(
            outputs, teacher_outputs, settings.temperature, targets, mask
        )
        return (1.0 - settings.weight) * loss + settings.weight * distilled

    def after_step(self, model: nn.Module) -> None:
        """See :meth:`Method.after_step`: clipping and remapping."""
        clip_and_remap(model)

    def weights_exchanged(self, model: nn.Module) -> None:
        """See :meth:`Method.weights_exchanged`: scales follow the weights."""
        for _, layer in analog_layers(model):
            if layer.config.scaling.remap:
                layer.remap()


METHODS: Registry[type[Method]] = Registry(
    "method",
    {
        "digital": DigitalMethod,
        "ptq": QuantizedMethod,
        "qat": QuantizedMethod,
        "hwa": HardwareAwareMethod,
    },
)
"""Methods by the kind of the recipe."""


def method_for(recipe: Recipe, task: Task) -> Method:
    """Return the method of a recipe."""
    return METHODS.get(recipe.kind)(recipe, task)
