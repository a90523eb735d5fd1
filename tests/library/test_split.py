"""Splits: the examples in the docstrings, and what must hold of every split."""

import re
from dataclasses import FrozenInstanceError
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from recsys_lib.data import (
    DataError,
    Interactions,
    Split,
    leave_last_out,
    load,
    split_by_time,
    split_items,
    split_new_items,
    split_users,
)
from recsys_lib.data.histories import mix
from recsys_lib.data.split import _folds

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=120)
TOO_FEW = ["train", "test", "drop"]


def make(rows, time_unit="s"):
    frame = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    return Interactions.from_frame(frame, name="shop", time_unit=time_unit)


def events(part):
    return set(part.to_frame()[["user", "item", "timestamp"]].itertuples(index=False, name=None))


def items_of(split, user):
    """What a user has in train, valid and test, each in order of time."""
    found = []
    for part in (split.train, split.valid, split.test):
        table = part.to_frame().sort_values("timestamp")
        found.append("".join(table.loc[table["user"] == user, "item"]))
    return tuple(found)


# users 1, 2, ... with as many events, of items a, b, c, ... in this order
LADDER = [(n, "abcdef"[i], i) for n in range(1, 7) for i in range(n)]


class TestLeaveLastOut:
    def test_by_hand(self):
        rows = [("u", "a", 30), ("u", "b", 10), ("v", "a", 1), ("u", "c", 40), ("u", "d", 20)]
        rows += [("v", "c", 4), ("v", "d", 3), ("v", "b", 2)]
        split = leave_last_out(make(rows), n_test=1, n_valid=2)
        assert items_of(split, "u") == ("b", "da", "c")
        assert items_of(split, "v") == ("a", "bd", "c")

    @pytest.mark.parametrize(
        ("too_few", "expected"),
        [
            # users with 1, 2, 3, 4, 5 events; four are needed for 1 + 1 + 2
            (
                "train",
                [
                    ("a", "", ""),
                    ("ab", "", ""),
                    ("abc", "", ""),
                    ("a", "b", "cd"),
                    ("ab", "c", "de"),
                ],
            ),
            (
                "test",
                [
                    ("", "", "a"),
                    ("", "", "ab"),
                    ("", "a", "bc"),
                    ("a", "b", "cd"),
                    ("ab", "c", "de"),
                ],
            ),
            (
                "drop",
                [("", "", ""), ("", "", ""), ("", "", ""), ("a", "b", "cd"), ("ab", "c", "de")],
            ),
        ],
    )
    def test_users_with_too_few(self, too_few, expected):
        split = leave_last_out(make(LADDER), too_few=too_few)
        assert [items_of(split, user) for user in range(1, 6)] == expected

    def test_too_few_is_an_error_if_so_asked(self):
        ratings = make(LADDER)
        with pytest.raises(
            DataError, match="3 users of shop have fewer than 4 events, for example 1"
        ):
            leave_last_out(ratings, too_few="error")
        enough = ratings.select(ratings.user_ids[ratings.user] >= 4)
        assert len(leave_last_out(enough, too_few="error").test) == 6

    @pytest.mark.parametrize("too_few", [*TOO_FEW, "error"])
    def test_users_without_any_event_are_in_nobodys_way(self, too_few):
        ratings = make(LADDER).select(np.arange(15, 21))  # user 6 only
        split = leave_last_out(ratings, too_few=too_few)
        assert [len(split.train), len(split.valid), len(split.test)] == [3, 1, 2]

    @pytest.mark.parametrize(
        ("n_test", "n_valid", "expected"),
        [(1, 0, ("abcde", "", "f")), (0, 1, ("abcde", "f", "")), (3, 2, ("a", "bc", "def"))],
    )
    def test_sizes(self, n_test, n_valid, expected):
        assert items_of(leave_last_out(make(LADDER), n_test, n_valid), 6) == expected

    def test_names_vocabularies_and_items(self, tiny):
        split = leave_last_out(tiny, 1, 1)
        parts = (split.train, split.valid, split.test)
        assert [part.name for part in parts] == ["tiny train", "tiny valid", "tiny test"]
        assert all(part.shape == (3, 4) for part in parts)
        assert all(part.items is tiny.items for part in parts)
        with pytest.raises(FrozenInstanceError):
            split.train = split.test
        assert repr(split) == "<split of 3 users x 4 items: train 3, valid 2, test 2>"

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"n_test": -1}, ValueError, "n_test must be at least 0, got -1"),
            ({"n_test": 1.0}, TypeError, r"n_test must be an integer, got 1.0 \(float\)"),
            ({"n_valid": True}, TypeError, r"n_valid must be an integer, got True \(bool\)"),
            ({"n_test": 0, "n_valid": 0}, ValueError, "n_test and n_valid are both 0"),
            (
                {"too_few": "skip"},
                ValueError,
                "too_few must be one of 'train', 'test', 'drop', 'error', got 'skip'",
            ),
            ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
            ({"seed": 0.5}, TypeError, r"seed must be an integer, got 0.5 \(float\)"),
        ],
    )
    def test_bad_arguments(self, tiny, arguments, error, message):
        with pytest.raises(error, match=message):
            leave_last_out(tiny, **arguments)

    def test_without_timestamps_there_is_no_last(self):
        with pytest.raises(DataError, match="shop has no timestamps, which leave_last_out needs"):
            leave_last_out(make(LADDER, time_unit="none"))

    def test_of_nothing(self, tiny):
        split = leave_last_out(tiny.select([]))
        assert [len(split.train), len(split.valid), len(split.test)] == [0, 0, 0]


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 6)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[:2],
)


