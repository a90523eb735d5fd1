"""The index of faiss against the exact search; the trick, with the two graph libraries, too."""

from engines import engine

engine("faiss")

import errno
import os
import sys
import warnings

import numpy as np
import pytest

from recsys_lib.data.interactions import Interactions
from recsys_lib.files import atomic_write
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models import EASE, iALS
from recsys_lib.scale.nearest import (
    InvertedLists,
    ItemIndex,
    TwoStages,
    augmented,
    augmented_queries,
    exact,
    recall,
    vectors,
)
from recsys_lib.validation import DataError

RNG = np.random.default_rng(0)
ITEMS = RNG.normal(size=(4000, 8)).astype(np.float32) * RNG.uniform(0.3, 1.5, (4000, 1))
ITEMS = ITEMS.astype(np.float32)
BIASES = RNG.normal(size=4000).astype(np.float32)
USERS = RNG.normal(size=(50, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def index():
    return ItemIndex(ITEMS, BIASES, n_cells=60)


def test_all_cells_are_the_exact_search(index):
    found, scores = index.search(USERS, 20, n_probe=60)
    expected, expected_scores = exact(USERS, ITEMS, BIASES, 20)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_allclose(scores, expected_scores, rtol=1e-5)
    assert found.dtype == np.int32
    assert scores.dtype == np.float32
    assert len(index) == 4000


def test_more_cells_find_more_and_what_is_found_has_its_score(index):
    best = exact(USERS, ITEMS, BIASES, 20)
    shares = []
    for n_probe in (1, 5, 15, 60):
        found, scores = index.search(USERS, 20, n_probe)
        shares.append(recall((found, scores), best).mean())
        products = (ITEMS[found] @ USERS[:, :, None])[:, :, 0] + BIASES[found]
        products[found == NO_ITEM] = -np.inf  # some cells hold fewer than 20
        np.testing.assert_allclose(scores, products, rtol=1e-4, atol=1e-5)
    assert shares == sorted(shares)
    assert shares[0] < 0.9
    assert shares[2] > 0.9
    assert shares[3] == 1


def test_whole_numbers_with_ties_come_in_the_order_of_the_items():
    items = np.repeat(np.array([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), 3, axis=0)
    found, scores = ItemIndex(items, n_cells=1).search([[1.0, 0.0]], 9)
    expected, expected_scores = exact([[1.0, 0.0]], items, k=9)
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(scores, expected_scores)


def test_fewer_items_than_asked_for():
    found, scores = ItemIndex([[1.0], [2.0]]).search([[1.0]], 4)
    assert found.tolist() == [[1, 0, NO_ITEM, NO_ITEM]]
    assert scores.tolist() == [[2, 1, -np.inf, -np.inf]]


def test_one_at_a_time_and_all_at_once_are_the_same(index):
    together = index.search(USERS, 10, 5)[0]
    alone = np.vstack([index.search(USERS[[row]], 10, 5)[0] for row in range(len(USERS))])
    np.testing.assert_array_equal(together, alone)


def test_the_same_seed_gives_the_same_index(index):
    again = ItemIndex(ITEMS, BIASES, n_cells=60)
    np.testing.assert_array_equal(again.search(USERS, 10, 3)[0], index.search(USERS, 10, 3)[0])


def test_inverted_lists_in_numpy_find_about_as_much(index):
    best = exact(USERS, ITEMS, BIASES, 20)
    ours = InvertedLists(60).fit(ITEMS, BIASES).search(USERS, 20, 8)
    theirs = index.search(USERS, 20, 8)
    assert abs(recall(ours, best).mean() - recall(theirs, best).mean()) < 0.1


# files


def test_what_is_saved_is_read_as_it_was(index, tmp_path):
    path = index.save(tmp_path / "items.index")
    again = ItemIndex.load(path)
    for one, other in zip(again.search(USERS, 10, 5), index.search(USERS, 10, 5), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (len(again), again.n_cells, again.biased) == (4000, 60, True)
    assert [one.name for one in tmp_path.iterdir()] == ["items.index"]


@pytest.mark.parametrize("place", [0, 30, 200, 5_000, -1])
def test_a_damaged_file_is_refused(index, tmp_path, place):
    path = index.save(tmp_path / "items.index")
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged or no index of recsys_lib"):
        ItemIndex.load(path)


@pytest.mark.parametrize("length", [0, 50, 1_000, 100_000])
def test_a_cut_file_is_refused(index, tmp_path, length):
    path = index.save(tmp_path / "items.index")
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match="damaged or no index of recsys_lib"):
        ItemIndex.load(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        ItemIndex.load(tmp_path / "nothing")
    (tmp_path / "other").write_text('{"format": "another"}\n')
    with pytest.raises(DataError, match="no index"):
        ItemIndex.load(tmp_path / "other")
    with atomic_write(tmp_path / "list") as file:
        file.write(b"[1]\n")
    with pytest.raises(DataError, match="no index"):
        ItemIndex.load(tmp_path / "list")


def test_a_full_disk_leaves_the_old_file(index, tmp_path, monkeypatch):
    path = ItemIndex([[1.0], [2.0]]).save(tmp_path / "items.index")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        index.save(path)
    assert [one.name for one in tmp_path.iterdir()] == ["items.index"]
    assert len(ItemIndex.load(path)) == 2


# errors


def test_the_index_refuses(index):
    with pytest.raises(ValueError, match="n_cells must be at most 2, the number of items, got 3"):
        ItemIndex([[1.0], [2.0]], n_cells=3)
    with pytest.raises(ValueError, match="finite, and those of item 1 are not"):
        ItemIndex([[1.0], [np.nan]])
    with pytest.raises(ValueError, match="finite, and those of item 0 are not"):
        ItemIndex([[1e300], [1.0]])
    with pytest.raises(ValueError, match="at least one row"):
        ItemIndex(np.empty((0, 2)))
    with pytest.raises(ValueError, match=r"users must be vectors, shape \(n, 8\), got shape"):
        index.search(USERS[0], 10)
    with pytest.raises(ValueError, match="users must be finite"):
        index.search(np.full((1, 8), 1e300), 10)
    with pytest.raises(ValueError, match="k must be at least 1"):
        index.search(USERS, 0)


def test_without_faiss_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ImportError, match="make scale installs it"):
        ItemIndex([[1.0]])


# two stages by an index


def test_candidates_by_index_are_those_of_the_model():
    users = RNG.integers(0, 60, 2000)
    items = (users % 3) * 40 + RNG.integers(0, 40, 2000)
    cells = np.unique(np.column_stack([users, items]), axis=0)
    ones = np.ones(len(cells))
    train = Interactions(*cells.T, ones, np.arange(len(cells)), range(60), range(120))
    first = iALS(8, unobserved_weight=0.5, epochs=4).fit(train)
    second = EASE(50.0).fit(train)
    index = ItemIndex(*vectors(first)[1:], n_cells=6)

    def all_cells(queries, k):
        return index.search(queries, k, n_probe=6)

    plain, quick = TwoStages(first, second, 10), TwoStages(first, second, 10, all_cells)
    for one, other in zip(*(m.recommend(range(60), 5, train) for m in (plain, quick)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


# the other libraries, which the benchmark compares


def test_usearch_and_hnswlib_find_the_largest_products_as_nearest_neighbors():
    queries, best = augmented_queries(USERS, biased=True), exact(USERS, ITEMS, BIASES, 10)
    stored = augmented(ITEMS, BIASES)
    for name in ("usearch", "hnswlib"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # theirs
            try:
                items = {"usearch": by_usearch, "hnswlib": by_hnswlib}[name](stored, queries)
            except ImportError:
                continue
        found = np.array(items, dtype=np.int64)
        scores = (ITEMS[found] @ USERS[:, :, None])[:, :, 0] + BIASES[found]
        assert recall((found, scores), best).mean() > 0.9, name


def by_usearch(stored, queries):
    from usearch.index import Index

    index = Index(ndim=stored.shape[1], metric="l2sq", dtype="f32", connectivity=16)
    index.add(np.arange(len(stored)), stored, threads=1)
    index.expansion_search = 400
    return [index.search(query, 10, threads=1).keys for query in queries]


def by_hnswlib(stored, queries):
    import hnswlib

    index = hnswlib.Index("l2", stored.shape[1])
    index.init_index(len(stored), M=16, ef_construction=100, random_seed=0)
    index.add_items(stored, num_threads=1)
    index.set_ef(400)
    return index.knn_query(queries, 10, num_threads=1)[0]


def test_items_that_are_too_long_are_refused():
    """Their squared lengths are infinite in float32, which ends the process in faiss."""
    with pytest.raises(ValueError, match="items must be shorter than"):
        ItemIndex(1e20 * np.random.default_rng(0).normal(size=(50, 4)), n_cells=5)
