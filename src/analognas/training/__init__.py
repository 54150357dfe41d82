"""Training: digital, post-training quantisation, quantisation-aware and hardware-aware; saved models."""

from .model_files import MODEL_FILE, ModelRecord, load_model, save_model
from .quantization import calibrate_quantization, quantize, quantized_layers
from .quantizers import Quantization
from .tasks import TASKS, Classification, LanguageModel, Task, TextClassification, get_task

__all__ = [
    "MODEL_FILE",
    "TASKS",
    "Classification",
    "LanguageModel",
    "ModelRecord",
    "Quantization",
    "Task",
    "TextClassification",
    "calibrate_quantization",
    "get_task",
    "load_model",
    "quantize",
    "quantized_layers",
    "save_model",
]
