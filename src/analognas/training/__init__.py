"""Training: digital, post-training quantisation, quantisation-aware and hardware-aware; saved models."""

from ..core.former_names import former_names
from ..nn.quantize.integer_layers import calibrate_quantization, quantize, quantized_layers
from ..nn.quantize.quantizers import Quantization
from .checkpoint import CHECKPOINT_FILE
from .early_abort import percentile_curve
from .evaluate import SplitScore, evaluate
from .export import export_onnx, from_pretrained, save_pretrained
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
)
from .result import TrainingProgress, TrainingResult
from .run import CONFIG_FILE, check_run, resume_run, run_settings, train_run
from .run_config import RunConfig
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
    "QATRecipe",
    "Quantization",
    "Recipe",
    "RunConfig",
    "Saving",
    "Schedule",
    "SplitScore",
    "Task",
    "TextClassification",
    "Trainer",
    "TrainingProgress",
    "TrainingRecipe",
    "TrainingResult",
    "calibrate_quantization",
    "check_run",
    "evaluate",
    "export_onnx",
    "find_recipe",
    "from_pretrained",
    "get_task",
    "load_model",
    "percentile_curve",
    "quantize",
    "quantized_layers",
    "resume_run",
    "run_settings",
    "save_model",
    "save_pretrained",
    "train_run",
]

__getattr__ = former_names(
    __name__,
    {
        "Progress": "result:TrainingProgress",
        "Scored": "evaluate:SplitScore",
        "recipe_from_dict": "recipes:Recipe.from_dict",
        "recipe_to_dict": "recipes:Recipe.to_dict",
        "save_recipe": "recipes:Recipe.save",
        "with_settings": ".core.settings:changed_entries",
    },
)
