"""AnalogNAS's surrogate: a ranker of the accuracy after one day, and regressors of drift and spread."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import TableIntegrityError, atomic_write, check_choice
from ..core.foreign_numbers import as_floats
from ..core.limits import LARGEST_PACKED_TEXT, gunzip, parse_json, shown
from ..spaces import Space, feature_names
from .boosted_trees import LARGE, fit_trees, predict_trees, trees_from_json, trees_to_json
from .costs import known_space
from .normal_scores import NormalScores
from .surrogate import Floats, Surrogate

if TYPE_CHECKING:
    from xgboost import Booster

RANKED = "analog_drift_86400"
"""The metric that is ranked: accuracy one day after programming."""

DEFAULT_METRICS = (RANKED, "avm", f"{RANKED}_std")

MODEL_TYPES = ("XGBRanker", "XGBRegressor")

FORMAT, FORMAT_VERSION = "analognas-surrogate", 1

_PARTS = {
    "space": str,
    "space_fingerprint": str | None,
    "encoding": str,
    "model_type": str,
    "features": list,
    "targets": dict,
    "models": dict,
}

DEFAULT_WEIGHTS = {"nasbench201": Path(__file__).with_name("data") / "xgboost_nasbench201.json.gz"}
"""Shipped models by space, made by ``python -m analognas.evaluators.fit_default_weights``."""

DEFAULT_CHECKSUMS = {
    "nasbench201": "3217393681ad2cadb7dc088367cc8704d0e3170001b777fe6b61ef9f94c07574",
}
"""SHA-256 of the content of the shipped models."""

_RANKER = {
    "objective": "rank:pairwise",
    "lambdarank_pair_method": "mean",
    "lambdarank_normalization": False,
    "rounds": 150,
    "eta": 0.05,
}
_PAIRS = 64
_PAIRS_OF_LARGE = 16
_KNOTS = 200
_LARGEST_RATIO = 20
"""How many times larger than its file a packed model may be; trees are some five times larger."""


class XGBoostEvaluator(Surrogate):
    """Predicts accuracy after one day, AVM and the spread of the readings with three XGBoost models.

    The accuracy's model learns from pairs which of two architectures is better; its scores are then mapped to
    accuracies of equal rank. AVM and spread are regressed. For ``nasbench201`` models fitted to the whole
    AnalogNAS-Bench table are shipped and used until :meth:`fit` is called; for other spaces :meth:`fit` comes
    first.

    Args:
        space: The space, or its name.
        model_type: ``"XGBRanker"`` learns the accuracy by pairs, ``"XGBRegressor"`` by its normal scores.
        load_weight: Whether to use the shipped models, where the space has some.
        encoding: Name of the encoding that features come from; the most telling one of the space by default.
        seed: Everything random in a fit follows from it.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or no integer.

    Source: Benmeziane et al., "AnalogNAS: A Neural Network Design Framework for Accurate Inference with Analog
    In-Memory Computing", IEEE EDGE 2023.

    Example:
        >>> surrogate = XGBoostEvaluator()
        >>> accuracy, avm = surrogate.query((2, 2, 0, 4, 2, 1))
        >>> bool(accuracy > 88), bool(avm < 3)
        (True, True)
    """

    _models: dict[str, Booster]
    _targets: dict[str, NormalScores]
    _checksum: str

    def __init__(
        self,
        space: Space | str = "nasbench201",
        *,
        model_type: str = "XGBRanker",
        load_weight: bool = True,
        encoding: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(space, encoding=encoding, seed=seed)
        self.model_type = check_choice("model type", model_type, MODEL_TYPES)
        self.load_weight = bool(load_weight)

    @property
    def metrics(self) -> list[str]:
        """Names of the metrics that it predicts, and of those that the space counts."""
        self._load_default()
        return super().metrics

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: trees do not say how far they may be wrong; :class:`GraphEnsembleEvaluator` does."""
        return []

    def query(self, architecture: Any) -> tuple[float, float]:
        """Return accuracy after one day (%) and AVM (points) of one architecture in any form.

        Raises:
            NotFittedError: If the evaluator was not fitted yet; says how.
            UnknownNameError: If it was fitted without one of the two.
        """
        accuracies, avms = self.query_pop([architecture])
        return float(accuracies[0]), float(avms[0])

    def query_pop(self, population: Any) -> tuple[Floats, Floats]:
        """Return accuracies after one day (%) and AVM (points) of many architectures, shape ``(n,)`` each.

        Raises:
            NotFittedError: If the evaluator was not fitted yet; says how.
            UnknownNameError: If it was fitted without one of the two.
        """
        means = self.evaluate(self.space.population(population), [RANKED, "avm"]).means
        return means[RANKED], means["avm"]

    def identity(self) -> dict[str, Any]:
        """Space, encoding, and the checksum of the models."""
        self.check_fitted()
        return {
            "surrogate": type(self).__name__,
            **self._space_identity(),
            "encoding": self.encoding,
            "checksum": f"sha256:{self._checksum}",
        }

    def save(self, path: str | os.PathLike[str]) -> str:
        """Write the fitted models to one JSON file, atomically, and return the checksum of its content.

        Under ``models`` stands each model in XGBoost's own JSON format. A name that ends in ``.gz`` has the
        file compressed.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            OutputFolderError: If the file cannot be written.
        """
        self.check_fitted()
        content = self._content()
        checksum = _checksum(content)
        data = (json.dumps({**content, "checksum": checksum}) + "\n").encode()
        with atomic_write(path) as file:
            # Without a time stamp, equal models are equal files.
            file.write(gzip.compress(data, mtime=0) if _is_compressed(path) else data)
        return checksum

    def load(
        self, path: str | os.PathLike[str], *, checksum: str | None = None
    ) -> XGBoostEvaluator:
        """Read models that :meth:`save` wrote, in place of those it has, and return the evaluator.

        Args:
            path: The file.
            checksum: The checksum that the file must have, if one is known beforehand.

        Raises:
            TableIntegrityError: If the file is missing, damaged, of another kind, or made for another space.
        """
        return self._take(_read(path, checksum), path)

    def definition(self) -> dict[str, Any] | None:
        """What it was fitted to; where that is not known, its models, unless they are the shipped ones."""
        self._load_default()
        if not self._models or self._training is not None:
            return super().definition()
        shipped = self._checksum == DEFAULT_CHECKSUMS.get(self.space.name)
        return {"shipped": True, "seed": self.seed} if shipped else {"content": self._content()}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> XGBoostEvaluator:
        """Fit it again, or take its models."""
        if "content" in definition:
            _check_parts("The definition", definition["content"])
            made = cls(known_space(space, cls), load_weight=False)
            return made._take(definition["content"], "definition")
        if "shipped" in definition:
            return cls(known_space(space, cls), seed=definition["seed"])
        fitted = super().from_definition(definition, space)
        assert isinstance(fitted, XGBoostEvaluator)
        return fitted

    def _arguments(self) -> dict[str, Any]:
        return {"model_type": self.model_type, "load_weight": self.load_weight}

    def _take(self, content: dict[str, Any], path: str | os.PathLike[str]) -> XGBoostEvaluator:
        """Take models from the content of a file."""
        own = self._space_identity()
        if any(content[key] != value for key, value in own.items()):
            raise TableIntegrityError(
                f"{os.fspath(path)!r} holds models of the space {content['space']!r}, but the evaluator is of "
                f"{self.space.name!r}{', defined otherwise' if content['space'] == self.space.name else ''}."
            )
        names = list(feature_names(self.space, content["encoding"]))
        if names != content["features"]:
            raise TableIntegrityError(
                f"{os.fspath(path)!r} was fitted to other features than the encoding {content['encoding']!r} "
                "has now; fit anew."
            )
        models = {name: _trees(path, name, model) for name, model in content["models"].items()}
        targets = {name: _target(path, name, knots) for name, knots in content["targets"].items()}
        self._declare_json(content.get("metrics", ()), os.fspath(path))
        self.encoding, self.model_type = content["encoding"], content["model_type"]
        self._models, self._targets, self._checksum = models, targets, _checksum(content)
        self._training = None
        return self

    def _load_default(self) -> None:
        """Use the shipped models, where there are some for the space and its encoding."""
        path = DEFAULT_WEIGHTS.get(self.space.name)
        if self._models or not self.load_weight or path is None or self._asked_encoding:
            return
        self.load(path, checksum=DEFAULT_CHECKSUMS[self.space.name])

    def _content(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **self._space_identity(),
            "encoding": self.encoding,
            "model_type": self.model_type,
            "features": list(feature_names(self.space, self.encoding)),
            "targets": {
                name: {"scores": target.scores.tolist(), "values": target.values.tolist()}
                for name, target in self._targets.items()
            },
            "models": {name: trees_to_json(model) for name, model in self._models.items()},
            **self._declared_json(),
        }

    def _default_metrics(self) -> Sequence[str]:
        return DEFAULT_METRICS

    def _learnt(self) -> list[str]:
        return list(self._models)

    def check_fitted(self) -> None:
        """Make sure that there are models, the shipped ones among them.

        Raises:
            NotFittedError: If there are none.
        """
        self._load_default()
        super().check_fitted()

    def _forget(self) -> None:
        self._models, self._targets, self._checksum = {}, {}, ""

    def _fit(self, features: NDArray[np.float32], columns: dict[str, Floats]) -> None:
        models, targets = {}, {}
        for name, values in columns.items():
            target = NormalScores.of(values)
            scores = target.to_scores(values)
            if name == RANKED and self.model_type == "XGBRanker":
                models[name] = _fit_ranker(features, scores, self.seed)
                predicted = predict_trees(models[name], features)
                targets[name] = _of_equal_rank(predicted, values)
            else:
                models[name] = fit_trees(features, scores, seed=self.seed)
                targets[name] = target
        self._models, self._targets = models, targets
        self._checksum = _checksum(self._content())

    def _predict(self, metric: str, features: NDArray[np.float32]) -> tuple[Floats, Floats | None]:
        scores = predict_trees(self._models[metric], features)
        return self._targets[metric].to_values(scores), None


