"""The protocol: who competes, who is counted, and what the tables say. Worked by hand on 4 x 5."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from recsys_lib.data import DataError, Split, split_users
from recsys_lib.evaluation import (
    compare,
    evaluate,
    leaderboard,
    new_item_candidates,
    over_seeds,
    search,
    summary,
    watching,
)
from recsys_lib.evaluation.candidates import Candidates, sample_candidates
from recsys_lib.evaluation.significance import bootstrap_interval, paired_test
from recsys_lib.metrics import METRICS, NO_ITEM
from recsys_lib.models import (
    ALS,
    EASE,
    ItemKNN,
    Markov,
    NotFittedError,
    Popularity,
    Random,
    Recommender,
)

from model_suite import planted as planted_blocks
from toy import Fixed, fixed, in_order, part, split_of

LOG3 = math.log2(3)

# user 0 knows 0 (train) and 1 (valid): 4, 3, 2 are left in this order, 3 is to be found
# user 1 knows 1: 0, 2 and 4 share the first three places, 0 and 4 are to be found
# user 2 knows 2 and 3: 1, 0, 4 are left in this order, 4 is to be found
# user 3 has nothing to be found
SPLIT = split_of({(0, 0), (1, 1), (2, 2)}, {(0, 1), (2, 3)}, {(0, 3), (1, 0), (1, 4), (2, 4)})
SCORES = [[9, 8, 1, 2, 3], [5, 9, 5, 1, 5], [1, 2, 9, 9, 0], [1, 2, 3, 4, 5]]


def assert_table(table, expected):
    assert table.index.name == "user"
    for column, values in expected.items():
        np.testing.assert_allclose(table[column], values, rtol=0, atol=1e-12, err_msg=column)


def test_full_ranking_by_hand():
    table = evaluate(fixed(SCORES, SPLIT), SPLIT, k=[1, 2, 3])
    assert table.index.tolist() == [0, 1, 2]
    assert table.columns[0] == "n_relevant"
    assert set(table.columns[1:]) == {f"{name}@{k}" for name in METRICS for k in (1, 2, 3)}
    expected = {
        "n_relevant": [1, 2, 1],
        "hr@1": [0, 2 / 3, 0],
        "hr@2": [1, 1, 0],
        "hr@3": [1, 1, 1],
        "ndcg@1": [0, 2 / 3, 0],
        "ndcg@2": [1 / LOG3, 2 / 3, 0],
        "ndcg@3": [1 / LOG3, 2 / 3 * (1 + 1 / LOG3 + 1 / 2) / (1 + 1 / LOG3), 1 / 2],
        "precision@1": [0, 2 / 3, 0],
        "precision@2": [1 / 2, 2 / 3, 0],
        "precision@3": [1 / 3, 2 / 3, 1 / 3],
        "recall@1": [0, 1 / 3, 0],
        "recall@2": [1, 2 / 3, 0],
        "recall@3": [1, 1, 1],
    }
    assert_table(table, expected)


def test_validation_by_hand():
    """Known is train only; what will be tested later competes like any other item."""
    table = evaluate(fixed(SCORES, SPLIT), SPLIT, k=1, on="valid")
    assert table.index.tolist() == [0, 2]
    assert_table(table, {"n_relevant": [1, 1], "hr@1": [1, 1], "precision@1": [1, 1]})
    scores = np.array(SCORES)
    scores[0, 3] = 100  # a test item
    table = evaluate(fixed(scores, SPLIT), SPLIT, k=1, on="valid")
    assert_table(table, {"hr@1": [0, 1]})


def test_sampled_ranking_by_hand():
    candidates = Candidates(
        np.array([0, 1, 2, 3]),
        np.array([[3, NO_ITEM], [0, 4], [4, NO_ITEM], [NO_ITEM, NO_ITEM]]),
        np.array([[2, NO_ITEM], [3, 2], [0, 1], [0, 1]]),
    )
    table = evaluate(fixed(SCORES, SPLIT), SPLIT, k=[1, 2], candidates=candidates)
    assert table.index.tolist() == [0, 1, 2, 3]
    expected = {
        "n_relevant": [1, 2, 1, 0],
        "hr@1": [1, 2 / 3, 0, np.nan],  # user 0 ranks 3 above 2; 4 does not compete
        "hr@2": [1, 1, 0, np.nan],
        "ndcg@2": [1, 2 / 3, 0, np.nan],
        "precision@2": [1 / 2, 2 / 3, 0, np.nan],
        "recall@1": [1, 1 / 3, 0, np.nan],
    }
    assert_table(table, expected)
    means = summary(table)
    assert means.loc["hr@1", "mean"] == pytest.approx((1 + 2 / 3 + 0) / 3)  # user 3 is no case
    assert (means["users"] == 3).all()


@pytest.fixture(scope="module")
def wide():
    """50 users x 30 items; one to three items of each user are held out, for some one for valid."""
    rng = np.random.default_rng(0)
    train, valid, test = set(), set(), set()
    for user in range(50):
        items = rng.permutation(30)[: rng.integers(6, 15)].tolist()
        n = 1 + user % 3
        test |= {(user, i) for i in items[:n]}
        valid |= {(user, i) for i in items[n : n + user % 2]}
        train |= {(user, i) for i in items[n + user % 2 :]}
    return split_of(train, valid, test, (50, 30))


def planted(split, value):
    """A model that scores the items to be found `value` and all others 0."""
    return fixed(value * split.test.to_csr("ones").toarray(), split)


@pytest.mark.parametrize("sampled", [False, True])
def test_the_perfect_model_gets_1_and_the_worst_gets_0(wide, sampled):
    candidates = sample_candidates(wide, 10) if sampled else None
    perfect = evaluate(planted(wide, 1), wide, [3, 5], candidates=candidates)
    for name in ("hr", "ndcg", "recall"):
        np.testing.assert_allclose(perfect[[f"{name}@3", f"{name}@5"]], 1, atol=1e-12)
    np.testing.assert_allclose(perfect["precision@5"], perfect["n_relevant"] / 5)
    worst = evaluate(planted(wide, -1), wide, [3, 5], candidates=candidates)
    assert (worst.drop(columns="n_relevant") == 0).all(axis=None)


def test_known_items_do_not_compete(wide):
    """A model that puts all that is known on top is as good as the perfect model below it."""
    known = (wide.train.to_csr("ones") + wide.valid.to_csr("ones")).toarray()
    scores = 10 * known + wide.test.to_csr("ones").toarray()
    table = evaluate(fixed(scores, wide), wide, 3)
    np.testing.assert_allclose(table["recall@3"], 1)


@pytest.mark.parametrize("sampled", [False, True])
def test_a_constant_model_gets_what_random_order_gets(wide, sampled):
    candidates = sample_candidates(wide, 12) if sampled else None
    table = evaluate(fixed(np.full((50, 30), 7), wide), wide, 4, candidates=candidates)
    known = wide.train.user_counts + wide.valid.user_counts
    n_relevant = wide.test.user_counts
    n = 12 + n_relevant if sampled else 30 - known
    missed = [math.comb(a - r, 4) / math.comb(a, 4) for a, r in zip(n, n_relevant, strict=True)]
    gain = 1 + 1 / LOG3 + 1 / 2 + 1 / math.log2(5)
    ideal = np.array([0, 1, 1 + 1 / LOG3, 1.5 + 1 / LOG3])[n_relevant]
    expected = {
        "hr@4": 1 - np.array(missed),
        "ndcg@4": n_relevant / n * gain / ideal,
        "precision@4": n_relevant / n,
        "recall@4": 4 / n,
    }
    assert_table(table, expected)
    # and what the Random model gets on average, up to four standard errors
    by_chance = np.array(
        [
            evaluate(Random(seed).fit(wide.train), wide, 4, candidates=candidates)[list(expected)]
            for seed in range(40)
        ]
    )
    error = by_chance.std(axis=0).mean(axis=0) / np.sqrt(40 * 50)
    off = by_chance.mean(axis=(0, 1)) - table[list(expected)].mean()
    assert (np.abs(off) < 4 * error).all()


@pytest.mark.parametrize("sampled", [False, True])
@pytest.mark.parametrize("batch_size", [1, 7, 49, 50, 51])
def test_the_batch_size_does_not_matter(wide, sampled, batch_size):
    candidates = sample_candidates(wide, 10) if sampled else None
    model = Random().fit(wide.train)
    expected = evaluate(model, wide, [1, 5], candidates=candidates)
    found = evaluate(model, wide, [1, 5], candidates=candidates, batch_size=batch_size)
    pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_one_row_per_user_with_something_to_find(wide):
    model = Popularity().fit(wide.train)
    assert evaluate(model, wide).index.tolist() == list(range(50))
    valid = evaluate(model, wide, on="valid")
    assert valid.index.tolist() == sorted(set(wide.valid.user.tolist()))
    assert list(valid.columns) == ["n_relevant", "hr@10", "ndcg@10", "precision@10", "recall@10"]


# ---------------------------------------------------------------------------- new items


def test_hidden_items_among_themselves_and_among_all_by_hand():
    """Items 3, 4 and 5 are hidden; user 0, who met 0, likes 4 best of them, and 1 and 2 more."""
    split = split_of({(0, 0), (1, 1), (1, 2)}, set(), {(0, 4), (1, 3), (1, 5)}, (2, 6))
    scores = np.array([[9.0, 8, 7, 1, 6, 2], [5, 9, 8, 4, 6, 3]])
    model = fixed(scores, split)
    among_new = evaluate(model, split, [1, 2], candidates=new_item_candidates(split))
    assert among_new["hr@1"].tolist() == [1, 0]  # of 3, 4, 5; user 1 has item 4 first
    assert among_new["hr@2"].tolist() == [1, 1]
    assert among_new["recall@2"].tolist() == [1, 0.5]
    among_all = evaluate(model, split, [1, 2, 3])  # all but what the user met in training
    assert among_all["hr@2"].tolist() == [0, 0]
    assert among_all["hr@3"].tolist() == [1, 1]  # user 0: 1, 2, 4; user 1: 4, 0, 3


# ---------------------------------------------------------------------------- new users


class Folding(Fixed):
    """Scores a new user by whether an item comes right after one that was given."""

    def _fold_in(self, items, ratings):
        scores = np.zeros(self.n_items_, dtype=np.float32)
        scores[(items + 1) % self.n_items_] = ratings
        return scores


def told_split():
    """Users 0 and 1 are in training; of users 2 and 3 an item each is given, of user 4 none."""
    shape = 5, 6
    nothing = part(set(), shape)
    test = part({(2, 3), (3, 5), (4, 0)}, shape)
    given = part({(2, 2), (3, 0), (3, 1)}, shape)
    return Split(part({(0, 0), (1, 1)}, shape), nothing, test, given)


def test_new_users_are_scored_by_what_they_are_given():
    split = told_split()
    scores = np.zeros((5, 6))
    scores[4, 0] = 1  # who was told nothing of, is scored as all others
    model = Folding("by hand", scores).fit(split.train)
    table = evaluate(model, split, [1, 2])
    assert table.index.tolist() == [2, 3, 4]
    assert table["hr@1"].tolist() == [1, 0, 1]
    # of user 3 item 2 comes first; 0 and 1 were given, so that item 5 is one of three that tie
    assert table["hr@2"].tolist() == pytest.approx([1, 1 / 3, 1])
    candidates = sample_candidates(split, 2, seed=1)
    lists = {
        user: set(row) for user, row in zip(candidates.users, candidates.negatives, strict=True)
    }
    assert not lists[2] & {2, 3}
    assert not lists[3] & {0, 1, 5}
    sampled = evaluate(model, split, 1, candidates=candidates)["hr@1"].tolist()
    assert sampled[0] == sampled[2] == 1
    for size in (1, 2):
        for one in (None, candidates):
            again = evaluate(model, split, [1, 2], candidates=one, batch_size=size)
            pd.testing.assert_frame_equal(again, evaluate(model, split, [1, 2], candidates=one))


def test_a_model_that_cannot_be_told_of_new_users_says_so():
    split = told_split()
    with pytest.raises(
        NotImplementedError, match=r"Fixed\(by hand\) cannot score a user who comes"
    ):
        evaluate(fixed(np.zeros((5, 6)), split), split)
    nobody = Split(split.train, split.valid, split.test, split.given.select([]))
    assert len(evaluate(fixed(np.zeros((5, 6)), nobody), nobody)) == 3


def test_new_users_are_measured_by_a_search_and_not_in_training():
    """What is between what was given and what is tested on is for validation."""
    split = split_users(planted_blocks().train, 2, 1, 3, test_after=6)
    trials = search(ItemKNN, {"n_neighbors": (5, 10, 20)}, split, "ndcg@10")
    best = ItemKNN(**trials.attrs["best"]).fit(split.train)
    found = evaluate(best, split, on="valid")["ndcg@10"].mean()
    assert trials["ndcg@10"][0] == pytest.approx(found)
    popular = evaluate(Popularity().fit(split.train), split, on="valid")["ndcg@10"].mean()
    assert found > popular
    with pytest.raises(DataError, match="split must have users who are in training, and this one"):
        watching(split)


@pytest.mark.parametrize("model", [ItemKNN(), EASE(10.0), ALS(2, epochs=5)], ids=repr)
def test_what_is_known_of_new_users_helps(model: Recommender):
    """In the planted blocks; a user without a row gets the popular items, right by chance."""
    means = []
    for known in (0, 2, 6):
        split = split_users(planted_blocks().train, known, 1, 3, test_after=6)
        means.append(evaluate(model.fit(split.train), split, 3)["precision@3"].mean())
    assert means[0] + 0.05 < means[1] <= means[2] + 0.05


def test_what_is_told_of_a_new_user_is_read_in_the_order_of_time():
    """Item 3 came last, and 0 follows it; by the numbers of the items 4 would be the last."""
    train = in_order([[0, 1], [1, 2], [2, 3], [3, 0], [4, 5], []], 6)
    valid, test, given = (in_order([*[[]] * 5, mine], 6) for mine in ([], [0], [4, 1, 3]))
    split = Split(train, valid, test, given)
    model = Markov(length=1, shrinkage=0.01).fit(split.train)
    assert evaluate(model, split, k=1).loc[5, "hr@1"] == 1


def test_a_length_named_twice_is_one_column(wide):
    model = Popularity().fit(wide.train)
    pd.testing.assert_frame_equal(evaluate(model, wide, [5, 3, 5]), evaluate(model, wide, [5, 3]))
    pd.testing.assert_frame_equal(evaluate(model, wide, np.array([5])), evaluate(model, wide, 5))


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("sampled", [False, True])
def test_a_model_that_scores_nan_is_refused_by_name(wide, sampled):
    candidates = sample_candidates(wide, 5) if sampled else None
    scores = np.zeros((50, 30))
    part = wide.test if sampled else wide.train  # of a full ranking, even where nobody looks
    scores[41, int(part.item[part.user == 41][0])] = np.nan
    model = fixed(scores, wide, name="broken")
    for batch_size in (1024, 4):
        with pytest.raises(ValueError, match=r"Fixed\(broken\) scores NaN for user 41"):
            evaluate(model, wide, candidates=candidates, batch_size=batch_size)


def test_a_model_of_another_split_is_refused(wide):
    model = fixed(SCORES, SPLIT)
    message = (
        r"split must have .* that Fixed\(by hand\) was fitted on; it has 50 and 30, not 4 and 5"
    )
    for candidates in (None, sample_candidates(wide, 3)):
        with pytest.raises(DataError, match=message):
            evaluate(model, wide, candidates=candidates)


def test_a_model_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError, match="Popularity"):
        evaluate(Popularity(), SPLIT)


def test_candidates_of_another_split_are_refused(wide):
    model = fixed(SCORES, SPLIT)
    with pytest.raises(DataError, match=r"candidates must have .* of the split; it has 50 and 30"):
        evaluate(model, SPLIT, candidates=sample_candidates(wide, 3))
    unknown = replace(sample_candidates(wide, 3), vocabulary=None)  # as of arrays of one's own
    with pytest.raises(DataError, match="made for the test set of this split: item 2 of user 0"):
        evaluate(model, SPLIT, candidates=unknown)
    for made_for, used_on in (("valid", "test"), ("test", "valid")):
        other = sample_candidates(SPLIT, 1, on=made_for)
        with pytest.raises(DataError, match=f"must be made for the {used_on} set"):
            evaluate(model, SPLIT, on=used_on, candidates=other)
    strange = Candidates(np.array([0]), np.array([[3]]), np.array([[5]]))
    with pytest.raises(IndexError, match="items holds 5, allowed are 0 to 4"):
        evaluate(model, SPLIT, candidates=strange)


def test_a_validation_table_is_not_compared_with_a_test_table():
    one = pd.DataFrame({"n_relevant": [1, 2], "hr@10": [0.0, 1.0]})
    other = pd.DataFrame({"n_relevant": [1, 1], "hr@10": [0.0, 1.0]})
    with pytest.raises(DataError, match="the same held-out items"):
        compare(one, other)


def test_a_leaderboard_of_nobody_is_refused():
    with pytest.raises(DataError, match="tables is empty"):
        leaderboard({}, "hr@10")


def test_a_leaderboard_takes_tables_by_name(wide):
    table = evaluate(Popularity().fit(wide.train), wide)
    for wrong in ([table], table, None):
        with pytest.raises(TypeError, match="tables must be a dict from names to tables, got "):
            leaderboard(wrong)
    with pytest.raises(TypeError, match=r"tables\['A'\] must be a table .*got a Series: .*'hr@10'"):
        leaderboard({"A": table["hr@10"]}, "hr@10")
    for empty in (table.iloc[:0], table[["n_relevant"]]):
        with pytest.raises(DataError, match=r"tables\['A'\] holds a table of \d+ users, columns"):
            leaderboard({"A": empty})
    with pytest.raises(DataError, match=r"tables\['A'\] is empty"):
        leaderboard({"A": []})


def test_models_on_one_leaderboard_are_about_the_same_users(wide):
    table = evaluate(Popularity().fit(wide.train), wide)
    assert len(leaderboard({"A": table, "B": table})) == 2
    for other in (table.iloc[1:], table.set_index(table.index + 1)):
        with pytest.raises(DataError, match=r"the same users; those of 'B' are others than .* 'A'"):
            leaderboard({"A": table, "B": other})
    small = evaluate(fixed(SCORES, SPLIT), SPLIT)
    with pytest.raises(
        DataError, match=r"tables\['B'\] must have the users .* of 'A'; it has 4 and"
    ):
        leaderboard({"A": table, "B": small})


@pytest.mark.parametrize(
    ("metric", "meant"),
    [
        ("recall", "recall@5"),
        ("precision_at_10", "precision@10"),
        ("Precision@10", "precision@10"),
        ("NDCG@5", "ndcg@5"),
        ("ndcg@20", "ndcg@5"),
        ("hit_rate@10", "hr@10"),
        ("HitRatio", "hr@5"),
        ("p@10", "precision@10"),
        ("map", None),
        ("n_relevant", None),
        ("", None),
        (10, None),
    ],
)
def test_a_metric_of_another_name_is_told_which_is_meant(wide, metric, meant):
    tables = {"A": evaluate(Popularity().fit(wide.train), wide, [5, 10])}
    end = r"'recall@10'\]" + (f"; is '{meant}' meant\\?" if meant else "") + "$"
    with pytest.raises(DataError, match=f"no column of 'A'; it has .*{end}"):
        leaderboard(tables, metric)


def test_without_a_metric_a_leaderboard_is_about_ndcg_at_10(wide):
    tables = {"A": evaluate(Popularity().fit(wide.train), wide, [5, 10])}
    pd.testing.assert_frame_equal(leaderboard(tables), leaderboard(tables, "ndcg@10"))
    assert leaderboard(tables, level=0.9).attrs == {"metric": "ndcg@10", "level": 0.9}
    assert summary(tables["A"]).attrs == {"level": 0.95}


def test_errors_of_ratings_are_told_from_tables_of_lists(wide):
    table = evaluate(Popularity().fit(wide.train), wide)
    errors = pd.DataFrame({"n_ratings": [1], "absolute_error": [1.0], "squared_error": [1.0]})
    for ask in (summary, lambda t: leaderboard({"A": t}), lambda t: compare(t, table)):
        with pytest.raises(
            DataError, match="from evaluate_ratings; these go to rating_leaderboard"
        ):
            ask(errors)


def test_what_is_no_table_is_refused_by_name(wide):
    table = evaluate(Popularity().fit(wide.train), wide)
    for ask in (summary, over_seeds, lambda t: compare(t, table)):
        with pytest.raises(TypeError, match=r"tables must be a table .*a dict; leaderboard takes"):
            ask({"A": table})
        with pytest.raises(TypeError, match=r"got a Series: keep the column.*\[\['hr@10'\]\]"):
            ask(table["hr@10"])
        with pytest.raises(TypeError, match="or a sequence of them, one for each seed, got int"):
            ask(3)
    with pytest.raises(TypeError, match=r"baseline must be a table .*, got a dict"):
        compare(table, {"A": table})
    with pytest.raises(DataError, match="no value of 'hr@10' for any user"):
        summary(table[["hr@10"]] * np.nan)


def test_nobody_to_test_is_refused():
    split = split_of({(0, 0)}, set(), set())
    model = Popularity().fit(split.train)
    for on in ("test", "valid"):
        with pytest.raises(DataError, match=f"the {on} set of the split holds no interaction"):
            evaluate(model, split, on=on)
    nobody = Candidates(*(np.empty(shape, dtype=np.int32) for shape in (0, (0, 1), (0, 9))))
    with pytest.raises(DataError, match="candidates holds no user"):
        evaluate(model, split, candidates=nobody)


def test_wrong_arguments_are_refused(wide):
    model = Popularity().fit(wide.train)
    with pytest.raises(ValueError, match="on must be one of 'test', 'valid', got 'train'"):
        evaluate(model, wide, on="train")
    for k, error in ((0, ValueError), ([], ValueError), (1.5, TypeError), ([5, True], TypeError)):
        with pytest.raises(error, match="k must be"):
            evaluate(model, wide, k)
    for batch_size, error in ((0, ValueError), (2.0, TypeError)):
        with pytest.raises(error, match="batch_size must be"):
            evaluate(model, wide, batch_size=batch_size)


# ------------------------------------------------------------------------------ summary and compare


def test_summary_gives_the_mean_and_the_bootstrap_interval(wide):
    table = evaluate(Random().fit(wide.train), wide, [1, 5])
    found = summary(table, level=0.9, seed=4)
    assert list(found.columns) == ["mean", "low", "high", "users"]
    assert list(found.index) == list(table.columns[1:])
    for name, row in found.iterrows():
        assert row["mean"] == pytest.approx(table[name].mean())
        assert (row["low"], row["high"]) == bootstrap_interval(table[name], 0.9, seed=4)
        assert row["low"] < row["mean"] < row["high"]
        assert row["users"] == 50
    pd.testing.assert_frame_equal(found, summary(table, level=0.9, seed=4))
    assert (summary(table, level=0.5)["high"] < found["high"]).all()


def test_leaderboard_is_the_summary_of_each_table(wide):
    models = {"chance": Random(), "counting": Popularity()}
    tables = {name: evaluate(m.fit(wide.train), wide, [1, 5]) for name, m in models.items()}
    found = leaderboard(tables, "ndcg@5", level=0.9, seed=4)
    assert list(found.index) == ["chance", "counting"]
    assert list(found.columns) == ["mean", "low", "high", "users"]
    for name, table in tables.items():
        assert found.loc[name].tolist() == summary(table, 0.9, 4).loc["ndcg@5"].tolist()
    with pytest.raises(DataError, match="metric 'ndcg@7' is no column of 'chance'"):
        leaderboard(tables, "ndcg@7")


def test_compare_by_hand():
    index = pd.Index([3, 5, 8], name="user")
    columns = {"n_relevant": [1, 1, 1], "hr@1": [1.0, 1, 1], "hr@2": [1.0, 1, 1]}
    table = pd.DataFrame(columns, index)
    baseline = table.assign(**{"hr@1": [0.0, 0, 0], "hr@2": [1.0, 1, 1]})
    found = compare(table, baseline)
    assert list(found.index) == ["hr@1", "hr@2"]
    assert list(found.columns) == ["difference", "low", "high", "p_value"]
    assert found.loc["hr@1", ["difference", "low", "high"]].tolist() == [1, 1, 1]
    # of 8 sign patterns two are as far from 0: all three plus, all three minus
    assert found.loc["hr@1", "p_value"] == pytest.approx(2 / 8, abs=0.02)
    assert found.loc["hr@2"].tolist() == [0, 0, 0, 1]


def test_compare_is_paired_and_has_a_direction(wide):
    table = evaluate(planted(wide, 1), wide)
    baseline = evaluate(Random().fit(wide.train), wide)
    found, reverse = compare(table, baseline, seed=2), compare(baseline, table, seed=2)
    for name in found.index:
        difference = table[name] - baseline[name]
        assert found.loc[name, "difference"] == pytest.approx(difference.mean())
        interval = tuple(found.loc[name, ["low", "high"]])
        assert interval == bootstrap_interval(difference, seed=2)
        assert found.loc[name, "p_value"] == paired_test(difference, seed=2)
        assert reverse.loc[name, "difference"] == pytest.approx(-difference.mean())
    assert (found["p_value"] < 0.01).all()


def test_a_user_who_is_no_case_is_left_out_of_both():
    candidates = Candidates(
        np.array([0, 1, 3]), np.array([[3], [0], [NO_ITEM]]), np.full((3, 1), 2)
    )
    table = evaluate(fixed(SCORES, SPLIT), SPLIT, 1, candidates=candidates)
    baseline = evaluate(fixed(-np.array(SCORES), SPLIT), SPLIT, 1, candidates=candidates)
    assert compare(table, baseline).loc["hr@1", "difference"] == pytest.approx((1 + 0) / 2)


def test_compare_refuses_other_users_and_missing_metrics(wide):
    table = evaluate(Popularity().fit(wide.train), wide, [5, 10])
    for other in (table.iloc[:-1], table.iloc[::-1], table.set_index(table.index + 1)):
        with pytest.raises(DataError, match="the same users, in the same order"):
            compare(table, other)
    with pytest.raises(DataError, match="baseline has no column 'hr@5'"):
        compare(table, table.drop(columns="hr@5"))
    assert len(compare(table.drop(columns="hr@5"), table)) == 7  # only what the first table asks


# ----------------------------------------------------------------------------------- several seeds


@pytest.fixture(scope="module")
def by_seed(wide):
    return [evaluate(Random(seed).fit(wide.train), wide, [1, 5]) for seed in range(4)]


def test_over_seeds_by_hand():
    tables = [
        pd.DataFrame({"n_relevant": [1, 2], "hr@1": [0.0, 1.0]}),
        pd.DataFrame({"n_relevant": [1, 2], "hr@1": [1.0, 1.0]}),
    ]
    mean, seeds = over_seeds(tables)
    assert mean["hr@1"].tolist() == [0.5, 1.0]
    assert mean["n_relevant"].tolist() == [1, 2]
    assert mean["n_relevant"].dtype == tables[0]["n_relevant"].dtype
    assert seeds["hr@1"].tolist() == [0.5, 1.0]
    assert list(seeds.columns) == ["hr@1"]
    for single in (tables[0], tables[:1]):
        one, nothing = over_seeds(single)
        pd.testing.assert_frame_equal(one, tables[0])
        assert nothing is None


def test_summary_of_several_seeds_takes_both(by_seed):
    found, mean = summary(by_seed, seed=4), sum(by_seed) / 4
    for name in found.index:
        seeds = [one[name].mean() for one in by_seed]
        interval = tuple(found.loc[name, ["low", "high"]])
        assert interval == bootstrap_interval(mean[name], seed=4, by_seed=[np.array(seeds)])
        assert found.loc[name, "mean"] == pytest.approx(np.mean(seeds))
        alone = bootstrap_interval(mean[name], seed=4)
        assert interval[1] - interval[0] > alone[1] - alone[0]
    board = leaderboard({"chance": by_seed}, "hr@5", seed=4)
    assert board.loc["chance"].tolist() == found.loc["hr@5"].tolist()


def test_compare_of_several_seeds_takes_those_of_both(by_seed, wide):
    popular = evaluate(Popularity().fit(wide.train), wide, [1, 5])
    found = compare(by_seed, popular, seed=2).loc["ndcg@5"]
    difference = (sum(by_seed) / 4)["ndcg@5"] - popular["ndcg@5"]
    seeds = [np.array([one["ndcg@5"].mean() for one in by_seed])]
    assert (found["low"], found["high"]) == bootstrap_interval(difference, seed=2, by_seed=seeds)
    assert found["p_value"] == paired_test(difference, seed=2, by_seed=seeds)
    both = compare(by_seed, by_seed[::-1])
    assert (both["difference"].abs() < 1e-12).all()
    assert (both["low"] < 0).all()  # two trainings of one model: the seeds could differ
    assert (both["high"] > 0).all()


def test_of_the_same_runs_the_luck_of_the_seeds_cancels(by_seed):
    """Each run measured twice, the second time a hundredth higher: no seed can undo that."""
    higher = [one.assign(**{"hr@5": one["hr@5"] + 0.01}) for one in by_seed]
    found = compare(higher, by_seed, same_runs=True).loc["hr@5"]
    assert found["low"] == pytest.approx(0.01) == found["high"]
    apart = compare(higher, by_seed).loc["hr@5"]
    assert apart["low"] < 0 < apart["high"]
    with pytest.raises(DataError, match="as many seeds on both sides, got 4 and 3"):
        compare(higher, by_seed[1:], same_runs=True)
    with pytest.raises(DataError, match=r"as many seeds on both sides, got 1 and 2"):
        compare(higher[0], by_seed[:2], same_runs=True)
    single = compare(higher[0], by_seed[0], same_runs=True).loc["hr@5"]
    assert single["difference"] == pytest.approx(0.01)


def test_seeds_that_do_not_fit_together_are_refused(by_seed):
    for other in (by_seed[0].iloc[1:], by_seed[0].drop(columns="hr@1")):
        with pytest.raises(DataError, match="the same users and metrics; table 1 is not"):
            summary([by_seed[0], other])
    with pytest.raises(DataError, match="the same held-out items; table 1 is not"):
        summary([by_seed[0], by_seed[1].assign(n_relevant=7)])
    with pytest.raises(DataError, match="tables is empty"):
        summary([])
    with pytest.raises(
        TypeError, match=r"tables must be a table of evaluate, .*; one of them is of type int"
    ):
        compare([1, 2], by_seed)


def test_seeds_of_whole_numbers_have_a_mean_that_is_not_whole():
    index = pd.Index([0, 1], name="user")
    tables = [pd.DataFrame({"n_relevant": 1, "found": v}, index) for v in (1, 0, 0)]
    mean, by_seed = over_seeds(tables)
    assert mean["found"].tolist() == pytest.approx([1 / 3, 1 / 3])
    assert mean["n_relevant"].tolist() == [1, 1]
    assert by_seed["found"].tolist() == [1, 0, 0]
    assert summary(tables).loc["found", "mean"] == pytest.approx(1 / 3)
    flags = [one.astype({"found": bool}) for one in tables]
    assert summary(flags).loc["found", "mean"] == pytest.approx(1 / 3)


def test_a_value_that_only_some_seeds_have_is_refused():
    index = pd.Index([0, 1], name="user")
    tables = [pd.DataFrame({"n_relevant": 1, "x": v}, index) for v in ([0.5, 1.0], [0.5, np.nan])]
    with pytest.raises(DataError, match="a value for the same users; table 1 has NaN elsewhere"):
        summary(tables)
    with pytest.raises(TypeError, match="same_runs must be True or False, got 'no'"):
        compare(tables[0], tables[0], same_runs="no")
