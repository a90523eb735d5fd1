"""Rank a model's scores under a protocol; one table row per user, so that intervals can be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from recsys_lib.data.split import Split
from recsys_lib.metrics import METRICS, PADDING, Ranks, ranks_from_scores
from recsys_lib.ranking import mask
from recsys_lib.sampling import Candidates, padded_rows
from recsys_lib.significance import bootstrap_interval, paired_test
from recsys_lib.validation import DataError, check_choice, check_int, check_ks

if TYPE_CHECKING:  # models that watch their own validation import this module
    from recsys_lib.models.base import Recommender


def evaluate(
    model: Recommender,
    split: Split,
    k: int | Sequence[int] = 10,
    *,
    on: str = "test",
    candidates: Candidates | None = None,
    batch_size: int = 1024,
) -> pd.DataFrame:
    """Rank items for every user with a held-out item and measure the lists.

    **Full ranking** (no `candidates`): all items compete but those the user is known to have met,
    in train and, when testing, in validation. **Sampled ranking**: only the candidates compete.

    Parameters
    ----------
    model : Recommender
        Fitted.
    split : Split
    k : int or sequence of int
        List lengths.
    on : {"test", "valid"}
        Which held-out set. Tune on "valid"; look at "test" once.
    candidates : Candidates, optional
        Made from the same split (`sample_candidates`), or read from a file.
    batch_size : int
        Users scored at a time; the scores of one batch are held in memory.

    Returns
    -------
    DataFrame
        Index `user`; column `n_relevant`, then ``hr@K, ndcg@K, precision@K, recall@K`` for each K.

    Raises
    ------
    DataError
        If there is no user to test, or the split and the model differ in users or items.
    ValueError
        If the model returns NaN, with its name.
    """
    check_choice("on", on, ("test", "valid"))
    check_int("batch_size", batch_size, minimum=1)
    check_ks(k)
    if model.shape != split.train.shape:
        raise DataError(
            f"{model!r} was fitted on {model.shape} users and items, the split has "
            f"{split.train.shape}"
        )
    if candidates is None:
        users, ranks = _full(model, split, on, batch_size)
    else:
        _check_candidates(candidates, split, on)
        users, ranks = _sampled(model, candidates, batch_size)
    return _table(users, ranks, k)


def _check_candidates(candidates: Candidates, split: Split, on: str) -> None:
    """Refuse candidates of another split or of the other held-out set."""
    held_out = set(getattr(split, on)._keys().tolist())
    users, places = np.nonzero(candidates.positives != PADDING)
    items = candidates.positives[users, places].astype(np.int64)
    keys = candidates.users[users].astype(np.int64) * split.train.n_items + items
    for row, key in enumerate(keys.tolist()):
        if key not in held_out:
            raise DataError(
                f"candidates must be made for the {on} set of this split: item {items[row]} of "
                f"user {candidates.users[users[row]]} is not in it"
            )


def _full(
    model: Recommender, split: Split, on: str, batch_size: int
) -> tuple[np.ndarray, list[Ranks]]:
    held_out = getattr(split, on).to_csr("ones")
    known = split.train.to_csr("ones")
    if on == "test":
        known = known + split.valid.to_csr("ones")
    users = np.flatnonzero(np.diff(held_out.indptr))
    if len(users) == 0:
        raise DataError(f"the {on} set of the split holds no interaction")
    ranks = []
    for start in range(0, len(users), batch_size):
        batch = users[start : start + batch_size]
        scores = mask(_scores(model, batch), known[batch])
        ranks.append(ranks_from_scores(scores, padded_rows(held_out[batch])))
    return users, ranks


def _sampled(
    model: Recommender, candidates: Candidates, batch_size: int
) -> tuple[np.ndarray, list[Ranks]]:
    if len(candidates.users) == 0:
        raise DataError("candidates holds no user")
    ranks = []
    lists = np.hstack([candidates.positives, candidates.negatives])
    n_positives = candidates.positives.shape[1]
    for start in range(0, len(lists), batch_size):
        batch = slice(start, start + batch_size)
        items = lists[batch]
        picked = _scores(model, candidates.users[batch], np.maximum(items, 0))
        picked[items == PADDING] = -np.inf
        places = np.broadcast_to(np.arange(n_positives), (len(items), n_positives))
        relevant = np.where(items[:, :n_positives] == PADDING, PADDING, places)
        ranks.append(ranks_from_scores(picked, relevant))
    return candidates.users, ranks


def _scores(model: Recommender, users: np.ndarray, items: np.ndarray | None = None) -> np.ndarray:
    scores = model.score(users) if items is None else model.score_items(users, items)
    if np.isnan(scores).any():
        row = int(np.flatnonzero(np.isnan(scores).any(axis=1))[0])
        raise ValueError(f"{model!r} scores NaN for user {users[row]}")
    return scores


def _table(users: np.ndarray, batches: list[Ranks], k: int | Sequence[int]) -> pd.DataFrame:
    columns: dict[str, list[np.ndarray]] = {"n_relevant": []}
    ks = list(dict.fromkeys(check_ks(k)))  # a length named twice is one column
    for ranks in batches:  # padded to the widest user of the batch only
        columns["n_relevant"].append(ranks.n_relevant)
        for name, metric in METRICS.items():
            for one, values in zip(ks, metric(ranks, ks).T, strict=True):
                columns.setdefault(f"{name}@{one}", []).append(values)
    index = pd.Index(users, name="user")
    return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()}, index)


def _metrics(table: pd.DataFrame) -> list[str]:
    """Return the columns that are metrics, all but the number of relevant items."""
    return list(table.columns.drop("n_relevant", errors="ignore"))


def summary(table: pd.DataFrame, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over users and its bootstrap interval, one row per metric.

    Parameters
    ----------
    table : DataFrame
        From `evaluate`.
    level : float
        Coverage of the interval.
    seed : int
        Of the resampling.

    Returns
    -------
    DataFrame
        Columns mean, low, high, users.
    """
    rows = {}
    for name in _metrics(table):
        values = table[name].dropna().to_numpy()
        low, high = bootstrap_interval(values, level=level, seed=seed)
        rows[name] = {"mean": values.mean(), "low": low, "high": high, "users": len(values)}
    return pd.DataFrame.from_dict(rows, orient="index")