@REPRODUCIBLE
@given(ROWS, st.integers(0, 3), st.integers(0, 3), st.sampled_from(TOO_FEW), st.integers(0, 99))
def test_what_holds_of_every_leave_last_out(rows, n_test, n_valid, too_few, seed):
    assume(n_test + n_valid)
    ratings = make(rows)
    split = leave_last_out(ratings, n_test, n_valid, too_few, seed)
    train, valid, test = (events(part) for part in (split.train, split.valid, split.test))
    assert len(train | valid | test) == len(train) + len(valid) + len(test)
    assert train | valid | test <= set(rows)
    for user in {row[0] for row in rows}:
        mine = [[row for row in part if row[0] == user] for part in (train, valid, test)]
        n = sum(row[0] == user for row in rows)
        if n > n_test + n_valid:
            expected = [n - n_test - n_valid, n_valid, n_test]
        elif too_few == "train":
            expected = [n, 0, 0]
        elif too_few == "drop":
            expected = [0, 0, 0]
        else:
            in_test = min(n, n_test)
            in_valid = min(n - in_test, n_valid)
            expected = [n - in_test - in_valid, in_valid, in_test]
        assert [len(part) for part in mine] == expected
        times = [[row[2] for row in part] for part in mine]
        assert max(times[0], default=0) <= min(times[1] + times[2], default=9)
        assert max(times[0] + times[1], default=0) <= min(times[2], default=9)


@REPRODUCIBLE
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows, random):
    one = leave_last_out(make(rows), 1, 1, seed=3)
    other = leave_last_out(make(random.sample(rows, len(rows))), 1, 1, seed=3)
    for part in ("train", "valid", "test"):
        assert events(getattr(one, part)) == events(getattr(other, part))


@REPRODUCIBLE
@given(ROWS)
def test_the_seed_changes_ties_only(rows):
    one, other = (leave_last_out(make(rows), 1, 1, "test", seed) for seed in (0, 1))
    for part in ("train", "valid", "test"):
        times = [
            sorted((user, time) for user, _, time in events(getattr(split, part)))
            for split in (one, other)
        ]
        assert times[0] == times[1]
    if len({(user, time) for user, _, time in rows}) == len(rows):  # no ties at all
        assert events(one.test) == events(other.test)


N_USERS = 6_000


@pytest.fixture(scope="module")
def tied():
    """Many users who met the same five items at one moment."""
    user, item = np.divmod(np.arange(N_USERS * 5), 5)
    ones, ids = np.ones(len(user)), np.arange(N_USERS)
    return Interactions(user, item, ones, ones, ids, ids[:5], time_unit="s")


