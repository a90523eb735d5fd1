"""Measure predicted ratings: MAE and RMSE with intervals over users, and paired comparisons.

The pooled error over all held-out ratings is what papers quote, so a user with two of them counts
twice. The users are still what was sampled: intervals and tests draw whole users.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd

from recsys_lib.data.split import Split, check_split
from recsys_lib.evaluation.significance import (
    bootstrap_sums,
    middle,
    paired_test,
    seed_noise,
)
from recsys_lib.models.base import RatingPredictor
from recsys_lib.validation import DataError, check_choice, check_vocabulary

ERRORS = {"rmse": "squared_error", "mae": "absolute_error"}
RatingTables: TypeAlias = pd.DataFrame | Sequence[pd.DataFrame]


def evaluate_ratings(
    model: RatingPredictor, split: Split, *, on: str = "test", clip: bool = True
) -> pd.DataFrame:
    """Predict the held-out ratings and sum the errors of each user.

    Parameters
    ----------
    model : RatingPredictor
        Fitted.
    split : Split
    on : {"test", "valid", "train"}
        Which ratings. Tune on "valid"; look at "test" once.
    clip : bool
        Move predictions into the scale of the ratings first.

    Returns
    -------
    DataFrame
        Index `user`; columns n_ratings, absolute_error, squared_error: sums over the user's
        ratings, in stars and squared stars. Pass it to `rating_leaderboard`.

    Raises
    ------
    TypeError
        If the model predicts no ratings.
    DataError
        If the set is empty, or the split and the model differ in users or items.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate_ratings
    >>> from recsys_lib.models import Biases
    >>> split = data.leave_last_out(data.load())
    >>> evaluate_ratings(Biases().fit(split.train), split).head(2).round(2)
          n_ratings  absolute_error  squared_error
    user
    0             2            2.03           2.64
    1             2            1.43           1.07
    """
    check_choice("on", on, ("test", "valid", "train"))
    if not isinstance(model, RatingPredictor):
        raise TypeError(f"model must predict ratings, but {type(model).__name__} only ranks")
    check_split(split, model)
    ratings = getattr(split, on)
    if len(ratings) == 0:
        raise DataError(f"the {on} set of the split holds no rating")
    predicted = model.predict(ratings.user, ratings.item, clip=clip).astype(np.float64)
    errors = ratings.rating - predicted
    if np.isnan(errors).any():
        raise ValueError(f"{model!r} predicts NaN")
    counts = ratings.user_counts
    users = np.flatnonzero(counts)
    columns = {"n_ratings": counts}
    for name, values in (("absolute_error", np.abs(errors)), ("squared_error", errors**2)):
        columns[name] = np.bincount(ratings.user, weights=values, minlength=ratings.n_users)
    index = pd.Index(users, name="user")
    table = pd.DataFrame({name: values[users] for name, values in columns.items()}, index)
    table.attrs["vocabulary"] = split.train.vocabulary
    return table


def rating_error(table: pd.DataFrame, metric: str = "rmse") -> float:
    """Return the pooled RMSE or MAE of a table from `evaluate_ratings`, in stars.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.evaluation import rating_error
    >>> columns = {"n_ratings": [3, 1], "absolute_error": [2, 2], "squared_error": [5, 4]}
    >>> table = pd.DataFrame(columns)  # of two users
    >>> rating_error(table, "mae"), rating_error(table, "rmse")
    (1.0, 1.5)
    """
    _check_table("table", table)
    sums = table[[ERRORS[check_choice("metric", metric, ERRORS)], "n_ratings"]].to_numpy().sum(0)
    if sums[1] == 0:
        raise DataError("table holds no rating")
    return float(_error(sums[None, :], metric)[0])


def _error(sums: np.ndarray, metric: str) -> np.ndarray:
    """Errors from rows of (sum of errors, number of ratings)."""
    mean = sums[:, 0] / sums[:, 1]
    return np.sqrt(mean) if metric == "rmse" else mean


def rating_leaderboard(
    tables: dict[str, pd.DataFrame], metric: str = "rmse", level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """RMSE or MAE of several models with bootstrap intervals over users, in the order given.

    Parameters
    ----------
    tables : dict of str to DataFrame
        From `evaluate_ratings`, by the name to be shown.
    metric : {"rmse", "mae"}
    level : float
        Coverage of the intervals.
    seed : int
        Of the resampling.

    Returns
    -------
    DataFrame
        Columns mean (the pooled error), low, high, users. Its ``attrs`` say metric and level, for
        `show.tables`.

    Raises
    ------
    TypeError
        If `tables` is no dict of tables.
    DataError
        If there is none, or they are not about the same ratings.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import evaluate_ratings, rating_leaderboard
    >>> from recsys_lib.models import Biases
    >>> split = data.leave_last_out(data.load())
    >>> models = {"mean": Biases(users=False, items=False), "biases": Biases()}
    >>> fitted = {name: model.fit(split.train) for name, model in models.items()}
    >>> tables = {name: evaluate_ratings(model, split) for name, model in fitted.items()}
    >>> rating_leaderboard(tables).round(2)
            mean   low  high  users
    mean    1.10  1.06  1.15    671
    biases  0.97  0.92  1.01    671
    """
    check_choice("metric", metric, ERRORS)
    if not isinstance(tables, dict):
        raise TypeError(f"tables must be a dict from names to tables, got {type(tables).__name__}")
    if not tables:
        raise DataError("tables is empty: there is no model to show")
    rows = {}
    for name, table in tables.items():
        _check_table(f"tables[{name!r}]", table)
        _check_same(repr(name), table, next(iter(tables.values())))
        columns = table[[ERRORS[metric], "n_ratings"]].to_numpy()
        low, high = middle(_error(bootstrap_sums(columns, seed=seed), metric), level)
        found = rating_error(table, metric)
        rows[name] = {"mean": found, "low": low, "high": high, "users": len(table)}
    board = pd.DataFrame.from_dict(rows, orient="index").astype({"users": int})
    board.attrs = {"metric": metric, "level": level, "unit": "stars"}
    return board


def mean_errors(tables: RatingTables) -> pd.DataFrame:
    """Return tables of `evaluate_ratings`, one for each seed, as one: each user's mean errors.

    Examples
    --------
    >>> import pandas as pd
    >>> from recsys_lib.evaluation import mean_errors
    >>> table = pd.DataFrame({"n_ratings": [2], "absolute_error": [2.0], "squared_error": [2.0]})
    >>> mean_errors([table, table.assign(absolute_error=4.0, squared_error=8.0)])
       n_ratings  absolute_error  squared_error
    0          2             3.0            5.0
    """
    every = _as_tables("tables", tables)
    mean = every[0].copy()
    for number, other in enumerate(every):
        _check_same(f"table {number}", other, mean)
    for column in ERRORS.values():
        mean[column] = np.mean([one[column] for one in every], axis=0)
    return mean


def compare_ratings(
    tables: RatingTables, baseline: RatingTables, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Compare two models user by user: difference of the errors, its interval, and a paired test.

    Parameters
    ----------
    tables, baseline : DataFrame or sequence of DataFrame
        From `evaluate_ratings`, on the same ratings; one table for each seed of a model in which
        chance takes part. Interval and test are over users and seeds then
        (`significance.seed_noise`).
    level, seed
        As in `rating_leaderboard`.

    Returns
    -------
    DataFrame
        Rows rmse and mae; columns difference (tables minus baseline: below 0, the model is better),
        low, high, p_value (`significance.paired_test` on each user's sum of errors).

    Raises
    ------
    DataError
        If the tables are not about the same users and numbers of ratings.

    Examples
    --------
    >>> from recsys_lib import data
    >>> from recsys_lib.evaluation import compare_ratings, evaluate_ratings
    >>> from recsys_lib.models import Biases
    >>> split = data.leave_last_out(data.load())
    >>> both, mean = Biases().fit(split.train), Biases(users=False, items=False).fit(split.train)
    >>> found = compare_ratings(evaluate_ratings(both, split), evaluate_ratings(mean, split))
    >>> found[["difference", "low", "high"]].round(2)
          difference   low  high
    rmse       -0.14 -0.17 -0.10
    mae        -0.16 -0.19 -0.13
    """
    given = [_as_tables("tables", tables), _as_tables("baseline", baseline)]
    model, base = (mean_errors(many) for many in given)
    _check_same("baseline", base, model)
    trained = [many for many in given if len(many) > 1]
    rows = {}
    for metric, column in ERRORS.items():
        columns = np.column_stack([model[column], base[column], model["n_ratings"]])
        sums = bootstrap_sums(columns, seed=seed)
        drawn = _error(sums[:, [0, 2]], metric) - _error(sums[:, [1, 2]], metric)
        luck = [np.array([rating_error(one, metric) for one in many]) for many in trained]
        low, high = middle(drawn + seed_noise(luck, len(drawn), seed=seed), level)
        by_seed = [np.array([one[column].mean() for one in many]) for many in trained]
        rows[metric] = {
            "difference": rating_error(model, metric) - rating_error(base, metric),
            "low": low,
            "high": high,
            "p_value": paired_test(columns[:, 0] - columns[:, 1], seed=seed, by_seed=by_seed),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _as_tables(name: str, tables: RatingTables) -> list[pd.DataFrame]:
    """Return one table, or those of all seeds, as a list of at least one."""
    if isinstance(tables, str | dict | pd.Series) or not isinstance(tables, Iterable):
        raise TypeError(
            f"{name} must be a table of evaluate_ratings, or a sequence of them, one for each "
            f"seed, got {type(tables).__name__}"
        )
    every = [tables] if isinstance(tables, pd.DataFrame) else list(tables)
    if not every:
        raise DataError(f"{name} is empty: give one table, or one for each seed")
    for number, table in enumerate(every):
        _check_table(f"{name}[{number}]", table)
    return every


def _check_table(name: str, table: object) -> None:
    """Raise unless this is a table of `evaluate_ratings` with at least one user."""
    if not isinstance(table, pd.DataFrame):
        cure = (
            "; mean_errors makes one of several seeds'" if isinstance(table, list | tuple) else ""
        )
        raise TypeError(
            f"{name} must be a table of evaluate_ratings, got {type(table).__name__}{cure}"
        )
    missing = [column for column in ("n_ratings", *ERRORS.values()) if column not in table]
    if missing:
        raise DataError(
            f"{name} must be a table of evaluate_ratings, but has no column {missing[0]!r}; it has "
            f"{list(table)}"
        )
    if len(table) == 0:
        raise DataError(f"{name} holds no rating")


def _check_same(name: str, table: pd.DataFrame, other: pd.DataFrame) -> None:
    known = [one.attrs.get("vocabulary") for one in (table, other)]
    if None not in known:
        check_vocabulary(name, known[0], "the other table", known[1])
    if not table.index.equals(other.index) or not table["n_ratings"].equals(other["n_ratings"]):
        raise DataError(
            f"tables and baseline must be about the same ratings of the same users; {name} is not"
        )
