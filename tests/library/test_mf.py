"""Stochastic gradient descent by hand, against automatic differentiation, and on planted data."""

import os
import subprocess
import sys
from fractions import Fraction

import numba
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import Interactions
from recsys_lib.metrics import mae, rmse
from recsys_lib.models import MF, Biases, load_model
from recsys_lib.models import mf as module
from recsys_lib.models.als import loss
from recsys_lib.models.mf import BLOCK, blocks_in_order, epoch, sgd

from toy import watch_on

repeatable = settings(deadline=None, derandomize=True, max_examples=40)
compiled = numba.njit(sgd)  # unlike `epoch`, it must keep the order of all sums


def interactions(user, item, rating, shape, scale=None):
    return Interactions(
        user, item, rating, np.zeros(len(user)), range(shape[0]), range(shape[1]), scale=scale
    )


def planted(n_users=150, n_items=90, rank=3, noise=0.2, density=0.4, seed=0):
    """Ratings 3 + p'q + noise in random cells, a fifth of them held out."""
    rng = np.random.default_rng(seed)
    truth = 3 + rng.normal(size=(n_users, rank)) @ rng.normal(size=(rank, n_items))
    user, item = np.nonzero(rng.random(truth.shape) < density)
    rating = truth[user, item] + noise * rng.normal(size=len(user))
    out = rng.random(len(user)) < 0.2
    return tuple(
        interactions(user[part], item[part], rating[part], truth.shape) for part in (~out, out)
    )


TRAIN, HELD_OUT = planted()


def error_of(model, ratings):
    return rmse(ratings.rating, model.predict(ratings.user, ratings.item))


def start(n, dtype=np.float64, n_users=20, n_items=15, k=5, seed=0):
    """Arguments of `sgd` up to Q, random, with n ratings."""
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, n_users, n), rng.integers(0, n_items, n), rng.normal(3, 1, n)
    sizes = n_users, n_items, (n_users, k), (n_items, k)
    return (
        *columns[:2],
        columns[2].astype(dtype),
        dtype(3),
        *(rng.normal(0, 0.3, size).astype(dtype) for size in sizes),
    )


def copied(arguments):
    return tuple(a.copy() for a in arguments)


# ----------------------------------------------------------------------------------------- one step


def exact(*texts):
    return np.array([Fraction(text) for text in texts], dtype=object)


@pytest.mark.parametrize("biases", [True, False])
def test_one_step_in_fractions(biases):
    """The prediction is 3 + 1/2 - 1/4 + (1, 2)'(1/2, 1/4) = 17/4, the error 5 - 17/4 = 3/4."""
    bu, bi = exact("7", "1/2"), exact("-1/4", "7")
    P, Q = np.array([exact("7", "7"), exact("1", "2")]), np.array([exact("1/2", "1/4")] * 2)
    rate, penalty = Fraction(1, 10), Fraction(1, 5)
    found = sgd([1], [0], [Fraction(5)], Fraction(3), bu, bi, P, Q, rate, penalty, biases)
    assert found == (9 / 16, 3 / 4)
    expected = ("113/200", "-17/100") if biases else ("1/2", "-1/4")
    assert [bu[1], bi[0]] == list(exact(*expected))
    assert P[1].tolist() == list(exact("407/400", "1583/800"))
    assert Q[0].tolist() == list(exact("113/200", "79/200"))  # from p as it was before the step
    assert [bu[0], bi[1], *P[0], *Q[1]] == list(exact("7", "7", "7", "7", "1/2", "1/4"))


def test_steps_follow_each_other():
    """Two ratings of one user: the second step starts where the first ended."""
    arguments = start(2)
    users = np.array([4, 4])
    both, one_by_one = copied(arguments[3:]), copied(arguments[3:])
    total = sgd(users, arguments[1], arguments[2], *both, 0.1, 0.2, True)
    parts = [
        sgd(users[s], arguments[1][s], arguments[2][s], *one_by_one, 0.1, 0.2, True)
        for s in (slice(0, 1), slice(1, 2))
    ]
    assert total == pytest.approx(np.sum(parts, axis=0), rel=1e-12)
    for a, b in zip(both, one_by_one, strict=True):
        np.testing.assert_array_equal(a, b)


