"""Exact lists, augmented vectors, inverted lists, recall, two stages, and whose vectors there are.

What needs faiss is in `tests/scale/test_nearest_index.py`.
"""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import recsys_lib.models.base as base
from recsys_lib import models
from recsys_lib.evaluation import evaluate
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models import BPR, EASE, GMF, MLP, BinaryMF, NotFittedError, Popularity, iALS
from recsys_lib.scale.nearest import (
    WHY_NOT,
    InvertedLists,
    TwoStages,
    augmented,
    augmented_queries,
    exact,
    recall,
    vectors,
)
from recsys_lib.top_k import top_k
from recsys_lib.validation import DataError

from model_suite import MODELS, N_ITEMS, N_USERS, planted

repeatable = settings(deadline=None, derandomize=True, max_examples=150)
SPLIT = planted()
SERVED = {
    *("SVD", "MF", "ALS", "BinaryMF", "BPR", "iALS", "FeatureMF", "MappedFactors"),
    *("GMF", "SASRec", "GRU4Rec", "Bag"),
}
UNSEEN = [BinaryMF(2, n_negatives=0, epochs=3), GMF(2, n_negatives=0, epochs=3)]


def random_vectors(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


# exact


def test_exact_by_hand():
    items = np.array([[1.0, 0], [0, 1], [1, 1], [2, 0]])
    found, scores = exact([[1, 0], [0, 2]], items, k=3)
    assert found.tolist() == [[3, 0, 2], [1, 2, 0]]  # of equal ones the lower index first
    assert scores.tolist() == [[2, 1, 1], [2, 2, 0]]
    found, _ = exact([[1, 0]], items, biases=[0, 5, 0, 0], k=2)
    assert found.tolist() == [[1, 3]]
    known = sparse.csr_array(np.array([[0, 0, 1, 1]]))
    found, scores = exact([[1, 0]], items, k=3, exclude=known)
    assert found.tolist() == [[0, 1, NO_ITEM]]
    assert scores[0, 2] == -np.inf


def test_exact_holds_few_scores_at_a_time(monkeypatch):
    users, items, biases = random_vectors(9, 4), random_vectors(30, 4, 1), random_vectors(1, 30)[0]
    known = sparse.random_array((9, 30), density=0.2, rng=0, format="csr")
    expected = top_k(users @ items.T + biases, 5, known)
    held = []

    def counted(scores, *rest):
        held.append(scores.size)
        return top_k(scores, *rest)

    monkeypatch.setattr("recsys_lib.scale.nearest.top_k", counted)
    monkeypatch.setattr(base, "CELLS", 60)
    found, scores = exact(users, items, biases, 5, known)
    assert max(held) == 60
    np.testing.assert_array_equal(found, expected[0])
    np.testing.assert_allclose(scores, expected[1], rtol=1e-5)
    assert scores.dtype == np.float32


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1.0, 2.0], np.eye(2)), ValueError, r"users must be vectors, shape \(n, 2\), got shape"),
        (([[1.0]], np.eye(2)), ValueError, r"users .* got shape \(1, 1\)"),
        (([["a", "b"]], np.eye(2)), TypeError, "users .* real numbers, got dtype <U1"),
        (([[1.0, 2.0]], [[1.0], [2.0, 3.0]]), ValueError, "items .* rows of several lengths"),
        (([[1.0, 2.0]], np.eye(2), [1.0]), ValueError, "biases .* each of the 2 items, got shape"),
        (([[1.0, 2.0]], np.eye(2), None, 0), ValueError, "k must be at least 1, got 0"),
        (([[1.0, np.nan]], np.eye(2)), ValueError, "must not hold NaN"),
    ],
)
def test_exact_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        exact(*arguments)


# the largest product as the nearest neighbor

whole = st.integers(-9, 9)


@st.composite
def problems(draw, value=whole):
    d, n = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    row = st.lists(value, min_size=d, max_size=d)
    items = draw(st.lists(row, min_size=n, max_size=n))
    biases = draw(st.none() | st.lists(value, min_size=n, max_size=n))
    return np.array(draw(row)), np.array(items), None if biases is None else np.array(biases)


