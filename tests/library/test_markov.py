"""What follows what, by hand; and neighbors of what came last."""

from fractions import Fraction as F

import numpy as np
import pytest

from recsys_lib.data import DataError, Histories, Interactions, histories
from recsys_lib.models import ItemKNN, Markov, RecentItemKNN
from recsys_lib.models.markov import transitions

from model_suite import planted
from toy import in_order

TRAIN = planted().train
a, b, c, d = range(4)
SHOP = in_order([[a, b, c], [a, b], [b, a, c], [c], []], 4)  # nobody has met d


def test_what_followed_what_is_counted():
    past = histories(SHOP)
    next_one = [[0, 2, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert transitions(past, 4, 1, 0.5).toarray().tolist() == next_one
    soon = [[0, 2, 1.5, 0], [1, 0, 1.5, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    for length in (2, 3, 100):
        assert transitions(past, 4, length, 0.5).toarray().tolist() == soon
    assert transitions(past, 4, 5, 0.0).toarray().tolist() == next_one
    alone = Histories(np.array([1, 2]), np.array([0, 1, 2]))
    assert transitions(alone, 4, 3, 1.0).nnz == 0


def test_scores_by_hand():
    """After b came a once and c once, and popularity is worth two events; it is 3/9 of each."""
    model = Markov(length=1, shrinkage=2).fit(SHOP)
    p = [F(3, 9), F(3, 9), F(3, 9), 0]  # of 9 events
    after_b = [(1 + 2 * p[a]) / 4, 2 * p[b] / 4, (1 + 2 * p[c]) / 4, 0]
    np.testing.assert_allclose(model.score([1])[0], np.array(after_b, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(model.score([1])[0].sum(), 1, rtol=1e-6)
    of_nothing = model.score([0])[0]  # nothing ever followed c
    np.testing.assert_allclose(of_nothing, np.array(p, dtype=float), rtol=1e-6)
    assert model.score([4]).tolist() == [[3, 3, 3, 0]]


def test_scores_of_the_last_two_by_hand():
    model = Markov(length=2, decay=0.5, shrinkage=1).fit(SHOP)
    p = np.array([1, 1, 1, 0]) / 3
    after_a = (np.array([0, 2, 1.5, 0]) + p) / (3.5 + 1)
    after_b = (np.array([1, 0, 1.5, 0]) + p) / (2.5 + 1)
    np.testing.assert_allclose(model.score([1])[0], after_b + after_a / 2, rtol=1e-6)
    np.testing.assert_allclose(model.fold_in([a, b]), after_b + after_a / 2, rtol=1e-6)
    np.testing.assert_allclose(model.fold_in([c, b, a]), after_a + after_b / 2, rtol=1e-6)


def test_without_shrinkage_what_nothing_followed_is_told_by_popularity():
    model = Markov(length=1, shrinkage=0).fit(SHOP)
    np.testing.assert_allclose(model.score([1])[0], [0.5, 0, 0.5, 0], rtol=1e-6)
    np.testing.assert_allclose(model.score([3])[0], [1 / 3, 1 / 3, 1 / 3, 0], rtol=1e-6)


def test_with_endless_shrinkage_it_is_popularity():
    model = Markov(shrinkage=1e9).fit(TRAIN)
    scores = model.score([0, 9])
    expected = TRAIN.item_counts / len(TRAIN)
    total = scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(scores / total, np.tile(expected, (2, 1)), rtol=1e-4)


def test_what_comes_next_is_found_by_the_last_event_alone():
    """Everybody has met the same; the next of each is one place on, around a ring."""
    rings = [[(start + step) % 8 for step in range(7)] for start in range(8)]
    model = Markov(length=1, shrinkage=0.1).fit(in_order(rings, 8))
    assert [model.fold_in([(i + 3) % 8, i]).argmax() for i in range(8)] == [*range(1, 8), 0]


def test_a_training_user_scores_as_their_history_folded_in():
    past = histories(TRAIN)
    for model in (Markov(), RecentItemKNN(decay=0.8)):
        model.fit(TRAIN)
        for user in (0, 7, 39):
            mine = past.items[past.offsets[user] : past.offsets[user + 1]]
            found, expected = model.fold_in(mine), model.score([user])[0]
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_an_order_needs_times():
    bare = Interactions([0, 0], [0, 1], [1, 1], [0, 0], range(1), range(2))
    for model in (Markov(), RecentItemKNN()):
        with pytest.raises(DataError, match="has no timestamps"):
            model.fit(bare)


# --------------------------------------------------------------------- neighbors of what came last


def test_recent_neighbors_are_weighed_by_their_place():
    plain = ItemKNN(10, 2.0).fit(TRAIN)
    model = RecentItemKNN(10, 2.0, decay=0.5).fit(TRAIN)
    assert (plain.similarity_ != model.similarity_).nnz == 0
    past, similar = histories(TRAIN), plain.similarity_.toarray()
    for user in (0, 7, 39):
        mine = past.items[past.offsets[user] : past.offsets[user + 1]][::-1]
        expected = sum(similar[item] / 2**place for place, item in enumerate(mine))
        np.testing.assert_allclose(model.score([user])[0], expected, rtol=1e-5, atol=1e-7)


def test_neighbors_that_forget_nothing_are_neighbors():
    plain, same = ItemKNN(10).fit(TRAIN), RecentItemKNN(10, decay=1.0).fit(TRAIN)
    everybody = np.arange(TRAIN.n_users)
    np.testing.assert_array_equal(same.score(everybody), plain.score(everybody))
    for i, j in zip(same.explain(3, 20), plain.explain(3, 20), strict=True):
        assert i == j


def test_the_last_event_speaks_loudest():
    model = RecentItemKNN(decay=0.1).fit(TRAIN)
    (first, _), *_ = model.explain(3, 20, n=1)
    past = histories(TRAIN)
    similar = model.similarity_[:, [20]].toarray()[:, 0]
    mine = past.items[past.offsets[3] : past.offsets[4]]
    assert first == [item for item in mine if similar[item] > 0][-1]
