"""Errors of predicted ratings by hand; their intervals and tests where the answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Interactions, Split
from recsys_lib.evaluation.ratings import (
    compare_ratings,
    evaluate_ratings,
    mean_errors,
    rating_error,
    rating_leaderboard,
)
from recsys_lib.evaluation.significance import bootstrap_interval, paired_test
from recsys_lib.metrics import mae, rmse
from recsys_lib.models import Biases, NotFittedError, Popularity, RatingPredictor


class Fixed(RatingPredictor):
    """Predicts what a table says."""

    def __init__(self, table: np.ndarray):
        self.table = np.asarray(table, dtype=float)

    def _fit(self, train):
        pass

    def _score(self, users):
        return self.table[users].astype(np.float32)

    def _predict(self, users, items):
        return self.table[users, items]


def split_of(train, valid, test, scale=(1, 5)):
    """A Split from three lists of (user, item, rating)."""
    events = [*train, *valid, *test]
    n_users, n_items = (int(max(event[side] for event in events)) + 1 for side in (0, 1))

    def part(rows):
        user, item, rating = np.array(rows).reshape(-1, 3).T
        return Interactions(
            user, item, rating, 0 * user, range(n_users), range(n_items), scale=scale
        )

    return Split(part(train), part(valid), part(test))


SMALL = split_of(
    train=[(0, 0, 4), (3, 3, 2)],
    valid=[(0, 1, 2), (3, 0, 5)],
    test=[(0, 2, 5), (0, 3, 1), (2, 0, 3), (3, 1, 4), (3, 2, 2), (0, 1, 3)],
)
PREDICTED = np.full((4, 4), 3.0)
PREDICTED[0, 2], PREDICTED[0, 3], PREDICTED[3, 1] = 4.5, 3, 7  # the last beyond the scale


def fitted(table=PREDICTED, split=SMALL):
    return Fixed(table).fit(split.train)


# ------------------------------------------------------------------------------------------ by hand


def test_errors_are_summed_for_each_user():
    """User 0: 1/2, -2, 0; user 1 has no test rating; user 2: 0; user 3: 4 - 5 and 2 - 3."""
    table = evaluate_ratings(fitted(), SMALL)
    assert table.index.name == "user"
    assert table.index.tolist() == [0, 2, 3]
    assert list(table) == ["n_ratings", "absolute_error", "squared_error"]
    assert table["n_ratings"].tolist() == [3, 1, 2]
    assert table["absolute_error"].tolist() == [2.5, 0, 2]
    assert table["squared_error"].tolist() == [4.25, 0, 2]
    assert rating_error(table) == rating_error(table, "rmse") == math.sqrt(6.25 / 6)
    assert rating_error(table, "mae") == 4.5 / 6


def test_predictions_are_clipped_unless_told_otherwise():
    table = evaluate_ratings(fitted(), SMALL, clip=False)
    assert table["absolute_error"].tolist() == [2.5, 0, 4]  # now 4 - 7
    assert table["squared_error"].tolist() == [4.25, 0, 10]


def test_each_set_can_be_asked_for():
    valid = evaluate_ratings(fitted(), SMALL, on="valid")
    assert valid.index.tolist() == [0, 3]
    assert valid["absolute_error"].tolist() == [1, 2]
    assert evaluate_ratings(fitted(), SMALL, on="train")["absolute_error"].tolist() == [1, 1]
    test = evaluate_ratings(fitted(), SMALL, on="test")
    pd.testing.assert_frame_equal(test, evaluate_ratings(fitted(), SMALL))


def planted(n_users=80, n_items=40, seed=0):
    """Users who differ in how they rate and in how much."""
    rng = np.random.default_rng(seed)
    of_users, of_items = rng.normal(0, 0.7, n_users), rng.normal(0, 0.7, n_items)
    rows = []
    for user in range(n_users):
        for item in rng.choice(n_items, rng.integers(6, 30), replace=False):
            rating = 3 + of_users[user] + of_items[item] + rng.normal(0, 0.5)
            rows.append((user, item, np.clip(rating, 1, 5)))
    rows = np.array(rows)
    part = rng.choice(3, len(rows), p=[0.7, 0.1, 0.2])
    return split_of(*(rows[part == which] for which in range(3)))


SPLIT = planted()
BETTER = evaluate_ratings(Biases().fit(SPLIT.train), SPLIT)
WORSE = evaluate_ratings(Biases(users=False, items=False).fit(SPLIT.train), SPLIT)


def test_the_pooled_error_is_that_of_the_metrics_and_no_mean_over_users():
    model = Biases().fit(SPLIT.train)
    predicted = model.predict(SPLIT.test.user, SPLIT.test.item)
    assert BETTER["n_ratings"].nunique() > 3
    assert BETTER["n_ratings"].sum() == len(SPLIT.test)
    found = rating_error(BETTER), rating_error(BETTER, "mae")
    assert found[0] == pytest.approx(rmse(SPLIT.test.rating, predicted), rel=1e-12)
    assert found[1] == pytest.approx(mae(SPLIT.test.rating, predicted), rel=1e-12)
    by_user = BETTER["absolute_error"] / BETTER["n_ratings"]
    assert abs(found[1] - by_user.mean()) > 1e-4
    for user in BETTER.index:
        mine = SPLIT.test.user == user
        errors = SPLIT.test.rating[mine] - predicted[mine].astype(float)
        assert BETTER.loc[user, "n_ratings"] == mine.sum()
        assert BETTER.loc[user, "squared_error"] == pytest.approx((errors**2).sum())
        assert BETTER.loc[user, "absolute_error"] == pytest.approx(np.abs(errors).sum())


# -------------------------------------------------------------------------------------- leaderboard


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_the_leaderboard_holds_each_error_within_its_interval(metric):
    board = rating_leaderboard({"worse": WORSE, "better": BETTER}, metric)
    assert board.index.tolist() == ["worse", "better"]
    assert list(board) == ["mean", "low", "high", "users"]
    for name, table in (("worse", WORSE), ("better", BETTER)):
        row = board.loc[name]
        assert row["mean"] == rating_error(table, metric)
        assert row["low"] < row["mean"] < row["high"]
        assert row["users"] == len(table)
    assert board["users"].dtype.kind == "i"
    assert board.loc["better", "high"] < board.loc["worse", "low"]
    assert rating_leaderboard({"worse": WORSE})["mean"].item() == rating_error(WORSE, "rmse")


@pytest.mark.parametrize("metric", ["rmse", "mae"])
def test_intervals_grow_with_the_level(metric):
    boards = [rating_leaderboard({"m": WORSE}, metric, level) for level in (0.5, 0.8, 0.95, 0.99)]
    low, high = ([board[end].item() for board in boards] for end in ("low", "high"))
    assert low == sorted(low, reverse=True)
    assert high == sorted(high)
    assert len(set(low)) == len(set(high)) == 4


def test_with_one_rating_each_intervals_are_those_of_a_mean():
    errors = np.random.default_rng(1).exponential(size=60)
    table = pd.DataFrame(
        {"n_ratings": 1, "absolute_error": errors, "squared_error": errors**2}, range(60)
    )
    for level, seed in ((0.95, 0), (0.5, 3)):
        board = rating_leaderboard({"m": table}, "mae", level, seed)
        expected = bootstrap_interval(errors, level, seed=seed)
        assert board.loc["m", ["low", "high"]].tolist() == pytest.approx(expected, rel=1e-12)
        board = rating_leaderboard({"m": table}, "rmse", level, seed)
        expected = np.sqrt(bootstrap_interval(errors**2, level, seed=seed))
        assert board.loc["m", ["low", "high"]].tolist() == pytest.approx(expected, rel=1e-4)


def test_whole_users_are_drawn_with_the_number_of_their_ratings():
    """One user with 9 ratings and error 0, one with 1 and error 1: 0, 1/10 or 1, nothing else."""
    table = pd.DataFrame({"n_ratings": [9, 1], "absolute_error": [0, 1], "squared_error": [0, 1]})
    for metric, middle in (("mae", 0.1), ("rmse", math.sqrt(0.1))):
        wide = rating_leaderboard({"m": table}, metric, 0.95).loc["m"]
        assert wide.tolist() == pytest.approx([middle, 0, 1, 2])
        narrow = rating_leaderboard({"m": table}, metric, 0.4).loc["m"]
        assert narrow.tolist() == pytest.approx([middle, middle, middle, 2])


# ---------------------------------------------------------------------------------------- comparing


def test_a_model_does_not_differ_from_itself():
    found = compare_ratings(BETTER, BETTER.copy())
    assert found.index.tolist() == ["rmse", "mae"]
    assert list(found) == ["difference", "low", "high", "p_value"]
    assert found[["difference", "low", "high"]].to_numpy().tolist() == [[0, 0, 0]] * 2
    assert found["p_value"].tolist() == [1, 1]


def test_the_better_model_is_found():
    found = compare_ratings(BETTER, WORSE)
    assert (found["high"] < 0).all()
    assert (found["p_value"] < 0.05).all()
    for metric in ("rmse", "mae"):
        difference = rating_error(BETTER, metric) - rating_error(WORSE, metric)
        assert found.loc[metric, "difference"] == difference
        assert found.loc[metric, "low"] < difference < found.loc[metric, "high"]


def test_the_p_value_is_that_of_the_paired_test_on_the_sums_of_each_user():
    close = BETTER.copy()
    shift = np.random.default_rng(2).normal(0.03, 0.2, (len(close), 2))
    close[["absolute_error", "squared_error"]] += shift
    found = compare_ratings(close, BETTER, seed=4)["p_value"]
    assert found["mae"] == pytest.approx(paired_test(shift[:, 0], seed=4))
    assert found["rmse"] == pytest.approx(paired_test(shift[:, 1], seed=4))
    assert found["mae"] != found["rmse"]


def test_exchanging_the_models_changes_the_sign_only():
    there, back = compare_ratings(BETTER, WORSE), compare_ratings(WORSE, BETTER)
    np.testing.assert_allclose(there["difference"], -back["difference"], rtol=1e-12)
    np.testing.assert_allclose(there["low"], -back["high"], rtol=1e-9)
    np.testing.assert_allclose(there["high"], -back["low"], rtol=1e-9)
    assert there["p_value"].tolist() == back["p_value"].tolist()


def test_both_models_are_measured_on_the_same_users_of_each_draw():
    """A difference that is the same for every rating has no interval at all."""
    table = BETTER.copy()
    table["absolute_error"] += 0.25 * table["n_ratings"]
    found = compare_ratings(table, BETTER).loc["mae"]
    assert found[["difference", "low", "high"]].tolist() == pytest.approx([0.25] * 3, rel=1e-9)


def test_the_level_and_the_seed_count():
    widths = []
    for level in (0.5, 0.9, 0.99):
        found = compare_ratings(BETTER, WORSE, level)
        widths.append((found["high"] - found["low"]).to_numpy())
    assert (np.diff(widths, axis=0) > 0).all()
    one, same, other = (compare_ratings(BETTER, WORSE, seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one["low"] != other["low"]).all()
    boards = [rating_leaderboard({"m": WORSE}, seed=seed)["low"].item() for seed in (1, 1, 2)]
    assert boards[0] == boards[1] != boards[2]


# ------------------------------------------------------------------------------------------ refused


def test_models_that_only_rank_are_refused():
    with pytest.raises(TypeError, match="model must predict ratings, but Popularity only ranks"):
        evaluate_ratings(Popularity().fit(SMALL.train), SMALL)


def test_a_model_that_is_not_fitted_or_of_other_data_is_refused():
    with pytest.raises(NotFittedError):
        evaluate_ratings(Biases(), SMALL)
    with pytest.raises(DataError, match=r"split .*Biases.* has 4 and 4, not 80 and 40"):
        evaluate_ratings(Biases().fit(SPLIT.train), SMALL)


def test_an_empty_set_is_refused():
    split = split_of([(0, 0, 4), (1, 1, 3)], [], [(0, 1, 2)])
    with pytest.raises(DataError, match="the valid set of the split holds no rating"):
        evaluate_ratings(Biases().fit(split.train), split, on="valid")
    with pytest.raises(ValueError, match="on must be one of 'test', 'valid', 'train', got 'all'"):
        evaluate_ratings(Biases().fit(split.train), split, on="all")


def test_predictions_that_are_nan_are_refused():
    table = PREDICTED.copy()
    table[2, 0] = np.nan
    with pytest.raises(ValueError, match="predicts NaN"):
        evaluate_ratings(fitted(table), SMALL)


def test_what_is_no_table_of_errors_is_refused_by_name():
    table = evaluate_ratings(Biases().fit(SMALL.train), SMALL)
    lists = pd.DataFrame({"n_relevant": [1], "hr@10": [1.0]})
    for wrong, error, message in (
        ([table], TypeError, r"tables\['A'\] must be a table .*list; mean_errors makes one of"),
        (table["n_ratings"], TypeError, r"tables\['A'\] must be a table .*, got Series"),
        (lists, DataError, r"tables\['A'\] must be .*no column 'n_ratings'; it has \['n_relevant'"),
        (table.iloc[:0], DataError, r"tables\['A'\] holds no rating"),
    ):
        with pytest.raises(error, match=message):
            rating_leaderboard({"A": wrong})
    for wrong in ({"A": table}, table["n_ratings"]):
        for ask in (mean_errors, lambda t: compare_ratings(t, table)):
            with pytest.raises(TypeError, match="tables must be a table of evaluate_ratings, or a"):
                ask(wrong)
    with pytest.raises(DataError, match=r"tables\[1\] must be .*no column 'n_ratings'"):
        compare_ratings([table, lists], table)
    with pytest.raises(DataError, match="no column 'n_ratings'"):
        rating_error(lists)
    with pytest.raises(DataError, match="the same ratings of the same users; 'B' is not"):
        rating_leaderboard({"A": table, "B": table.iloc[1:]})
    assert rating_leaderboard({"A": table}, "mae", 0.9).attrs == {
        "metric": "mae", "level": 0.9, "unit": "stars"
    }  # fmt: skip


def test_tables_about_other_ratings_are_refused():
    fewer = BETTER.copy()
    fewer.loc[fewer.index[3], "n_ratings"] += 1
    renamed = BETTER.set_axis(BETTER.index + 1)
    for other in (BETTER.iloc[1:], BETTER.iloc[::-1], fewer, renamed):
        for pair in ((BETTER, other), (other, BETTER)):
            with pytest.raises(DataError, match="the same ratings of the same users"):
                compare_ratings(*pair)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="metric must be one of 'rmse', 'mae', got 'mse'"):
        rating_error(BETTER, "mse")
    with pytest.raises(ValueError, match="metric must be one of"):
        rating_leaderboard({"m": BETTER}, "mse")
    with pytest.raises(ValueError, match="level must be"):
        rating_leaderboard({"m": BETTER}, level=95)
    with pytest.raises(ValueError, match="level must be"):
        compare_ratings(BETTER, WORSE, level=-0.1)
    with pytest.raises(DataError, match="tables is empty"):
        rating_leaderboard({})
