"""`top_k` against the naive stable sort, on both of its branches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import recsys_lib.top_k as module
from recsys_lib.metrics import NO_ITEM
from recsys_lib.top_k import LONG, mask, top_k

repeatable = settings(deadline=None, derandomize=True, max_examples=150)
BOTH = (5, LONG + 1)  # a k for each branch: insertion into a short list, sorting for a long one


def naive(scores, k, exclude=None):
    """Sort each row; Python's sort is stable, so of equal scores the lower index comes first."""
    items = np.full((len(scores), k), NO_ITEM, dtype=np.int32)
    best = np.full((len(scores), k), -np.inf, dtype=scores.dtype)
    for u, row in enumerate(scores):
        allowed = [i for i in range(len(row)) if row[i] > -np.inf]
        if exclude is not None:
            allowed = [i for i in allowed if i not in exclude[u]]
        for place, i in enumerate(sorted(allowed, key=lambda i: -row[i])[:k]):
            items[u, place], best[u, place] = i, row[i]
    return items, best


def assert_same(found, expected):
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def excluding(cells, shape):
    """A CSR matrix with these stored cells; some hold an explicit 0, which excludes as well."""
    rows = [u for u, items in enumerate(cells) for _ in items]
    columns = [i for items in cells for i in sorted(items)]
    values = np.arange(len(rows)) % 2
    return sparse.csr_array((values.astype(np.float32), (rows, columns)), shape)


def test_by_hand():
    scores = np.array([[0.1, 0.9, 0.4, 0.9], [3, 2, -np.inf, -1]], dtype=np.float32)
    items, best = top_k(scores, 3)
    assert items.tolist() == [[1, 3, 2], [0, 1, 3]]
    np.testing.assert_array_equal(best, np.float32([[0.9, 0.9, 0.4], [3, 2, -1]]))
    known = sparse.csr_array(np.array([[0, 1, 0, 0], [1, 0, 1, 0]]))
    items, best = top_k(scores, 3, known)
    assert items.tolist() == [[3, 2, 0], [1, 3, NO_ITEM]]
    assert best[1].tolist() == [2, -1, -np.inf]


@st.composite
def problems(draw):
    n_users, n_items = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    value = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 0.5, 1.0, 2.0, np.inf])
    row = st.lists(value, min_size=n_items, max_size=n_items)
    scores = draw(st.lists(row, min_size=n_users, max_size=n_users))
    cells = st.sets(st.integers(0, n_items - 1))
    exclude = draw(st.none() | st.lists(cells, min_size=n_users, max_size=n_users))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    return np.array(scores, dtype), exclude


@given(problems(), st.integers(1, 15))
@repeatable
def test_equals_the_naive_sort(problem, k):
    scores, exclude = problem
    before = scores.copy()
    banned = None if exclude is None else excluding(exclude, scores.shape)
    expected = naive(scores, k, exclude)
    assert_same(top_k(scores, k, banned), expected)
    with pytest.MonkeyPatch.context() as patch:  # the other branch, on the same problem
        patch.setattr(module, "LONG", 0)
        assert_same(top_k(scores, k, banned), expected)
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 10, LONG - 1, LONG, LONG + 1, 200, 300])
def test_equals_the_naive_sort_on_long_rows_with_ties(k, dtype):
    rng = np.random.default_rng(k)
    scores = rng.integers(0, 40, (20, 200)).astype(dtype) / 4
    exclude = [
        set(rng.choice(200, rng.integers(0, 200), replace=False).tolist()) for _ in range(20)
    ]
    assert_same(top_k(scores, k), naive(scores, k))
    banned = excluding(exclude, scores.shape)
    assert_same(top_k(scores, k, banned), naive(scores, k, exclude))


@pytest.mark.parametrize("k", BOTH)
def test_between_equal_scores_the_lower_index_comes_first(k):
    items, _ = top_k(np.zeros((1, 2 * LONG)), k)
    assert items[0].tolist() == list(range(k))


@pytest.mark.parametrize("k", BOTH)
def test_all_items_excluded(k):
    scores = np.ones((2, 3), dtype=np.float32)
    items, best = top_k(scores, k, excluding([{0, 1, 2}, {1}], scores.shape))
    assert (items[0] == NO_ITEM).all()
    assert (best[0] == -np.inf).all()
    assert items[1, :3].tolist() == [0, 2, NO_ITEM]


@pytest.mark.parametrize("k", BOTH)
def test_more_places_than_items(k):
    items, best = top_k(np.array([[1.0, 3, 2]]), k)
    assert items.shape == best.shape == (1, k)
    assert items[0].tolist() == [1, 2, 0] + [NO_ITEM] * (k - 3)
    assert best[0].tolist() == [3, 2, 1] + [-np.inf] * (k - 3)


@pytest.mark.parametrize("k", BOTH)
def test_nan_is_refused_even_where_it_is_excluded(k):
    """A model that scores NaN is broken; that the user knows the item already is luck."""
    scores = np.array([[1.0, 2, 3], [1, np.nan, 3]])
    for banned in (None, excluding([set(), set()], (2, 3)), excluding([set(), {1}], (2, 3))):
        with pytest.raises(ValueError, match=r"NaN; there is one in row 1"):
            top_k(scores, k, banned)


@pytest.mark.parametrize("k", BOTH)
def test_scores_in_any_layout_and_kind_of_number(k):
    rng = np.random.default_rng(3)
    plain = rng.integers(0, 9, (6, 150)).astype(np.float64)
    wide = np.repeat(plain, 2, axis=1)
    read_only = plain.copy()
    read_only.setflags(write=False)
    for scores in (np.asfortranarray(plain), wide[:, ::2], read_only):
        assert_same(top_k(scores, k), naive(plain, k))
    for scores in (plain.astype(int), plain.astype(np.float16), plain.tolist()):
        assert_same(top_k(scores, k), naive(plain, k))


@pytest.mark.parametrize("k", BOTH)
def test_no_user_and_no_item(k):
    for shape in ((0, 3), (2, 0)):
        items, best = top_k(np.empty(shape, dtype=np.float32), k)
        assert items.shape == best.shape == (shape[0], k)
        assert (items == NO_ITEM).all()


@pytest.mark.parametrize("k", BOTH)
def test_exclude_of_another_shape_is_refused(k):
    for shape in ((2, 4), (3, 3), (1, 3)):
        with pytest.raises(ValueError, match=r"exclude must have shape \(2, 3\) as scores"):
            top_k(np.ones((2, 3)), k, sparse.csr_array(shape))


@pytest.mark.parametrize("k", BOTH)
def test_exclude_in_another_sparse_format_means_the_same(k):
    scores = np.arange(8.0).reshape(2, 4)
    known = excluding([{3}, {0, 1}], scores.shape)
    for same in (known.tocsc(), known.tocoo()):
        assert_same(top_k(scores, k, same), top_k(scores, k, known))


def test_wrong_arguments_are_refused():
    for k, error in ((0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="k must be"):
            top_k(np.ones((1, 3)), k)
    with pytest.raises(
        ValueError, match=r"scores must have shape \(n_users, n_items\), got \(3,\)"
    ):
        top_k(np.ones(3), 1)


def test_mask_leaves_the_scores_alone():
    scores = np.ones((2, 3), dtype=np.float32)
    masked = mask(scores, excluding([{0}, {1, 2}], (2, 3)))
    assert masked.tolist() == [[-np.inf, 1, 1], [1, -np.inf, -np.inf]]
    assert masked.dtype == np.float32
    assert (scores == 1).all()
