"""The surrogate of AnalogNAS: a ranking model of the one-day accuracy, and regressions of AVM and spread."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import Metric, TableIntegrityError, check_choice
from ..core.foreign_numbers import as_floats, as_integers
from ..core.limits import shown
from ..spaces import SPACES, Space, feature_names, is_registered_space
from .analognas_names import RANKED, STD, AnalogNASNames, read_foreign_model
from .boosted_trees import LARGE, fit_trees, predict_trees, trees_from_json, trees_to_json
from .costs import known_space
from .normal_scores import NormalScores
from .provenance import Provenance
from .shipped_weights import (
    content_checksum,
    read_content,
    shipped_weights,
    write_content,
)
from .training_data import Floats

if TYPE_CHECKING:
    from xgboost import Booster

DEFAULT_METRICS = (RANKED, "avm", STD)

MODEL_TYPES = ("XGBRanker", "XGBRegressor")

_KIND = "xgboost"

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

_RANKER = {
    "objective": "rank:pairwise",
    "lambdarank_pair_method": "mean",
    "lambdarank_normalization": False,
    "rounds": 150,
    "eta": 0.05,
}
_PUBLISHED, _FOREIGN_SPACE = "published", "resnet"
_UNCHANGED = NormalScores(np.array([-1e6, 1e6]), np.array([-1e6, 1e6]))
_PAIRS = 64
_PAIRS_OF_LARGE = 16
_KNOTS = 200


class XGBoostEvaluator(AnalogNASNames):
    """Predicts accuracy after one day, AVM and the spread of readings with three XGBoost models.

    The model of accuracy is a pairwise ranker whose scores are mapped to accuracies of equal rank. AVM and
    spread are regressions. Included models are used until :meth:`fit` is called: for ``nasbench201`` they are
    fitted to the whole AnalogNAS-Bench table, for AnalogNAS's spaces to the measured tables that
    :attr:`provenance` names. For other spaces, call :meth:`fit` first.

    Args:
        space: The space, or its name. None: that of the first search or fit; before, ``nasbench201``.
        model_type: Model of accuracy: ``"XGBRanker"`` (pairwise ranking) or ``"XGBRegressor"`` (regression of
            normal scores).
        load_weight: Whether to use the included models, if the space has some.
        ranker_path: JSON file of a ranker in AnalogNAS's format, in place of the included models. Its scores
            have no unit. Without ``space``, the space is ``resnet`` until the first search.
        avm_predictor_path: Likewise, of a model of AVM.
        std_predictor_path: Likewise, of a model of the standard deviation after one day.
        encoding: Name of the encoding that features come from; the space's best one by default.
        seed: Seed of everything random in a fit.

    Raises:
        UnknownNameError: If a name is not known, or the space has no such encoding.
        InvalidArgumentError: If ``seed`` is negative or not an integer.
        TableIntegrityError: If a file is missing, damaged or of another format.

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
        space: Space | str | None = None,
        *,
        model_type: str = "XGBRanker",
        load_weight: bool = True,
        ranker_path: str | os.PathLike[str] | None = None,
        avm_predictor_path: str | os.PathLike[str] | None = None,
        std_predictor_path: str | os.PathLike[str] | None = None,
        encoding: str | None = None,
        seed: int = 0,
    ) -> None:
        paths = dict(
            zip(DEFAULT_METRICS, (ranker_path, avm_predictor_path, std_predictor_path), strict=True)
        )
        foreign = {name: path for name, path in paths.items() if path is not None}
        self._foreign: dict[str, Any] = {}
        super().__init__(
            _FOREIGN_SPACE if space is None and foreign else space, encoding=encoding, seed=seed
        )
        self._space_given = self.bound = space is not None
        if foreign:
            n_features = len(feature_names(self.space, _PUBLISHED))
            self._foreign = {
                name: read_foreign_model(path, n_features) for name, path in foreign.items()
            }
        self.model_type = check_choice("model type", model_type, MODEL_TYPES)
        self.load_weight = bool(load_weight)

    @property
    def metrics_with_sem(self) -> list[str]:
        """None: these models have no uncertainty; :class:`GraphEnsembleEvaluator` has."""
        return []

    def identity(self) -> dict[str, Any]:
        """Return space, encoding and the checksum of the models."""
        self.check_fitted()
        return {
            "surrogate": type(self).__name__,
            **self._space_identity(),
            "encoding": self.encoding,
            "checksum": f"sha256:{self._content_checksum()}",
        }

    def save(self, path: str | os.PathLike[str]) -> str:
        """Save the fitted models to one JSON file, atomically, and return the checksum of its content.

        ``models`` holds each model in XGBoost's JSON format. The file is compressed if its name ends in
        ``.gz``.

        Raises:
            NotFittedError: If the evaluator was not fitted yet.
            OutputFolderError: If the file cannot be written.
        """
        self.check_fitted()
        return write_content(path, self._content())

    def load(
        self, path: str | os.PathLike[str], *, checksum: str | None = None
    ) -> XGBoostEvaluator:
        """Load models written by :meth:`save`, in place of the present ones, and return the evaluator.

        Args:
            path: The file.
            checksum: Expected checksum of the file, if known.

        Raises:
            TableIntegrityError: If the file is missing, damaged, of another kind, or made for another space.
        """
        content = _read(path, checksum)
        if content["space"] in SPACES:
            self.adapt_to(SPACES.get(content["space"])())
        return self._take(content, path)

    def definition(self) -> dict[str, Any] | None:
        """Return the training data; if unknown, the models, unless they are the included ones."""
        self._prepare()
        if not self._models or self._training is not None:
            return super().definition()
        file = shipped_weights(_KIND, self.space.name)
        if file is not None and file[1] == self._content_checksum():
            return {"shipped": True, "seed": self.seed}
        return {"content": self._content()}

    @classmethod
    def from_definition(
        cls, definition: Mapping[str, Any], space: Space | None
    ) -> XGBoostEvaluator:
        """Rebuild the surrogate by fitting it again, or from its models."""
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
        """Use the models of a file's content."""
        own = self._space_identity()
        if any(content[key] != value for key, value in own.items()):
            differs = ", with another definition" if content["space"] == self.space.name else ""
            raise TableIntegrityError(
                f"{os.fspath(path)!r} holds models of the space {content['space']!r}, but the evaluator is of "
                f"{self.space.name!r}{differs}."
            )
        names = list(feature_names(self.space, content["encoding"]))
        if names != content["features"]:
            raise TableIntegrityError(
                f"{os.fspath(path)!r} was fitted to features that the encoding {content['encoding']!r} no "
                f"longer has; fit again."
            )
        models = {name: _trees(path, name, model) for name, model in content["models"].items()}
        targets = {name: _target(path, name, knots) for name, knots in content["targets"].items()}
        provenance, measured = None, None
        if "provenance" in content:
            provenance = Provenance.from_dict(content["provenance"], repr(os.fspath(path)))
            genes = as_integers("Networks", content.get("networks"), error=TableIntegrityError)
            measured = self.space.population(genes.reshape(-1, self.space.n_genes))
        self._declare_json(content.get("metrics", ()), os.fspath(path))
        self.encoding, self.model_type = content["encoding"], content["model_type"]
        self._models, self._targets = models, targets
        self._checksum, self._training = content_checksum(content), None
        self._rest_on(provenance, measured)
        return self

    def _prepare(self) -> None:
        """Use the included models, if there are any for the space and encoding."""
        if self._models:
            return
        if self._foreign:
            self._use_foreign()
        if self._models or not self.load_weight or self._asked_encoding:
            return
        file = shipped_weights(_KIND, self.space.name)
        if file is not None and is_registered_space(self.space):
            self._take(_read(*file), file[0])

    def _use_foreign(self) -> None:
        """Use models in AnalogNAS's format, whose predictions are not converted."""
        self.encoding = _PUBLISHED
        self._models = {name: trees_from_json(model) for name, model in self._foreign.items()}
        self._targets = dict.fromkeys(self._foreign, _UNCHANGED)
        if RANKED in self._foreign:
            score = Metric(RANKED, "", True, "score of a ranker of the accuracy after one day")
            self._declared = {RANKED: score}

    def _content_checksum(self) -> str:
        """Return the checksum of what :meth:`save` would write."""
        self._checksum = self._checksum or content_checksum(self._content())
        return self._checksum

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
            **self._provenance_json(),
            **({} if self._measured is None else {"networks": self._measured.tolist()}),
        }

    def _default_metrics(self) -> Sequence[str]:
        return DEFAULT_METRICS

    def _learnt(self) -> list[str]:
        return list(self._models)

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
        self._checksum = ""

    def _predict(self, metric: str, features: NDArray[np.float32]) -> tuple[Floats, Floats | None]:
        scores = predict_trees(self._models[metric], features)
        return self._targets[metric].to_values(scores), None


