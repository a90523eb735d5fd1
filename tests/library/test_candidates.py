"""Sampled candidates hold no item a user has met; candidate files are read as they stand."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recsys_lib import data
from recsys_lib.data import (
    DataError,
    Interactions,
    Split,
    leave_last_out,
    split_items,
    split_users,
)
from recsys_lib.evaluation.candidates import (
    Candidates,
    new_item_candidates,
    padded_rows,
    read_candidates,
    sample_candidates,
)
from recsys_lib.metrics import NO_ITEM
from recsys_lib.models.implicit import NegativeSampler


def interactions(cells, shape):
    """Interactions with these (user, item) cells, all at different times."""
    user, item = np.array(sorted(cells), dtype=int).reshape(-1, 2).T
    return Interactions(
        user,
        item,
        np.ones(len(user)),
        np.arange(len(user)),
        [f"u{u:04}" for u in range(shape[0])],
        [f"i{i:04}" for i in range(shape[1])],
        time_unit="s",
    )


def split_of(train, valid, test, shape):
    return Split(*(interactions(cells, shape) for cells in (train, valid, test)))


@pytest.fixture
def split():
    """60 users, 40 items; user u has met u % 37 + 3 items, the last two are valid and test."""
    rng = np.random.default_rng(0)
    cells = {
        (u, i) for u in range(60) for i in rng.permutation(40)[: u % 37 + 3].tolist() if u != 13
    }
    return leave_last_out(interactions(cells, (60, 40)), n_test=1, n_valid=1)


def met_items(split, user):
    parts = (split.train, split.valid, split.test)
    return set(np.concatenate([part.item[part.user == user] for part in parts]).tolist())


@pytest.mark.parametrize("weights", [None, np.arange(1, 41)])
@pytest.mark.parametrize("on", ["test", "valid"])
@pytest.mark.parametrize("n_negatives", [1, 5, 30, 40])
def test_negatives_are_new_to_the_user_and_none_comes_twice(split, on, n_negatives, weights):
    candidates = sample_candidates(split, n_negatives, on=on, seed=1, weights=weights)
    held_out = getattr(split, on)
    assert candidates.users.tolist() == sorted(set(held_out.user.tolist()))
    assert candidates.negatives.shape == (len(candidates.users), n_negatives)
    for row, user in enumerate(candidates.users):
        positives = candidates.positives[row]
        assert (
            positives[positives != NO_ITEM].tolist()
            == held_out.item[held_out.user == user].tolist()
        )
        drawn = candidates.negatives[row]
        met = met_items(split, user)
        n_real = min(n_negatives, 40 - len(met))
        assert len(set(drawn[:n_real].tolist())) == n_real
        assert not set(drawn[:n_real].tolist()) & met
        assert ((drawn[:n_real] >= 0) & (drawn[:n_real] < 40)).all()
        assert (drawn[n_real:] == NO_ITEM).all()


def test_a_user_with_few_items_left_gets_all_of_them():
    shape = (3, 6)
    train = {(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (2, 0)}
    split = split_of(train, {(0, 3)}, {(0, 4), (1, 5), (2, 1), (2, 2)}, shape)
    candidates = sample_candidates(split, 3)
    assert candidates.negatives[0].tolist() == [5, NO_ITEM, NO_ITEM]
    assert candidates.negatives[1].tolist() == [NO_ITEM] * 3  # has met everything
    assert sorted(candidates.negatives[2].tolist()) == [3, 4, 5]
    assert candidates.positives.tolist() == [[4, NO_ITEM], [5, NO_ITEM], [1, 2]]


# --------------------------------------------------------------------- new items among themselves


def test_new_items_by_hand():
    """Items 3, 4 and 5 are in no training row; user 1 met 4 in validation, user 2 only 0 and 1."""
    train = {(0, 0), (1, 1), (2, 0)}
    split = split_of(
        train, {(1, 4)}, {(0, 3), (0, 5), (0, 1), (1, 3), (1, 5), (2, 1), (3, 4)}, (4, 7)
    )
    found = new_item_candidates(split)
    assert found.users.tolist() == [0, 1, 3]
    assert found.positives.tolist() == [[3, 5], [3, 5], [4, NO_ITEM]]
    assert found.negatives.tolist() == [[4, NO_ITEM], [NO_ITEM, NO_ITEM], [3, 5]]
    assert found.vocabulary == split.train.vocabulary
    valid = new_item_candidates(split, on="valid")
    assert (valid.users.tolist(), valid.positives.tolist()) == ([1], [[4]])
    assert valid.negatives.tolist() == [[NO_ITEM]]


def test_new_items_are_all_that_were_taken_out(split):
    ratings = interactions(
        {(u, i) for part in (split.train, split.valid, split.test) for u, i in cells_of(part)},
        (60, 40),
    )
    for fold in range(3):
        new = split_items(ratings, fold, 3)
        for on in ("test", "valid"):
            held_out = getattr(new, on)
            items = set(held_out.item.tolist())
            found = new_item_candidates(new, on)
            assert found.users.tolist() == sorted(set(held_out.user.tolist()))
            for user, positives, negatives in zip(
                found.users, found.positives, found.negatives, strict=True
            ):
                own = set(held_out.item[held_out.user == user].tolist())
                assert set(positives.tolist()) - {NO_ITEM} == own
                assert set(negatives.tolist()) - {NO_ITEM} == items - own


def cells_of(part):
    return zip(part.user.tolist(), part.item.tolist(), strict=True)


def test_where_no_item_is_new(split):
    with pytest.raises(DataError, match="the test set of the split holds no item without a train"):
        new_item_candidates(split_of({(0, 0), (1, 1)}, set(), {(0, 1)}, (2, 2)))
    with pytest.raises(TypeError, match="split must be a Split, got list"):
        new_item_candidates([1])
    with pytest.raises(ValueError, match="on must be one of 'test', 'valid'"):
        new_item_candidates(split, "train")


def test_what_was_told_of_new_users_is_no_negative():
    cells = {(u, i) for u in range(12) for i in range(3 + u)}
    split = split_users(interactions(cells, (12, 16)), 2, 0, 2, test_after=2)
    found = sample_candidates(split, 16)
    for user, negatives in zip(found.users, found.negatives, strict=True):
        met = {i for u, i in cells if u == user}
        told = set(split.given.item[split.given.user == user].tolist())
        assert len(told) == 2
        assert not set(negatives.tolist()) & (told | set(split.test.item[split.test.user == user]))
        assert set(negatives.tolist()) - {NO_ITEM} == set(range(16)) - met


@pytest.mark.parametrize("n_negatives", [5, 8])
def test_every_item_left_is_equally_likely(n_negatives):
    """5 negatives beside 10 met of 30 items are tried at random, 8 come from a shuffle."""
    n_users = 4000
    cells = {(u, i) for u in range(n_users) for i in range(0, 30, 3)}
    test = {(u, 3 * (u % 10)) for u in range(n_users)}
    split = split_of(cells - test, set(), test, (n_users, 30))
    negatives = sample_candidates(split, n_negatives, seed=3).negatives
    left = [i for i in range(30) if i % 3]
    counts = np.bincount(negatives.ravel(), minlength=30)[left]
    expected = n_users * n_negatives / len(left)
    # without replacement the counts vary less than the multinomial's, by (N - n) / (N - 1)
    chi2 = ((counts - expected) ** 2 / expected).sum() * 19 / (20 - n_negatives)
    assert 0.001 < stats.chi2.sf(chi2, 19) < 0.999
    for column in (0, n_negatives - 1):  # in each place too
        counts = np.bincount(negatives[:, column], minlength=30)[left]
        assert stats.chisquare(counts).pvalue > 0.001
    pairs = np.bincount(30 * negatives[:, 0] + negatives[:, 1], minlength=900)
    assert stats.chisquare(pairs[pairs > 0]).pvalue > 0.001
    assert (pairs > 0).sum() == 20 * 19


def test_each_draw_takes_an_item_in_proportion_to_its_weight():
    """Of four items left, of weights 1, 2, 3 and 0, two are drawn, one after the other."""
    n_users = 6000
    test = {(u, 0) for u in range(n_users)}
    split = split_of({(u, 1) for u in range(n_users)}, set(), test, (n_users, 6))
    weights = np.array([9.0, 9.0, 1.0, 2.0, 3.0, 0.0])
    negatives = sample_candidates(split, 2, seed=5, weights=weights).negatives
    first = np.bincount(negatives[:, 0], minlength=6)
    assert first[[0, 1, 5]].sum() == 0
    assert stats.chisquare(first[2:5], n_users * np.array([1, 2, 3]) / 6).pvalue > 0.001
    after = np.bincount(negatives[negatives[:, 0] == 4, 1], minlength=6)
    assert stats.chisquare(after[2:4], first[4] * np.array([1, 2]) / 3).pvalue > 0.001
    everything = sample_candidates(split, 5, weights=weights).negatives  # but that of weight 0
    assert (np.sort(everything, axis=1) == [NO_ITEM, NO_ITEM, 2, 3, 4]).all()


@pytest.mark.parametrize("weights", [[1.0] * 5, [1.0] * 39 + [np.nan], [-1.0] * 40, 3.0])
def test_weights_that_are_none_are_refused(split, weights):
    with pytest.raises(ValueError, match="weights must be 40 finite numbers, none negative"):
        sample_candidates(split, 5, weights=weights)


def test_the_seed_decides(split):
    first, again, other = (sample_candidates(split, 5, seed=seed) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first.negatives, again.negatives)
    assert (first.negatives != other.negatives).any()
    np.testing.assert_array_equal(first.positives, other.positives)


def test_wrong_arguments_are_refused(split):
    for n_negatives, error in ((0, ValueError), (1.5, TypeError), ("9", TypeError)):
        with pytest.raises(error, match="n_negatives must be"):
            sample_candidates(split, n_negatives)
    with pytest.raises(ValueError, match="on must be one of 'test', 'valid', got 'train'"):
        sample_candidates(split, 5, on="train")
    for seed, error in ((-1, ValueError), (None, TypeError), (0.5, TypeError)):
        with pytest.raises(error, match="seed must be"):
            sample_candidates(split, 5, seed=seed)


def test_nobody_to_test_is_refused():
    empty = split_of({(0, 0)}, set(), set(), (1, 3))
    for on in ("test", "valid"):
        with pytest.raises(DataError, match=f"the {on} set of the split holds no interaction"):
            sample_candidates(empty, 2, on=on)


def test_padded_rows():
    matrix = interactions({(0, 3), (0, 1), (2, 0)}, (3, 4)).to_csr()
    padded = padded_rows(matrix)
    assert padded.tolist() == [[1, 3], [NO_ITEM, NO_ITEM], [0, NO_ITEM]]
    assert padded.dtype == np.int32
    assert padded_rows(matrix[[1]]).tolist() == [[NO_ITEM]]
    assert padded_rows(matrix[:0]).shape == (0, 1)


# ----------------------------------------------------------------------- candidates made by hand


@pytest.mark.parametrize(
    ("users", "positives", "negatives", "message"),
    [
        ([0, 0], [[1], [2]], [[3], [4]], "users must be increasing"),
        ([1, 0], [[1], [2]], [[3], [4]], "users must be increasing"),
        ([0, 1, 2], [[1], [2]], [[3], [4]], "one for each row"),
        ([0, 5], [[1], [2]], [[3, 4], [4, 2]], "an item comes twice for user 5"),
        ([0, 5], [[1], [2]], [[3, 3], [4, 1]], "an item comes twice for user 0"),
        ([0], [[1]], [[-2]], "no item is below -1, got -2"),
    ],
)
def test_candidates_that_would_be_measured_wrongly_are_refused(
    users, positives, negatives, message
):
    with pytest.raises(DataError, match=message):
        Candidates(np.array(users), np.array(positives), np.array(negatives))


# --------------------------------------------------------------------------------- candidate files


@pytest.fixture
def ratings():
    return interactions({(0, 0), (1, 1), (2, 2), (2, 5)}, (3, 6))


def write(folder, text, name="candidates.csv"):
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())
    return path


GOOD = """user_id,positive_1,positive_2,negative_1,negative_2
u0002,i0002,i0005,i0000,i0001
u0000,i0000,,i0004,
"""


@pytest.mark.parametrize("name", ["candidates.csv", "candidates.csv.gz"])
def test_a_file_is_read_in_the_order_of_users(tmp_path, ratings, name):
    candidates = read_candidates(write(tmp_path, GOOD, name), ratings)
    assert candidates.users.tolist() == [0, 2]
    assert candidates.positives.tolist() == [[0, NO_ITEM], [2, 5]]
    assert candidates.negatives.tolist() == [[4, NO_ITEM], [0, 1]]
    for array in (candidates.users, candidates.positives, candidates.negatives):
        assert array.dtype == np.int32


def test_a_user_without_any_positive_is_read(tmp_path, ratings):
    text = "user_id,positive_1,negative_1\nu0001,,i0003\n"
    candidates = read_candidates(write(tmp_path, text), ratings)
    assert candidates.positives.tolist() == [[NO_ITEM]]


def test_words_that_pandas_takes_for_missing_are_identifiers(tmp_path):
    named = Interactions([0, 0], [0, 1], [1, 1], [0, 0], ["NA"], ["nan", "null"])
    text = "user_id,positive_1,negative_1\nNA,nan,null\n"
    candidates = read_candidates(write(tmp_path, text), named)
    assert candidates.positives.tolist() == [[0]]
    assert candidates.negatives.tolist() == [[1]]


def test_integer_identifiers(tmp_path):
    numbered = Interactions([0, 1], [0, 1], [1, 1], [0, 0], [7, 11], [100, 200, 300])
    text = "user_id,positive_1,negative_1,remark\n11,200,300,x\n7,100,,\n"
    candidates = read_candidates(write(tmp_path, text), numbered)
    assert candidates.users.tolist() == [0, 1]
    assert candidates.positives.tolist() == [[0], [1]]
    assert candidates.negatives.tolist() == [[NO_ITEM], [2]]


def test_an_item_that_comes_again_can_be_dropped(tmp_path, ratings):
    """The positive stays, and of equal negatives the first."""
    rows = "u0000,i0000,i0001,i0000\nu0001,i0001,i0002,i0002\nu0002,i0003,i0001,i0002\n"
    file = write(tmp_path, "user_id,positive_1,negative_1,negative_2\n" + rows)
    with pytest.raises(DataError, match="line 2: an item comes twice"):
        read_candidates(file, ratings)
    with pytest.raises(ValueError, match="repeats must be one of 'refuse', 'drop', got 'keep'"):
        read_candidates(file, ratings, "keep")
    found = read_candidates(file, ratings, "drop")
    assert found.positives.tolist() == [[0], [1], [3]]
    assert found.negatives.tolist() == [[1, NO_ITEM], [2, NO_ITEM], [1, 2]]


@pytest.mark.parametrize("repeats", ["refuse", "drop"])
def test_a_file_without_users_has_no_candidates(tmp_path, ratings, repeats):
    file = write(tmp_path, "user_id,positive_1,negative_1,negative_2\n")
    found = read_candidates(file, ratings, repeats)
    assert found.positives.shape == (0, 1)
    assert found.negatives.shape == (0, 2)


HEADER = "user_id,positive_1,negative_1,negative_2\nu0000,i0000,i0001,i0002\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + "u0009,i0001,i0002,\n", "line 3: unknown user 'u0009'"),
        (HEADER + "u0001,i0001,i0002,i77\n", "line 3: unknown item 'i77'"),
        (HEADER + "u0001,i0001,i0002,i0001\n", "line 3: an item comes twice"),
        (HEADER + "u0001,i0001,i0002,i0002\n", "line 3: an item comes twice"),
        (HEADER + "u0001,i0001,,\nu0000,i0003,,\n", "line 4: every row needs a user_id of its own"),
        (HEADER + ",i0001,,\n", "line 3: every row needs a user_id of its own"),
        ("positive_1,negative_1\ni0000,i0001\n", "needs columns user_id, .*found"),
        ("user_id,negative_1\nu0000,i0001\n", "needs columns .* positive_1"),
        ("user_id,positive_1\nu0000,i0001\n", "needs columns .* negative_1"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_with_its_line(tmp_path, ratings, text, message):
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=message) as error:
        read_candidates(path, ratings)
    assert str(path) in str(error.value)


def test_a_missing_file_is_said_so(tmp_path, ratings):
    with pytest.raises(FileNotFoundError, match="nothing"):
        read_candidates(tmp_path / "nothing.csv", ratings)


@pytest.mark.amazon
def test_the_papers_own_candidates(amazon_folder):
    """Its positives are the test set of our split, and none of its negatives was ever bought.

    What the paper's code does with a user who has one positive only, it puts item 1 in the gap, is
    not in this file: the gap stays empty.
    """
    path = amazon_folder / "amazon-2023-musical-instruments-20-20" / "candidates.csv.gz"
    if not path.exists():
        pytest.skip("RECSYS_DATA holds no candidates.csv.gz of the paper")
    ratings = data.load("amazon-2023-musical-instruments")
    candidates = read_candidates(path, ratings)
    test = leave_last_out(ratings, n_test=2, n_valid=0, too_few="test").test.to_csr("ones")
    assert len(candidates.users) == 5_107
    assert candidates.negatives.shape == (5_107, 99)
    assert (candidates.positives[:, 0] != NO_ITEM).all()
    assert (candidates.positives[:, 1] == NO_ITEM).sum() == 232
    np.testing.assert_array_equal(candidates.users, np.arange(ratings.n_users))
    # equal as sets: padded_rows sorts by item, the file by time
    ours = np.sort(padded_rows(test), axis=1)
    np.testing.assert_array_equal(np.sort(candidates.positives, axis=1), ours)
    met = ratings.to_csr("ones").toarray() > 0
    assert (candidates.negatives != NO_ITEM).all()
    assert not np.take_along_axis(met, candidates.negatives, axis=1).any()


# ------------------------------------------------------------------------- negatives for training


def draws(met, users, n_negatives, seed=0):
    """What a sampler that knows these `Interactions` draws."""
    sampler = NegativeSampler(*met)
    return sampler.draw(np.array(users, dtype=np.int32), n_negatives, np.random.default_rng(seed))


@given(
    seed=st.integers(0, 10**6),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 12)),
    density=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    n_negatives=st.integers(0, 5),
    n_parts=st.integers(1, 3),
)
@settings(deadline=None, derandomize=True, max_examples=150)
def test_no_draw_is_an_item_the_user_has_met(seed, shape, density, n_negatives, n_parts):
    """Whichever of the `Interactions` it is in; one item at random is left to each user."""
    rng = np.random.default_rng(seed)
    met = rng.random(shape) < density
    met[np.arange(shape[0]), rng.integers(0, shape[1], shape[0])] = False
    parts = rng.integers(0, n_parts, shape)
    cells = [np.argwhere(met & (parts == part)).tolist() for part in range(n_parts)]
    users = rng.integers(0, shape[0], 20)
    found = draws([interactions(part, shape) for part in cells], users, n_negatives, seed)
    assert found.shape == (20, n_negatives)
    assert found.dtype == np.int32
    assert ((found >= 0) & (found < shape[1])).all()
    assert not met[users[:, None], found].any()


ROWS = [  # what each user has met of 12 items: runs at either end, gaps, nothing, all but two
    [0, 1, 2],
    [9, 10, 11],
    [0, 2, 4, 6, 8, 10],
    [1, 3, 4, 5, 11],
    [],
    [0, 1, 2, 4, 5, 6, 7, 8, 9, 11],
]


@pytest.mark.parametrize("n_negatives", [1, 4])
def test_every_unmet_item_is_drawn_equally_often(n_negatives):
    cells = [(user, item) for user, row in enumerate(ROWS) for item in row]
    users = np.tile(np.arange(len(ROWS)), 6000)
    found = draws([interactions(cells, (len(ROWS), 12))], users, n_negatives, seed=5)
    for user, row in enumerate(ROWS):
        unmet = np.setdiff1d(np.arange(12), row)
        for column in found[users == user].T:
            counts = np.bincount(column, minlength=12)
            assert counts[unmet].sum() == 6000
            assert stats.chisquare(counts[unmet]).pvalue > 0.001


def test_draws_of_one_row_are_independent():
    """Repetition included: a pair of equal items is as likely as any other."""
    found = draws([interactions([(0, 1)], (1, 6))], np.zeros(10_000), 2, seed=1)
    counts = np.bincount(6 * found[:, 0] + found[:, 1], minlength=36).reshape(6, 6)
    left = np.delete(np.delete(counts, 1, axis=0), 1, axis=1)
    assert left.sum() == 10_000
    assert stats.chisquare(left.ravel()).pvalue > 0.001


@pytest.mark.parametrize("left", range(5))
def test_a_user_with_one_item_left_always_gets_it(left):
    cells = [(0, item) for item in range(5) if item != left]
    assert (draws([interactions(cells, (2, 5))], [0, 0, 0], 7) == left).all()


def test_an_item_met_twice_counts_once():
    """User 0 has met 0, 1 and 2 in two overlapping sets, and 3 and 4 are left."""
    train, valid = interactions([(0, 0), (0, 1)], (1, 5)), interactions([(0, 1), (0, 2)], (1, 5))
    assert set(draws([train, valid], [0] * 50, 2).ravel().tolist()) == {3, 4}
    assert set(draws([train], [0] * 50, 2).ravel().tolist()) == {2, 3, 4}


def test_no_negatives_are_an_empty_row_each():
    assert draws([interactions([(0, 0)], (2, 3))], [1, 0, 1], 0).shape == (3, 0)
    assert draws([interactions([(0, 0)], (2, 3))], [], 4).shape == (0, 4)


def test_a_user_who_has_met_everything_is_refused_by_name():
    whole = interactions([(0, 0), (1, 0), (1, 1), (1, 2)], (2, 3))
    message = "user u0001 of interactions has met all 3 items: there is no negative to draw"
    with pytest.raises(DataError, match=message):
        draws([whole], [0, 1], 1)
    assert draws([whole], [0, 0], 1).max() > 0  # the other user has something left
    assert draws([whole], [0, 1], 0).shape == (2, 0)  # nothing is asked for
    parts = [interactions([(1, item)], (2, 3)) for item in range(3)]
    draws(parts[:2], [1], 1)
    with pytest.raises(DataError, match=message):
        draws(parts, [1], 1)


def test_the_generator_decides_and_moves_on():
    sampler = NegativeSampler(interactions([(0, 3), (1, 5)], (2, 30)))
    users = np.array([0, 1] * 20, dtype=np.int32)
    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    first, second = sampler.draw(users, 3, rng), sampler.draw(users, 3, rng)
    rng.bit_generator.state = state
    np.testing.assert_array_equal(sampler.draw(users, 3, rng), first)
    np.testing.assert_array_equal(sampler.draw(users, 3, rng), second)
    assert (first != second).any()
    assert users.tolist() == [0, 1] * 20