class TestTies:
    def test_no_item_is_favored(self, tied):
        # in each place 1,200 of 6,000 on average, standard deviation 31: five of those are allowed
        split = leave_last_out(tied, n_test=1, n_valid=1, seed=0)
        for part in (split.test, split.valid):
            assert np.abs(part.item_counts - 1_200).max() < 155

    def test_the_whole_order_is_even(self, tied):
        # 60 pairs (valid, test) less the equal ones: 20, each 300 times, standard deviation 17
        split = leave_last_out(tied, n_test=1, n_valid=1, seed=5)
        pairs = {
            (a, b): np.sum(
                (split.valid.item[np.argsort(split.valid.user)] == a)
                & (split.test.item[np.argsort(split.test.user)] == b)
            )
            for a, b in permutations(range(5), 2)
        }
        assert sum(pairs.values()) == N_USERS
        assert max(abs(count - 300) for count in pairs.values()) < 85

    def test_neighboring_users_and_seeds_are_unlike(self, tied):
        chosen = []
        for seed in range(4):
            test = leave_last_out(tied, n_test=1, n_valid=0, seed=seed).test
            chosen.append(test.item[np.argsort(test.user)])
        # agreement by chance is one in five: 1,200, standard deviation 31
        agreements = [np.sum(a == b) for i, a in enumerate(chosen) for b in chosen[:i]]
        agreements += [np.sum(a[1:] == a[:-1]) for a in chosen]
        assert np.abs(np.array(agreements) - 1_200).max() < 155

    def test_the_same_on_every_machine(self, tied):
        test = leave_last_out(tied, n_test=1, n_valid=0).test
        # worked out with Python's exact integers; if this changes, published splits change
        expected = [2, 3, 4, 4, 3, 4, 4, 2, 1, 4, 1, 2]
        assert test.item[np.argsort(test.user)][:12].tolist() == expected

    def test_the_mixer_is_splitmix64(self):
        # its published first three outputs for the state 0, which goes up by gamma each time
        gamma = 0x9E3779B97F4A7C15
        states = np.array([0, gamma, 2 * gamma % 2**64], dtype=np.uint64)
        expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
        assert mix(states).tolist() == expected

    @pytest.mark.parametrize("seed", [2**63, 2**64, 2**80 + 1])
    def test_a_large_seed(self, tied, seed):
        assert len(leave_last_out(tied, 1, 0, seed=seed).test) == N_USERS