@given(problems())
@repeatable
def test_in_whole_numbers_distances_order_as_products_do_ties_included(problem):
    user, items, biases = problem
    products = items @ user + (0 if biases is None else biases)
    if biases is not None:
        user, items = np.r_[user, 1], np.column_stack([items, biases])
    squares = (items**2).sum(axis=1)
    missing = squares.max() - squares  # the square of the last coordinate; the user's is 0
    distances = ((user - items) ** 2).sum(axis=1) + missing
    assert (distances == (user**2).sum() + squares.max() - 2 * products).all()
    assert np.unique(-products, return_inverse=True)[1].tolist() == (
        np.unique(distances, return_inverse=True)[1].tolist()
    )


@given(problems(st.floats(-100, 100, width=32)), st.sampled_from([np.float32, np.float64]))
@repeatable
def test_in_floating_point_numbers_only_what_is_nearly_equal_may_change_places(problem, kind):
    user, items, biases = problem
    user, items = user.astype(kind), items.astype(kind)
    x = augmented_queries(user[None], biases is not None)[0]
    q = augmented(items, biases)
    assert x.dtype == q.dtype == kind
    products = items.astype(np.float64) @ user + (0 if biases is None else biases)
    x, q = x.astype(np.float64), q.astype(np.float64)
    lengths, distances = np.linalg.norm(q, axis=1), ((x - q) ** 2).sum(axis=1)
    longest = lengths.max()
    bound = np.finfo(kind).eps * ((x**2).sum() + longest**2)
    np.testing.assert_allclose(lengths, longest, rtol=4 * np.finfo(kind).eps)
    np.testing.assert_allclose(q @ x, products, atol=8 * bound)
    clearly = products[:, None] > products + 8 * bound
    assert (distances[:, None] < distances)[clearly].all()
    length = np.linalg.norm(x)
    if length * longest > 1e-10:
        cosines = (q @ x) / (length * lengths)
        clearly = products[:, None] > products + 8 * bound + 1e-6 * length * longest
        assert (cosines[:, None] > cosines)[clearly].all()


def test_augmented_refuses_what_is_no_number():
    with pytest.raises(ValueError, match="finite, and those of item 1 are not"):
        augmented([[1.0], [np.inf]])
    with pytest.raises(ValueError, match="finite, and those of item 0 are not"):
        augmented([[1.0], [2.0]], [np.nan, 0.0])
    with pytest.raises(ValueError, match="at least one row"):
        augmented(np.empty((0, 3)))


# inverted lists


@given(problems(), st.integers(1, 4), st.integers(1, 15))
@settings(repeatable, max_examples=40)
def test_all_cells_are_the_exact_search(problem, n_cells, k):
    user, items, biases = problem
    items = np.unique(np.column_stack([items, np.arange(len(items))]), axis=0)[:, :-1]
    items = items + 1e-3 * np.arange(len(items))[:, None]  # k-means warns of equal points
    users = np.array([user, -user])
    lists = InvertedLists(min(n_cells, len(items))).fit(items, biases)
    found, scores = lists.search(users, k, n_probe=99)
    expected, expected_scores = exact(users, items, biases, k)
    np.testing.assert_allclose(scores, expected_scores, atol=1e-9)
    gaps = np.abs(np.diff(expected_scores[:, : len(items)], axis=1)) > 1e-9
    if gaps.all():  # otherwise rounding may decide
        np.testing.assert_array_equal(found, expected)


def test_equal_scores_stand_in_the_order_of_the_items():
    items = np.repeat([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], 4, axis=0)
    lists = InvertedLists(3).fit(items)
    found, _ = lists.search([[1.0, 0.0]], k=8, n_probe=3)
    assert found.tolist() == [[0, 1, 2, 3, 8, 9, 10, 11]]


def test_more_cells_find_more():
    users, items = random_vectors(40, 8), random_vectors(3000, 8, 1)
    lists, best = InvertedLists(50).fit(items), exact(users, items, k=20)
    found = [recall(lists.search(users, 20, n), best).mean() for n in (1, 4, 16, 50)]
    assert found == sorted(found)
    assert found[0] < 0.5
    assert found[2] > 0.8
    assert found[3] == 1
    again = InvertedLists(50).fit(items).search(users, 20, 4)
    np.testing.assert_array_equal(again[0], lists.search(users, 20, 4)[0])


def test_inverted_lists_that_are_not_fitted_say_so():
    with pytest.raises(NotFittedError, match=r"InvertedLists\(n_cells=3, seed=0\) is not fitted"):
        InvertedLists(3).search(np.eye(3), k=1)


