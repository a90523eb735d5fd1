"""The one loop that trains every model of chapters 6 to 8, epoch by epoch.

A model hands the loop a `Learner`, which knows how to do one epoch; the loop measures, shows
progress, keeps the best epoch, stops early, and writes checkpoints from which an interrupted run
goes on to the same numbers.
"""

import hashlib
import json
import os
import re
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Real
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from tqdm import tqdm

from recsys_lib.data.interactions import Interactions
from recsys_lib.data.split import Split
from recsys_lib.evaluation import evaluate
from recsys_lib.files import read_npz, write_npz
from recsys_lib.models.base import Recommender
from recsys_lib.sampling import NegativeSampler
from recsys_lib.validation import DataError, check_int

METRIC = re.compile(r".*(loss|(hr|ndcg|precision|recall)@\d+)")
Watch = Callable[[Recommender], dict[str, float]]


class Learner(ABC):
    """One training run of one model: what the loop asks for, epoch by epoch.

    Attributes
    ----------
    users, items : ndarray of int32, shape (n,)
        The positives, those of each user together.
    n_samples : int
        Positives and negatives of an epoch.
    rng : numpy.random.Generator
        All that is random in the run comes from it.
    """

    def __init__(self, model: "EpochModel", train: Interactions):
        self.model = model
        by_user = np.argsort(train.user, kind="stable")
        self.users, self.items = train.user[by_user], train.item[by_user]
        self.n_samples = len(train) * (1 + model.n_negatives)
        self.rng = np.random.default_rng(model.seed)
        self.sampler = NegativeSampler(train)

    def negatives(self) -> np.ndarray:
        """Draw an epoch's negatives, shape (n, n_negatives), row by row those of a positive."""
        return self.sampler.draw(self.users, self.model.n_negatives, self.rng)

    @abstractmethod
    def epoch(self) -> tuple[float, float]:
        """Learn for one epoch; return mean loss and accuracy, each sample before its own step."""

    @abstractmethod
    def weights(self) -> dict[str, np.ndarray]:
        """Return what is learnt, as views: they change with the model."""

    def memory(self) -> dict[str, np.ndarray]:
        """Return what else the next epoch depends on, such as an optimizer's averages."""
        return {}

    @abstractmethod
    def restore(self, weights: dict[str, np.ndarray], memory: dict[str, np.ndarray] | None) -> None:
        """Go back to earlier weights, and with `memory` to the whole state of that moment."""