class TestSplitByTime:
    def test_by_hand(self):
        split = split_by_time(make([("u", i, 10 * i) for i in range(10)]), test=0.2, valid=0.3)
        assert sorted(split.train.timestamp) == [0, 10, 20, 30, 40]
        assert sorted(split.valid.timestamp) == [50, 60, 70]
        assert sorted(split.test.timestamp) == [80, 90]

    def test_the_cut_is_the_same_for_everybody(self):
        split = split_by_time(make([(u, i, 4 * u + i) for u in range(5) for i in range(4)]), 0.2, 0)
        assert split.test.user.tolist() == [4] * 4
        assert split.train.shape == split.test.shape == (5, 4)

    def test_without_validation_or_without_test(self):
        ratings = make([("u", i, i) for i in range(10)])
        split = split_by_time(ratings, test=0.3, valid=0)
        assert [len(split.train), len(split.valid), len(split.test)] == [7, 0, 3]
        split = split_by_time(ratings, test=0, valid=0.3)
        assert [len(split.train), len(split.valid), len(split.test)] == [7, 3, 0]

    def test_events_at_the_moment_of_a_cut_go_to_the_later_part(self):
        times = [1, 2, 3, 4, 5, 5, 5, 8, 8, 9]
        ratings = make([("u", i, time) for i, time in enumerate(times)])
        split = split_by_time(
            ratings, test=0.2, valid=0.2
        )  # the cuts fall on the third 5, second 8
        assert sorted(split.train.timestamp) == [1, 2, 3, 4]
        assert sorted(split.valid.timestamp) == [5, 5, 5]
        assert sorted(split.test.timestamp) == [8, 8, 9]

    def test_one_busy_moment_can_leave_no_validation(self):
        ratings = make([("u", i, time) for i, time in enumerate([1, 2, 7, 7, 7, 7, 7, 7])])
        split = split_by_time(ratings, test=0.25, valid=0.25)
        assert [len(split.train), len(split.valid), len(split.test)] == [2, 0, 6]

    def test_a_fraction_of_a_few_events_is_at_least_one(self, tiny):
        split = split_by_time(tiny.select([0, 1, 2]), test=0.1, valid=0.1)
        assert [len(split.train), len(split.valid), len(split.test)] == [1, 1, 1]

    def test_fractions_that_floats_cannot_hold(self):
        # 0.1 + 0.2 is above 0.3 and 0.7 + 0.1 below 0.8
        ratings = make([("u", i, i) for i in range(100)])
        assert len(split_by_time(ratings, test=0.1, valid=0.2).train) == 70
        assert len(split_by_time(ratings, test=0.7, valid=0.1).train) == 20

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"test": 1.2}, ValueError, r"test must be a finite number in \[0, 1\], got 1.2"),
            ({"valid": -0.1}, ValueError, r"valid must be a finite number in \[0, 1\], got -0.1"),
            ({"test": np.nan}, ValueError, "test must be a finite number"),
            ({"test": "0.1"}, TypeError, r"test must be a number, got '0.1' \(str\)"),
            (
                {"test": 0, "valid": 0},
                ValueError,
                r"test \+ valid must lie between 0 and 1, got 0.0",
            ),
            ({"test": 0.5, "valid": 0.5}, ValueError, "must lie between 0 and 1, got 0.5 . 0.5"),
            ({"test": 1}, ValueError, "must lie between 0 and 1, got 1.0 . 0.1"),
        ],
    )
    def test_bad_arguments(self, tiny, arguments, error, message):
        with pytest.raises(error, match=message):
            split_by_time(tiny, **arguments)

    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_too_few_events(self, tiny, n):
        message = re.escape(f"tiny has {n} events, too few for test=0.1, valid=0.1")
        with pytest.raises(DataError, match=message):
            split_by_time(tiny.select(np.arange(n)))

    def test_all_at_one_moment(self):
        with pytest.raises(
            DataError, match="shop: no event is earlier than the cut, which is at 7"
        ):
            split_by_time(make([("u", i, 7) for i in range(10)]))

    def test_without_timestamps(self):
        with pytest.raises(DataError, match="shop has no timestamps, which split_by_time needs"):
            split_by_time(make(LADDER, time_unit="none"))

    @REPRODUCIBLE
    @given(ROWS, st.sampled_from([0, 0.1, 0.3, 0.5]), st.sampled_from([0, 0.1, 0.25, 0.4]))
    def test_what_holds_of_every_split(self, rows, test, valid):
        assume(test + valid)
        try:
            split = split_by_time(make(rows), test, valid)
        except DataError:
            few = len(rows) <= max(2, len(rows) * (test + valid))
            first = min(row[2] for row in rows)
            assert few or sum(row[2] == first for row in rows) > len(rows) * (1 - test - valid) - 1
            return
        parts = [events(part) for part in (split.train, split.valid, split.test)]
        assert set.union(*parts) == set(rows)
        assert sum(map(len, parts)) == len(rows)
        times = [[row[2] for row in part] for part in parts]
        assert max(times[0]) < min(times[1] + times[2])
        assert max(times[0] + times[1]) < min(times[2], default=9)
        # the fractions are met or, because of ties, exceeded; half an event may be rounded off
        assert len(times[2]) >= len(rows) * test - 0.5
        assert len(times[1] + times[2]) >= len(rows) * (test + valid) - 0.5
        assert bool(times[2]) == bool(test)


# -------------------------------------------------------------------------- new items, new users


