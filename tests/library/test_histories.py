"""Histories: events in the order of time, windows of them, filled up, batches of like length."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import (
    DataError,
    Histories,
    Interactions,
    histories,
    leave_last_out,
    shuffled_times,
)
from recsys_lib.data.histories import batches_by_length, of_like_length, time_order

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=100)
N_USERS, N_ITEMS = 5, 9
# the time of each cell that is filled, 0 to 3, so that many events of a user share theirs
CELLS = st.dictionaries(
    st.tuples(st.integers(0, N_USERS - 1), st.integers(0, N_ITEMS - 1)), st.integers(0, 3)
)
LENGTHS = st.lists(st.integers(0, 7), min_size=1, max_size=8)


def of_cells(cells):
    user, item = np.array(list(cells), dtype=int).reshape(-1, 2).T
    times = list(cells.values())
    ids = range(N_USERS), range(N_ITEMS)
    return Interactions(user, item, np.ones(len(user)), times, *ids, time_unit="s")


def of_lengths(lengths):
    """Histories of these lengths, every event an item of its own."""
    return Histories(np.arange(sum(lengths), dtype=np.int32), np.r_[0, np.cumsum(lengths)])


def by_user(of):
    return [of.items[a:b].tolist() for a, b in pairwise(of.offsets)]


# ------------------------------------------------------------------------------------ the order


@REPRODUCIBLE
@given(CELLS)
def test_a_history_is_the_users_items_sorted_by_time(cells):
    of = histories(of_cells(cells))
    assert (of.items.dtype, of.offsets.dtype) == (np.int32, np.int64)
    assert len(of) == N_USERS
    for user, items in enumerate(by_user(of)):
        mine = {item: time for (one, item), time in cells.items() if one == user}
        assert sorted(items) == sorted(mine)
        times = [mine[item] for item in items]
        assert times == sorted(times)
        assert of.lengths[user] == len(items)


@REPRODUCIBLE
@given(CELLS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_is_of_no_weight(cells, random):
    rows = list(cells.items())
    random.shuffle(rows)
    mixed, given = of_cells(dict(rows)), of_cells(cells)
    assert by_user(histories(mixed)) == by_user(histories(given))
    assert by_user(histories(shuffled_times(mixed))) == by_user(histories(shuffled_times(given)))


@REPRODUCIBLE
@given(CELLS, st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_what_was_held_out_is_what_comes_next(cells, seed, n_test, n_valid):
    """Ties included: both follow one rule."""
    if n_test + n_valid == 0:
        return
    ratings = of_cells(cells)
    split = leave_last_out(ratings, n_test, n_valid, too_few="test", seed=seed)
    parts = [by_user(histories(part, seed)) for part in (split.train, split.valid, split.test)]
    joined = [[*a, *b, *c] for a, b, c in zip(*parts, strict=True)]
    assert joined == by_user(histories(ratings, seed))


def test_events_at_one_time_are_in_an_order_of_the_seed_that_favors_nobody():
    users, items = (a.ravel() for a in np.indices((400, 5)))
    ratings = Interactions(users, items, users * 0 + 1, users, range(400), range(5), time_unit="s")
    orders = {seed: histories(ratings, seed).items.reshape(400, 5) for seed in (0, 1)}
    assert (orders[0] != orders[1]).any(axis=1).mean() > 0.9
    for place in range(5):
        counts = np.bincount(orders[0][:, place], minlength=5)
        assert counts.min() > 50  # 80 on average, with a standard deviation of 8
    np.testing.assert_array_equal(histories(ratings).items, histories(ratings, 0).items)


def test_a_history_says_its_size():
    assert repr(of_lengths([2, 3, 1200])) == "<3 histories of 2 to 1,200 events, 1,205 in all>"
    assert repr(Histories(np.array([], np.int32), np.array([0]))) == (
        "<0 histories of 0 to 0 events, 0 in all>"
    )


@pytest.mark.parametrize("function", [histories, shuffled_times])
def test_an_order_needs_times_and_a_seed_that_is_one(function, tiny):
    bare = Interactions(tiny.user, tiny.item, tiny.rating, tiny.timestamp * 0, *map(range, (3, 4)))
    with pytest.raises(DataError, match="has no timestamps"):
        function(bare)
    with pytest.raises(TypeError, match="ratings must be Interactions, got csr_array"):
        function(tiny.to_csr())
    with pytest.raises(ValueError, match="seed must be at least 0"):
        function(tiny, -1)


# ----------------------------------------------------------------------------- the order taken away


@REPRODUCIBLE
@given(CELLS, st.integers(0, 5))
def test_shuffled_times_are_each_users_own(cells, seed):
    ratings = of_cells(cells)
    found = shuffled_times(ratings, seed)
    np.testing.assert_array_equal(found.user, ratings.user)
    np.testing.assert_array_equal(found.item, ratings.item)
    for user in range(N_USERS):
        mine = ratings.user == user
        assert sorted(found.timestamp[mine]) == sorted(ratings.timestamp[mine])
    assert found.vocabulary == ratings.vocabulary
    np.testing.assert_array_equal(found.timestamp, shuffled_times(ratings, seed).timestamp)


def test_every_order_comes_as_often_as_any():
    users, items = (a.ravel() for a in np.indices((3000, 3)))
    ids = range(3000), range(3)
    ratings = Interactions(users, items, users * 0 + 1, items, *ids, time_unit="s")
    orders = histories(shuffled_times(ratings, 4)).items.reshape(-1, 3)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 6
    assert counts.min() > 420  # 500 on average, with a standard deviation of 20
    other = histories(shuffled_times(ratings, 5)).items.reshape(-1, 3)
    assert (orders != other).any(axis=1).mean() > 0.7


# ----------------------------------------------------------------------------------------- windows


@REPRODUCIBLE
@given(LENGTHS, st.integers(1, 6))
def test_each_event_but_the_first_is_predicted_once(lengths, length):
    of = of_lengths(lengths)
    users, starts, stops = of.windows(length)
    predicted = [i for a, b in zip(starts, stops, strict=True) for i in range(a + 1, b)]
    firsts = of.offsets[:-1][of.lengths > 0]
    expected = np.setdiff1d(np.arange(len(of.items)), firsts)
    assert sorted(predicted) == expected.tolist()
    assert ((stops - starts >= 2) & (stops - starts <= length + 1)).all()
    assert (starts >= of.offsets[users]).all()
    assert (stops <= of.offsets[users + 1]).all()
    last = np.diff(users, append=-1) != 0
    np.testing.assert_array_equal(stops[last], of.offsets[users[last] + 1])  # cut from the end
    assert (stops - starts == length + 1)[np.diff(users, prepend=-1) == 0].all()


@REPRODUCIBLE
@given(LENGTHS, st.integers(1, 6))
def test_the_last_events_are_the_end_of_a_slice(lengths, length):
    of = of_lengths(lengths)
    users = np.arange(len(lengths))[::-1]
    starts, stops = of.last(users, length)
    for user, a, b in zip(users, starts, stops, strict=True):
        assert of.items[a:b].tolist() == by_user(of)[user][-length:]


@REPRODUCIBLE
@given(LENGTHS)
def test_rows_are_filled_up_on_the_right(lengths):
    of = of_lengths(lengths)
    rows = of.rows(of.offsets[:-1], of.offsets[1:])
    assert rows.dtype == np.int32
    assert rows.shape == (len(lengths), max(lengths))
    for row, items in zip(rows.tolist(), by_user(of), strict=True):
        assert row == items + [-1] * (len(row) - len(items))


def test_rows_of_nobody():
    nobody = np.array([], dtype=int)
    assert of_lengths([3]).rows(nobody, nobody).shape == (0, 0)
    users, starts, stops = of_lengths([0, 1]).windows(5)
    assert len(users) == len(starts) == len(stops) == 0


@pytest.mark.parametrize(
    ("length", "decay", "expected"),
    [
        (1, 0.5, [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]),
        (2, 0.5, [[0.5, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]),
        (9, 0.5, [[0.5, 0, 0.25, 1], [0, 0, 0, 0], [0, 1, 0, 0]]),
        (9, 1.0, [[1, 0, 1, 1], [0, 0, 0, 0], [0, 1, 0, 0]]),
        (9, 0.0, [[0, 0, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0]]),
    ],
)
def test_the_last_event_weighs_one_and_those_before_less_and_less(length, decay, expected):
    of = Histories(np.array([2, 0, 3, 1], dtype=np.int32), np.array([0, 3, 3, 4]))
    found = of.recent(4, length, decay)
    assert found.dtype == np.float32
    assert found.toarray().tolist() == expected


# ----------------------------------------------------------------------------------------- batches


@REPRODUCIBLE
@given(st.lists(st.integers(1, 9), max_size=40), st.integers(1, 30), st.booleans())
def test_batches_hold_each_row_once_and_about_as_many_events(lengths, size, shuffle):
    lengths = np.array(lengths, dtype=int)
    batches = batches_by_length(lengths, size, np.random.default_rng(0) if shuffle else None)
    assert all(len(rows) for rows in batches)
    rows = np.concatenate([*batches, np.array([], dtype=int)]).astype(int)
    assert sorted(rows.tolist()) == list(range(len(lengths)))
    if not len(lengths):
        return
    total, longest = lengths.sum(), lengths.max()
    wanted = total / max(1, round(total / size))  # of each batch, if rows could be divided
    for batch in batches:
        assert wanted - longest < lengths[batch].sum() < wanted + longest
    ends = sorted((lengths[batch].min(), lengths[batch].max()) for batch in batches)
    assert all(a[1] <= b[0] for a, b in pairwise(ends))  # by length


def test_batches_are_shuffled_and_so_are_rows_of_one_length():
    lengths = np.repeat([1, 2, 3], 200)
    runs = [batches_by_length(lengths, 60, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    firsts = [[lengths[rows[0]] for rows in batches] for batches in runs]
    assert firsts[0] == firsts[1] != firsts[2]
    assert firsts[0] != sorted(firsts[0])
    together = [{tuple(sorted(rows.tolist())) for rows in batches} for batches in runs]
    assert together[0] == together[1]
    assert not together[0] & together[2]


def test_little_is_filled_up():
    """Of 5,000 histories as skewed as real ones."""
    lengths = np.random.default_rng(0).geometric(0.1, 5000)
    cells = sum(len(rows) * lengths[rows].max() for rows in batches_by_length(lengths, 512))
    assert cells < 1.1 * lengths.sum()
    order = np.random.default_rng(1).permutation(5000)
    mixed = sum(len(rows) * lengths[rows].max() for rows in np.array_split(order, 100))
    assert mixed > 3 * lengths.sum()


@REPRODUCIBLE
@given(st.lists(st.integers(1, 99), max_size=20))
def test_rows_of_like_length_are_together_and_others_are_not(lengths):
    lengths = np.array(lengths, dtype=int)
    groups = of_like_length(lengths)
    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    for rows in groups if len(lengths) else []:
        assert lengths[rows].max() < 2 * lengths[rows].min()
    assert len(groups) <= 7  # 1, 2 to 3, 4 to 7, and so on


def test_the_order_of_time_names_every_event_once():
    ratings = of_cells({(1, 2): 3, (0, 4): 9, (1, 3): 1, (0, 5): 2})
    assert time_order(ratings, 0).tolist() == [3, 1, 2, 0]
