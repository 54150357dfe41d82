"""Networks by name: those of papers on analog training, and those of search spaces."""

from .cnn import CNN
from .encoders import load_encoder
from .keyword_cnn import KeywordCNN
from .lstm import LSTMLanguageModel
from .registry import MODELS, build_model, build_model_for, digital_parts, register_model
from .resnet import ResNet
from .text_classifier import TextClassifier, TransformerEncoder
from .wide_resnet import WideResNet

__all__ = [
    "CNN",
    "MODELS",
    "KeywordCNN",
    "LSTMLanguageModel",
    "ResNet",
    "TextClassifier",
    "TransformerEncoder",
    "WideResNet",
    "build_model",
    "build_model_for",
    "digital_parts",
    "load_encoder",
    "register_model",
]
