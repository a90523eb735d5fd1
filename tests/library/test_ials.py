"""iALS: each half-sweep against equations written out, its loss against all cells, growth."""

import numpy as np
import pytest

from recsys_lib.data import Interactions
from recsys_lib.evaluation import watching
from recsys_lib.models import iALS
from recsys_lib.models.ials import solve_symmetric

from model_suite import N_ITEMS, planted

SPLIT = planted()
TRAIN = SPLIT.train
X = TRAIN.to_csr("ones").toarray().astype(np.float64)
COUNTS = X.sum(axis=1), X.sum(axis=0)


def weights_of(counts, n_others, model):
    n = counts + model.unobserved_weight * n_others
    return model.regularization * n ** (1 - model.frequency_power)


def dense_half(cells, Q, model):
    """Solve for each row with all cells of it, each with its weight: no Gram matrix."""
    penalties, rows = weights_of(cells.sum(axis=1), len(Q), model), []
    for row, penalty in zip(cells, penalties, strict=True):
        weights = row + model.unobserved_weight  # the known cells stand in both sums
        left = (Q.T * weights) @ Q + penalty * np.eye(Q.shape[1])
        rows.append(np.linalg.solve(left, Q.T @ row))
    return np.array(rows)


def loss_of_all_cells(P, Q, model):
    scores = P @ Q.T
    penalty = weights_of(COUNTS[0], len(Q), model) @ (P**2).sum(axis=1)
    penalty += weights_of(COUNTS[1], len(P), model) @ (Q**2).sum(axis=1)
    everywhere = model.unobserved_weight * (scores**2).sum()
    return (((1 - scores) ** 2)[X == 1].sum() + everywhere + penalty) / X.sum()


SETTINGS = [
    {},
    {"unobserved_weight": 1.0, "regularization": 0.1},
    {"frequency_power": 1.0, "regularization": 2.0},
    {"frequency_power": 0.5, "regularization": 0.3, "unobserved_weight": 0.02},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_a_sweep_is_the_dense_solution(settings):
    model = iALS(5, **settings, init_scale=1.0, epochs=1)
    model.n_users_, model.n_items_ = TRAIN.shape
    model._start(TRAIN)
    Q = model.item_factors_.astype(np.float64)
    model.fit(TRAIN)
    P = dense_half(X, Q, model)
    np.testing.assert_allclose(model.user_factors_, P, rtol=1e-3, atol=1e-4)
    Q = dense_half(X.T, model.user_factors_.astype(np.float64), model)
    np.testing.assert_allclose(model.item_factors_, Q, rtol=1e-3, atol=1e-4)
    loss = loss_of_all_cells(model.user_factors_, model.item_factors_, model)
    assert model.history_["loss"][0] == pytest.approx(loss, rel=1e-6)


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_loss_never_rises_and_its_gradient_ends_at_zero(settings):
    model = iALS(3, **settings, epochs=400, seed=1).fit(TRAIN)
    losses = model.history_["loss"].to_numpy()
    assert (np.diff(losses) <= 1e-6 * losses[:-1]).all()
    P, Q = model.user_factors_.astype(np.float64), model.item_factors_.astype(np.float64)
    np.testing.assert_allclose(dense_half(X, Q, model), P, atol=2e-3)


def test_who_has_met_nothing_and_what_nobody_has_met_stay_at_zero():
    model = iALS(4, epochs=3).fit(TRAIN)
    assert not model.user_factors_[COUNTS[0] == 0].any()
    assert not model.item_factors_[COUNTS[1] == 0].any()
    assert model.user_factors_[COUNTS[0] > 0].any(axis=1).all()


def test_a_new_user_is_solved_for_with_the_items_held():
    model = iALS(4, epochs=5).fit(TRAIN)
    items = np.flatnonzero(X[7])
    solved = dense_half(X[[7]], model.item_factors_.astype(np.float64), model)
    expected = (solved @ model.item_factors_.T)[0]
    np.testing.assert_allclose(model.fold_in(items), expected, rtol=1e-3, atol=1e-4)
    at_rest = iALS(2, epochs=1500).fit(TRAIN)
    np.testing.assert_allclose(at_rest.fold_in(items), at_rest.score([7])[0], atol=1e-3)


@pytest.mark.parametrize("n", [1, 2, 7, 30])
def test_the_solver_of_symmetric_equations(n):
    rng = np.random.default_rng(n)
    A = rng.normal(size=(n, n))
    A, b = A @ A.T + np.eye(n), rng.normal(size=n)
    np.testing.assert_allclose(solve_symmetric(A, b), np.linalg.solve(A, b), rtol=1e-8)


def test_it_learns_from_what_was_met_and_not_from_ratings():
    ratings = Interactions(
        *(TRAIN.user, TRAIN.item, 6 - TRAIN.rating, TRAIN.timestamp),
        *(TRAIN.user_ids, TRAIN.item_ids),
        time_unit="s",
    )
    one, other = (iALS(3, epochs=2).fit(train).score(range(5)) for train in (TRAIN, ratings))
    np.testing.assert_array_equal(one, other)


def test_patience_keeps_the_best_sweep():
    model = iALS(8, epochs=60, patience=4, unobserved_weight=0.3)
    model.fit(TRAIN, watch=watching(SPLIT))
    history = model.history_
    assert len(history) < 60
    assert "valid_loss" not in history  # which is of sampled negatives
    assert history["valid_ndcg@10"].idxmax() + 1 == model.best_epoch_ == len(history) - 4


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"regularization": 0}, "regularization must be above 0"),
        ({"unobserved_weight": 0}, "unobserved_weight must be above 0"),
        ({"unobserved_weight": -1}, "unobserved_weight must be"),
        ({"init_scale": 0}, "init_scale must be above 0"),
        ({"frequency_power": 1.5}, "frequency_power must be"),
        ({"factors": 0}, "factors must be"),
    ],
)
def test_what_cannot_be_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        iALS(**given)


def test_equations_without_a_solution_are_said_to_have_none():
    with pytest.raises(FloatingPointError, match=r"regularization=1e-30 is too small"):
        iALS(40, regularization=1e-30, init_scale=1e4, epochs=3).fit(TRAIN)


@pytest.mark.parametrize("given", [{"regularization": 10}, {"init_scale": 1e30}])
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_model_that_says_nothing_of_anybody_is_not_returned(given):
    with pytest.raises(FloatingPointError, match=r"every score became 0|no solution|all bounds"):
        iALS(8, **given, epochs=30).fit(TRAIN)


@pytest.mark.parametrize("factors", [1, 16, 256])
def test_the_first_vectors_are_as_long_whatever_their_number_of_factors(factors):
    model = iALS(factors, init_scale=0.3)
    model.n_users_, model.n_items_ = TRAIN.shape
    model._start(TRAIN)
    lengths = (model.item_factors_[COUNTS[1] > 0] ** 2).sum(axis=1)
    assert lengths.mean() == pytest.approx(0.09, rel=0.6 if factors == 1 else 0.25)


def test_scores_are_products():
    model = iALS(3, epochs=2).fit(TRAIN)
    found = model.score([3, 0])
    assert found.shape == (2, N_ITEMS)
    np.testing.assert_allclose(
        found, model.user_factors_[[3, 0]] @ model.item_factors_.T, rtol=1e-6
    )