class TestSplitItems:
    def test_by_hand(self):
        """Six items in three folds: two are tested on, two validated on, two learned from."""
        parts = [split_items(make(LADDER), fold, 3) for fold in range(3)]
        found = [
            [set(part.to_frame()["item"]) for part in (s.test, s.valid, s.train)] for s in parts
        ]
        assert sorted(len(items) for split in found for items in split) == [2] * 9
        for fold in range(3):  # the next fold is for validation, the other for training
            after = found[(fold + 1) % 3][0], found[(fold + 2) % 3][0]
            assert tuple(found[fold][1:]) == after
        assert repr(split_items(make(LADDER), 2, 3)).startswith(
            "<split of 6 users x 6 items: train"
        )

    def test_the_folds_are_the_same_as_ever(self):
        """Recorded results rest on them."""
        items = [set(split_items(make(LADDER), fold, 3).test.item.tolist()) for fold in range(3)]
        assert items == [{0, 1}, {3, 4}, {2, 5}]

    def test_without_validation_the_next_fold_stays_in_training(self):
        tuned, final = (split_items(make(LADDER), 1, 3, valid=valid) for valid in (True, False))
        assert events(final.test) == events(tuned.test)
        assert events(final.train) == events(tuned.train) | events(tuned.valid)
        assert len(final.valid) == 0

    def test_times_are_not_needed(self, tiny):
        ratings = Interactions([0, 0, 1], [0, 1, 1], [1] * 3, [0] * 3, range(2), range(3))
        assert len(split_items(ratings, 0, 2, valid=False).train) > 0
        split = split_items(tiny, 1, 3)
        assert [part.name for part in (split.train, split.test)] == ["tiny train", "tiny test"]
        assert split.train.items is tiny.items

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"fold": 5}, ValueError, "fold must be below n_folds=5, got 5"),
            ({"fold": -1}, ValueError, "fold must be at least 0"),
            ({"n_folds": 2}, ValueError, "n_folds must be at least 3, got 2"),
            ({"n_folds": 1, "valid": False}, ValueError, "n_folds must be at least 2, got 1"),
            ({"valid": 1}, TypeError, "valid must be True or False"),
            ({"seed": 0.5}, TypeError, "seed must be an integer"),
        ],
    )
    def test_bad_arguments(self, tiny, arguments, error, message):
        with pytest.raises(error, match=message):
            split_items(tiny, **{"fold": 0, **arguments})

    def test_nothing_left(self, tiny):
        one = tiny.select(tiny.item == 2)
        fold = int(_folds(4, 2, 0)[2])
        with pytest.raises(DataError, match="tiny: no event is left for training"):
            split_items(one, fold, 2, valid=False)
        assert len(split_items(one, 1 - fold, 2, valid=False).train) == 1
        with pytest.raises(TypeError, match="ratings must be Interactions, got list"):
            split_items([1], 0)


@REPRODUCIBLE
@given(ROWS, st.integers(3, 6), st.booleans(), st.integers(0, 99))
def test_what_holds_of_every_split_by_items(rows, n_folds, valid, seed):
    ratings = make(rows)
    tested = []
    for fold in range(n_folds):
        try:
            split = split_items(ratings, fold, n_folds, valid=valid, seed=seed)
        except DataError:  # few items, all of them in these folds
            continue
        parts = [events(part) for part in (split.train, split.valid, split.test)]
        assert set.union(*parts) == set(rows)
        assert sum(map(len, parts)) == len(rows)
        items = [{row[1] for row in part} for part in parts]
        assert len(set.union(*items)) == sum(map(len, items))
        assert bool(parts[1]) <= valid
        for part in (split.train, split.valid, split.test):
            assert part.vocabulary == ratings.vocabulary
        tested += items[2]
        order = [
            (part.user.tolist(), part.timestamp.tolist()) for part in (split.train, split.test)
        ]
        for part, (users, times) in zip((0, 2), order, strict=True):  # the order of the rows stays
            kept = [row for row in ratings.to_frame().itertuples() if row.item in items[part]]
            assert [row.timestamp for row in kept] == times
            assert [ratings.user_ids.tolist().index(row.user) for row in kept] == users
    assert len(tested) == len(set(tested))  # no item is in two folds


@REPRODUCIBLE
@given(st.integers(1, 60), st.integers(2, 7), st.integers(0, 99))
def test_folds_divide_everything_into_parts_of_one_size(n, n_folds, seed):
    folds = _folds(n, n_folds, seed)
    sizes = np.bincount(folds, minlength=n_folds)
    assert sizes.sum() == n
    assert sizes.max() - sizes.min() <= 1
    assert folds.tolist() == _folds(n, n_folds, seed).tolist()
    if n > 20:
        assert folds.tolist() != _folds(n, n_folds, seed + 1).tolist()


def test_five_folds_of_films_hold_every_film_once_and_hide_it_entirely():
    films = load()
    tested = np.zeros(films.n_items, dtype=int)
    for fold in range(5):
        split = split_items(films, fold)
        in_train, in_valid, in_test = (
            part.item_counts > 0 for part in (split.train, split.valid, split.test)
        )
        assert not (in_train & in_test).any()
        assert not (in_train & in_valid).any()
        assert not (in_valid & in_test).any()
        assert 1812 <= in_test.sum() <= 1814  # a fifth of 9,066
        tested += in_test
    assert (tested == 1).all()


