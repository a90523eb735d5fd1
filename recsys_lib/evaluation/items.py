"""Rank a model's scores under a protocol; one table row per user, so that intervals can be had."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from recsys_lib.data.histories import time_order
from recsys_lib.data.interactions import Interactions
from recsys_lib.data.split import Split, check_split
from recsys_lib.evaluation.candidates import Candidates, padded_rows
from recsys_lib.evaluation.significance import bootstrap_interval, paired_test
from recsys_lib.metrics import METRICS, NO_ITEM, Ranks, ranks_from_scores
from recsys_lib.models.base import Recommender
from recsys_lib.top_k import mask
from recsys_lib.validation import (
    DataError,
    check_bool,
    check_choice,
    check_int,
    check_ks,
    check_vocabulary,
    metric_meant,
)

Tables: TypeAlias = pd.DataFrame | Sequence[pd.DataFrame]


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

    **New users**, of whom the split has `given` events, are scored by ``model.fold_in`` of these in
    the order of time, one user after the other, and all others by ``model.score``. What was given
    does not compete.

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
        Its ``attrs["vocabulary"]`` says whose indices these are, for `compare`.

    Raises
    ------
    TypeError
        If `split` is no `Split`, or `model` no model.
    DataError
        If there is no user to test, or split, model and candidates differ in users or items.
    ValueError
        If the model returns NaN, with its name.
    NotImplementedError
        If there are events given of new users, and the model cannot do it.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate
    >>> from recsys_lib.models import Popularity
    >>> split = data.leave_last_out(data.load())
    >>> table = evaluate(Popularity().fit(split.train), split, k=10)
    >>> table.mean().round(3)
    n_relevant      2.000
    hr@10           0.084
    ndcg@10         0.027
    precision@10    0.009
    recall@10       0.046
    dtype: float64
    """
    check_choice("on", on, ("test", "valid"))
    check_int("batch_size", batch_size, minimum=1)
    check_ks(k)
    check_split(split, model)
    given = None if split.given is None else _in_order(split.given)
    if candidates is None:
        users, ranks = _full(model, split, on, batch_size, given)
    else:
        _check_candidates(candidates, split, on)
        users, ranks = _sampled(model, candidates, batch_size, given)
    table = _table(users, ranks, k)
    table.attrs["vocabulary"] = split.train.vocabulary
    return table


def _check_candidates(candidates: Candidates, split: Split, on: str) -> None:
    """Refuse candidates of another split or of the other held-out set."""
    if not isinstance(candidates, Candidates):
        raise TypeError(
            f"candidates must be Candidates, got {type(candidates).__name__}; sample_candidates "
            "draws them"
        )
    if candidates.vocabulary is not None:
        known = split.train.vocabulary
        check_vocabulary("candidates", candidates.vocabulary, "the split", known)
    held_out = set(getattr(split, on)._keys().tolist())
    users, places = np.nonzero(candidates.positives != NO_ITEM)
    items = candidates.positives[users, places].astype(np.int64)
    keys = candidates.users[users].astype(np.int64) * split.train.n_items + items
    for row, key in enumerate(keys.tolist()):
        if key not in held_out:
            raise DataError(
                f"candidates must be made for the {on} set of this split: item {items[row]} of "
                f"user {candidates.users[users[row]]} is not in it"
            )


def _full(
    model: Recommender, split: Split, on: str, batch_size: int, given: sparse.csr_array | None
) -> tuple[np.ndarray, list[Ranks]]:
    held_out = getattr(split, on).to_csr("ones")
    known = split.train.to_csr("ones")
    if on == "test":
        known = known + split.valid.to_csr("ones")
    if split.given is not None:
        known = known + split.given.to_csr("ones")
    users = np.flatnonzero(np.diff(held_out.indptr))
    if len(users) == 0:
        raise DataError(f"the {on} set of the split holds no interaction")
    ranks = []
    for start in range(0, len(users), batch_size):
        batch = users[start : start + batch_size]
        scores = mask(_scores(model, batch, given), known[batch])
        ranks.append(ranks_from_scores(scores, padded_rows(held_out[batch])))
    return users, ranks


