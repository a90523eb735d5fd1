"""From words to factors: the ridge regression against scikit-learn's, and what new items get."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Ridge

from recsys_lib.data import DataError, Features, Interactions, split_items
from recsys_lib.models import BPR, BinaryMF, MappedFactors, iALS, load_model
from recsys_lib.models import mapped as module
from recsys_lib.models.content import tf_idf
from recsys_lib.models.mapped import ridge

from model_suite import N_ITEMS, N_USERS, block_of_item, block_of_user, planted

SPLIT = split_items(planted().train, 0, 3, valid=False)
KNOWN = np.flatnonzero(SPLIT.train.item_counts)
NEW = np.setdiff1d(np.arange(N_ITEMS), KNOWN)
X = tf_idf(SPLIT.train.item_features.matrix, SPLIT.train.item_counts > 0).toarray()
INNER = {
    "iALS": iALS(2, unobserved_weight=1.0),
    "BinaryMF": BinaryMF(2, learning_rate=0.1, regularization=0.1, epochs=60),
    "BPR": BPR(2, regularization=0.1, epochs=60),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "p"), [(30, 5), (5, 30), (12, 12)])
def test_the_ridge_regression_is_that_of_scikit_learn(n, p, weighted):
    """With few words it solves for words, with many for items."""
    rng = np.random.default_rng(n)
    table = rng.normal(size=(n, p)) * (rng.random((n, p)) < 0.4)
    targets = rng.normal(size=(n, 3)) + 2
    weights = rng.uniform(0.2, 3, n) if weighted else np.ones(n)
    B, b = ridge(sparse.csr_array(table), targets, 0.7, weights)
    expected = Ridge(0.7, solver="cholesky").fit(table, targets, sample_weight=weights)
    np.testing.assert_allclose(B, expected.coef_.T, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(b, expected.intercept_, rtol=1e-8)


@pytest.mark.parametrize(("n", "p"), [(40, 6), (6, 40)])
def test_the_ridge_regression_is_the_closed_form(n, p):
    """Both ways to write it, of tables less their means, and then of iALS itself."""
    rng = np.random.default_rng(p)
    table, targets = rng.normal(size=(n, p)), rng.normal(size=(n, 3))
    x, y = table - table.mean(axis=0), targets - targets.mean(axis=0)
    of_words = np.linalg.inv(x.T @ x + 0.7 * np.eye(p)) @ x.T @ y
    of_items = x.T @ np.linalg.inv(x @ x.T + 0.7 * np.eye(n)) @ y
    B, b = ridge(sparse.csr_array(table), targets, 0.7, np.ones(n))
    np.testing.assert_allclose(of_words, of_items, atol=1e-10)
    np.testing.assert_allclose(B, of_words, atol=1e-10)
    np.testing.assert_allclose(b, targets.mean(axis=0) - table.mean(axis=0) @ B, atol=1e-10)


def test_the_map_from_words_to_the_factors_of_ials_is_the_closed_form():
    model = MappedFactors(INNER["iALS"], regularization=0.5).fit(SPLIT.train)
    Q, x = model.item_factors_[KNOWN].astype(float), X[KNOWN] - X[KNOWN].mean(axis=0)
    B = np.linalg.solve(x.T @ x + 0.5 * np.eye(x.shape[1]), x.T @ (Q - Q.mean(axis=0)))
    expected = Q.mean(axis=0) + (X[NEW] - X[KNOWN].mean(axis=0)) @ B
    np.testing.assert_allclose(model.item_factors_[NEW], expected, rtol=1e-4, atol=1e-6)


def test_a_ridge_regression_by_hand():
    """Two items, of words 1 and -1 and factors 3 and 1: the slope is 2 / (2 + lambda)."""
    B, b = ridge(sparse.csr_array([[1.0], [-1.0]]), np.array([[3.0], [1.0]]), 2.0, np.ones(2))
    np.testing.assert_allclose(B, [[0.5]])
    np.testing.assert_allclose(b, [2])


@pytest.mark.parametrize("name", INNER)
def test_known_items_keep_what_a_model_without_the_others_learns(name):
    inner = INNER[name]
    model = MappedFactors(inner).fit(SPLIT.train)
    alone = type(inner)(**inner.parameters)
    kept = SPLIT.train.select(np.arange(len(SPLIT.train)))
    alone.fit(module._of_items(kept, KNOWN))
    assert alone.shape == (N_USERS, len(KNOWN))
    np.testing.assert_array_equal(model.item_factors_[KNOWN], alone.item_factors_)
    np.testing.assert_array_equal(model.model_.user_factors_, alone.user_factors_)
    found = model.score(np.arange(N_USERS - 1))[:, KNOWN]
    np.testing.assert_allclose(found, alone.score(np.arange(N_USERS - 1)), rtol=1e-5, atol=1e-6)
    assert not hasattr(inner, "item_factors_")  # a copy of it was fitted


@pytest.mark.parametrize("power", [0.0, 1.0])
@pytest.mark.parametrize("name", INNER)
def test_new_items_have_the_factors_that_their_words_speak_for(name, power):
    model = MappedFactors(INNER[name], regularization=0.5, frequency_power=power).fit(SPLIT.train)
    n = SPLIT.train.item_counts[KNOWN].astype(float) ** power
    learned = model.item_factors_[KNOWN]
    mapped = Ridge(0.5).fit(X[KNOWN], learned, sample_weight=n / n.mean()).predict(X[NEW])
    np.testing.assert_allclose(model.item_factors_[NEW], mapped, rtol=1e-3, atol=1e-5)
    inner = model.model_
    if name != "iALS":
        biases = inner.item_biases_
        mapped = Ridge(0.5).fit(X[KNOWN], biases[KNOWN], sample_weight=n / n.mean())
        np.testing.assert_allclose(biases[NEW], mapped.predict(X[NEW]), rtol=1e-3, atol=1e-5)
    users = np.arange(N_USERS - 1)
    expected = inner.user_factors_[users] @ model.item_factors_.T
    if name != "iALS":
        expected = expected + inner.item_biases_
    if name == "BinaryMF":
        expected = expected + inner.user_biases_[users, None] + inner.intercept_
    np.testing.assert_allclose(model.score(users), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("n_neighbors", [1, 4, 100])
def test_or_the_mean_of_the_most_similar_items_weighted_by_the_cosine(n_neighbors):
    model = MappedFactors(INNER["iALS"], "nearest", n_neighbors=n_neighbors).fit(SPLIT.train)
    cosines = X[NEW] @ X[KNOWN].T
    for item, row in zip(NEW, cosines, strict=True):
        best = np.argsort(-row, kind="stable")[:n_neighbors]
        weights = np.maximum(row[best], 0)
        expected = weights @ model.item_factors_[KNOWN][best] / weights.sum()
        np.testing.assert_allclose(model.item_factors_[item], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["ridge", "nearest"])
def test_an_item_of_which_nothing_is_known_is_the_mean_item(method):
    words = SPLIT.train.item_features.matrix.toarray()
    words[NEW[0]] = 0
    words = np.column_stack([words, np.zeros(N_ITEMS)])
    words[NEW[1]] = [0] * 13 + [1]  # has a word that no known item has
    features = Features(words, range(14), SPLIT.train.item_ids)
    model = MappedFactors(INNER["iALS"], method).fit(SPLIT.train.with_features(items=features))
    mean = model.item_factors_[KNOWN].mean(axis=0)
    np.testing.assert_allclose(model.item_factors_[NEW[0]], mean, rtol=1e-4, atol=1e-6)
    if method == "nearest":
        np.testing.assert_allclose(model.item_factors_[NEW[1]], mean, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["ridge", "nearest"])
@pytest.mark.parametrize("name", INNER)
def test_new_items_of_the_own_block_come_first(name, method):
    model = MappedFactors(INNER[name], method, regularization=0.3).fit(SPLIT.train)
    users, described = np.arange(N_USERS - 1), NEW[NEW < N_ITEMS - 1]
    first = described[np.argsort(-model.score(users)[:, described], axis=1)[:, :3]]
    assert (block_of_item(first) == block_of_user(users)[:, None]).mean() > 0.9


def test_a_column_in_every_row_changes_nothing():
    words = SPLIT.train.item_features.matrix.toarray()
    words = np.column_stack([words, np.full(N_ITEMS, 3)])
    more = Features(words, range(14), SPLIT.train.item_ids)
    for method in ("ridge", "nearest"):
        one, other = (
            MappedFactors(INNER["iALS"], method).fit(SPLIT.train.with_features(items=features))
            for features in (None, more)
        )
        np.testing.assert_allclose(one.item_factors_, other.item_factors_, atol=1e-6)


def test_items_in_no_sample_are_new_too():
    """Without negatives `BinaryMF` gives items without a row what popularity says; not here."""
    model = MappedFactors(BinaryMF(2, n_negatives=0, epochs=2)).fit(SPLIT.train)
    scores = model.score(np.arange(N_USERS - 1))
    assert all(len(np.unique(scores[:, item])) > 5 for item in NEW)


def test_where_all_items_are_known_it_is_the_model():
    train = planted().train.select(slice(None)).compact()
    for inner in INNER.values():
        model, plain = MappedFactors(inner).fit(train), type(inner)(**inner.parameters).fit(train)
        np.testing.assert_array_equal(model.score(range(40)), plain.score(range(40)))
        items = train.item[train.user == 3]
        np.testing.assert_array_equal(model.fold_in(items), plain.fold_in(items))


@pytest.mark.parametrize("name", INNER)
def test_a_new_user_is_folded_in_among_new_items(name, tmp_path):
    model = MappedFactors(INNER[name], regularization=0.3).fit(SPLIT.train)
    items = np.r_[KNOWN[:4], NEW[:2]]
    scores = model.fold_in(items)
    np.testing.assert_array_equal(load_model(model.save(tmp_path / "m.npz")).fold_in(items), scores)
    assert len(np.unique(scores[NEW])) > len(NEW) // 2


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"model": None}, TypeError, "model must be one of iALS, BinaryMF, BPR, got None"),
        ({"model": iALS}, TypeError, "model must be one of"),
        ({"method": "mean"}, ValueError, "method must be one of 'ridge', 'nearest'"),
        ({"regularization": 0}, ValueError, "regularization must be above 0"),
        ({"frequency_power": 2}, ValueError, "frequency_power must be"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors must be"),
    ],
)
def test_what_cannot_be_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        MappedFactors(**{"model": iALS(), **given})


def test_data_that_cannot_be_is_refused(monkeypatch):
    events = Interactions([0], [0], [1], [0], ["u"], ["i"])
    with pytest.raises(DataError, match=r"features of its items, which MappedFactors\(model=iALS"):
        MappedFactors(iALS()).fit(events)
    monkeypatch.setattr(module, "MOST_EQUATIONS", 10)
    with pytest.raises(DataError, match=r"of 19 items on 13 features has 13 equations, more than"):
        MappedFactors(iALS(2, epochs=1)).fit(SPLIT.train)