def test_new_users_of_films_are_told_0_1_2_4_or_8_events_and_tested_on_the_same():
    films, before = load(), set()
    everything = [split_users(films, known, fold=2) for known in (0, 1, 2, 4, 8)]
    for known, split in zip((0, 1, 2, 4, 8), everything, strict=True):
        new = np.unique(split.test.user)
        assert (split.given.user_counts[new] == known).all()
        assert len(split.given) == known * len(new)
        assert not split.train.user_counts[new].any()
        assert events(split.test) == events(everything[0].test)
        assert events(split.train) == events(everything[0].train)
        assert before <= events(split.given)  # what was told stays told
        before = events(split.given)
        assert len(split.valid) == (8 - known) * len(new)


def test_new_items_have_0_1_2_4_8_or_16_events_and_are_tested_on_the_same():
    films, before = load(), set()
    everything = [split_new_items(films, known, fold=2) for known in (0, 1, 2, 4, 8, 16)]
    for known, split in zip((0, 1, 2, 4, 8, 16), everything, strict=True):
        new = np.unique(split.test.item)
        assert (films.item_counts[new] > 16).all()
        assert (split.train.item_counts[new] == known).all()
        assert len(split.valid) == (16 - known) * len(new)
        assert events(split.test) == events(everything[0].test)
        assert before <= events(split.train)
        assert events(split.train) | events(split.valid) | events(split.test) == events(films)
        before = events(split.train)
    among_fold = split_items(films, fold=2).test.item_counts > 0
    assert among_fold[new].all()  # the folds are those of split_items


class TestSplitNewItems:
    """Item b has four events, a and c one each; only b can have more than two."""

    ROWS = ((1, "a", 9), (1, "b", 5), (2, "b", 3), (3, "b", 7), (4, "b", 1), (2, "c", 2))

    def told(self, known, **options):
        ratings = make(self.ROWS)
        fold = int(_folds(3, 2, 0)[ratings.item_ids.tolist().index("b")])
        return split_new_items(ratings, known, fold, 2, **{"test_after": 2, **options})

    def test_by_hand(self):
        for known, train, valid in (
            (0, set(), {(4, "b", 1), (2, "b", 3)}),
            (1, {(4, "b", 1)}, {(2, "b", 3)}),
            (2, {(4, "b", 1), (2, "b", 3)}, set()),
        ):
            split = self.told(known)
            assert events(split.test) == {(1, "b", 5), (3, "b", 7)}
            assert events(split.valid) == valid
            assert events(split.train) == train | {(1, "a", 9), (2, "c", 2)}

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match="known must be at most test_after=2, got 3"):
            self.told(3)
        with pytest.raises(ValueError, match="fold must be below n_folds=2, got 2"):
            split_new_items(make(self.ROWS), 0, 2, 2)
        with pytest.raises(DataError, match=r"no item of fold \d of 2 has more than 16 events"):
            self.told(0, test_after=16)
        with pytest.raises(DataError, match="shop has no timestamps, which split_new_items needs"):
            split_new_items(make(self.ROWS, time_unit="none"), 1)
        alone = make([(user, "b", user) for user in range(4)])
        with pytest.raises(DataError, match=r"no item of fold \d of 2 else is left to train on"):
            split_new_items(alone, 0, int(_folds(1, 2, 0)[0]), 2, test_after=2)


