"""Training: digital, post-training quantisation, quantisation-aware and hardware-aware; saved models."""

from ..nn.quantize.integer_layers import calibrate_quantization, quantize, quantized_layers
from ..nn.quantize.quantizers import Quantization
from .checkpoint import CHECKPOINT_FILE
from .early_abort import percentile_curve
from .evaluate import Scored, evaluate
from .model_files import MODEL_FILE, ModelRecord, load_model, save_model
from .recipes import (
    RECIPES,
    DigitalRecipe,
    HWARecipe,
    PTQRecipe,
    QATRecipe,
    Recipe,
    TrainingRecipe,
    find_recipe,
    recipe_from_dict,
    recipe_to_dict,
    save_recipe,
)
from .result import Progress, TrainingResult
from .run import CONFIG_FILE, train_run
from .run_config import RunConfig, with_settings
from .settings import Distillation, EarlyAbort, OptimizerSettings, Saving, Schedule
from .tasks import TASKS, Classification, LanguageModel, Task, TextClassification, get_task
from .trainer import Trainer

__all__ = [
    "CHECKPOINT_FILE",
    "CONFIG_FILE",
    "MODEL_FILE",
    "RECIPES",
    "TASKS",
    "Classification",
    "DigitalRecipe",
    "Distillation",
    "EarlyAbort",
    "HWARecipe",
    "LanguageModel",
    "ModelRecord",
    "OptimizerSettings",
    "PTQRecipe",
    "Progress",
    "QATRecipe",
    "Quantization",
    "Recipe",
    "RunConfig",
    "Saving",
    "Schedule",
    "Scored",
    "Task",
    "TextClassification",
    "Trainer",
    "TrainingRecipe",
    "TrainingResult",
    "calibrate_quantization",
    "evaluate",
    "find_recipe",
    "get_task",
    "load_model",
    "percentile_curve",
    "quantize",
    "quantized_layers",
    "recipe_from_dict",
    "recipe_to_dict",
    "save_model",
    "save_recipe",
    "train_run",
    "with_settings",
]
