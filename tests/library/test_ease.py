"""EASE: its weights against one ridge regression for each item, and what it refuses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import DataError, Interactions
from recsys_lib.models import EASE
from recsys_lib.models import ease as module

from model_suite import planted
from toy import part

TRAIN = planted().train
X = TRAIN.to_csr("ones").toarray().astype(np.float64)


def by_regressions(cells, regularization):
    """Predict each column from all others by ridge regression: no multiplier, no closed form."""
    n = cells.shape[1]
    B = np.zeros((n, n))
    for i in range(n):
        others = np.delete(np.arange(n), i)
        Z = cells[:, others]
        left = Z.T @ Z + regularization * np.eye(n - 1)
        B[others, i] = np.linalg.solve(left, Z.T @ cells[:, i])
    return B


@pytest.mark.parametrize("regularization", [0.5, 3.0, 100.0])
def test_the_weights_are_those_of_a_ridge_regression_for_each_item(regularization):
    model = EASE(regularization).fit(TRAIN)
    expected = by_regressions(X, regularization)
    np.testing.assert_allclose(model.weights_, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.score(range(10)), X[:10] @ expected, rtol=1e-4, atol=1e-5)
    assert not np.diag(model.weights_).any()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(seed=st.integers(0, 10**6), n_users=st.integers(1, 9), n_items=st.integers(1, 9))
def test_so_they_are_for_any_small_matrix(seed, n_users, n_items):
    rng = np.random.default_rng(seed)
    cells = {(0, 0)} | {tuple(c) for c in np.argwhere(rng.random((n_users, n_items)) < 0.4)}
    train = part(cells, (n_users, n_items))
    dense = train.to_csr("ones").toarray().astype(np.float64)
    found = EASE(0.7).fit(train).weights_
    np.testing.assert_allclose(found, by_regressions(dense, 0.7), rtol=1e-4, atol=1e-6)


def test_the_weights_of_two_items_by_hand():
    """Three users met both, one the first alone: counts 4, 3, together 3; with 1 added 5 and 4.

    P is the inverse of [[5, 3], [3, 4]], [[4, -3], [-3, 5]] / 11: B is 3 / 5 above, 3 / 4 below.
    """
    train = part({(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 0)}, (4, 2))
    found = EASE(1.0).fit(train).weights_
    np.testing.assert_allclose(found, [[0, 3 / 5], [3 / 4, 0]], rtol=1e-6)


def test_a_catalog_of_several_blocks_is_mirrored_whole():
    rng = np.random.default_rng(0)
    P = rng.normal(size=(1300, 1300))
    expected = np.tril(P) + np.tril(P, -1).T
    module._mirror(P)
    np.testing.assert_array_equal(P, expected)


def test_a_new_user_scores_as_one_of_the_training_set():
    model = EASE(2.0).fit(TRAIN)
    for user in (0, 7, 39):
        found = model.fold_in(np.flatnonzero(X[user]))
        np.testing.assert_allclose(found, model.score([user])[0], rtol=1e-5, atol=1e-6)


def test_a_catalog_too_large_is_refused_before_anything_is_made():
    wide = Interactions([0, 0], [0, 1], [1, 1], [0, 0], range(1), range(1_000_000))
    with pytest.raises(DataError, match=r"1,000,000 items would take 4,000 GB.* up to 25,000"):
        EASE().fit(wide)


def test_a_regularization_that_does_not_suffice_is_said():
    with pytest.raises(ValueError, match="regularization must be above 0"):
        EASE(0)
    twice = part({(u, i) for u in range(3) for i in range(4)}, (3, 4))  # equal columns
    with pytest.raises(FloatingPointError, match="regularization=1e-18 is too small"):
        EASE(1e-18).fit(twice)
    both = {(u, i) for u in range(1000) for i in range(2)} | {(u, 2) for u in range(500)}
    train = part(both, (1000, 3))  # two columns are equal, and share what they say of the third
    np.testing.assert_allclose(EASE(1e-8).fit(train).weights_[:2, 2], [0.25, 0.25], rtol=1e-3)
    with pytest.raises(FloatingPointError, match="regularization=1e-12 is too small"):
        EASE(1e-12).fit(train)