def _sampled(
    model: Recommender, candidates: Candidates, batch_size: int, given: sparse.csr_array | None
) -> tuple[np.ndarray, list[Ranks]]:
    if len(candidates.users) == 0:
        raise DataError("candidates holds no user")
    ranks = []
    lists = np.hstack([candidates.positives, candidates.negatives])
    n_positives = candidates.positives.shape[1]
    for start in range(0, len(lists), batch_size):
        batch = slice(start, start + batch_size)
        items = lists[batch]
        picked = _scores(model, candidates.users[batch], given, np.maximum(items, 0))
        picked[items == NO_ITEM] = -np.inf
        places = np.broadcast_to(np.arange(n_positives), (len(items), n_positives))
        relevant = np.where(items[:, :n_positives] == NO_ITEM, NO_ITEM, places)
        ranks.append(ranks_from_scores(picked, relevant))
    return candidates.users, ranks


def _in_order(given: Interactions) -> sparse.csr_array:
    """Return the user-item matrix of ratings, the cells of a row in the order of time.

    Models that read a history in order would take the order of the item numbers for it.
    """
    order, ends = time_order(given, seed=0), np.cumsum(given.user_counts)
    rows = given.rating[order], given.item[order], np.r_[0, ends]
    return sparse.csr_array(rows, given.shape)


def _scores(
    model: Recommender,
    users: np.ndarray,
    given: sparse.csr_array | None = None,
    items: np.ndarray | None = None,
) -> np.ndarray:
    """Return the scores of all items, or of a few for each; of new users by what was given."""
    if given is None:
        scores = model.score(users) if items is None else model.score_items(users, items)
    else:
        scores = model.score(users)
        for place in np.flatnonzero(np.diff(given.indptr)[users]):
            told = slice(*given.indptr[users[place] : users[place] + 2])
            scores[place] = model.fold_in(given.indices[told], given.data[told])
        scores = scores if items is None else np.take_along_axis(scores, items, axis=1)
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

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.evaluation import over_seeds
    >>> hits = [1, 1, 0, 0], [1, 0, 0, 0]  # of four users, with two seeds
    >>> mean, by_seed = over_seeds([pd.DataFrame({"hr@10": found}) for found in hits])
    >>> mean["hr@10"].tolist(), by_seed["hr@10"].tolist()
    ([1.0, 0.5, 0.0, 0.0], [0.5, 0.25])
    """
    tables = _as_tables(tables)
    first = tables[0]
    for number, other in enumerate(tables[1:], start=1):
        _check_same_users(f"table {number}", other, "table 0", first)
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


def _as_tables(tables: Tables, name: str = "tables") -> list[pd.DataFrame]:
    """Return one or more tables of `evaluate` as a list, or raise if they are something else."""
    wanted = f"{name} must be a table of evaluate, or a sequence of them, one for each seed"
    if isinstance(tables, dict):
        raise TypeError(f"{wanted}, got a dict; leaderboard takes several models by name")
    if isinstance(tables, pd.Series):
        raise TypeError(
            f"{wanted}, got a Series: keep the column as a table, table[[{tables.name!r}]]"
        )
    try:
        found = [tables] if isinstance(tables, pd.DataFrame) else list(tables)
    except TypeError:
        raise TypeError(f"{wanted}, got {type(tables).__name__}") from None
    if not found:
        raise DataError(f"{name} is empty: give one table, or one for each seed")
    for table in found:
        if not isinstance(table, pd.DataFrame):
            raise TypeError(f"{wanted}; one of them is of type {type(table).__name__}")
        if "squared_error" in table:
            raise DataError(
                f"{name} holds errors of predicted ratings, from evaluate_ratings; these go to "
                "rating_leaderboard and compare_ratings"
            )
        if len(table) == 0 or not _metrics(table):
            raise DataError(f"{name} holds a table of {len(table)} users, columns {list(table)}")
    return found


def _check_same_users(name: str, table: pd.DataFrame, other: str, wanted: pd.DataFrame) -> None:
    """Raise DataError where tables say that their users are of other vocabularies."""
    known = [one.attrs.get("vocabulary") for one in (table, wanted)]
    if None not in known:
        check_vocabulary(name, known[0], other, known[1])


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

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate, summary
    >>> from recsys_lib.models import Popularity
    >>> split = data.leave_last_out(data.load())
    >>> summary(evaluate(Popularity().fit(split.train), split)).round(3)
                   mean    low   high  users
    hr@10         0.084  0.064  0.106    671
    ndcg@10       0.027  0.020  0.035    671
    precision@10  0.009  0.007  0.012    671
    recall@10     0.046  0.035  0.058    671
    """
    table, by_seed = over_seeds(tables)
    rows = {}
    for name in _metrics(table):
        values = table[name].dropna().to_numpy()
        if len(values) == 0:
            raise DataError(f"tables has no value of {name!r} for any user")
        seeds = _of_seeds(name, by_seed)
        low, high = bootstrap_interval(values, level=level, seed=seed, by_seed=seeds)
        rows[name] = {"mean": values.mean(), "low": low, "high": high, "users": len(values)}
    board = pd.DataFrame.from_dict(rows, orient="index")
    board.attrs = {"level": level}
    return board


