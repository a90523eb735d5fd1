"""`min_counts` and `k_core`: small cases by hand, and what must hold of every result."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys_lib.data import DataError, Interactions, k_core, load, min_counts

REPRODUCIBLE = settings(deadline=None, derandomize=True, max_examples=150)

# A square of u, v and a, b in which each has two events, with a tail: w has b and c, x has c and d.
#      a b c d
#   u  1 1
#   v  1 1
#   w    1 1
#   x      1 1
SQUARE_AND_TAIL = [("u", "a"), ("u", "b"), ("v", "a"), ("v", "b")]
SQUARE_AND_TAIL += [("w", "b"), ("w", "c"), ("x", "c"), ("x", "d")]


def make(pairs, **options):
    frame = pd.DataFrame(pairs, columns=["user", "item"])
    frame["timestamp"] = range(len(pairs))
    return Interactions.from_frame(frame, name="shop", **options)


def pairs_of(ratings):
    return set(ratings.to_frame()[["user", "item"]].itertuples(index=False, name=None))


def naive_core(pairs, *minimum):
    """Throw out one offender at a time until there is none."""
    pairs = set(pairs)
    while True:
        for side in (0, 1):
            names = [pair[side] for pair in pairs]
            few = [name for name in set(names) if names.count(name) < minimum[side]]
            if few:
                pairs = {pair for pair in pairs if pair[side] != few[0]}
                break
        else:
            return pairs


PAIRS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(10, 16)), min_size=1, max_size=45, unique=True
)


class TestMinCounts:
    def test_users_go_first_and_are_not_looked_at_again(self):
        # v goes, so b and c are left with one event and go too; then u has one event, w has two
        pairs = [("u", "a"), ("u", "b"), ("w", "a"), ("w", "d"), ("x", "d"), ("x", "c"), ("v", "b")]
        kept = min_counts(make(pairs), user=2, item=2)
        assert pairs_of(kept) == {("u", "a"), ("w", "a"), ("w", "d"), ("x", "d")}
        assert kept.user_counts.tolist() == [1, 2, 1]

    def test_items_are_counted_after_the_users_are_gone(self):
        # b has two events at first, but one of them belongs to v, who goes
        pairs = [("u", "a"), ("u", "b"), ("v", "b"), ("w", "a"), ("w", "c")]
        assert pairs_of(min_counts(make(pairs), user=2, item=2)) == {("u", "a"), ("w", "a")}

    def test_each_side_has_its_own_minimum(self):
        ratings = make(SQUARE_AND_TAIL)
        assert pairs_of(min_counts(ratings, user=1, item=3)) == {("u", "b"), ("v", "b"), ("w", "b")}
        assert pairs_of(min_counts(ratings, user=2, item=2)) == set(SQUARE_AND_TAIL[:-1])
        assert pairs_of(min_counts(ratings, user=1, item=1)) == set(SQUARE_AND_TAIL)

    def test_the_default_is_the_papers(self):
        square = [(user, item) for user in range(20) for item in range(20)]
        kept = min_counts(make([*square, (20, 0)]))
        assert pairs_of(kept) == set(square)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"user": 3}, r"min_counts\(user=3, item=20\) leaves nothing of shop"),
            ({"user": 1, "item": 9}, r"min_counts\(user=1, item=9\) leaves nothing of shop"),
        ],
    )
    def test_nothing_left(self, arguments, message):
        with pytest.raises(DataError, match=message):
            min_counts(make(SQUARE_AND_TAIL), **arguments)

    @pytest.mark.parametrize("side", ["user", "item"])
    def test_bad_arguments(self, tiny, side):
        with pytest.raises(ValueError, match=f"{side} must be at least 1, got 0"):
            min_counts(tiny, **{side: 0})
        with pytest.raises(TypeError, match=rf"{side} must be an integer, got 2.0 \(float\)"):
            min_counts(tiny, **{side: 2.0})

    @REPRODUCIBLE
    @given(PAIRS, st.integers(1, 4), st.integers(1, 4))
    def test_like_two_lines_of_python(self, pairs, user, item):
        kept = [p for p in pairs if [q[0] for q in pairs].count(p[0]) >= user]
        kept = [p for p in kept if [q[1] for q in kept].count(p[1]) >= item]
        if kept:
            assert pairs_of(min_counts(make(pairs), user, item)) == set(kept)
        else:
            with pytest.raises(DataError, match="leaves nothing"):
                min_counts(make(pairs), user, item)


class TestKCore:
    def test_the_tail_unravels(self):
        # d goes, so x goes, so c goes, so w goes
        assert pairs_of(k_core(make(SQUARE_AND_TAIL), 2)) == set(SQUARE_AND_TAIL[:4])

    def test_one_pass_leaves_more(self):
        ratings = make(SQUARE_AND_TAIL)
        assert len(min_counts(ratings, user=2, item=2)) == 7
        assert len(k_core(ratings, 2)) == 4

    def test_a_one_core_is_everything(self):
        assert pairs_of(k_core(make(SQUARE_AND_TAIL), 1)) == set(SQUARE_AND_TAIL)

    def test_nothing_left(self):
        with pytest.raises(DataError, match=r"k_core\(3\) leaves nothing of shop"):
            k_core(make(SQUARE_AND_TAIL), 3)

    def test_of_nothing(self, tiny):
        with pytest.raises(DataError, match=r"k_core\(1\) leaves nothing of tiny"):
            k_core(tiny.select([]), 1)

    @pytest.mark.parametrize(
        ("k", "error", "message"),
        [
            (0, ValueError, "k must be at least 1, got 0"),
            (-2, ValueError, "k must be at least 1, got -2"),
            (2.5, TypeError, r"k must be an integer, got 2.5 \(float\)"),
            (True, TypeError, r"k must be an integer, got True \(bool\)"),
            ("5", TypeError, r"k must be an integer, got '5' \(str\)"),
        ],
    )
    def test_bad_arguments(self, tiny, k, error, message):
        with pytest.raises(error, match=message):
            k_core(tiny, k)

    def test_each_side_may_have_its_own_minimum(self):
        ratings = make(SQUARE_AND_TAIL)
        assert pairs_of(k_core(ratings, item=3)) == {("u", "b"), ("v", "b"), ("w", "b")}
        assert pairs_of(k_core(ratings, user=2)) == set(SQUARE_AND_TAIL)
        assert pairs_of(k_core(ratings, user=2, item=2)) == pairs_of(k_core(ratings, 2))
        with pytest.raises(DataError, match=r"k_core\(user=2, item=3\) leaves nothing of shop"):
            k_core(ratings, user=2, item=3)

    @pytest.mark.parametrize("arguments", [{}, {"k": 2, "user": 2}, {"k": 2, "item": 1}])
    def test_one_minimum_or_one_for_each_side(self, tiny, arguments):
        with pytest.raises(TypeError, match="k_core needs k, or user and item, and not both"):
            k_core(tiny, **arguments)

    @pytest.mark.parametrize("side", ["user", "item"])
    def test_bad_minimum_of_a_side(self, tiny, side):
        with pytest.raises(ValueError, match=f"{side} must be at least 1, got 0"):
            k_core(tiny, **{side: 0})

    @REPRODUCIBLE
    @given(PAIRS, st.integers(1, 4), st.integers(1, 4))
    def test_each_side_like_throwing_out_one_at_a_time(self, pairs, user, item):
        expected = naive_core(pairs, user, item)
        if expected:
            assert pairs_of(k_core(make(pairs), user=user, item=item)) == expected
        else:
            with pytest.raises(DataError, match="leaves nothing"):
                k_core(make(pairs), user=user, item=item)

    @REPRODUCIBLE
    @given(PAIRS, st.integers(1, 4), st.randoms(use_true_random=False))
    def test_like_throwing_out_one_at_a_time(self, pairs, k, random):
        expected = naive_core(pairs, k, k)
        shuffled = random.sample(pairs, len(pairs))
        if not expected:
            with pytest.raises(DataError, match="leaves nothing"):
                k_core(make(pairs), k)
            return
        core = k_core(make(pairs), k)
        assert pairs_of(core) == expected
        assert core.user_counts.min() >= k
        assert core.item_counts.min() >= k
        assert pairs_of(k_core(make(shuffled), k)) == expected
        assert pairs_of(k_core(core, k)) == expected

    @settings(REPRODUCIBLE, max_examples=40)
    @given(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=1, max_size=9, unique=True))
    def test_no_larger_subset_would_do(self, pairs):
        """Try all subsets: every one in which all have two events lies inside the core."""
        try:
            core = pairs_of(k_core(make(pairs), 2))
        except DataError:
            core = set()
        for choice in range(1, 2 ** len(pairs)):
            subset = [pair for i, pair in enumerate(pairs) if choice >> i & 1]
            users, items = zip(*subset, strict=True)
            if min(map(users.count, users)) >= 2 and min(map(items.count, items)) >= 2:
                assert set(subset) <= core


@pytest.mark.parametrize(
    "keep", [lambda r: k_core(r, 2), lambda r: min_counts(r, 2, 2)], ids=["k_core", "min_counts"]
)
class TestBoth:
    def test_the_rest_is_renumbered_and_keeps_what_belongs_to_it(self, keep):
        pairs = [("x", "z"), *SQUARE_AND_TAIL[:4], ("y", "a")]
        items = pd.DataFrame({"title": ["Zorro", "Amélie", "Brazil"]}, index=["z", "a", "b"])
        ratings = make(pairs, items=items, time_unit="s", scale=(0, 5))
        kept = keep(ratings)
        assert kept.user_ids.tolist() == ["u", "v"]
        assert kept.item_ids.tolist() == ["a", "b"]
        assert kept.titles([0, 1]) == ["Amélie", "Brazil"]
        assert kept.timestamp.tolist() == [1, 2, 3, 4]
        assert (kept.name, kept.scale, kept.time_unit) == ("shop", (0, 5), "s")

    def test_users_without_events_leave_the_vocabulary(self, keep):
        ratings = make([*SQUARE_AND_TAIL[:4], ("y", "a")])
        without_y = ratings.select(ratings.user < 2)
        assert without_y.n_users == 3
        assert keep(without_y).n_users == 2

    def test_the_input_is_left_alone(self, keep):
        ratings = make(SQUARE_AND_TAIL)
        before = ratings.to_frame()
        keep(ratings)
        pd.testing.assert_frame_equal(ratings.to_frame(), before)
        assert np.array_equal(ratings.user_ids, ["u", "v", "w", "x"])


@pytest.fixture(scope="module")
def paper(amazon_folder):
    return load("amazon-2023-musical-instruments")


@pytest.mark.amazon
class TestAmazon:
    """Counted independently of this library."""

    @pytest.mark.parametrize(
        ("k", "counts"), [(5, (39_010, 3_777, 1_003)), (10, (21_780, 1_490, 835))]
    )
    def test_cores(self, paper, k, counts):
        core = k_core(paper, k)
        assert (len(core), *core.shape) == counts

    def test_there_is_no_20_core(self, paper):
        with pytest.raises(
            DataError, match=r"k_core\(20\) leaves nothing of amazon-2023-musical-in"
        ):
            k_core(paper, 20)

    def test_one_pass_leaves_most_users_with_fewer_than_20(self, paper):
        counts = paper.user_counts
        assert (counts < 20).sum() == 4_896
        assert (counts.min(), np.median(counts), counts.max()) == (1, 7, 63)
