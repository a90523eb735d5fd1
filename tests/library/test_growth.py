"""What things cost: time and memory in line with what is asked, and Ctrl-C heard in between.

Operations, arrays and allocated memory are counted. Nothing here looks at the clock.
"""

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from recsys_lib import metrics
from recsys_lib import top_k as lists_module
from recsys_lib.data import Features, Interactions, Split
from recsys_lib.evaluation import lists, watch, watching
from recsys_lib.evaluation.lists import diversity
from recsys_lib.metrics import ranks_from_lists, ranks_from_scores
from recsys_lib.models import (
    ALS,
    EASE,
    GMF,
    MF,
    BinaryMF,
    Content,
    FeatureMF,
    ItemKNN,
    Markov,
    NotFittedError,
    Popularity,
    UserKNN,
    base,
    bmf,
    factors,
    features,
    implicit,
    mf,
    neighbors,
    network,
)
from recsys_lib.models import als as als_module
from recsys_lib.models.base import in_parts, rows_in_parts, users_at_a_time
from recsys_lib.models.implicit import NegativeSampler
from recsys_lib.top_k import top_k

from model_suite import MODELS, planted

SPLIT = planted()
TRAIN = SPLIT.train


def scattered(n_users, n_items, each, seed=0):
    """`each` events of every user, on items drawn from all."""
    rng = np.random.default_rng(seed)
    cells = np.repeat(np.arange(n_users), each) * n_items + rng.integers(0, n_items, n_users * each)
    user, item = np.divmod(np.unique(cells), n_items)
    ratings, times = 1 + (user + item) % 5, np.arange(len(user))
    ids = range(n_users), range(n_items)
    events = Interactions(user, item, ratings, times, *ids, time_unit="s")
    places = np.arange(n_items), np.arange(n_items) % 7
    words = sparse.csr_array((np.ones(n_items), places), shape=(n_items, 7))
    return events.with_features(items=Features(words, list("abcdefg"), range(n_items)))