def leaderboard(
    tables: dict[str, Tables], metric: str = "ndcg@10", level: float = 0.95, seed: int = 0
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
        Columns mean, low, high, users. Its ``attrs`` say metric and level, for `show.tables`.

    Raises
    ------
    TypeError
        If `tables` is no dict of tables.
    DataError
        If there is none, one lacks the metric, or they are not about the same users.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate, leaderboard
    >>> from recsys_lib.models import EASE, Popularity
    >>> split = data.leave_last_out(data.k_core(data.load(), 50))
    >>> models = {"Popularity": Popularity(), "EASE": EASE()}
    >>> tables = {name: evaluate(model.fit(split.train), split) for name, model in models.items()}
    >>> leaderboard(tables, "ndcg@10").round(3)
                 mean    low   high  users
    Popularity  0.062  0.043  0.082    236
    EASE        0.115  0.090  0.142    236
    """
    if not isinstance(tables, dict):
        raise TypeError(f"tables must be a dict from names to tables, got {type(tables).__name__}")
    if not tables:
        raise DataError("tables is empty: there is no model to show")
    rows = {}
    every = {name: _as_tables(given, f"tables[{name!r}]") for name, given in tables.items()}
    first = next(iter(every))
    for name, parts in every.items():
        for table in parts:
            if metric not in _metrics(table):
                raise DataError(
                    f"metric {metric!r} is no column of {name!r}; it has {_metrics(table)}"
                    f"{metric_meant(metric, _metrics(table))}"
                )
        _check_same_users(f"tables[{name!r}]", parts[0], repr(first), every[first][0])
        if not parts[0].index.equals(every[first][0].index):
            raise DataError(
                f"tables must be about the same users; those of {name!r} are others than those of "
                f"{first!r}: evaluate both on one split"
            )
        kept = ["n_relevant"] * ("n_relevant" in parts[0]) + [metric]
        rows[name] = summary([table[kept] for table in parts], level, seed).loc[metric]
    board = pd.DataFrame.from_dict(rows, orient="index").astype({"users": int})
    board.attrs = {"metric": metric, "level": level}
    return board


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

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import compare, evaluate
    >>> from recsys_lib.models import EASE, Popularity
    >>> split = data.leave_last_out(data.k_core(data.load(), 50))
    >>> ease, popular = (evaluate(one.fit(split.train), split) for one in (EASE(), Popularity()))
    >>> found = compare(ease, popular)
    >>> found[["difference", "low", "high"]].round(3)
                  difference    low   high
    hr@10              0.172  0.105  0.240
    ndcg@10            0.054  0.029  0.081
    precision@10       0.020  0.013  0.028
    recall@10          0.101  0.063  0.141
    """
    baseline = _as_tables(baseline, "baseline")
    (table, seeds), (base, base_seeds) = over_seeds(tables), over_seeds(baseline)
    _check_same_users("tables", table, "baseline", base)
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
