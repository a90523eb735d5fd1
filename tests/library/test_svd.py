"""The SVD against NumPy's on the dense matrix, and against other approximations of its rank."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils import extmath

from recsys_lib.data import DataError, Interactions
from recsys_lib.models import SVD, NotFittedError
from recsys_lib.models.svd import FILLS, SOLVERS, filled_matrix, randomized_svd, truncated_svd

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


def ratings_of(table):
    """Interactions from rows of ratings; NaN is an empty cell."""
    user, item = np.nonzero(~np.isnan(table))
    n_users, n_items = table.shape
    return Interactions(
        user, item, table[user, item], np.zeros(len(user)), range(n_users), range(n_items)
    )


# ------------------------------------------------------------------------ the matrix that is filled


@given(
    seed=st.integers(0, 10**6),
    m=st.integers(1, 7),
    n=st.integers(1, 7),
    width=st.integers(1, 4),
    density=st.sampled_from([0.0, 0.3, 1.0]),
)
@repeatable
def test_products_with_a_filled_matrix_are_those_of_the_dense_one(seed, m, n, width, density):
    rng = np.random.default_rng(seed)
    cells = rng.normal(size=(m, n)) * (rng.random((m, n)) < density)
    x, y = rng.normal(size=m), rng.normal(size=n)
    operator = filled_matrix(sparse.csr_array(cells), x, y)
    dense = cells + x[:, None] + y
    assert operator.shape == (m, n)
    assert operator.dtype == np.float64
    for right in (rng.normal(size=n), rng.normal(size=(n, 1))):
        np.testing.assert_allclose(operator.matvec(right), dense @ right, atol=1e-12)
    for left in (rng.normal(size=m), rng.normal(size=(m, 1))):
        np.testing.assert_allclose(operator.rmatvec(left), dense.T @ left, atol=1e-12)
    right, left = rng.normal(size=(n, width)), rng.normal(size=(m, width))
    np.testing.assert_allclose(operator.matmat(right), dense @ right, atol=1e-12)
    np.testing.assert_allclose(operator.rmatmat(left), dense.T @ left, atol=1e-12)


# --------------------------------------------------------------------------------- truncated_svd


def with_spectrum(singular_values, m, n, seed=0):
    """A random matrix with these singular values."""
    rng = np.random.default_rng(seed)
    k = len(singular_values)
    left, _ = np.linalg.qr(rng.normal(size=(m, k)))
    right, _ = np.linalg.qr(rng.normal(size=(n, k)))
    return left * singular_values @ right.T


def signed(u, s, vt):
    """Make the largest entry of each right singular vector positive, one vector at a time."""
    u, vt = u.copy(), vt.copy()
    for f in range(len(s)):
        if vt[f, np.argmax(np.abs(vt[f]))] < 0:
            u[:, f], vt[f] = -u[:, f], -vt[f]
    return u, s, vt


def frobenius(matrix):
    return np.sqrt((matrix**2).sum())


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(30, 18), (18, 30), (25, 25)], ids=str)
@pytest.mark.parametrize("k", [1, 4, 17])
def test_every_solver_finds_the_singular_values_and_vectors(solver, shape, k):
    """The randomized one is exact here too: with 4 + 10 directions the rest, 0.7^14, is small."""
    matrix = with_spectrum(5 * 0.7 ** np.arange(18), *shape)
    found = truncated_svd(matrix, k, solver)
    u, s, vt = signed(*np.linalg.svd(matrix, full_matrices=False))
    assert [part.shape for part in found] == [(shape[0], k), (k,), (k, shape[1])]
    np.testing.assert_allclose(found[1], s[:k], rtol=1e-8)
    np.testing.assert_allclose(found[0], u[:, :k], atol=1e-6)
    np.testing.assert_allclose(found[2], vt[:k], atol=1e-6)
    approximation = found[0] * found[1] @ found[2]
    error = frobenius(matrix - approximation)
    assert error == pytest.approx(np.sqrt((s[k:] ** 2).sum()), rel=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_arrays_sparse_arrays_and_operators_give_the_same(solver):
    matrix = with_spectrum(5 * 0.6 ** np.arange(12), 20, 12)
    expected = truncated_svd(matrix, 3, solver)
    nothing = np.zeros(20), np.zeros(12)
    for same in (sparse.csr_array(matrix), filled_matrix(sparse.csr_array(matrix), *nothing)):
        for part, other in zip(truncated_svd(same, 3, solver), expected, strict=True):
            np.testing.assert_allclose(part, other, atol=1e-8)


@pytest.mark.parametrize("solver", ["arpack", "randomized"])
@pytest.mark.parametrize("shape", [(12, 9), (9, 12), (10, 10)], ids=str)
def test_a_matrix_of_low_rank_is_found_whole(solver, shape):
    """PROPACK is left out: SciPy's may stop or be wrong where k is above the rank."""
    matrix = with_spectrum(np.array([4.0, 2.0]), *shape)
    u, s, vt = truncated_svd(matrix, 4, solver)
    np.testing.assert_allclose(s, [4, 2, 0, 0], atol=1e-6)
    np.testing.assert_allclose(u * s @ vt, matrix, atol=1e-6)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_seed_repeats_the_numbers(solver):
    matrix = np.random.default_rng(1).normal(size=(15, 12))
    once, twice = (truncated_svd(matrix, 3, solver, seed=5) for _ in range(2))
    for part, other in zip(once, twice, strict=True):
        np.testing.assert_array_equal(part, other)


