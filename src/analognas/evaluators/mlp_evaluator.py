"""The neural surrogate of AnalogNAS: a small multi-layer perceptron for each metric."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import check_float, check_int
from ..spaces import Space
from .analognas_names import RANKED, AnalogNASNames
from .normal_scores import NormalScores
from .training_data import Features, Floats, training_digest

if TYPE_CHECKING:
    from sklearn.neural_network import MLPRegressor

DEFAULT_METRICS = (RANKED, "avm")


class MLPEvaluator(AnalogNASNames):
    """Predicts metrics with the mean of several small neural networks.

    Size and training are AnalogNAS's: three hidden layers of ten ReLU units, Adam with a rate of 0.001, batches
    of 32, 500 epochs. Here the networks learn normal scores from standardised features by the squared error,
    and five of them with different initial weights are averaged. There are no standard errors.

    Args:
        space: The space, or its name. None: that of the first search or fit; before, ``nasbench201``.
        model_type: ``"MLP"``, for code written for AnalogNAS.
        num_layers: Number of hidden layers.
        layer_width: Units of each.
        batch_size: Rows of a batch.
        lr: Learning rate.
        epochs: Epochs.
        n_networks: Number of networks that are averaged.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If a number is out of range.

    Source: Benmeziane et al., "AnalogNAS: A Neural Network Design Framework for Accurate Inference with Analog
    In-Memory Computing", IEEE EDGE 2023.

    Example:
        >>> from analognas import AnalogNASBench
        >>> bench = AnalogNASBench()
        >>> cells = bench.space.from_indices(range(60))
        >>> surrogate = MLPEvaluator(epochs=20).fit(cells, bench)
        >>> accuracy, avm = surrogate.query((2, 2, 0, 4, 2, 1))
        >>> bool(0 <= accuracy <= 100)
        True
    """

    _models: dict[str, tuple[NormalScores, list[MLPRegressor]]]
    _digest: str

    def __init__(
        self,
        space: Space | str | None = None,
        *,
        model_type: str = "MLP",
        num_layers: int = 3,
        layer_width: int = 10,
        batch_size: int = 32,
        lr: float = 1e-3,
        epochs: int = 500,
        n_networks: int = 5,
        encoding: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, encoding=encoding, seed=seed)
        self.model_type = model_type
        self.num_layers = check_int("num_layers", num_layers, minimum=1)
        self.layer_width = check_int("layer_width", layer_width, minimum=1)
        self.batch_size = check_int("batch_size", batch_size, minimum=1)
        self.lr = check_float("lr", lr, minimum=1e-8)
        self.epochs = check_int("epochs", epochs, minimum=1)
        self.n_networks = check_int("n_networks", n_networks, minimum=1)

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: these models have no uncertainty; :class:`.GraphEnsembleEvaluator` has."""
        return []

    def identity(self) -> dict[str, Any]:
        """Return space, encoding, arguments and the checksum of the training data."""
        return {**self._training_identity(self._digest), **self._arguments()}

    def _arguments(self) -> dict[str, Any]:
        names = ("num_layers", "layer_width", "batch_size", "lr", "epochs", "n_networks")
        return {name: getattr(self, name) for name in names}

    def _default_metrics(self) -> Sequence[str]:
        return DEFAULT_METRICS

    def _learnt(self) -> list[str]:
        return list(self._models)

    def _forget(self) -> None:
        self._models, self._digest = {}, ""

    def _fit(self, features: Features, columns: dict[str, Floats]) -> None:
        centre, spread = features.mean(axis=0), features.std(axis=0)
        scale = np.where(spread > 0, spread, np.inf)
        rows = (features - centre) / scale
        models = {}
        for name, values in columns.items():
            target = NormalScores.of(values)
            scores = target.to_scores(values)
            models[name] = (
                target,
                [self._network(rows, scores, n) for n in range(self.n_networks)],
            )
        self._models, self._digest = models, training_digest(features, columns)
        self._standardised = centre, scale

    def _network(self, rows: NDArray[Any], scores: Floats, number: int) -> MLPRegressor:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        network = MLPRegressor(
            hidden_layer_sizes=(self.layer_width,) * self.num_layers,
            batch_size=min(self.batch_size, len(rows)),
            learning_rate_init=self.lr,
            max_iter=self.epochs,
            n_iter_no_change=self.epochs,
            random_state=1000 * self.seed + number,
        )
        with warnings.catch_warnings():
            # The number of epochs is given, whether the loss still falls or not.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return network.fit(rows, scores)

    def _predict(self, metric: str, features: Features) -> tuple[Floats, Floats | None]:
        target, networks = self._models[metric]
        centre, scale = self._standardised
        rows = (features - centre) / scale
        scores = np.mean([network.predict(rows) for network in networks], axis=0)
        return target.to_values(scores), None
