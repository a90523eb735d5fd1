"""Decay: by hand, against the sum written out, and what it knows at the moment of a request."""

import numpy as np
import pytest

from recsys_lib.data import DataError, Interactions, leave_last_out
from recsys_lib.experiments.protocol import YEAR, PopularityAround
from recsys_lib.models import Decay, load_model

from model_suite import N_ITEMS, N_USERS, planted

TRAIN = planted().train
DAY = 86_400


def shop(time_unit="s"):
    """Three users, three items; days of the events of each item: 0, 2 and 5; 1 and 3; 5.

    User 0 was there last on day 5, user 1 on day 3, user 2 never.
    """
    times = np.array([0, 1, 5, 5, 2, 3]) * DAY * (1000 if time_unit == "ms" else 1)
    rows = [0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 1]
    return Interactions(*rows, np.ones(6), times, range(3), range(5), time_unit=time_unit)


@pytest.mark.parametrize("time_unit", ["s", "ms"])
def test_scores_by_hand(time_unit):
    """With a half-life of two days: two events of item 0 and two of item 1, days 0, 2 and 1, 3."""
    model = Decay(half_life=2).fit(shop(time_unit))
    of_0 = [2**-2.5 + 2**-1.5, 2**-2 + 2**-1, 1, 1, 0]
    of_1 = [2**-1.5 + 2**-0.5, 2**-1 + 1, 0, 0, 0]
    np.testing.assert_allclose(model.score([0, 1]), [of_0, of_1], rtol=1e-6)
    assert model.score([2]).tolist() == [[2, 2, 1, 1, 0]]  # who was never there: counts of all
    np.testing.assert_allclose(model.counts_, [1, 1 + 2**-1, 1, 1 + 2**-1, 1, 1])
    np.testing.assert_allclose(model.score_items([1, 2], [[1, 3], [0, 4]]), [[1.5, 0], [2, 0]])


def written_out(train, moments, half_life):
    past = moments[:, None] - train.timestamp
    weights = np.where(past >= 0, 2.0 ** (-np.maximum(past, 0) / half_life), 0)
    return weights @ np.eye(train.n_items)[train.item]


@pytest.mark.parametrize("half_life", [1e-6, 0.0003, 0.002, 5.0])
def test_scores_are_the_sum_over_all_events_so_far(half_life):
    model = Decay(half_life).fit(TRAIN)
    moments = np.array([TRAIN.timestamp[TRAIN.user == u].max() for u in range(N_USERS - 1)])
    expected = written_out(TRAIN, moments, half_life * DAY)
    found = model.score(np.arange(N_USERS - 1))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-37)  # float32 ends there


def test_without_forgetting_it_is_popularity_so_far():
    model = Decay(half_life=1e9, moment=300).fit(TRAIN)
    so_far = np.bincount(TRAIN.item[TRAIN.timestamp <= 300], minlength=N_ITEMS)
    np.testing.assert_allclose(model.score([0])[0], so_far, rtol=1e-5)
    late = Decay(half_life=1e9, moment=10**9).fit(TRAIN).score([4])[0]
    np.testing.assert_allclose(late, TRAIN.item_counts, rtol=1e-3)


def test_with_moments_of_the_test_it_is_the_popularity_around_them():
    """Nothing forgotten, and nothing seen of what comes after a user's first test event."""
    users, items = (a.ravel() for a in np.indices((8, 6)))
    times = np.random.default_rng(0).permutation(48) * 10**6
    ratings = Interactions(users, items, users * 0, times, range(8), range(6), time_unit="ms")
    split = leave_last_out(ratings, 2, 0)
    moments = np.full(8, np.iinfo(np.int64).max)
    np.minimum.at(moments, split.test.user, split.test.timestamp)
    found = Decay(1e9, moment=moments).fit(split.train).score(range(8))
    around = PopularityAround(split, before=YEAR, after=0).fit(split.train)
    np.testing.assert_allclose(found, around.score(range(8)), rtol=1e-5)


def test_a_moment_may_be_one_for_all_or_one_for_each():
    moments = np.array([5, 1, 3]) * DAY
    model = Decay(2, moment=moments).fit(shop())
    expected = written_out(shop(), moments, 2 * DAY)
    np.testing.assert_allclose(model.score([0, 1, 2]), expected, rtol=1e-6)
    assert not model.cold_.any()  # user 2 has a moment, too
    moments[:] = 0
    np.testing.assert_allclose(model.score([0, 1, 2]), expected, rtol=1e-6)
    same = Decay(2, moment=3 * DAY).fit(shop())
    np.testing.assert_allclose(same.score([0, 1, 2]), expected[[2, 2, 2]], rtol=1e-6)
    before = Decay(2, moment=0).fit(shop()).score([0])[0]
    assert before.tolist() == [1, 0, 0, 0, 0]  # the event of that very moment counts


def test_years_before_1970_are_years():
    """What is counted from 1970 is below 0 there, and 0 must not be taken for a user's moment."""
    times = np.array([0, 1, 5, 5, 2, 3]) * DAY
    early = Interactions(
        shop().user, shop().item, np.ones(6), times - 9 * DAY, range(3), range(5), time_unit="s"
    )
    found, expected = (Decay(half_life=2).fit(one).score([0, 1, 2]) for one in (early, shop()))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_of_whom_nothing_is_known_is_scored_at_the_moment_too():
    model = Decay(2, moment=3 * DAY).fit(shop())
    np.testing.assert_array_equal(model.fold_in([]), model.score([2])[0])
    each = Decay(2, moment=[0, 0, 0]).fit(shop())
    np.testing.assert_array_equal(each.fold_in([]), each.fold_in([1]))
    plain = Decay(2).fit(shop())
    np.testing.assert_array_equal(plain.fold_in([]), plain.score([2])[0])


def test_a_new_user_comes_at_the_end_of_the_training_data():
    model = Decay(half_life=2).fit(shop())
    np.testing.assert_array_equal(model.fold_in([1]), model.score([0])[0])
    given = Decay(half_life=2, moment=3 * DAY).fit(shop())
    np.testing.assert_array_equal(given.fold_in([1]), given.score([1])[0])
    each = Decay(half_life=2, moment=[0, 0, 0]).fit(shop())
    np.testing.assert_array_equal(each.fold_in([1]), model.score([0])[0])


def test_moments_are_saved(tmp_path):
    for moment in (3 * DAY, np.array([1, 2, 3]) * DAY):
        model = Decay(2, moment=moment).fit(shop())
        again = load_model(model.save(tmp_path / "model.npz"))
        np.testing.assert_array_equal(again.moment, model.moment)
        np.testing.assert_array_equal(again.score([0, 1, 2]), model.score([0, 1, 2]))


def test_parts_are_the_whole(monkeypatch):
    model = Decay(0.001).fit(TRAIN)
    whole = model.score(range(N_USERS))
    monkeypatch.setattr("recsys_lib.models.base.AT_ONCE", 100)
    np.testing.assert_array_equal(model.score(range(N_USERS)), whole)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="half_life must be above 0"):
        Decay(0)
    with pytest.raises(TypeError, match="moment must hold integer indices"):
        Decay(moment=[0.5])
    with pytest.raises(ValueError, match=r"moment must be one number, or .* 3 users, got 2"):
        Decay(moment=[1, 2]).fit(shop())
    bare = Interactions([0], [0], [1], [0], range(1), range(1))
    with pytest.raises(DataError, match="has no timestamps, which Decay needs"):
        Decay().fit(bare)
