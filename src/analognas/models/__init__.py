"""Networks by name, as the papers that analog training is measured against use them."""

from .cnn import CNN
from .conversion import digital_parts
from .encoders import load_encoder
from .keyword_cnn import KeywordCNN
from .lstm import LSTMLanguageModel
from .registry import MODELS, build_model, build_model_for, register_model
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
