"""The one loop that trains every model that learns in epochs (chapters 4 and 6 to 8).

A model says how an epoch goes, in a generator that reads like its chapter. The loop takes one epoch
after the other from it, asks `watch` what they have brought, shows progress, keeps the best epoch
and stops early. How lists or ratings are judged it does not know: `evaluation.watching` does.
"""

import copy
import os
import re
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Self

import numpy as np
import pandas as pd
from tqdm import tqdm

from recsys_lib.data.interactions import Interactions
from recsys_lib.models.base import Recommender
from recsys_lib.validation import check_int

METRIC = re.compile(r".*(loss|rmse|mae|(hr|ndcg|precision|recall)@\d+)")
Row = dict[str, float]
Watch = Callable[[Recommender], Row]


@dataclass
class Run:
    """One training run: all that its next epoch depends on, the model's weights apart.

    Attributes
    ----------
    rng : numpy.random.Generator
        All that is random in the run comes from it.
    rows : list of dict
        The history so far, one row per epoch.
    best : tuple or None
        With `patience`, the best epoch, its value and its weights.
    order : ndarray of int, optional
        Of the rows, where a model shuffles them once.
    """

    rng: np.random.Generator
    rows: list[Row] = field(default_factory=list)
    best: tuple[int, float, dict[str, np.ndarray]] | None = None
    order: np.ndarray | None = None

    def state(self) -> dict[str, Any]:
        """Return a copy, for `set_state`, of all that `_start` does not make again."""
        return copy.deepcopy(
            {"rng": self.rng.bit_generator.state, "rows": self.rows, "best": self.best}
        )

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back, or on, to where another run was."""
        state = copy.deepcopy(state)
        self.rng.bit_generator.state = state["rng"]
        self.rows, self.best = state["rows"], state["best"]


class EpochModel(Recommender):
    """A model that learns in epochs.

    A subclass adds `_start`, which sets the weights that training begins with, and `_epochs`.

    Parameters
    ----------
    epochs : int
        Passes over the training set; the most there can be if `patience` is given.
    patience : int, optional
        Stop when `metric` has not improved for this many epochs. However training ends, the model
        has the weights of the best epoch then. Needs a `watch` in `fit` that measures it, such as
        ``evaluation.watching(split)``.
    metric : str
        A column of `history_`. A loss or an error is better when it is lower, all else when it is
        higher.
    seed : int
        The same seed gives the same numbers on one machine with one version of the libraries.

    Attributes
    ----------
    history_ : DataFrame
        One row per epoch: epoch; seconds of training so far; what the model measures of its
        training; and what `watch` returned.
    best_epoch_ : int
        Number, counted from 1, of the epoch whose weights the model has.
    """

    epochs: int
    patience: int | None
    metric: str
    seed: int
    history_: pd.DataFrame
    best_epoch_: int

    def _check_training(self, epochs: int, patience: int | None, metric: str, seed: int) -> None:
        self.epochs = check_int("epochs", epochs, minimum=1)
        self.patience = None if patience is None else check_int("patience", patience, minimum=1)
        if not isinstance(metric, str) or not METRIC.fullmatch(metric):
            raise ValueError(
                "metric must be a column of history_ that ends in loss, rmse, mae, hr@K, ndcg@K, "
                f"precision@K or recall@K, such as 'valid_ndcg@10', got {metric!r}"
            )
        self.metric = metric
        self.seed = check_int("seed", seed)
        if self.seed >= 1 << 63:
            raise ValueError(f"seed must be below 2**63, got {seed}")

    def fit(
        self, train: Interactions, *, watch: Watch | None = None, progress: bool | None = None
    ) -> Self:
        """Learn from the training interactions.

        Parameters
        ----------
        train : Interactions
        watch : callable, optional
            Called with the model after every epoch; the numbers it returns, by name, become columns
            of `history_`. ``evaluation.watching(split)`` measures on a validation set.
        progress : bool, optional
            Show a bar with a measure and the remaining time while it runs. By default in a terminal
            and in JupyterLab, and not where a page is made from a notebook.

        Returns
        -------
        self

        Raises
        ------
        TypeError, DataError
            As in `Recommender.fit`; also if a user has met every item.
        ValueError
            If there is nothing to watch for `patience`.
        FloatingPointError
            If a measure or a weight is no longer a finite number.
        """
        with self._fitting(train):
            self._fit(train, self._start(train), watch, progress)
        return self

    def _fit(
        self,
        train: Interactions,
        run: Run | None = None,
        watch: Watch | None = None,
        progress: bool | None = None,
    ) -> None:
        """Train from where a run is, and keep what there is to know of it."""
        run = self._start(train) if run is None else run
        if watch is not None and not callable(watch):
            raise TypeError(f"watch must be a function of the model, got {watch!r}")
        if progress not in (None, True, False):
            raise TypeError(f"progress must be True, False or None, got {progress!r}")
        self.best_epoch_ = loop(self, run, self._epochs(train, run), watch, progress)
        self.history_ = pd.DataFrame(run.rows)

    def _weights(self) -> dict[str, np.ndarray]:
        """Return what is learned, by name, as views: they change with the model."""
        names = "user_biases_", "item_biases_", "user_factors_", "item_factors_"
        return {name: getattr(self, name) for name in names}

    def _set_weights(self, weights: dict[str, np.ndarray]) -> None:
        for name, array in self._weights().items():
            array[:] = weights[name]

    @abstractmethod
    def _start(self, train: Interactions) -> Run:
        """Set the weights that training begins with; return the run, with nothing done yet."""

    @abstractmethod
    def _epochs(self, train: Interactions, run: Any) -> Iterator[Row]:
        """Train for one epoch, yield what it measured of itself, and so on without end.

        `run` is what `_start` returned: a `Run`, or what a subclass makes of it.
        """


def loop(
    model: EpochModel,
    run: Run,
    epochs: Iterator[Row],
    watch: Watch | None,
    progress: bool | None,
) -> int:
    """Train until the last epoch or until patience ends; return the number of the epoch kept."""
    with tqdm(
        total=model.epochs,
        initial=len(run.rows),
        desc=type(model).__name__,
        unit="epoch",
        leave=False,
        disable=not _wants_progress(progress),
    ) as bar:
        while len(run.rows) < model.epochs and not _out_of_patience(model, run):
            start = time.perf_counter()
            measured = next(epochs)  # runs the model's `_epochs` on to its next yield
            seconds = time.perf_counter() - start + (run.rows[-1]["seconds"] if run.rows else 0.0)
            row = {"epoch": len(run.rows) + 1, "seconds": seconds} | measured
            _check_finite(model, row, measured)
            if watch is not None:
                row |= _watched(watch(model), row)
            run.rows.append(row)
            if model.patience is not None and _is_better(model, row, run.best):
                weights = {name: array.copy() for name, array in model._weights().items()}
                run.best = int(row["epoch"]), row[model.metric], weights
            bar.set_postfix_str(_shown(row, model.metric, *measured), refresh=False)
            bar.update()
    if run.best is None:
        return len(run.rows)
    model._set_weights(run.best[2])
    return run.best[0]


def _watched(found: object, row: Row) -> Row:
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


def _is_better(model: EpochModel, row: Row, best: tuple | None) -> bool:
    if model.metric not in row:
        raise ValueError(
            f"patience={model.patience} watches metric={model.metric!r}, but only "
            f"{', '.join(row)} are measured: give fit a watch that returns it, such as "
            "watch=evaluation.watching(split)"
        )
    if np.isnan(row[model.metric]):
        raise ValueError(f"metric={model.metric!r} is NaN after epoch {row['epoch']}")
    if best is None:
        return True
    sign = -1 if model.metric.endswith(("loss", "rmse", "mae")) else 1
    return sign * row[model.metric] > sign * best[1]


def _out_of_patience(model: EpochModel, run: Run) -> bool:
    if run.best is None or model.patience is None:
        return False
    return len(run.rows) - run.best[0] >= model.patience


def _check_finite(model: EpochModel, row: Row, measured: Row) -> None:
    broken = [name for name, array in model._weights().items() if not np.isfinite(array).all()]
    name, value = next(iter(measured.items()))
    if np.isfinite(value) and not broken:
        return
    what = ", ".join(broken) or "the weights"
    rate = getattr(model, "learning_rate", None)
    if rate is None:
        hint = f"the settings of {model!r} do not fit the data"
    else:
        hint = f"learning_rate={rate:g} is probably too large for this model and data"
        hint += " (try a tenth of it)"
    raise FloatingPointError(
        f"in epoch {row['epoch']} {name} became {value:g} and {what} grew beyond all bounds: {hint}"
    )


def _wants_progress(progress: bool | None) -> bool:
    if progress is None:  # Jupyter names the notebook only where somebody has it open
        return sys.stderr.isatty() or "JPY_SESSION_NAME" in os.environ
    return bool(progress)


def _shown(row: Row, metric: str, first: str, *others: str) -> str:
    names = [first] + [metric] * (metric in row and metric != first)
    return ", ".join(f"{name} {row[name]:.4f}" for name in names)