def peak(call):
    """Bytes that were allocated at most while it ran, more than before."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# ---------------------------------------------------------------------------------------- neighbors


class Counted(np.ndarray):
    """An array that counts how many of its entries are read or written."""

    n = 0

    def __getitem__(self, key):
        found = np.asarray(super().__getitem__(key))
        Counted.n += found.size
        return found[()]

    def __setitem__(self, key, value):
        Counted.n += np.asarray(self)[key].size
        super().__setitem__(key, value)


def operations(monkeypatch, n_items):
    """Entries of its notes that the kernel touches, for the same events in catalogs of any size."""
    same = scattered(30, 400, 5)
    train = Interactions(
        same.user, same.item, same.rating, same.timestamp, same.user_ids, range(n_items)
    )
    kernel, rows = neighbors._most_similar.py_func, []

    def spy(*arguments):
        similar, common = (array.view(Counted) for array in arguments[10:12])
        rows.append(len(arguments[13]))
        return kernel(*arguments[:10], similar, common, *arguments[12:])

    monkeypatch.setattr(neighbors, "_most_similar", spy)
    monkeypatch.setattr(neighbors, "_touched", neighbors._touched.py_func)
    Counted.n = 0
    similar = ItemKNN().fit(train).similarity_
    assert sum(rows) == n_items
    return Counted.n, similar.nnz


def test_the_cost_of_neighbors_is_what_they_have_in_common_and_not_the_catalog(monkeypatch):
    with monkeypatch.context() as patch:
        few, found = operations(patch, 2_000)
    with monkeypatch.context() as patch:
        many, again = operations(patch, 20_000)
    assert found == again > 100
    # each item asks once whether it is alone
    assert many == few
    assert few < 20 * found


def test_a_wide_catalog_of_neighbors_needs_little_memory():
    """80,000 items, 20,000 events; and more neighbors asked for than there are items."""
    ItemKNN().fit(TRAIN)
    train = scattered(2000, 80_000, 10)
    for n_neighbors in (50, 10**6):
        used = peak(lambda n=n_neighbors: ItemKNN(n).fit(train))
        assert used < 40e6  # for each pair of items it would be 6 TB, for 50 of each 32 MB


@pytest.mark.parametrize("model", [UserKNN, ItemKNN])
@pytest.mark.parametrize("settings", [{}, {"n_neighbors": 3, "shrinkage": 2.0}])
@pytest.mark.parametrize("shape", [(30, 500, 4), (60, 25, 12)])  # few in common, and most
def test_neighbors_found_in_parts_are_those_found_at_once(monkeypatch, model, settings, shape):
    train = scattered(*shape)
    whole = model(**settings).fit(train).similarity_
    monkeypatch.setattr(base, "AT_ONCE", 100)
    parts = model(**settings).fit(train).similarity_
    assert (whole != parts).nnz == 0
    np.testing.assert_array_equal(whole.indptr, parts.indptr)
    np.testing.assert_array_equal(whole.indices, parts.indices)


# ---------------------------------------------------------------------------------------- negatives


def drawn_numbers(train, users, n_negatives):
    """Negatives, and how many random numbers they took, to be found by going on that far."""
    rng = np.random.default_rng(0)
    negatives = NegativeSampler(train).draw(users, n_negatives, rng)
    after, fresh = rng.bit_generator.state["state"], np.random.PCG64(0)
    for n in range(100 * negatives.size + 1):
        if fresh.state["state"] == after:
            return negatives, n
        fresh.advance(1)
    raise AssertionError("more than 100 random numbers for each negative")


@pytest.mark.parametrize("left", [1, 3, 20])
def test_a_user_who_has_met_nearly_everything_takes_one_random_number_for_each(left):
    items = np.setdiff1d(np.arange(1000), np.arange(left) * 7)
    none = np.zeros(len(items))
    train = Interactions(none, items, none + 1, none, range(2), range(1000))
    users = np.zeros(2000, dtype=np.int32)
    negatives, n = drawn_numbers(train, users, 2)
    assert n == negatives.size
    counts = np.bincount(negatives.ravel(), minlength=1000)[: 7 * left : 7]
    assert counts.sum() == negatives.size  # none that was met
    assert counts.min() > 0.6 * negatives.size / left  # and all others alike


def test_others_draw_again_until_they_hit_at_most_ten_times_as_often():
    items = np.arange(900)  # nine in ten, no more
    none = np.zeros(900)
    train = Interactions(none, items, none + 1, none, range(2), range(1000))
    negatives, n = drawn_numbers(train, np.zeros(500, dtype=np.int32), 2)
    assert negatives.min() >= 900
    assert negatives.size < n < 12 * negatives.size


def test_negatives_drawn_in_parts_are_those_drawn_at_once(monkeypatch):
    users = np.sort(np.random.default_rng(1).integers(0, 40, 500)).astype(np.int32)
    sampler = NegativeSampler(TRAIN)
    whole = sampler.draw(users, 3, np.random.default_rng(5))
    monkeypatch.setattr(implicit, "AT_ONCE", 3 * 16 * 7)
    np.testing.assert_array_equal(sampler.draw(users, 3, np.random.default_rng(5)), whole)


# -------------------------------------------------------------------------- watching, wide catalogs


def test_watching_a_wide_catalog_scores_few_users_at_a_time(monkeypatch):
    assert users_at_a_time(1000) == 1024
    assert users_at_a_time(1 << 20) == 16
    assert users_at_a_time(1 << 30) == users_at_a_time(1 << 24) == 1
    sizes = []
    for module in (base, watch):
        monkeypatch.setattr(module, "users_at_a_time", lambda n_items, most=1024: 7)
    model = Popularity().fit(TRAIN)
    monkeypatch.setattr(
        model, "_score", lambda users: sizes.append(len(users)) or np.zeros((len(users), 31))
    )
    watching(SPLIT)(model)
    model.recommend(np.arange(40), exclude=TRAIN)
    assert max(sizes) == 7
    assert sum(sizes) == 80


def test_watching_takes_bounded_memory_however_many_users_there_are():
    """60 users x 300,000 items are 72 MB of scores, and the indices of all pairs 288 MB more."""
    train, n_items = scattered(60, 300_000, 3), 300_000
    none = np.zeros(60)
    valid = Interactions(
        np.arange(60), np.arange(60) * 5, none + 1, none, train.user_ids, train.item_ids
    )
    known = train.to_csr("ones")[np.arange(60), np.arange(60) * 5]
    split = Split(train, valid.select(known == 0), valid.select(none > 0))
    model = BinaryMF(1, epochs=1).fit(train)
    watching(split)(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "CELLS", 4 * n_items)
        used = peak(lambda: watching(split)(model))
    assert used < 6 * 4 * n_items * 4 + 20e6  # a few copies of the scores of four users


def test_a_network_lists_few_pairs_at_a_time(monkeypatch):
    model = GMF(2, epochs=1).fit(TRAIN)
    expected, sizes, plain = model.score(np.arange(41)), [], GMF._logits

    def spy(self, users, items):
        sizes.append(len(users))
        return plain(self, users, items)

    monkeypatch.setattr(GMF, "_logits", spy)
    monkeypatch.setattr(network, "PAIRS", 100)
    np.testing.assert_allclose(model.score(np.arange(41)), expected, rtol=1e-5)
    assert max(sizes) == 100
    assert sum(sizes) == 41 * 31
    assert model.score([]).shape == (0, 31)


# ---------------------------------------------------------------------------------------- diversity


def test_diversity_looks_up_the_cells_asked_for_alone():
    """50,000 x 50,000 as a dense array would be 10 GB."""
    n = 50_000
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, n, (2, 100_000))
    similarity = sparse.csr_array((np.full(100_000, 0.5, "f4"), (rows, columns)), shape=(n, n))
    similarity = similarity + similarity.T
    shown = rng.integers(0, n, (200, 10))
    shown[0, :2] = rows[0], columns[0]
    assert peak(lambda: diversity(shown, similarity)) < 20e6
    assert diversity(shown, similarity)[0] < 1


def test_diversity_in_parts_is_that_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    dense = rng.random((30, 30)) * (rng.random((30, 30)) < 0.4)
    shown = np.array([rng.permutation(30)[:6] for _ in range(20)])
    shown[3, 4:] = -1
    whole = diversity(shown, dense)
    monkeypatch.setattr(lists, "PAIRS", 3 * 36)
    for similarity in (dense, sparse.csr_array(dense), sparse.coo_array(dense)):
        np.testing.assert_array_equal(diversity(shown, similarity), whole)
    assert diversity(np.empty((0, 6), dtype=int), dense).shape == (0,)


# ------------------------------------------------------------------------ what is saved and pickled


# PROPACK finds no directions in data without any
@pytest.mark.parametrize("case", [c for c in MODELS if "propack" not in str(c)], ids=str)
def test_a_model_takes_no_more_room_than_what_it_has_learned(case, tmp_path):
    """No training set unless the model needs it, no notes, no weights twice."""
    few = {"epochs": 1} if "epochs" in case.make().parameters else {}
    model = case.make(**few).fit(scattered(1500, 800, 6))
    learned = 0
    for name, value in model._state().items():
        if sparse.issparse(value):
            learned += value.data.nbytes + value.indices.nbytes + value.indptr.nbytes
        elif name != "history_":
            learned += np.asarray(value).nbytes
    room = 1.1 * learned + 6000  # names, hyperparameters, the history of one epoch
    assert len(pickle.dumps(model)) < room
    assert model.save(tmp_path / "model.npz").stat().st_size < room
    again = pickle.loads(pickle.dumps(model))
    users = np.arange(0, 1500, 100)
    np.testing.assert_array_equal(again.score(users), model.score(users))
    assert set(vars(again)) == set(vars(model))
    cells = 1500 * 800
    for name, value in model._state().items():
        if not sparse.issparse(value) and name != "history_":
            assert np.asarray(value).size < cells
    rows = (UserKNN, ItemKNN, EASE, Content, Markov)  # whose scores are made of rows
    if not isinstance(model, rows):
        assert not any(sparse.issparse(value) for value in model._state().values())


# ------------------------------------------------------------------------------------------- Ctrl-C


def test_parts_cover_everything_once_and_none_is_large(monkeypatch):
    monkeypatch.setattr(base, "AT_ONCE", 100)
    for n, cost, longest in ((0, 5, 0), (7, 1000, 1), (1000, 7, 14), (99, 1, 99), (5, 0, 5)):
        parts = list(in_parts(n, cost))
        assert [i for part in parts for i in range(part.start, part.stop)] == list(range(n))
        assert max((part.stop - part.start for part in parts), default=0) == longest
    costs = np.array([10, 80, 15, 5, 300, 0, 0, 40, 61])
    parts = list(rows_in_parts(np.cumsum(costs)))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(9))
    assert all(costs[part][1:].sum() < 100 for part in parts)  # after a first row of any cost
    assert list(rows_in_parts(np.empty(0, dtype=int))) == [slice(0, 0)]


FITS = {  # model, module, name of its compiled loop
    "UserKNN": (UserKNN(), neighbors, "_most_similar"),
    "ItemKNN": (ItemKNN(), neighbors, "_most_similar"),
    "MF": (MF(4, epochs=2), mf, "blocks_in_order"),
    "ALS": (ALS(4, epochs=2), als_module, "solve_side"),
    "BinaryMF": (BinaryMF(4, epochs=2), bmf, "epoch"),
    "FeatureMF": (FeatureMF(4, epochs=2, identity_dropout=0.2), features, "epoch"),
    "negatives": (BinaryMF(4, epochs=2), implicit, "_draw_unmet"),
}
LARGE = scattered(50, 40, 20)


@pytest.mark.parametrize("name", FITS)
def test_every_compiled_loop_of_a_fit_is_left_between_its_parts(monkeypatch, name):
    """A part later, the same bits; and a Ctrl-C there is a KeyboardInterrupt and no model."""
    model, module, loop = FITS[name]
    expected = model.fit(LARGE)._state()
    compiled, calls = getattr(module, loop), []

    def spy(*arguments):
        calls.append(arguments)
        if stop == len(calls):
            raise KeyboardInterrupt
        result = compiled(*arguments)
        # an array that compiled code makes while a signal waits would be a SystemError
        assert not isinstance(result, np.ndarray)
        return result

    monkeypatch.setattr(module, loop, spy)
    stop = 0
    model.fit(LARGE)
    at_once = len(calls)
    for one in (base, implicit):
        monkeypatch.setattr(one, "AT_ONCE", 2000)
    calls.clear()
    found = model.fit(LARGE)._state()
    assert len(calls) > at_once
    for key, value in expected.items():
        if sparse.issparse(value):
            assert (found[key] != value).nnz == 0
        elif key == "history_":
            measured = value.columns.drop("seconds")
            np.testing.assert_array_equal(found[key][measured], value[measured])
        else:
            np.testing.assert_array_equal(found[key], value)
    calls.clear()
    stop = 2
    with pytest.raises(KeyboardInterrupt):
        model.fit(LARGE)
    assert len(calls) == 2
    with pytest.raises(NotFittedError):
        model.score([0])


def test_a_half_sweep_counts_the_products_that_it_makes(monkeypatch):
    """Of n ratings a matrix of products, n size^2; and its solution, about size^3."""
    works = []

    def spy(work):
        works.append(int(work[-1]))
        return rows_in_parts(work)

    monkeypatch.setattr(als_module, "rows_in_parts", spy)
    ALS(3, epochs=1).fit(LARGE)
    n, size = len(LARGE), 4
    assert works == [size**2 * (n + size * LARGE.n_users), size**2 * (n + size * LARGE.n_items)]


def test_predictions_ranks_and_lists_are_found_in_parts_as_at_once(monkeypatch):
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 9, (50, 40)).astype(float)
    relevant = np.array([rng.permutation(40)[:3] for _ in range(50)])
    known = sparse.csr_array(rng.random((50, 40)) < 0.3)
    shown = np.array([rng.permutation(40)[:8] for _ in range(50)])
    model = MF(3, epochs=1).fit(LARGE)

    def everything():
        return (
            model.predict(LARGE.user, LARGE.item),
            ranks_from_scores(scores, relevant).above,
            ranks_from_scores(scores, relevant).tied,
            ranks_from_lists(shown, relevant).above,
            *top_k(scores, 5, known),
        )

    expected, calls = everything(), []
    for module, loop in (
        (factors, "_dot_products"),
        (metrics, "_count_above"),
        (metrics, "_find"),
        (lists_module, "_top_k"),
    ):
        compiled = getattr(module, loop)

        def spy(*arguments, loop=loop, compiled=compiled):
            calls.append(loop)
            return compiled(*arguments)

        monkeypatch.setattr(module, loop, spy)
    for module in (base, metrics, lists_module):
        monkeypatch.setattr(module, "AT_ONCE", 500)
    for found, one in zip(everything(), expected, strict=True):
        np.testing.assert_array_equal(found, one)
    for loop, least in (("_dot_products", 3), ("_count_above", 8), ("_find", 2), ("_top_k", 4)):
        assert calls.count(loop) >= least
    for bad in (0, 17, 49):  # the row is that of the whole
        broken = scores.copy()
        broken[bad, 2] = np.nan
        with pytest.raises(ValueError, match=f"NaN; there is one in row {bad}, column 2"):
            ranks_from_scores(broken, relevant)
        with pytest.raises(ValueError, match=f"NaN; there is one in row {bad}$"):
            top_k(broken, 5)