def _fit_ranker(features: NDArray[np.float32], scores: Floats, seed: int) -> Booster:
    """Trees that learn which of two rows is better; each row meets 64 others, or 16 where there are many."""
    pairs = _PAIRS if len(scores) < LARGE else _PAIRS_OF_LARGE
    settings = {**_RANKER, "lambdarank_num_pair_per_sample": pairs}
    return fit_trees(features, scores, seed=seed, settings=settings)


def _of_equal_rank(scores: Floats, values: Floats) -> NormalScores:
    """The monotone map that gives a ranker's scores the distribution of the values."""
    shares = np.linspace(0, 1, min(_KNOTS, len(values)))
    knots, first = np.unique(np.quantile(scores, shares), return_index=True)
    return NormalScores(knots, np.quantile(values, shares)[first])


def _trees(path: str | os.PathLike[str], name: str, model: Any) -> Booster:
    try:
        return trees_from_json(model)
    except Exception as error:
        # XGBoost's own errors have many lines.
        raise TableIntegrityError(
            f"{os.fspath(path)!r} holds no model of {name!r} that XGBoost reads: {shown(error)}."
        ) from None


def _target(path: str | os.PathLike[str], name: str, knots: Any) -> NormalScores:
    what = f"The targets of {name!r} in {os.fspath(path)!r}"
    scores, values = (
        as_floats(what, knots[key], error=TableIntegrityError) for key in ("scores", "values")
    )
    sound = scores.ndim == 1 and scores.shape == values.shape and scores.size > 0
    if not sound or not (np.isfinite(scores).all() and np.isfinite(values).all()):
        raise TableIntegrityError(
            f"{what} must be as many finite scores as values, but have the shapes {scores.shape} and "
            f"{values.shape}."
        )
    return NormalScores(scores, values)


