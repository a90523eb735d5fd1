"""Means and biases against least squares, and by hand in fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import Interactions
from recsys_lib.models import Biases, NotFittedError

repeatable = settings(deadline=None, derandomize=True, max_examples=60)
SIDES = [(True, True), (True, False), (False, True), (False, False)]
o = np.nan


def ratings_of(table, scale=None):
    """Interactions from rows of ratings; NaN is an empty cell."""
    table = np.array(table, dtype=float)
    user, item = np.nonzero(~np.isnan(table))
    n_users, n_items = table.shape
    return Interactions(
        user,
        item,
        table[user, item],
        np.zeros(len(user)),
        range(n_users),
        range(n_items),
        scale=scale,
    )


def random_ratings(seed, n_users, n_items, density):
    """Whole stars in random cells; one cell is filled in any case."""
    rng = np.random.default_rng(seed)
    table = rng.integers(1, 6, (n_users, n_items)).astype(float)
    empty = rng.random(table.shape) >= density
    empty[rng.integers(n_users), rng.integers(n_items)] = False
    table[empty] = np.nan
    return ratings_of(table)


def least_squares(ratings, regularization, users, items):
    """The minimum of the penalized loss: each penalty is one more equation, sqrt(lambda) b = 0."""
    n, (n_users, n_items) = len(ratings), ratings.shape
    design = np.zeros((n, n_users + n_items))
    if users:
        design[np.arange(n), ratings.user] = 1
    if items:
        design[np.arange(n), n_users + ratings.item] = 1
    penalty = np.sqrt(regularization) * np.eye(n_users + n_items)
    mean = ratings.rating.astype(float).mean()
    right = np.r_[ratings.rating - mean, np.zeros(n_users + n_items)]
    found = np.linalg.lstsq(np.vstack([design, penalty]), right)[0]
    return mean, found[:n_users], found[n_users:]


# ------------------------------------------------------------------------------ against the minimum


@pytest.mark.parametrize(("users", "items"), SIDES)
@given(
    seed=st.integers(0, 10**6),
    n_users=st.integers(1, 8),
    n_items=st.integers(1, 8),
    density=st.sampled_from([0.1, 0.4, 0.8]),
    regularization=st.sampled_from([0.3, 1.0, 5.0, 40.0]),
)
@pytest.mark.filterwarnings("ignore:all .* ratings are")  # of a few that happen to be equal
@repeatable
def test_biases_are_the_least_squares_solution(
    users, items, seed, n_users, n_items, density, regularization
):
    ratings = random_ratings(seed, n_users, n_items, density)
    model = Biases(regularization, users=users, items=items).fit(ratings)
    mean, of_users, of_items = least_squares(ratings, regularization, users, items)
    assert model.global_mean_ == pytest.approx(mean, abs=1e-12)
    np.testing.assert_allclose(model.user_biases_, of_users, atol=1e-7)
    np.testing.assert_allclose(model.item_biases_, of_items, atol=1e-7)
    rated_users, rated_items = ratings.user_counts > 0, ratings.item_counts > 0
    assert not model.user_biases_[~(rated_users & users)].any()
    assert not model.item_biases_[~(rated_items & items)].any()


@pytest.mark.parametrize(("users", "items"), SIDES)
def test_without_a_penalty_the_fitted_values_are_those_of_least_squares(users, items):
    """The biases are not unique then: all users one up and all items one down is as good."""
    ratings = random_ratings(1, 20, 15, 0.5)
    model = Biases(0.0, users=users, items=items).fit(ratings)
    mean, of_users, of_items = least_squares(ratings, 0.0, users, items)
    found = model.predict(ratings.user, ratings.item)
    expected = mean + of_users[ratings.user] + of_items[ratings.item]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_without_a_penalty_one_side_gives_plain_means():
    table = [[5, 4, o], [1, o, o], [o, o, o]]
    of_users = Biases(0.0, items=False).fit(ratings_of(table))
    np.testing.assert_allclose(of_users.score([0, 1, 2])[:, 0], [4.5, 1, 10 / 3], rtol=1e-6)
    of_items = Biases(0.0, users=False).fit(ratings_of(table))
    np.testing.assert_allclose(of_items.score([2]), [[3, 4, 10 / 3]], rtol=1e-6)


# ------------------------------------------------------------------------------------------ by hand

TABLE = [[5, 4, o], [1, o, o], [o, o, o]]  # the mean is 10/3; user 2 and item 2 have no rating


def floats(*fractions):
    return [float(Fraction(text)) for text in fractions]


def test_biases_in_fractions():
    """With lambda = 1 and a, c for users and items: 3a = 7/3 - c - d, 2b = -7/3 - c, ..."""
    model = Biases(1.0).fit(ratings_of(TABLE))
    assert model.global_mean_ == pytest.approx(10 / 3)
    assert model.user_biases_ == pytest.approx(floats("6/7", "-23/21", 0), abs=1e-8)
    assert model.item_biases_ == pytest.approx(floats("-1/7", "-2/21", 0), abs=1e-8)
    assert model.user_biases_[2] == model.item_biases_[2] == 0
    expected = floats("85/21", "86/21", "88/21")  # 10/3 + 6/7 and the bias of the item
    assert model.score([0])[0] == pytest.approx(expected, rel=1e-6)
    assert model.predict([0, 0, 0], [0, 1, 2]) == pytest.approx(expected, rel=1e-6)
    assert model.predict([2, 1], [2, 2]) == pytest.approx(floats("10/3", "47/21"), rel=1e-6)


def test_one_side_alone_in_fractions():
    of_users = Biases(1.0, items=False).fit(ratings_of(TABLE))
    assert of_users.user_biases_ == pytest.approx(floats("7/9", "-7/6", 0))
    assert of_users.item_biases_.tolist() == [0, 0, 0]
    of_items = Biases(1.0, users=False).fit(ratings_of(TABLE))
    assert of_items.item_biases_ == pytest.approx(floats("-2/9", "1/3", 0))
    assert of_items.user_biases_.tolist() == [0, 0, 0]
    neither = Biases(1.0, users=False, items=False).fit(ratings_of(TABLE))
    np.testing.assert_array_equal(neither.score([0, 1, 2]), np.full((3, 3), np.float32(10 / 3)))


# ---------------------------------------------------------------------------------------- predict


@pytest.mark.parametrize(
    ("table", "exact", "clipped"), [([[o, 5], [5, 2]], 8, 5), ([[o, 1], [1, 4]], -2, 1)]
)
def test_predictions_are_clipped_to_the_scale(table, exact, clipped):
    """Without a penalty three ratings are met exactly, and the fourth cell lies far outside."""
    model = Biases(0.0).fit(ratings_of(table, scale=(1, 5)))
    assert model.predict([0, 1], [0, 0]) == pytest.approx([clipped, table[1][0]], abs=1e-6)
    unclipped = model.predict([0, 1], [0, 0], clip=False)
    assert unclipped == pytest.approx([exact, table[1][0]], abs=1e-6)
    assert model.score([0])[0, 0] == pytest.approx(exact, abs=1e-6)
    assert model.predict([0], [0]).dtype == unclipped.dtype == np.float32


def test_without_a_scale_nothing_is_clipped():
    model = Biases(0.0).fit(ratings_of([[o, 5], [5, 2]]))
    assert model.predict([0], [0]) == pytest.approx([8], abs=1e-6)


def test_predict_is_one_cell_of_score():
    ratings = random_ratings(2, 9, 7, 0.5)
    model = Biases().fit(ratings)
    users, items = np.array([8, 0, 0, 3]), np.array([1, 6, 6, 0])
    found = model.predict(users, items, clip=False)
    np.testing.assert_array_equal(found, model.score(users)[np.arange(4), items])
    assert model.predict([], []).shape == (0,)


def test_predict_refuses_what_it_cannot_use():
    with pytest.raises(NotFittedError, match=r"Biases\(.*\) is not fitted yet"):
        Biases().predict([0], [0])
    model = Biases().fit(ratings_of(TABLE))
    for users, items, error, message in (
        ([0, 1], [0], ValueError, "users and items must have one length, got 2 and 1"),
        ([0], [0, 1, 2], ValueError, "users and items must have one length, got 1 and 3"),
        ([3], [0], IndexError, "users holds 3, allowed are 0 to 2"),
        ([0], [-1], IndexError, "items holds -1, allowed are 0 to 2"),
        ([0.0], [0], TypeError, "users must hold integer indices"),
        ([0], ["a"], TypeError, "items must hold integer indices"),
        (0, [0], ValueError, "users must be a one-dimensional array"),
        ([0], [[0]], ValueError, "items must be a one-dimensional array"),
    ):
        with pytest.raises(error, match=message):
            model.predict(users, items)
