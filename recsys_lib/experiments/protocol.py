"""What all recorded experiments share: the split, the measures, the tables."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from recsys_lib.data import Interactions, Split, leave_last_out
from recsys_lib.evaluation import evaluate
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.models import Recommender
from recsys_lib.models.training import Watch

SEEDS = range(5)  # if nothing else is said
METRICS = ("hr@10", "ndcg@10", "precision@10", "recall@10")
MAIN = METRICS[:2]  # the other two say the same again (chapter 9)
YEAR = 365 * 24 * 3600 * 1000  # in milliseconds, as the timestamps are


def paper_split(ratings: Interactions) -> Split:
    """Return the paper's split: the last two events of every user for test, however few there are.

    A user with one event has it in test and nothing in train. There is no validation set.
    """
    return leave_last_out(ratings, n_test=2, n_valid=0, too_few="test")


def tuning_split(split: Split) -> Split:
    """Return a split of the training set: each user's last event there is for validation."""
    return leave_last_out(split.train, n_test=0, n_valid=1)


def held_out(tuning: Split) -> Candidates:
    """Return the candidates on which every setting is judged: the event held out, 99 negatives."""
    return sample_candidates(tuning, n_negatives=99, on="valid", seed=0)


def every_combination(grid: dict[str, tuple]) -> list[dict]:
    """Return every combination of the values in a grid of settings, as a dict each."""
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def measuring(split: Split, candidates: Candidates, on: str) -> Watch:
    """Return what measures a model on some candidates after every epoch."""

    def watch(model: Recommender) -> dict[str, float]:
        means = evaluate(model, split, candidates=candidates, on=on).mean()
        return {name: float(means[name]) for name in METRICS}

    return watch


def validating(tuning: Split) -> Watch:
    """Return what measures a model on validation, as every setting is judged."""
    return measuring(tuning, held_out(tuning), "valid")


def seldom(every: int, watch: Watch) -> Watch:
    """Watch after the first epoch and every so many; between, say again what was seen last."""
    epochs, seen = 0, dict[str, float]()

    def watched(model: Recommender) -> dict[str, float]:
        nonlocal epochs, seen
        epochs += 1
        if epochs == 1 or epochs % every == 0:
            seen = watch(model)
        return seen

    return watched


class PopularityAround(Recommender):
    """Popularity counted in a window of time around each user's first test event.

    Parameters
    ----------
    split : Split
    before, after : int
        The window is ``[time - before, time + after)``, in milliseconds.
    """

    def __init__(self, split: Split, before: int, after: int):
        self.split, self.before, self.after = split, before, after

    def _fit(self, train: Interactions) -> None:
        order = np.argsort(train.timestamp, kind="stable")
        times, items = train.timestamp[order], train.item[order]
        test = self.split.test
        moment = np.full(train.n_users, np.iinfo(np.int64).max)
        np.minimum.at(moment, test.user, test.timestamp)
        first = np.searchsorted(times, moment - self.before)
        last = np.searchsorted(times, np.minimum(moment, times[-1] + YEAR) + self.after)
        self.scores_ = np.array(
            [
                np.bincount(items[a:b], minlength=train.n_items)
                for a, b in zip(first, last, strict=True)
            ],
            dtype=np.float32,
        )

    def _score(self, users: np.ndarray) -> np.ndarray:
        return self.scores_[users]


def mean_of_seeds(each: Sequence[float], level: float = 0.95) -> dict:
    """Return mean, values and Student's t interval over seeds."""
    values = np.array(each, dtype=np.float64)
    half = stats.t.ppf((1 + level) / 2, len(values) - 1) * values.std(ddof=1) / len(values) ** 0.5
    mean = float(values.mean())
    return {"mean": mean, "low": mean - half, "high": mean + half, "values": values.tolist()}


def table(frame: pd.DataFrame) -> dict:
    """Return a summary or comparison as nested dicts for JSON."""
    return frame.to_dict(orient="index")
