"""Rank a model's scores under a protocol; one table row per user, so that intervals can be had."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from recsys_lib.data.split import Split
from recsys_lib.evaluation.candidates import Candidates, padded_rows
from recsys_lib.evaluation.significance import bootstrap_interval, paired_test
from recsys_lib.metrics import METRICS, PADDING, Ranks, ranks_from_scores
from recsys_lib.models.base import Recommender
from recsys_lib.top_k import mask
from recsys_lib.validation import DataError, check_bool, check_choice, check_int, check_ks

Tables = pd.DataFrame | Sequence[pd.DataFrame]


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


def over_seeds(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Return each user's mean over seeds, and what each seed gave as a mean over users.

    Parameters
    ----------
    tables : DataFrame or sequence of DataFrame
        From `evaluate`: one, or one for each seed, on the same users and metrics.

    Returns
    -------
    mean : DataFrame
        As `evaluate` returns.
    by_seed : DataFrame or None
        One row per seed and a column per metric; None for a single table.

    Raises
    ------
    DataError
        If the tables differ in users, held-out items or columns, or there is none.
    """
    if isinstance(tables, pd.DataFrame):
        return tables, None
    tables = list(tables)
    if not tables:
        raise DataError("tables is empty: give one table, or one for each seed")
    first = tables[0]
    for number, other in enumerate(tables):
        if not isinstance(other, pd.DataFrame):
            raise TypeError(f"tables must be tables of evaluate, got {type(other).__name__}")
        if not other.index.equals(first.index) or list(other.columns) != list(first.columns):
            raise DataError(
                f"all seeds must be about the same users and metrics; table {number} is not"
            )
        if "n_relevant" in first and not other["n_relevant"].equals(first["n_relevant"]):
            raise DataError(
                f"all seeds must be about the same held-out items; table {number} is not"
            )
    if len(tables) == 1:
        return first, None
    metrics = _metrics(first)
    for number, other in enumerate(tables):
        if not other[metrics].isna().equals(first[metrics].isna()):
            raise DataError(
                f"all seeds must have a value for the same users; table {number} has NaN elsewhere"
            )
    mean = first.copy()  # what is relevant is the same in all of them
    mean[metrics] = np.mean([one[metrics].to_numpy(np.float64) for one in tables], axis=0)
    return mean, pd.DataFrame([one[metrics].mean() for one in tables])


def _of_seeds(metric: str, *by_seed: pd.DataFrame | None) -> list[np.ndarray]:
    """Return one metric's results of each seed, for the models that have several."""
    return [one[metric].to_numpy() for one in by_seed if one is not None]


def summary(tables: Tables, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean over users and seeds and its bootstrap interval, one row per metric.

    Parameters
    ----------
    tables : DataFrame or sequence of DataFrame
        From `evaluate`; of a model in which chance takes part, one table for each seed it was
        trained with: then the interval is over users and seeds (`significance.seed_noise`).
    level : float
        Coverage of the interval.
    seed : int
        Of the resampling.

    Returns
    -------
    DataFrame
        Columns mean, low, high, users.
    """
    table, by_seed = over_seeds(tables)
    rows = {}
    for name in _metrics(table):
        values = table[name].dropna().to_numpy()
        seeds = _of_seeds(name, by_seed)
        low, high = bootstrap_interval(values, level=level, seed=seed, by_seed=seeds)
        rows[name] = {"mean": values.mean(), "low": low, "high": high, "users": len(values)}
    return pd.DataFrame.from_dict(rows, orient="index")


def leaderboard(
    tables: dict[str, Tables], metric: str, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Mean and interval of one metric for several models, one row each, in the order given.

    Parameters
    ----------
    tables : dict of str to DataFrame, or to a sequence of them
        As in `summary`, by the name to be shown.
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
    rows = {}
    for name, given in tables.items():
        parts = [given] if isinstance(given, pd.DataFrame) else list(given)
        for table in parts:
            if metric not in _metrics(table):
                raise DataError(
                    f"metric {metric!r} is no column of {name!r}; it has {_metrics(table)}"
                )
        kept = ["n_relevant"] * ("n_relevant" in parts[0]) + [metric]
        rows[name] = summary([table[kept] for table in parts], level, seed).loc[metric]
    return pd.DataFrame.from_dict(rows, orient="index").astype({"users": int})


def compare(
    tables: Tables,
    baseline: Tables,
    level: float = 0.95,
    seed: int = 0,
    *,
    same_runs: bool = False,
) -> pd.DataFrame:
    """Compare two models user by user: mean difference, its interval, and a paired test.

    Parameters
    ----------
    tables, baseline : DataFrame or sequence of DataFrame
        From `evaluate`, on the same users and metrics; one table for each seed of a model in which
        chance takes part, as in `summary`. Interval and test are over users and seeds then.
    level, seed
        As in `summary`.
    same_runs : bool
        The two are the same trainings, seed by seed, and differ in how they were measured or in the
        epoch that was taken: then it is their difference of which each seed gives one.

    Returns
    -------
    DataFrame
        One row per metric; columns difference (tables minus baseline), low, high, p_value (of the
        sign-flip test of no difference; see `significance.paired_test`).

    Raises
    ------
    DataError
        If the two are not about the same users, or `same_runs` of other numbers of seeds.
    """
    (table, seeds), (base, base_seeds) = over_seeds(tables), over_seeds(baseline)
    if check_bool("same_runs", same_runs):
        n, m = (1 if one is None else len(one) for one in (seeds, base_seeds))
        if n != m:
            raise DataError(f"same_runs needs as many seeds on both sides, got {n} and {m}")
        seeds, base_seeds = (None if seeds is None else seeds - base_seeds), None
    if not table.index.equals(base.index):
        raise DataError("table and baseline must be about the same users, in the same order")
    if "n_relevant" in table and not table["n_relevant"].equals(base.get("n_relevant")):
        raise DataError("table and baseline must be about the same held-out items")
    rows = {}
    for name in _metrics(table):
        if name not in base:
            raise DataError(f"baseline has no column {name!r}; it has {list(base)}")
        difference = (table[name] - base[name]).dropna().to_numpy()
        by_seed = _of_seeds(name, seeds, base_seeds)
        low, high = bootstrap_interval(difference, level=level, seed=seed, by_seed=by_seed)
        rows[name] = {
            "difference": difference.mean(),
            "low": low,
            "high": high,
            "p_value": paired_test(difference, seed=seed, by_seed=by_seed),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