@given(
    seed=st.integers(0, 10**6),
    k=st.integers(1, 6),
    rate=st.floats(0.001, 0.5),
    penalty=st.floats(0, 2),
    biases=st.booleans(),
)
@repeatable
def test_a_step_is_half_the_learning_rate_times_the_gradient(seed, k, rate, penalty, biases):
    rng = np.random.default_rng(seed)
    rating, mean = rng.normal(3, 1, 2)
    learned = (
        rng.normal(size=3),
        rng.normal(size=4),
        rng.normal(size=(3, k)),
        rng.normal(size=(4, k)),
    )
    variables = [torch.tensor(a, requires_grad=True) for a in learned]
    bu, bi, p, q = (variable[row] for variable, row in zip(variables, (2, 1, 2, 1), strict=True))
    term = (rating - mean - bu - bi - p @ q) ** 2
    term = term + penalty * (bu**2 + bi**2 + p @ p + q @ q)
    term.backward()
    after = copied(learned)
    sgd([2], [1], [rating], mean, *after, rate, penalty, biases)
    for number, (old, new, variable) in enumerate(zip(learned, after, variables, strict=True)):
        moves = biases or number > 1
        step = -rate / 2 * variable.grad.numpy() * moves
        np.testing.assert_allclose(new - old, step, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("biases", [True, False])
def test_an_epoch_of_tiny_steps_goes_down_the_gradient_of_the_loss(biases):
    """So `loss` counts the penalty as the steps do: once per rating."""
    rng = np.random.default_rng(1)
    user, item = np.nonzero(rng.random((9, 7)) < 0.6)
    ratings = interactions(user, item, rng.integers(1, 6, len(user)), (9, 7))
    model = MF(3)
    model.global_mean_ = 3.0
    names = ("user_biases_", "item_biases_", "user_factors_", "item_factors_")
    learned = [rng.normal(size=size) for size in (9, 7, (9, 3), (7, 3))]
    if not biases:
        learned[:2] = np.zeros(9), np.zeros(7)

    def loss_at(arrays):
        for name, array in zip(names, arrays, strict=True):
            setattr(model, name, array)
        return loss(model, ratings, 0.3)

    after = copied(learned)
    rate, h = 1e-7, 1e-5
    sgd(user, item, ratings.rating.astype(float), 3.0, *after, rate, 0.3, biases)
    for number in range(0 if biases else 2, 4):
        step = (after[number] - learned[number]) / rate
        for place in np.ndindex(learned[number].shape):
            ends = []
            for sign in (1, -1):
                moved = copied(learned)
                moved[number][place] += sign * h
                ends.append(loss_at(moved))
            assert step[place] == pytest.approx(-(ends[0] - ends[1]) / (4 * h), abs=1e-3)


# ------------------------------------------------------------------------------------ compiled code


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("biases", [True, False])
def test_plain_and_compiled_steps_agree_to_the_last_bit(dtype, biases):
    arguments = start(300, dtype)
    plain, fast = copied(arguments), copied(arguments)
    sums = [
        function(*given, dtype(0.05), dtype(0.1), biases)
        for function, given in ((sgd, plain), (compiled, fast))
    ]
    assert sums[0] == pytest.approx(sums[1], rel=1e-5 if dtype is np.float32 else 1e-12)
    for a, b, before in zip(plain[4:], fast[4:], arguments[4:], strict=True):
        assert a.dtype == b.dtype == dtype
        assert a.tobytes() == b.tobytes()
        assert (a != before).any() == (biases or a.ndim == 2)


@pytest.mark.parametrize(("dtype", "rounding"), [(np.float32, 1e-4), (np.float64, 1e-12)])
@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("k", [1, 5, 16, 19])
def test_an_epoch_takes_the_same_steps_up_to_rounding(dtype, rounding, biases, k):
    arguments = start(400, dtype, k=k)
    plain, fast = copied(arguments), copied(arguments)
    rest = dtype(0.05), dtype(0.1), biases
    assert sgd(*plain, *rest) == pytest.approx(epoch(*fast, *rest), rel=rounding)
    for a, b in zip(plain[4:], fast[4:], strict=True):
        np.testing.assert_allclose(a, b, rtol=rounding, atol=rounding)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_blocks_in_another_order_are_the_ratings_in_that_order(n):
    arguments = start(n)
    n_blocks = -(-n // BLOCK)
    order = np.random.default_rng(2).permutation(n_blocks)
    rows = np.concatenate([np.arange(n)[b * BLOCK : (b + 1) * BLOCK] for b in order])
    assert np.sort(rows).tolist() == list(range(n))
    plain, blocked = copied(arguments), copied(arguments)
    rest = 0.05, 0.1, True
    expected = sgd(*(column[rows] for column in plain[:3]), *plain[3:], *rest)
    found = blocks_in_order(*blocked[:3], order, *blocked[3:], *rest)
    assert found == pytest.approx(expected, rel=1e-10)
    for a, b in zip(plain[4:], blocked[4:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("n", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_a_fit_visits_every_rating_once_per_epoch(n):
    """Each rating has a user and an item to itself: a step on 1 star moves both from 0 to 1/4.

    A second visit would move them on to 3/8.
    """
    pairs = np.arange(n)
    train = interactions(pairs, pairs, np.ones(n), (n, n))
    model = MF(1, learning_rate=0.25, regularization=0, epochs=1, init_scale=0)
    run = model._start(train)
    model.global_mean_ = 0.0
    assert next(model._epochs(train, run)) == {"train_rmse": 1, "train_mae": 1}
    np.testing.assert_array_equal(model.user_biases_, np.full(n, 0.25))
    np.testing.assert_array_equal(model.item_biases_, np.full(n, 0.25))
    # and in `fit`, where the mean is 3, half of the users one star above and half below
    rating = 3 + (-1.0) ** np.arange(2 * n)
    pairs = np.arange(2 * n)
    model.fit(interactions(pairs, pairs, rating, (2 * n, 2 * n)))
    np.testing.assert_array_equal(model.user_biases_, (rating - 3) / 4)
    assert model.history_["train_rmse"].tolist() == model.history_["train_mae"].tolist() == [1]


def test_the_order_of_the_ratings_depends_on_the_seed():
    model, same, other = (MF(2, init_scale=0, epochs=1, seed=s).fit(TRAIN) for s in (1, 1, 2))
    np.testing.assert_array_equal(model.user_biases_, same.user_biases_)
    assert (model.user_biases_ != other.user_biases_).any()


def test_each_epoch_takes_all_blocks_in_a_new_order(monkeypatch):
    orders = []
    monkeypatch.setattr(module, "blocks_in_order", lambda *a: orders.append(a[3]) or (1, 1))
    MF(2, epochs=4).fit(TRAIN)
    n_blocks = -(-len(TRAIN) // BLOCK)
    assert all(sorted(order.tolist()) == list(range(n_blocks)) for order in orders)
    assert len({tuple(order) for order in orders}) == 4


def test_the_ratings_are_shuffled_before_the_first_epoch(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "blocks_in_order", lambda *a: seen.append(a[:3]) or (1, 1))
    MF(2, epochs=1).fit(TRAIN)
    user, item, rating = seen[0]
    assert (np.diff(user) < 0).mean() > 0.4  # TRAIN is sorted by user
    order = np.lexsort((item, user))
    for column, sorted_one in ((user, TRAIN.user), (item, TRAIN.item), (rating, TRAIN.rating)):
        np.testing.assert_array_equal(column[order], sorted_one)


FIT = """
import hashlib
import numpy as np
from recsys_lib.data import Interactions
from recsys_lib.models import MF
rng = np.random.default_rng(0)
user, item = np.nonzero(rng.random((40, 30)) < 0.5)
rating = rng.integers(1, 6, len(user))
train = Interactions(user, item, rating, 0 * user, range(40), range(30))
model = MF(8, epochs=3).fit(train)
digest = hashlib.sha256()
for array in (*model._factors(), model.score(np.arange(40))):
    digest.update(array.tobytes())
print(digest.hexdigest())
"""


def test_the_result_does_not_depend_on_the_number_of_threads():
    digests = []
    for threads in ("1", "2"):
        names = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
        environment = os.environ | dict.fromkeys(names, threads)
        command = [sys.executable, "-c", FIT]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        digests.append(done.stdout.strip())
    assert len(digests[0]) == 64
    assert digests[0] == digests[1]


# ---------------------------------------------------------------------------------------- learning


@pytest.mark.parametrize("biases", [True, False])
def test_a_planted_matrix_is_recovered(biases):
    """The noise is 0.2; the bar is what means and biases can say."""
    model = MF(
        3 if biases else 4, learning_rate=0.03, regularization=0.01, epochs=150, biases=biases
    )
    model.fit(TRAIN, watch=watch_on(TRAIN, HELD_OUT))
    found, bar = error_of(model, HELD_OUT), error_of(Biases().fit(TRAIN), HELD_OUT)
    assert 0.2 < found < 0.27
    assert bar > 1.2
    assert model.history_["valid_rmse"].iloc[-1] == pytest.approx(found, rel=1e-5)


def test_history_measures_each_epoch():
    model = MF(2, epochs=4, learning_rate=0.02).fit(TRAIN, watch=watch_on(TRAIN, HELD_OUT))
    columns = ["epoch", "seconds", "train_rmse", "train_mae", "valid_rmse", "valid_mae"]
    assert list(model.history_) == columns
    assert model.history_["epoch"].tolist() == [1, 2, 3, 4]
    assert model.history_["seconds"].is_monotonic_increasing
    assert model.history_["train_rmse"].is_monotonic_decreasing
    predicted = model.predict(HELD_OUT.user, HELD_OUT.item)
    last = model.history_.iloc[-1]
    assert last["valid_rmse"] == pytest.approx(rmse(HELD_OUT.rating, predicted), rel=1e-5)
    assert last["valid_mae"] == pytest.approx(mae(HELD_OUT.rating, predicted), rel=1e-5)
    assert list(MF(2, epochs=1).fit(TRAIN).history_) == columns[:4]
    still = MF(2, epochs=1, learning_rate=0).fit(TRAIN)  # errors of the start, as nothing moves
    predicted = still.predict(TRAIN.user, TRAIN.item)
    assert still.history_["train_rmse"][0] == pytest.approx(rmse(TRAIN.rating, predicted), rel=1e-5)
    assert still.history_["train_mae"][0] == pytest.approx(mae(TRAIN.rating, predicted), rel=1e-5)


def test_validation_errors_are_clipped_to_the_scale():
    """The random start is far outside, and nothing moves."""
    train = interactions([0, 1], [0, 1], [5, 1], (2, 2), scale=(1, 5))
    valid = interactions([0, 1], [1, 0], [5, 1], (2, 2), scale=(1, 5))
    model = MF(1, learning_rate=0, init_scale=9, epochs=1).fit(train, watch=watch_on(train, valid))
    predicted = model.predict(valid.user, valid.item)
    assert (model.predict(valid.user, valid.item, clip=False) != predicted).any()
    expected = rmse(valid.rating, predicted)
    assert model.history_["valid_rmse"].iloc[-1] == pytest.approx(expected, abs=1e-6)


# ---------------------------------------------------------------------------------------- patience

SMALL, WATCHED = planted(40, 30, rank=1, noise=1.5, density=0.4, seed=3)
OVERFIT = {"factors": 8, "learning_rate": 0.05, "regularization": 0.0}


@pytest.mark.parametrize("patience", [1, 4])
def test_patience_takes_back_the_best_epoch(patience):
    model = MF(**OVERFIT, epochs=300, patience=patience).fit(SMALL, watch=watch_on(SMALL, WATCHED))
    errors = model.history_["valid_rmse"]
    best = int(errors.argmin())
    assert len(errors) == best + 1 + patience < 300
    assert (errors[best + 1 :] > errors[best]).all()
    assert error_of(model, WATCHED) == pytest.approx(errors.min(), rel=1e-6)
    to_the_best = MF(**OVERFIT, epochs=best + 1).fit(SMALL)
    for name in ("user_biases_", "item_biases_", "user_factors_", "item_factors_"):
        np.testing.assert_array_equal(getattr(model, name), getattr(to_the_best, name))


def test_the_best_epoch_counts_even_if_patience_never_ends():
    model = MF(**OVERFIT, epochs=60, patience=1000).fit(SMALL, watch=watch_on(SMALL, WATCHED))
    errors = model.history_["valid_rmse"]
    assert len(errors) == 60
    assert errors.iloc[-1] > errors.min() + 0.01
    assert error_of(model, WATCHED) == pytest.approx(errors.min(), rel=1e-6)


def test_without_patience_the_last_epoch_counts():
    model = MF(**OVERFIT, epochs=60).fit(SMALL, watch=watch_on(SMALL, WATCHED))
    errors = model.history_["valid_rmse"]
    assert error_of(model, WATCHED) == pytest.approx(errors.iloc[-1], rel=1e-6)
    assert errors.iloc[-1] > errors.min() + 0.01


def test_patience_without_a_validation_set_is_refused():
    with pytest.raises(ValueError, match="patience=3 watches metric='valid_rmse', but only"):
        MF(patience=3).fit(TRAIN)


# ------------------------------------------------------------------------------- what can go wrong


@pytest.mark.parametrize("valid", [None, HELD_OUT])
def test_a_learning_rate_far_too_large_is_named(valid):
    with pytest.raises(FloatingPointError, match=r"in epoch \d+ .* learning_rate=3 is probably"):
        MF(learning_rate=3.0).fit(TRAIN, watch=watch_on(TRAIN, valid))


@pytest.mark.parametrize("with_valid", [False, True])
def test_growing_beyond_all_bounds_in_the_last_step_is_noticed(with_valid):
    """The error before the only step is 1, but the step itself leads to infinity."""
    ratings = interactions([0, 1], [0, 1], [5, 3], (2, 2))
    model = MF(1, learning_rate=3e38, regularization=1e5, epochs=1)
    with pytest.raises(FloatingPointError, match="learning_rate"):
        model.fit(ratings, watch=watch_on(ratings, ratings if with_valid else None))


# --------------------------------------------------------------------------------------- item_init


def test_item_init_is_where_the_item_factors_start():
    given = np.random.default_rng(5).normal(size=(90, 3))
    before = given.copy()
    still = MF(3, learning_rate=0, epochs=2, item_init=given).fit(TRAIN)
    np.testing.assert_array_equal(still.item_factors_, given.astype(np.float32))
    assert still.item_factors_.dtype == np.float32
    plain = MF(3, learning_rate=0, epochs=2).fit(TRAIN)
    np.testing.assert_array_equal(still.user_factors_, plain.user_factors_)
    moved = MF(3, item_init=given, epochs=2).fit(TRAIN)
    assert (moved.item_factors_ != still.item_factors_).any()
    np.testing.assert_array_equal(given, before)
    np.testing.assert_array_equal(moved.item_init, before)
    given[:] = 0  # the model has its own copy
    np.testing.assert_array_equal(moved.item_init, before)


def test_initial_factors_have_the_spread_asked_for():
    for spread in (0.0, 0.5):
        model = MF(16, init_scale=spread, learning_rate=0, epochs=1).fit(TRAIN)
        for factors in (model.user_factors_, model.item_factors_):
            assert factors.std() == pytest.approx(spread, rel=0.1)
            assert abs(factors.mean()) <= 0.1 * spread


def test_wrong_initial_factors_are_refused_by_name():
    for wrong, error, message in (
        (np.ones(3), ValueError, r"item_init must be .* of shape \(n_items, 3\), got shape \(3,\)"),
        (np.ones((90, 2)), ValueError, r"item_init must be .*, got shape \(90, 2\)"),
        (np.ones((90, 3, 1)), ValueError, "item_init must be"),
        (np.full((90, 3), np.nan), ValueError, "item_init must be finite numbers"),
        ([[1, 2, np.inf]], ValueError, "item_init must be finite numbers"),
        ([[1, 2, 3], [1]], TypeError, "item_init must be an array of numbers"),
        ([["a", "b", "c"]], TypeError, "item_init must be an array of numbers"),
    ):
        with pytest.raises(error, match=message):
            MF(3, item_init=wrong)
    with pytest.raises(
        ValueError, match=r"item_init must have one row for each of the 90 items, got .* \(89, 3\)"
    ):
        MF(3, item_init=np.ones((89, 3))).fit(TRAIN)


def test_a_saved_model_keeps_where_it_started_and_its_history(tmp_path):
    given = np.random.default_rng(6).normal(size=(90, 2))
    model = MF(2, item_init=given, epochs=3, patience=2).fit(TRAIN, watch=watch_on(TRAIN, HELD_OUT))
    path = model.save(tmp_path / "model.npz")
    for load in (MF.load, load_model):
        loaded = load(path)
        assert loaded.item_init.dtype == np.float64
        np.testing.assert_array_equal(loaded.item_init, given)
        assert loaded.patience == 2
        assert isinstance(loaded.history_, pd.DataFrame)
        pd.testing.assert_frame_equal(loaded.history_, model.history_, check_dtype=False)
        assert repr(loaded) == repr(model)
        assert "item_init=<array (90, 2)>" in repr(loaded)
        again = loaded.fit(TRAIN, watch=watch_on(TRAIN, HELD_OUT))
        np.testing.assert_array_equal(again.item_factors_, model.item_factors_)


# ------------------------------------------------------------------------------------------ biases


def test_without_biases_the_model_is_the_dot_product_alone():
    model = MF(3, biases=False, epochs=5).fit(TRAIN)
    assert model.global_mean_ == 0
    assert not model.user_biases_.any()
    assert not model.item_biases_.any()
    expected = model.user_factors_ @ model.item_factors_.T
    np.testing.assert_allclose(model.score(np.arange(150)), expected, rtol=1e-5, atol=1e-6)
    with_biases = MF(3, epochs=5).fit(TRAIN)
    assert with_biases.global_mean_ == pytest.approx(TRAIN.rating.mean(dtype=np.float64))
    assert with_biases.user_biases_.any()
    assert with_biases.item_biases_.any()