def leaderboard(
    tables: dict[str, pd.DataFrame], metric: str, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Mean and interval of one metric for several models, one row each, in the order given.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `evaluate`, by the name to be shown.
    metric : str
        A column of the tables, for example ``"ndcg@10"``.
    level, seed
        As in `summary`.

    Returns
    -------
    DataFrame
        Columns mean, low, high, users.
    """
    if not tables:
        raise DataError("tables is empty: there is no model to show")
    for name, table in tables.items():
        if metric not in _metrics(table):
            raise DataError(f"metric {metric!r} is no column of {name!r}; it has {_metrics(table)}")
    rows = {
        name: summary(table[[metric]], level, seed).loc[metric] for name, table in tables.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").astype({"users": int})


def compare(
    table: pd.DataFrame, baseline: pd.DataFrame, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compare two models user by user: mean difference, its interval, and a paired test.

    Parameters
    ----------
    table, baseline : DataFrame
        From `evaluate`, on the same users and metrics.
    level, seed
        As in `summary`.

    Returns
    -------
    DataFrame
        One row per metric; columns difference (table minus baseline), low, high, p_value (of the
        sign-flip test of no difference; see `significance.paired_test`).

    Raises
    ------
    DataError
        If the two tables are not about the same users.
    """
    if not table.index.equals(baseline.index):
        raise DataError("table and baseline must be about the same users, in the same order")
    if "n_relevant" in table and not table["n_relevant"].equals(baseline.get("n_relevant")):
        raise DataError("table and baseline must be about the same held-out items")
    rows = {}
    for name in _metrics(table):
        if name not in baseline:
            raise DataError(f"baseline has no column {name!r}; it has {list(baseline)}")
        difference = (table[name] - baseline[name]).dropna().to_numpy()
        low, high = bootstrap_interval(difference, level=level, seed=seed)
        rows[name] = {
            "difference": difference.mean(),
            "low": low,
            "high": high,
            "p_value": paired_test(difference, seed=seed),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