def _fit_ranker(features: NDArray[np.float32], scores: Floats, seed: int) -> Booster:
    """Fit a pairwise ranker; each row is compared with 64 others, or with 16 if rows are many."""
    pairs = _PAIRS if len(scores) < LARGE else _PAIRS_OF_LARGE
    settings = {**_RANKER, "lambdarank_num_pair_per_sample": pairs}
    return fit_trees(features, scores, seed=seed, settings=settings)


def _of_equal_rank(scores: Floats, values: Floats) -> NormalScores:
    """Return the monotone map from a ranker's scores to values of equal rank."""
    shares = np.linspace(0, 1, min(_KNOTS, len(values)))
    knots, first = np.unique(np.quantile(scores, shares), return_index=True)
    return NormalScores(knots, np.quantile(values, shares)[first])


def _trees(path: str | os.PathLike[str], name: str, model: Any) -> Booster:
    try:
        return trees_from_json(model)
    except Exception as error:
        # XGBoost's errors have many lines.
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


def _read(path: str | os.PathLike[str], checksum: str | None) -> dict[str, Any]:
    writer = "XGBoostEvaluator.save"
    content = read_content(
        path, kind=FORMAT, version=FORMAT_VERSION, writer=writer, checksum=checksum
    )
    _check_parts(f"The surrogate {os.fspath(path)!r}", content)
    return content


def _check_parts(where: str, content: dict[str, Any]) -> None:
    """Raise an error if a part of the file is missing or of the wrong type."""
    for key, kind in _PARTS.items():
        if not isinstance(content.get(key), kind):
            raise TableIntegrityError(
                f"{where} is incomplete: it has no {key!r}; save it again with XGBoostEvaluator.save."
            )
    for name in content["models"]:
        knots = content["targets"].get(name)
        if not isinstance(knots, dict) or not knots.keys() >= {"scores", "values"}:
            raise TableIntegrityError(
                f"{where} is incomplete: it has no targets of {name!r}; save it again with "
                "XGBoostEvaluator.save."
            )