@given(seed=st.integers(0, 10**6), k=st.integers(1, 4))
@repeatable
def test_no_other_matrix_of_rank_k_is_nearer(seed, k):
    """Eckart and Young: in the Frobenius and in the spectral norm."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(9, 7))
    u, s, vt = truncated_svd(matrix, k)
    best = matrix - u * s @ vt
    base = rng.normal(size=(9, k))
    competitors = [
        base @ rng.normal(size=(k, 7)),
        base @ np.linalg.lstsq(base, matrix)[0],  # the best in a random column space
        (u + 0.01 * rng.normal(size=u.shape)) * s @ (vt + 0.01 * rng.normal(size=vt.shape)),
        u * (s * (1 + 0.01 * rng.normal(size=k))) @ vt,
        u * s @ np.roll(vt, 1, axis=1),
    ]
    for other in competitors:
        assert np.linalg.matrix_rank(other) <= k
        assert frobenius(best) <= frobenius(matrix - other) * (1 + 1e-12)
        assert np.linalg.norm(best, 2) <= np.linalg.norm(matrix - other, 2) * (1 + 1e-12)


def test_what_truncated_svd_cannot_do_is_refused_by_name():
    matrix = np.ones((6, 4))
    for k in (4, 5, 100):
        with pytest.raises(
            ValueError, match=f"k must be below 4, the smaller side of a 6 x 4 matrix, got {k}"
        ):
            truncated_svd(matrix, k)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        truncated_svd(matrix, 0)
    with pytest.raises(TypeError, match="k must be an integer"):
        truncated_svd(matrix, 2.0)
    with pytest.raises(ValueError, match=r"solver must be one of 'arpack'.*, got 'lapack'"):
        truncated_svd(matrix, 2, "lapack")


# --------------------------------------------------------------------------------- randomized_svd


@pytest.mark.parametrize("decay", [0.8 ** np.arange(60), 1 / np.arange(1.0, 61.0)])
def test_random_projections_come_near_the_best_error_as_those_of_scikit_learn(decay):
    matrix = with_spectrum(decay, 150, 90, seed=2)
    best = np.sqrt((decay[8:] ** 2).sum())
    u, s, vt = randomized_svd(matrix, 8)
    np.testing.assert_allclose(u.T @ u, np.eye(8), atol=1e-10)
    np.testing.assert_allclose(vt @ vt.T, np.eye(8), atol=1e-10)
    assert s.tolist() == sorted(s, reverse=True)
    np.testing.assert_allclose(s, decay[:8], rtol=1e-3)
    error = frobenius(matrix - u * s @ vt)
    assert best * (1 - 1e-12) <= error < 1.001 * best
    tu, ts, tvt = extmath.randomized_svd(matrix, 8, n_oversamples=10, n_iter=4, random_state=0)
    assert error == pytest.approx(frobenius(matrix - tu * ts @ tvt), rel=1e-3)


def test_iterations_and_more_directions_sharpen_random_projections():
    decay = 1 / np.sqrt(np.arange(1.0, 81.0))
    matrix = with_spectrum(decay, 120, 90, seed=3)
    best = np.sqrt((decay[5:] ** 2).sum())

    def excess(n_oversamples, n_iterations):
        errors = []
        for seed in range(5):
            u, s, vt = randomized_svd(matrix, 5, n_oversamples, n_iterations, seed)
            errors.append(frobenius(matrix - u * s @ vt) / best - 1)
        return np.mean(errors)

    by_iterations = [excess(10, n) for n in (0, 1, 2, 4, 8)]
    assert by_iterations == sorted(by_iterations, reverse=True)
    assert by_iterations[-1] < by_iterations[0] / 20
    by_directions = [excess(n, 1) for n in (0, 5, 20)]
    assert by_directions == sorted(by_directions, reverse=True)
    assert excess(85, 0) < 1e-10  # as many directions as columns


# --------------------------------------------------------------------------- SVD: the dense way

RNG = np.random.default_rng(4)
TABLE = RNG.integers(1, 6, (14, 11)).astype(float)
TABLE[RNG.random(TABLE.shape) < 0.5] = np.nan
TABLE[13], TABLE[:, 10] = np.nan, np.nan  # nobody and nothing: a user and an item without ratings
SETTINGS = list(itertools.product(FILLS, [False, True]))


def ridge(table, regularization=5.0):
    """Mean, user and item biases by least squares with one more equation for each penalty."""
    user, item = np.nonzero(~np.isnan(table))
    m, n = table.shape
    design = np.zeros((len(user), m + n))
    design[np.arange(len(user)), user] = 1
    design[np.arange(len(user)), m + item] = 1
    mean = np.nanmean(table)
    left = np.vstack([design, np.sqrt(regularization) * np.eye(m + n)])
    found = np.linalg.lstsq(left, np.r_[table[user, item] - mean, np.zeros(m + n)])[0]
    return mean, found[:m], found[m:]


def row_means(table):
    """Means of the rows, the mean of all ratings where there is none."""
    counts = (~np.isnan(table)).sum(axis=1)
    return np.where(counts, np.nansum(table, axis=1) / np.maximum(counts, 1), np.nanmean(table))


def filled(table, fill):
    if fill == "zero":
        values = np.zeros_like(table)
    elif fill == "user":
        values = np.tile(row_means(table)[:, None], (1, table.shape[1]))
    elif fill == "item":
        values = np.tile(row_means(table.T), (len(table), 1))
    else:
        mean, of_users, of_items = ridge(table)
        values = mean + of_users[:, None] + of_items
    return np.where(np.isnan(table), values, table)


def truncated(table, fill, center, k):
    """Scores, singular values, column means and directions, from the dense matrix."""
    dense = filled(table, fill)
    means = dense.mean(axis=0) if center else np.zeros(dense.shape[1])
    u, s, vt = np.linalg.svd(dense - means)
    return means + u[:, :k] * s[:k] @ vt[:k], s[:k], means, vt[:k]


@pytest.mark.parametrize(("fill", "center"), SETTINGS)
@pytest.mark.parametrize("factors", [1, 3, 10])
def test_the_model_is_the_svd_of_the_dense_filled_matrix(fill, center, factors):
    model = SVD(factors, fill=fill, center=center).fit(ratings_of(TABLE))
    scores, singular_values, means, _ = truncated(TABLE, fill, center, factors)
    np.testing.assert_allclose(model.score(np.arange(13)), scores[:13], atol=1e-5)
    cells = (one.ravel() for one in np.indices(TABLE.shape))
    np.testing.assert_allclose(model.predict(*cells, clip=False), scores.ravel(), atol=1e-5)
    popular = (~np.isnan(TABLE)).sum(axis=0)
    np.testing.assert_array_equal(model.score([13]), [popular])  # a user without ratings
    np.testing.assert_allclose(model.singular_values_, singular_values, rtol=1e-7)
    np.testing.assert_allclose(model.item_biases_, means, atol=1e-7)
    products = model.item_factors_.T @ model.item_factors_
    np.testing.assert_allclose(products, np.eye(factors), atol=1e-10)
    lengths = np.sqrt((model.user_factors_**2).sum(axis=0))
    np.testing.assert_allclose(lengths, model.singular_values_, rtol=1e-10)


@pytest.mark.parametrize("solver", ["propack", "randomized"])
@pytest.mark.parametrize(("fill", "center"), SETTINGS)
def test_the_solver_does_not_change_the_scores(solver, fill, center):
    model = SVD(3, fill=fill, center=center, solver=solver).fit(ratings_of(TABLE))
    scores, *_ = truncated(TABLE, fill, center, 3)
    np.testing.assert_allclose(model.score(np.arange(13)), scores[:13], atol=1e-4)


@pytest.mark.parametrize(("fill", "center"), SETTINGS)
def test_empty_cells_hold_the_fill(fill, center):
    model = SVD(2, fill=fill, center=center).fit(ratings_of(TABLE))
    found = model.user_fill_[:, None] + model.item_fill_
    empty = np.isnan(TABLE)
    np.testing.assert_allclose(found[empty], filled(TABLE, fill)[empty], atol=1e-7)
    assert hasattr(model, "filler_") == (fill != "zero")
    if fill != "zero":
        assert model.filler_ == pytest.approx([np.nanmean(TABLE), 5 if fill == "bias" else 0])


@pytest.mark.parametrize("shape", [(3, 9), (9, 3)])
def test_too_many_factors_are_refused(shape):
    ratings = ratings_of(RNG.integers(1, 6, shape).astype(float))
    message = f"factors must be below the {shape[0]} users and {shape[1]} items of train, got 3"
    with pytest.raises(DataError, match=message):
        SVD(3).fit(ratings)
    SVD(2).fit(ratings)


def test_a_matrix_that_would_fill_160_gigabytes_is_never_formed():
    rng = np.random.default_rng(5)
    shape = (200_000, 100_000)
    cells = np.unique(rng.integers(0, shape[0] * shape[1], 5_000))
    user, item = cells // shape[1], cells % shape[1]
    rating = rng.integers(1, 6, len(cells)).astype(float)
    train = Interactions(user, item, rating, 0 * cells, range(shape[0]), range(shape[1]))
    model = SVD(2, fill="user", center=True).fit(train)
    counts = np.bincount(user, minlength=shape[0])
    sums = np.bincount(user, rating, shape[0])
    fill = np.where(counts, sums / np.maximum(counts, 1), rating.mean())
    np.testing.assert_allclose(model.user_fill_ + model.item_fill_[0], fill, atol=1e-9)
    # F v = s u and F' u = s v for F = cells + fill 1' - 1 means'
    left = sparse.csr_array((rating - fill[user], (user, item)), shape=shape)
    means = fill.mean() + left.sum(axis=0) / shape[0]
    v, s = model.item_factors_, model.singular_values_
    u = model.user_factors_ / s
    forward = left @ v + np.outer(fill, v.sum(axis=0)) - means @ v
    np.testing.assert_allclose(forward, u * s, atol=1e-6 * s[0])
    back = left.T @ u + fill @ u - np.outer(means, u.sum(axis=0))
    np.testing.assert_allclose(back, v * s, atol=1e-6 * s[0])
    np.testing.assert_allclose(u.T @ u, np.eye(2), atol=1e-8)
    # the fill alone: all rows are constant, and their spread is the first singular value
    spread = np.sqrt(shape[1] * ((fill - fill.mean()) ** 2).sum())
    assert s[0] == pytest.approx(spread, rel=1e-3)


# --------------------------------------------------------------------------------------- fold_in


def known(row):
    items = np.flatnonzero(~np.isnan(row))
    return items, row[items]


@pytest.mark.parametrize(("fill", "center"), SETTINGS)
def test_folding_in_a_training_row_gives_its_scores(fill, center):
    model = SVD(3, fill=fill, center=center).fit(ratings_of(TABLE))
    for user, row in enumerate(TABLE):
        items, ratings = known(row)
        expected = model.score([user])[0]
        for order in (np.arange(len(items)), np.arange(len(items))[::-1]):
            found = model.fold_in(items[order], ratings[order])
            assert (found.dtype, found.shape) == (np.float32, (11,))
            np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(("fill", "center"), SETTINGS)
def test_folding_in_a_new_row_projects_it_on_the_directions(fill, center):
    model = SVD(3, fill=fill, center=center).fit(ratings_of(TABLE))
    before = model.score(np.arange(14))
    new = np.full(11, np.nan)
    new[[1, 4, 10]] = 5, 2, 1.5
    mean, _, of_items = ridge(TABLE)
    values = {
        "zero": np.zeros(11),
        "user": np.full(11, 8.5 / 3),
        "item": row_means(TABLE.T),
        "bias": mean + of_items + (8.5 - 3 * mean - of_items[[1, 4, 10]].sum()) / (3 + 5),
    }[fill]
    row = np.where(np.isnan(new), values, new)
    _, _, means, directions = truncated(TABLE, fill, center, 3)
    expected = means + directions.T @ (directions @ (row - means))
    np.testing.assert_allclose(model.fold_in([1, 4, 10], [5, 2, 1.5]), expected, atol=1e-5)
    np.testing.assert_array_equal(model.score(np.arange(14)), before)  # nothing was learned


def test_fold_in_refuses_what_it_cannot_use():
    with pytest.raises(NotFittedError):
        SVD().fold_in([0], [5])
    model = SVD(2).fit(ratings_of(TABLE))
    for items, ratings, error, message in (
        ([0, 1], [5], ValueError, "ratings must be 2 finite numbers"),
        ([0], [[5]], ValueError, "ratings must be 1 finite numbers"),
        ([0, 1], [5, np.nan], ValueError, "ratings must be 2 finite numbers"),
        ([0], [np.inf], ValueError, "ratings must be 1 finite numbers"),
        ([0, 3, 0], [5, 4, 3], ValueError, "items must not name an item twice"),
        ([11], [5], IndexError, "items holds 11, allowed are 0 to 10"),
        ([-1], [5], IndexError, "items holds -1"),
        ([0.5], [5], TypeError, "items must hold integer indices"),
        ([[0]], [[5]], ValueError, "items must be a one-dimensional array"),
        ([0], ["five"], TypeError, "ratings must be numbers, got .*five"),
    ):
        with pytest.raises(error, match=message):
            model.fold_in(items, ratings)


def constant(value=3.0, shape=(6, 5)):
    """Every user gave every item the same."""
    user, item = (a.ravel() for a in np.indices(shape))
    n = len(user)
    return Interactions(
        user, item, np.full(n, value), np.zeros(n), range(shape[0]), range(shape[1]), scale=(0, 5)
    )


@pytest.mark.parametrize("solver", ["arpack", "propack", "randomized"])
@pytest.mark.parametrize("fill", ["zero", "user", "item", "bias"])
@pytest.mark.parametrize("center", [False, True])
def test_a_matrix_without_any_difference_is_said_to_have_none(solver, fill, center):
    """It has rank one, or is the zero matrix once it is centered. Never wrong numbers."""
    model = SVD(2, fill=fill, center=center, solver=solver)
    may_refuse = solver == "propack"
    filled = fill != "zero"  # zeros differ from the ratings
    with (
        contextlib.suppress(DataError) if may_refuse else contextlib.nullcontext(),
        pytest.warns(UserWarning, match="all 30 ratings are 3")
        if filled
        else contextlib.nullcontext(),
    ):
        np.testing.assert_allclose(model.fit(constant()).score(range(6)), 3.0, atol=1e-5)


@pytest.mark.parametrize("seed", range(20))
def test_propack_never_returns_wrong_numbers_beyond_the_rank(seed):
    rng = np.random.default_rng(seed)
    matrix = rng.integers(0, 3, (8, 2)) @ rng.integers(0, 3, (2, 6)).astype(float)
    for k in (2, 3, 4):
        try:
            _, s, _ = truncated_svd(matrix, k, "propack")
        except DataError:
            continue
        np.testing.assert_allclose(s, np.linalg.svd(matrix, compute_uv=False)[:k], atol=1e-6)