def test_inverted_lists_refuse():
    with pytest.raises(ValueError, match="n_cells must be at most 3 items, got 4"):
        InvertedLists(4).fit(np.eye(3))
    lists = InvertedLists(1).fit(np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match=r"users must be vectors, shape \(n, 3\)"):
        lists.search(np.eye(2), 1)
    with pytest.raises(ValueError, match="n_probe must be at least 1"):
        lists.search(np.eye(3), 1, n_probe=0)


# recall


def test_recall_by_hand():
    best = np.array([[3, 1, 2], [5, 6, -1], [-1, -1, -1]])
    scores = np.array([[9.0, 8, 7], [2, 1, -np.inf], [-np.inf] * 3])
    same = recall((best, scores), (best, scores))
    np.testing.assert_array_equal(same, [1, 1, np.nan])
    found = np.array([[3, 4, 8], [6, -1, -1], [-1, -1, -1]])
    worth = np.array([[9.0, 7, 6], [1, -np.inf, -np.inf], [-np.inf] * 3])
    # 4 has the score of place 3 and counts, 8 does not; of two items one was found
    np.testing.assert_allclose(recall((found, worth), (best, scores)), [2 / 3, 1 / 2, np.nan])
    with pytest.raises(ValueError, match="of one shape"):
        recall((found[:, :2], worth[:, :2]), (best, scores))


# vectors of models


def served():
    cases = [case for case in MODELS if case.model.__name__ in SERVED]
    return [case.brief() for case in cases] + UNSEEN


@pytest.mark.parametrize("model", served(), ids=repr)
def test_vectors_give_the_scores(model):
    model.fit(SPLIT.train)
    users, items, biases = vectors(model)
    assert users.dtype == items.dtype == np.float32
    assert len(users) == N_USERS
    assert len(items) == N_ITEMS
    warm = np.flatnonzero(~model.cold_)
    assert 0 < len(warm) < N_USERS
    scores = model.score(warm).astype(np.float64)
    products = users[warm].astype(np.float64) @ items.T + (0 if biases is None else biases)
    common = scores - products
    np.testing.assert_allclose(common, common[:, :1] + 0 * common, atol=2e-5)
    if np.ptp(scores) > 1e-3:  # and not because all are the same
        assert np.ptp(products, axis=1).max() > 1e-4
    cold = np.flatnonzero(model.cold_)
    np.testing.assert_array_equal(model.score(cold), [model.popularity_])


def test_every_model_has_vectors_or_a_reason():
    known = {case.model.__name__ for case in MODELS}
    assert SERVED | set(WHY_NOT) == known
    assert not SERVED & set(WHY_NOT)
    assert all(hasattr(models, name) for name in known)


@pytest.mark.parametrize(
    "case", [case for case in MODELS if case.model.__name__ in WHY_NOT], ids=str
)
def test_models_without_vectors_say_why(case):
    model = case.brief().fit(SPLIT.train)
    with pytest.raises(TypeError) as caught:
        vectors(model)
    assert WHY_NOT[type(model).__name__] in str(caught.value)
    assert repr(model) in str(caught.value)


def test_vectors_refuse_what_is_no_fitted_model():
    with pytest.raises(NotFittedError):
        vectors(iALS())
    with pytest.raises(TypeError, match="model must be a fitted model, got 3"):
        vectors(3)


# two stages


@pytest.fixture(scope="module")
def first():
    return iALS(4, unobserved_weight=1.0, epochs=3).fit(SPLIT.train)


SECOND = [
    Popularity(),
    EASE(100.0),
    BinaryMF(4, epochs=3),
    MLP((8, 4), epochs=1, batch_size=64),
]


@pytest.mark.parametrize("second", SECOND, ids=repr)
@pytest.mark.parametrize("indexed", [False, True])
def test_with_all_items_as_candidates_the_list_is_the_second_models(first, second, indexed):
    second.fit(SPLIT.train)
    search = None
    if indexed:
        search = partial(InvertedLists(3).fit(*vectors(first)[1:]).search, n_probe=3)
    both = TwoStages(first, second, N_ITEMS, search)
    users = np.arange(N_USERS)
    for exclude in (None, SPLIT.train):
        items, scores = both.recommend(users, 12, exclude)
        expected, expected_scores = second.recommend(users, 12, exclude)
        np.testing.assert_array_equal(items, expected)
        np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    np.testing.assert_allclose(both.score(users), second.score(users), rtol=1e-5)