class TestSplitUsers:
    def told(self, known, **options):
        return split_users(make(LADDER), known, **{"test_after": 3, "n_folds": 2, **options})

    def test_by_hand(self):
        """Users 4, 5 and 6 have more than three events; those of one half of the users are new."""
        for fold in range(2):
            everything = [self.told(known, fold=fold) for known in range(4)]
            new = set(everything[0].test.to_frame()["user"])
            for known, split in enumerate(everything):
                between = {row for row in LADDER if row[0] in new and known <= row[2] < 3}
                assert events(split.valid) == between
                assert events(split.test) == {
                    row for row in LADDER if row[0] in new and row[2] >= 3
                }
                assert events(split.given) == {
                    row for row in LADDER if row[0] in new and row[2] < known
                }
                assert events(split.train) == {row for row in LADDER if row[0] not in new}
        every = [set(self.told(0, fold=fold).test.to_frame()["user"]) for fold in range(2)]
        assert sorted([*every[0], *every[1]]) == [4, 5, 6]

    def test_names_and_vocabularies(self, tiny):
        split = split_users(tiny, 1, 0, 2, test_after=1)
        assert split.given.name == "tiny given"
        assert split.given.vocabulary == tiny.vocabulary
        assert repr(split).endswith(f", test {len(split.test)}, given {len(split.given)}>")

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"known": 9}, ValueError, "known must be at most test_after=8, got 9"),
            ({"known": -1}, ValueError, "known must be at least 0"),
            ({"fold": 7}, ValueError, "fold must be below n_folds=5, got 7"),
            ({"n_folds": 1}, ValueError, "n_folds must be at least 2"),
            ({"known": 0}, DataError, "tiny: no user of fold 0 of 5 has more than 8 events"),
        ],
    )
    def test_bad_arguments(self, tiny, arguments, error, message):
        with pytest.raises(error, match=message):
            split_users(tiny, **{"known": 1, **arguments})

    def test_somebody_must_be_left(self):
        alone = make([(1, item, n) for n, item in enumerate("abc")])
        fold = int(_folds(1, 2, 0)[0])
        with pytest.raises(DataError, match=r"no user of fold \d of 2 else is left to train on"):
            split_users(alone, 0, fold, 2, test_after=1)
        with pytest.raises(DataError, match="shop has no timestamps, which split_users needs"):
            split_users(make(LADDER, time_unit="none"), 1)

    def test_what_is_given_is_of_nobody_in_training(self):
        split = self.told(2)
        with pytest.raises(
            DataError, match="given must be of users who are not in train, and user"
        ):
            Split(split.train, split.valid, split.test, split.train)
        with pytest.raises(TypeError, match="given must be Interactions, got list"):
            Split(split.train, split.valid, split.test, [])
        with pytest.raises(DataError, match="given must have the users and items of train"):
            Split(split.train, split.valid, split.test, split.given.compact())


@REPRODUCIBLE
@given(ROWS, st.integers(0, 3), st.integers(0, 3), st.integers(2, 4), st.integers(0, 99))
def test_what_holds_of_every_split_by_users(rows, known, more, n_folds, seed):
    ratings, tested = make(rows), []
    counts = {row[0]: sum(row[0] == one[0] for one in rows) for row in rows}
    for fold in range(n_folds):
        try:
            split = split_users(ratings, known, fold, n_folds, test_after=known + more, seed=seed)
        except DataError:
            continue
        train, test, given = (events(part) for part in (split.train, split.test, split.given))
        assert train | test | given | events(split.valid) == set(rows)
        new = {row[0] for row in test}
        assert train == {row for row in rows if row[0] not in new}
        assert {row[0] for row in given} <= new
        for user in new:
            mine = [sorted(row[2] for row in part if row[0] == user) for part in (given, test)]
            assert len(mine[0]) == known
            assert len(mine[1]) == counts[user] - known - more > 0
            assert max(mine[0], default=0) <= min(mine[1])
        tested += new
        for part in (split.train, split.valid, split.test, split.given):
            assert part.vocabulary == ratings.vocabulary
    assert len(tested) == len(set(tested))


@pytest.fixture(scope="module")
def paper(amazon_folder):
    return load("amazon-2023-musical-instruments")


@pytest.mark.amazon
def test_the_papers_protocol_leaves_users_without_training_data(paper):
    split = leave_last_out(paper, n_test=2, n_valid=0, too_few="test")
    assert len(split.train) == 32_644
    assert len(split.valid) == 0
    assert len(split.test) == 42_626 - 32_644
    assert (split.train.user_counts > 0).sum() == 4_554
    assert (split.train.user_counts == 0).sum() == 553
    assert (split.train.item_counts == 0).sum() == 1
    assert (split.test.user_counts == 1).sum() == 232  # who have one interaction only


@pytest.mark.amazon
def test_no_boundary_of_the_papers_split_depends_on_the_seed(paper):
    one, other = (leave_last_out(paper, 2, 0, "test", seed) for seed in (0, 1))
    assert events(one.test) == events(other.test)
