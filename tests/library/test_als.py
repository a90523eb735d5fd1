"""Alternating least squares against `numpy.linalg.lstsq`, and its loss against its gradient."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from recsys_lib.data import Interactions
from recsys_lib.metrics import mae, rmse
from recsys_lib.models import ALS, Biases, als, iALS, ials
from recsys_lib.models.als import loss, solve_side

from toy import watch_on

repeatable = settings(deadline=None, derandomize=True, max_examples=40)


def interactions(user, item, rating, shape, scale=None):
    return Interactions(
        user, item, rating, np.zeros(len(user)), range(shape[0]), range(shape[1]), scale=scale
    )


def random_ratings(seed, n_users=12, n_items=9, density=0.4):
    """Whole stars in random cells; the last user and the last item have none."""
    rng = np.random.default_rng(seed)
    filled = rng.random((n_users, n_items)) < density
    filled[0, 0] = True
    filled[-1], filled[:, -1] = False, False
    user, item = np.nonzero(filled)
    return interactions(user, item, rng.integers(1, 6, len(user)), filled.shape)


def error_of(model, ratings):
    return rmse(ratings.rating, model.predict(ratings.user, ratings.item))


def half(matrix, fixed, mean, regularization, biases):
    """`solve_side` for the rows of a matrix; the last column of `fixed` holds the biases."""
    out = np.full((matrix.shape[0], fixed.shape[1]), np.nan)
    solve_side(
        matrix.indptr,
        matrix.indices,
        matrix.data,
        fixed[:, :-1].copy(),
        fixed[:, -1].copy(),
        mean,
        regularization,
        biases,
        out,
    )
    return out


def model_of(users, items, mean):
    """A model with these numbers, only to be asked for its loss."""
    model = ALS(users.shape[1] - 1)
    model.global_mean_ = mean
    model.user_factors_, model.user_biases_ = users[:, :-1], users[:, -1]
    model.item_factors_, model.item_biases_ = items[:, :-1], items[:, -1]
    return model


def start(ratings, k, seed, biases):
    """Random (factors, bias) of the items, and the mean."""
    items = np.random.default_rng(seed).normal(size=(ratings.n_items, k + 1))
    if not biases:
        items[:, -1] = 0
    return items, float(ratings.rating.mean()) if biases else 0.0


# ------------------------------------------------------------------------------------ one half-step


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 4),
    density=st.sampled_from([0.1, 0.4, 0.9]),
    regularization=st.sampled_from([0.01, 0.1, 1.0, 10.0]),
    biases=st.booleans(),
)
@repeatable
def test_a_half_step_is_least_squares_for_each_user(seed, k, density, regularization, biases):
    """The penalty of each unknown is one more equation, sqrt(lambda n) x = 0."""
    ratings = random_ratings(seed, density=density)
    items, mean = start(ratings, k, seed, biases)
    found = half(ratings.to_csr("rating"), items, mean, regularization, biases)
    size = k + 1 if biases else k
    for user in range(ratings.n_users):
        mine = ratings.user == user
        n, met = mine.sum(), ratings.item[mine]
        if n == 0:
            assert found[user].tolist() == [0] * (k + 1)
            continue
        design = np.hstack([items[met, :-1], np.ones((n, 1))])[:, :size]
        left = np.vstack([design, np.sqrt(regularization * n) * np.eye(size)])
        right = np.r_[ratings.rating[mine] - mean - items[met, -1], np.zeros(size)]
        np.testing.assert_allclose(found[user, :size], np.linalg.lstsq(left, right)[0], atol=1e-8)
        assert biases or found[user, k] == 0


def test_a_half_step_by_hand():
    """One user, two items, lambda 1/2: (1 + 4 + 1/2 * 2) p = 1 * 5 + 2 * 3."""
    ratings = interactions([0, 0], [0, 1], [5, 3], (1, 2)).to_csr()
    items = np.array([[1.0, 0], [2, 0]])
    np.testing.assert_allclose(half(ratings, items, 0.0, 0.5, False), [[11 / 6, 0]])
    # with biases, and y = (5 - 3 - 1/2, 3 - 3 + 1) = (3/2, 1): 6p + 3b = 7/2, 3p + 3b = 5/2
    items[:, 1] = 0.5, -1
    np.testing.assert_allclose(half(ratings, items, 3.0, 0.5, True), [[1 / 3, 1 / 2]])


# ----------------------------------------------------------------------------------------- the loss


def torch_loss(ratings, users, items, mean, regularization):
    """The loss of the module `mf`, written down once more, term for term."""
    u, i = torch.tensor(ratings.user), torch.tensor(ratings.item)
    p, b = users[u, :-1], users[u, -1]
    q, c = items[i, :-1], items[i, -1]
    errors = torch.tensor(ratings.rating.astype(float)) - mean - b - c - (p * q).sum(dim=1)
    penalty = b**2 + c**2 + (p**2).sum(dim=1) + (q**2).sum(dim=1)
    return (errors**2 + regularization * penalty).sum()


def gradients(ratings, users, items, mean, regularization):
    variables = [torch.tensor(np.array(a), requires_grad=True) for a in (users, items)]
    torch_loss(ratings, *variables, mean, regularization).backward()
    return [variable.grad.numpy() for variable in variables]


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 4),
    regularization=st.sampled_from([0.02, 0.2, 2.0]),
    biases=st.booleans(),
)
@repeatable
def test_after_each_half_step_the_gradient_of_its_unknowns_is_zero(seed, k, regularization, biases):
    ratings = random_ratings(seed)
    items, mean = start(ratings, k, seed, biases)
    by_user = ratings.to_csr("rating")
    solved = slice(None) if biases else slice(-1)  # held at zero, the biases have another gradient
    for _ in range(2):
        users = half(by_user, items, mean, regularization, biases)
        of_users, of_items = gradients(ratings, users, items, mean, regularization)
        np.testing.assert_allclose(of_users[:, solved], 0, atol=1e-8)
        assert np.abs(of_items).max() > 1e-3
        items = half(by_user.T.tocsr(), users, mean, regularization, biases)
        _, of_items = gradients(ratings, users, items, mean, regularization)
        np.testing.assert_allclose(of_items[:, solved], 0, atol=1e-8)


def block(model, side):
    factors, biases = getattr(model, f"{side}_factors_"), getattr(model, f"{side}_biases_")
    return np.column_stack([factors, biases])


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("epochs", [1, 6])
def test_a_fit_ends_with_the_items_at_their_lowest_point(biases, epochs):
    ratings = random_ratings(1)
    model = ALS(3, 0.3, epochs, biases=biases).fit(ratings)
    users, items = block(model, "user"), block(model, "item")
    of_users, of_items = gradients(ratings, users, items, model.global_mean_, 0.3)
    np.testing.assert_allclose(of_items[:, : None if biases else -1], 0, atol=1e-8)
    assert np.abs(of_users).max() > 1e-6
    solved = half(ratings.to_csr().T.tocsr(), users, model.global_mean_, 0.3, biases)
    np.testing.assert_allclose(items, solved, atol=1e-12)


@pytest.mark.parametrize("biases", [True, False])
def test_after_many_sweeps_the_whole_gradient_is_zero(biases):
    ratings = random_ratings(2)
    model = ALS(2, 0.3, epochs=2000, biases=biases).fit(ratings)
    both = gradients(ratings, block(model, "user"), block(model, "item"), model.global_mean_, 0.3)
    for gradient in both:
        np.testing.assert_allclose(gradient[:, : None if biases else -1], 0, atol=1e-6)


def test_the_loss_by_hand():
    """Predictions 3 + b + c + pq; the cell (1, 1) is empty, so user 0 and item 0 count twice."""
    ratings = interactions([0, 0, 1], [0, 1, 0], [5, 2, 4], (2, 2))
    users = np.array([[1.0, 2, 0.5], [0, -1, 0]])  # two factors and the bias
    items = np.array([[1.0, 0, 0], [2, -1, 1]])
    model = model_of(users, items, 3.0)
    # errors 5 - 4.5, 2 - (3 + 0.5 + 1 + 0), 4 - 3; norms 5.25 and 1 of users, 1 and 6 of items
    squares = 0.25 + 6.25 + 1
    penalty = (5.25 + 1) + (5.25 + 6) + (1 + 1)
    assert loss(model, ratings, 0) == pytest.approx(squares)
    assert loss(model, ratings, 0.1) == pytest.approx(squares + 0.1 * penalty)
    expected = torch_loss(ratings, torch.tensor(users), torch.tensor(items), 3.0, 0.1)
    assert loss(model, ratings, 0.1) == pytest.approx(float(expected))


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 5),
    density=st.sampled_from([0.1, 0.4, 0.9]),
    regularization=st.sampled_from([1e-3, 0.1, 3.0]),
    biases=st.booleans(),
)
@repeatable
def test_the_loss_never_rises(seed, k, density, regularization, biases):
    ratings = random_ratings(seed, density=density)
    items, mean = start(ratings, k, seed, biases)
    by_user, by_item = ratings.to_csr("rating"), ratings.to_csr("rating").T.tocsr()
    losses = []
    for _ in range(4):
        users = half(by_user, items, mean, regularization, biases)
        losses.append(loss(model_of(users, items, mean), ratings, regularization))
        items = half(by_item, users, mean, regularization, biases)
        losses.append(loss(model_of(users, items, mean), ratings, regularization))
    before, after = np.array(losses[:-1]), np.array(losses[1:])
    assert (after <= before * (1 + 1e-9)).all()
    model = ALS(k, regularization, epochs=5, biases=biases, seed=seed).fit(ratings)
    found = model.history_["loss"].to_numpy()
    assert (found[1:] <= found[:-1] * (1 + 1e-9)).all()
    assert found[-1] == pytest.approx(loss(model, ratings, regularization), rel=1e-12)


# ---------------------------------------------------------------------------------------- the model


@pytest.mark.parametrize("biases", [True, False])
def test_users_and_items_without_ratings_get_zeros(biases):
    ratings = random_ratings(3)
    model = ALS(3, epochs=3, biases=biases).fit(ratings)
    for side, counts in (("user", ratings.user_counts), ("item", ratings.item_counts)):
        found = block(model, side)
        assert (counts == 0).any()
        assert not found[counts == 0].any()
        assert found[counts > 0, :-1].all()
        assert found[:, -1].any() == biases
    assert model.global_mean_ == (pytest.approx(ratings.rating.mean()) if biases else 0)
    nobody, items = np.full(ratings.n_items, ratings.n_users - 1), np.arange(ratings.n_items)
    newcomer = model.predict(nobody, items, clip=False)
    np.testing.assert_allclose(newcomer, model.global_mean_ + model.item_biases_, rtol=1e-6)
    np.testing.assert_array_equal(model.score(nobody[:1])[0], ratings.item_counts)


def test_a_sweep_solves_for_the_users_from_random_items():
    """The first half-step has nothing but the start; more spread at the start, other users."""
    ratings = random_ratings(4)
    small, large = (ALS(2, epochs=1, init_scale=s).fit(ratings) for s in (0.1, 1.0))
    items = np.hstack([np.random.default_rng(0).normal(0, 1, (9, 2)), np.zeros((9, 1))])
    users = half(ratings.to_csr(), items, large.global_mean_, 0.1, True)
    np.testing.assert_allclose(block(large, "user"), users, atol=1e-12)
    assert np.abs(small.user_factors_ - large.user_factors_).max() > 0.01


def test_no_penalty_is_refused():
    with pytest.raises(ValueError, match="regularization must be above 0, got 0"):
        ALS(regularization=0)
    with pytest.raises(ValueError, match="regularization must be above 0, got 0"):
        ALS(regularization=0.0)
    assert ALS(regularization=1e-9).regularization == 1e-9


@pytest.mark.parametrize("biases", [True, False])
def test_a_planted_matrix_is_recovered(biases):
    """The noise is 0.2; the bar is what means and biases can say."""
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(150, 3)) @ rng.normal(size=(3, 90))
    user, item = np.nonzero(rng.random(truth.shape) < 0.4)
    rating = truth[user, item] + 0.2 * rng.normal(size=len(user))
    out = rng.random(len(user)) < 0.2
    train, held_out = (
        interactions(user[part], item[part], rating[part], truth.shape) for part in (~out, out)
    )
    model = ALS(3 if biases else 4, 0.005, epochs=60, biases=biases).fit(
        train, watch=watch_on(train, held_out)
    )
    found = error_of(model, held_out)
    assert 0.2 < found < 0.25
    assert error_of(Biases().fit(train), held_out) > 1.2
    last = model.history_.iloc[-1]
    predicted = model.predict(held_out.user, held_out.item)
    assert last["valid_rmse"] == pytest.approx(found, rel=1e-5)
    assert last["valid_mae"] == pytest.approx(mae(held_out.rating, predicted), rel=1e-5)
    assert last["train_rmse"] == pytest.approx(error_of(model, train), rel=1e-5)
    assert model.history_["epoch"].tolist() == list(range(1, 61))


def test_history_has_a_row_for_each_sweep():
    ratings = random_ratings(5)
    columns = ["epoch", "seconds", "loss", "train_rmse", "train_mae"]
    assert list(ALS(2, epochs=3).fit(ratings).history_) == columns
    watched = ALS(2, epochs=3).fit(ratings, watch=watch_on(ratings, ratings)).history_
    assert list(watched) == [*columns, "valid_rmse", "valid_mae"]
    assert watched["epoch"].tolist() == [1, 2, 3]
    assert watched["valid_rmse"].tolist() == watched["train_rmse"].tolist()


def blas_threads():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


def test_small_products_run_on_one_thread_and_the_callers_number_comes_back(monkeypatch):
    seen = []
    for module, solve in ((als, als.solve_side), (ials, ials.solve_rows)):

        def watched(*arguments, solve=solve):
            seen.append(blas_threads())
            return solve(*arguments)

        monkeypatch.setattr(module, solve.__name__, watched)
    als.one_blas_thread()  # all libraries are loaded now
    if not blas_threads():
        pytest.skip("threadpoolctl knows no linear algebra here, as with Accelerate")
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        ratings = random_ratings(0)
        ALS(2, epochs=1).fit(ratings).fold_in([0, 1], [5, 3])
        iALS(2, epochs=1).fit(ratings).fold_in([0, 1])
        assert blas_threads() == before
    assert len(seen) == 6  # users, items and the new user, of both models
    assert {n for one in seen for n in one} == {1}