@pytest.mark.parametrize("indexed", [False, True])
def test_only_candidates_are_ordered(first, indexed):
    second, users = EASE(100.0).fit(SPLIT.train), np.arange(N_USERS)
    search = None
    if indexed:
        search = partial(InvertedLists(3).fit(*vectors(first)[1:]).search, n_probe=3)
    both = TwoStages(first, second, 5, search)
    items, scores = both.recommend(users, 8, SPLIT.train)
    allowed, _ = first.recommend(users, 5, SPLIT.train)
    assert (items[:, 5:] == NO_ITEM).all()
    assert (scores[:, 5:] == -np.inf).all()
    np.testing.assert_array_equal(np.sort(items[:, :5]), np.sort(allowed))
    of_second = np.take_along_axis(second.score(users), items[:, :5].astype(int), axis=1)
    np.testing.assert_allclose(scores[:, :5], of_second, rtol=1e-5)
    assert (np.diff(scores[:, :5], axis=1) <= 0).all()


def test_scores_leave_the_place_of_what_was_met_to_others(first):
    second, users = EASE(100.0).fit(SPLIT.train), np.arange(N_USERS)
    both = TwoStages(first, second, 5).fit(SPLIT.train)
    ranked = both.score(users)
    assert ((ranked > -np.inf).sum(axis=1) == 5).all()
    items, _ = both.recommend(users, 5, SPLIT.train)
    np.testing.assert_array_equal(top_k(ranked, 5)[0], items)
    table = evaluate(TwoStages(first, second, N_ITEMS).fit(SPLIT.train), SPLIT)
    np.testing.assert_allclose(table["ndcg@10"], evaluate(second, SPLIT)["ndcg@10"])


def test_a_search_that_finds_little_gives_short_lists(first):
    def little(users, k):
        found = np.full((len(users), k), NO_ITEM, dtype=np.int32)
        found[:, 0] = 3
        return found, np.where(found >= 0, 1.0, -np.inf)

    both = TwoStages(first, EASE(100.0).fit(SPLIT.train), 5, little)
    items, scores = both.recommend(np.arange(N_USERS - 1), 2)
    assert (items == [3, NO_ITEM]).all()
    assert (scores[:, 1] == -np.inf).all()
    cold, _ = both.recommend([N_USERS - 1], 2)  # nothing to search by: popular candidates
    assert (cold >= 0).all()


def test_two_stages_refuse(first, tiny):
    with pytest.raises(TypeError, match="second must be a fitted model, got 'EASE'"):
        TwoStages(first, "EASE")
    with pytest.raises(NotFittedError):
        TwoStages(EASE(), first)
    other = Popularity().fit(tiny)
    with pytest.raises(DataError, match="second must have the users and items of first"):
        TwoStages(first, other)
    with pytest.raises(TypeError, match="has no vectors"):
        TwoStages(EASE(100.0).fit(SPLIT.train), first, search=print)
    both = TwoStages(first, EASE(100.0).fit(SPLIT.train))
    with pytest.raises(DataError, match="train must have the users and items"):
        both.fit(tiny)
    with pytest.raises(DataError, match="exclude must have the users and items"):
        both.recommend([0], exclude=tiny)
    with pytest.raises(IndexError, match="users holds 99"):
        both.recommend([99])
    with pytest.raises(NotImplementedError, match="save the two models"):
        both.save("somewhere")


def test_users_that_are_no_numbers_are_refused():
    lists = InvertedLists(2).fit(np.eye(4))
    with pytest.raises(ValueError, match="users must be finite"):
        lists.search(np.full((1, 4), np.nan), k=2)


def test_an_item_that_a_search_finds_twice_stands_on_a_list_once():
    first = BPR(factors=4, epochs=1).fit(SPLIT.train)

    def twice(users, k):
        return np.tile([1, 1, 2], (len(users), 1)), np.ones((len(users), 3))

    with pytest.raises(TypeError, match="search must be a function"):
        TwoStages(first, first, search="twice")
    items, _ = TwoStages(first, first, n_candidates=3, search=twice).recommend([0], k=3)
    assert sorted(items[0].tolist()) == [-1, 1, 2]