def _is_compressed(path: str | os.PathLike[str]) -> bool:
    return os.fspath(path).endswith(".gz")


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _read(path: str | os.PathLike[str], checksum: str | None) -> dict[str, Any]:
    where = f"The surrogate {os.fspath(path)!r}"
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise TableIntegrityError(f"{where} does not exist.") from None
    except OSError as error:
        raise TableIntegrityError(f"{where} cannot be read: {error.strerror}.") from None
    limit = max(LARGEST_PACKED_TEXT, _LARGEST_RATIO * len(data))
    text = gunzip(data, where=where, limit=limit) if _is_compressed(path) else data
    # The checksum below is over what was read, so that a key that is there twice does no harm.
    content = parse_json(text, where=where, unique=False)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TableIntegrityError(f"{where} is JSON, but no file that XGBoostEvaluator.save wrote.")
    version = content.get("format_version", 0)
    if type(version) is not int or version > FORMAT_VERSION:
        raise TableIntegrityError(f"{where} was written by a newer analognas; upgrade analognas.")
    stated = content.pop("checksum", "")
    found = _checksum(content)
    if found != (checksum or stated):
        raise TableIntegrityError(
            f"{where} is damaged: it has the checksum sha256:{found}, expected sha256:{checksum or stated}."
        )
    _check_parts(where, content)
    return content


def _check_parts(where: str, content: dict[str, Any]) -> None:
    """Refuse a file that lacks something, or has something else in its place."""
    for key, kind in _PARTS.items():
        if not isinstance(content.get(key), kind):
            raise TableIntegrityError(
                f"{where} is incomplete: it has no {key!r}; write it anew with XGBoostEvaluator.save."
            )
    for name in content["models"]:
        knots = content["targets"].get(name)
        if not isinstance(knots, dict) or not knots.keys() >= {"scores", "values"}:
            raise TableIntegrityError(
                f"{where} is incomplete: it has no targets of {name!r}; write it anew with "
                "XGBoostEvaluator.save."
            )