class EpochModel(Recommender):
    r"""A model of implicit feedback that learns in epochs, from positives and sampled negatives.

    Its scores are logits: :math:`\sigma` of them is the probability that a training sample of this
    user and item is positive. Users without any training row are scored by popularity.

    A subclass adds `_learner`, `_logits` and `_all_logits`.

    Parameters
    ----------
    n_negatives : int
        Sampled anew for each positive in every epoch; never an item of the user's training rows.
    epochs : int
        Passes over the training set; the most there can be if `patience` is given.
    patience : int, optional
        Stop when `metric` has not improved for this many epochs, and take back the best epoch.
        Needs `valid`, or a `watch` that returns the metric, in `fit`.
    metric : str
        A column of `history_`, one of `watch` perhaps. A loss is better when it is lower, all else
        when it is higher.
    seed : int
        The same seed gives the same numbers on one machine with one version of the libraries.

    Attributes
    ----------
    history_ : DataFrame
        One row per epoch: epoch; seconds of training so far; loss and accuracy over the training
        samples, each measured before its own step; with a validation set valid_loss (its positives,
        and as many negatives for each as in training, drawn once), valid_hr@10 and valid_ndcg@10
        (full ranking); and whatever `watch` returned.
    best_epoch_ : int
        Whose weights the model has.
    cold_ : ndarray of bool, shape (n_users,)
        Users without a training row.
    popularity_ : ndarray of float32, shape (n_items,)
        Their scores: the log-odds that a training sample of the item is positive.
    """

    history_: pd.DataFrame
    best_epoch_: int
    cold_: np.ndarray
    popularity_: np.ndarray

    def _check_training(
        self, n_negatives: int, epochs: int, patience: int | None, metric: str, seed: int
    ) -> None:
        self.n_negatives = check_int("n_negatives", n_negatives)
        self.epochs = check_int("epochs", epochs, minimum=1)
        self.patience = None if patience is None else check_int("patience", patience, minimum=1)
        if not isinstance(metric, str) or not METRIC.fullmatch(metric):
            raise ValueError(
                "metric must be a column of history_ that ends in loss, hr@K, ndcg@K, precision@K "
                f"or recall@K, such as 'valid_ndcg@10', got {metric!r}"
            )
        self.metric = metric
        self.seed = check_int("seed", seed)
        if self.seed >= 1 << 63:
            raise ValueError(f"seed must be below 2**63, got {seed}")

    def fit(
        self,
        train: Interactions,
        valid: Interactions | None = None,
        *,
        watch: Watch | None = None,
        progress: bool | None = None,
        checkpoint: str | os.PathLike | None = None,
    ) -> Self:
        """Learn from the training interactions.

        Parameters
        ----------
        train : Interactions
            Each row is a positive, whatever its rating.
        valid : Interactions, optional
            Measured after every epoch.
        watch : callable, optional
            Called with the model after every epoch; the numbers it returns, by name, become columns
            of `history_`.
        progress : bool, optional
            Show a bar with loss, metric and remaining time while it runs. By default in a terminal
            and in JupyterLab, and not where a page is made from a notebook.
        checkpoint : path, optional
            Write the whole state to this file after every epoch. If it is there already and was
            written by the same model on the same data, go on from it.

        Returns
        -------
        self

        Raises
        ------
        TypeError, DataError
            As in `Recommender.fit`; also if a user has met every item, or the checkpoint is of
            another run.
        ValueError
            If there is nothing to watch for `patience`.
        FloatingPointError
            If the loss or a weight is no longer a finite number.
        """
        if watch is not None and not callable(watch):
            raise TypeError(f"watch must be a function of the model, got {watch!r}")
        self._options = {"watch": watch, "progress": progress, "checkpoint": checkpoint}
        try:
            return super().fit(train, valid)
        finally:
            del self._options

    def _begin(self, train: Interactions) -> None:
        self.cold_ = train.user_counts == 0
        self.popularity_ = popularity(train, self.n_negatives)

    def _fit(self, train: Interactions, valid: Interactions | None) -> None:
        learner = self._learner(train)
        self.history_, self.best_epoch_ = run_epochs(self, learner, train, valid, **self._options)

    @abstractmethod
    def _learner(self, train: Interactions) -> Learner:
        """Set the initial weights and return what can train them."""

    @abstractmethod
    def _logits(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """Return the logits of (user, item) pairs, shape (n,)."""

    @abstractmethod
    def _all_logits(self, users: np.ndarray) -> np.ndarray:
        """Return the logits of all items, shape (n, n_items)."""

    def _score(self, users: np.ndarray) -> np.ndarray:
        scores = self._all_logits(users)
        scores[self.cold_[users]] = self.popularity_
        return scores

    def _score_items(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        logits = self._logits(np.repeat(users, items.shape[1]), items.ravel()).reshape(items.shape)
        cold = self.cold_[users][:, None]
        return np.where(cold, self.popularity_[items], logits).astype(np.float32)


def popularity(train: Interactions, n_negatives: int) -> np.ndarray:
    """Return the log-odds that a training sample of each item is positive, shape (n_items,)."""
    negatives = n_negatives * len(train) / train.n_items  # of each item, on average
    return np.log((train.item_counts + 0.5) / (negatives + 0.5)).astype(np.float32)


# ---------------------------------------------------------------------------------------- the loop


def run_epochs(
    model: EpochModel,
    learner: Learner,
    train: Interactions,
    valid: Interactions | None,
    *,
    watch: Watch | None,
    progress: bool | None,
    checkpoint: str | os.PathLike | None,
) -> tuple[pd.DataFrame, int]:
    """Train until the last epoch or until patience ends; return history and the epoch kept."""
    rows, best = [], None  # best: (number, value, weights)
    held_out = None if valid is None else _HeldOut(model, train, valid)
    file = None if checkpoint is None else _Checkpoint(checkpoint, model, learner, train, valid)
    if file is not None and file.path.exists():
        rows, best = file.read(learner)
    seconds = rows[-1]["seconds"] if rows else 0.0
    with tqdm(
        total=model.epochs,
        initial=len(rows),
        desc=type(model).__name__,
        unit="epoch",
        leave=False,
        disable=not _wants_progress(progress),
    ) as bar:
        while len(rows) < model.epochs and not _out_of_patience(model, rows, best):
            start = time.perf_counter()
            loss, accuracy = learner.epoch()
            seconds += time.perf_counter() - start
            row = {"epoch": len(rows) + 1, "seconds": seconds, "loss": loss, "accuracy": accuracy}
            _check_finite(model, row, learner)
            row |= {} if held_out is None else held_out.measure(model)
            row |= {} if watch is None else _watched(watch(model), row)
            rows.append(row)
            if model.patience is not None and _is_better(model, row, best):
                weights = {name: array.copy() for name, array in learner.weights().items()}
                best = row["epoch"], row[model.metric], weights
            if file is not None:
                file.write(learner, rows, best)
            bar.set_postfix_str(_shown(row, model.metric), refresh=False)
            bar.update()
    if best is not None:
        learner.restore(best[2], None)
    return pd.DataFrame(rows), len(rows) if best is None else best[0]


class _HeldOut:
    """The validation set, as the loop measures it."""

    def __init__(self, model: EpochModel, train: Interactions, valid: Interactions):
        self.split = Split(train, valid, valid.select(np.zeros(len(valid), dtype=bool)))
        rng = np.random.default_rng(model.seed)
        draws = NegativeSampler(train, valid).draw(valid.user, model.n_negatives, rng)
        self.items = np.column_stack([valid.item, draws])

    def measure(self, model: EpochModel) -> dict[str, float]:
        logits = model.score_items(self.split.valid.user, self.items).astype(np.float64)
        losses = np.logaddexp(0, logits)  # of a negative: -log(1 - sigma) = log(1 + exp)
        losses[:, 0] -= logits[:, 0]  # of a positive: -log(sigma) = log(1 + exp) - logit
        means = evaluate(model, self.split, on="valid").mean()
        row = {"valid_loss": float(losses.mean())}
        return row | {f"valid_{name}": float(means[name]) for name in ("hr@10", "ndcg@10")}


def _watched(found: object, row: dict) -> dict[str, float]:
    """Return what `watch` measured as columns of the history, or raise."""
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise TypeError(f"watch must return a dict of numbers by name, got {found!r}")
    taken = sorted(found.keys() & row.keys())
    if taken:
        raise ValueError(f"watch must return names other than {', '.join(row)}, got {taken}")
    for name, value in found.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise TypeError(f"watch must return numbers, got {value!r} for {name!r}")
    return {name: float(value) for name, value in found.items()}


def _is_better(model: EpochModel, row: dict, best: tuple | None) -> bool:
    if model.metric not in row:
        raise ValueError(
            f"patience={model.patience} watches metric={model.metric!r}, but only "
            f"{', '.join(row)} are measured: give fit a valid set, or a watch that returns it"
        )
    if np.isnan(row[model.metric]):
        raise ValueError(f"metric={model.metric!r} is NaN after epoch {row['epoch']}")
    if best is None:
        return True
    sign = -1 if model.metric.endswith("loss") else 1
    return sign * row[model.metric] > sign * best[1]


def _out_of_patience(model: EpochModel, rows: list[dict], best: tuple | None) -> bool:
    return best is not None and len(rows) - best[0] >= model.patience


def _check_finite(model: EpochModel, row: dict, learner: Learner) -> None:
    broken = [name for name, array in learner.weights().items() if not np.isfinite(array).all()]
    if np.isfinite(row["loss"]) and not broken:
        return
    what = ", ".join(broken) or "the weights"
    raise FloatingPointError(
        f"in epoch {row['epoch']} the loss became {row['loss']:g} and {what} grew beyond all "
        f"bounds: learning_rate={model.learning_rate:g} is probably too large for this model and "
        "data (try a tenth of it)"
    )


def _wants_progress(progress: bool | None) -> bool:
    if progress is None:  # Jupyter names the notebook only where somebody has it open
        return sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ
    return bool(progress)


def _shown(row: dict, metric: str) -> str:
    names = ["loss"] + [metric] * (metric in row and metric != "loss")
    return ", ".join(f"{name} {row[name]:.4f}" for name in names)


class _Checkpoint:
    """The whole state of a run in one file, written at once or not at all."""

    def __init__(
        self,
        path: str | os.PathLike,
        model: EpochModel,
        learner: Learner,
        train: Interactions,
        valid: Interactions | None,
    ):
        self.path, self.epochs = Path(path), model.epochs
        if not self.path.parent.is_dir():
            raise DataError(f"checkpoint must lie in a folder that exists, got {self.path}")
        settings = {k: v for k, v in model.parameters.items() if k != "epochs"}
        self.run = {
            "model": type(model).__name__,
            "settings": json.loads(json.dumps(settings)),  # as they will be read
            "train": _fingerprint(train.user, train.item),
            "valid": None if valid is None else _fingerprint(valid.user, valid.item),
            "start": _fingerprint(*learner.weights().values()),
        }

    def write(self, learner: Learner, rows: list[dict], best: tuple | None) -> None:
        arrays = {f"weights/{k}": v for k, v in learner.weights().items()}
        arrays |= {f"memory/{k}": v for k, v in learner.memory().items()}
        text = {"run": self.run, "rows": rows, "rng": learner.rng.bit_generator.state}
        if best is not None:
            arrays |= {f"best/{k}": v for k, v in best[2].items()}
            text["best"] = best[:2]
        write_npz(self.path, arrays, text)

    def read(self, learner: Learner) -> tuple[list[dict], tuple | None]:
        arrays, text = read_npz(self.path)
        found = text.get("run")
        found = found if isinstance(found, dict) else {}  # the file is no checkpoint
        for name, wanted in self.run.items():
            if found.get(name) != wanted:
                raise DataError(
                    f"checkpoint {self.path} is of another run: its {name} is {found.get(name)}, "
                    f"this one's {wanted}; give another file, or delete this one to start anew"
                )
        if len(text["rows"]) > self.epochs:
            raise DataError(
                f"checkpoint {self.path} has gone on for {len(text['rows'])} epochs already, more "
                f"than epochs={self.epochs}"
            )
        parts: dict[str, dict] = {"weights": {}, "memory": {}, "best": {}}
        for key, array in arrays.items():
            part, _, name = key.partition("/")
            parts[part][name] = array
        learner.restore(parts["weights"], parts["memory"])
        learner.rng.bit_generator.state = text["rng"]
        best = (*text["best"], parts["best"]) if "best" in text else None
        return text["rows"], best


def _fingerprint(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
